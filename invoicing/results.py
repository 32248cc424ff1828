"""What the service answers: small frozen values. An expected refusal is one of them, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar


class Refusal(StrEnum):
    """Why something was not done. What the reason's text needs is in `Refused.params`."""

    NOT_MERCHANT = "not_merchant"
    BLOCKED = "blocked"
    BAD_PHONE = "bad_phone"
    NOT_MOBILE = "not_mobile"
    OWN_NUMBER = "own_number"
    AMOUNT_RANGE = "amount_range"  # min_tiyin, max_tiyin
    MINUTE_LIMIT = "minute_limit"  # limit
    DAY_LIMIT = "day_limit"  # limit
    OPEN_LIMIT = "open_limit"  # limit
    SMS_LIMIT = "sms_limit"  # limit

    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    BEING_PAID = "being_paid"  # this and the next five: number
    ALREADY_PAID = "already_paid"
    ALREADY_DECLINED = "already_declined"
    ALREADY_CANCELLED = "already_cancelled"
    ALREADY_EXPIRED = "already_expired"
    ALREADY_REFUNDED = "already_refunded"
    NOT_PAID = "not_paid"  # this and the next two: number
    BEING_REFUNDED = "being_refunded"
    REFUND_TOO_LATE = "refund_too_late"
    NOT_AUTHENTICATED = "not_authenticated"
    NOT_DECLINED = "not_declined"  # number
    CANNOT_SEND = "cannot_send"  # neutral: the customer wants nothing of this merchant
    DAY_NOT_OVER = "day_not_over"
    DAY_CLOSED = "day_closed"

    NOT_CONNECTED = "not_connected"
    NO_CARD = "no_card"
    WRONG_PIN = "wrong_pin"  # left
    PIN_LOCKED = "pin_locked"
    PIN_FORMAT = "pin_format"
    WEAK_PIN = "weak_pin"
    CARD_DECLINED = "card_declined"  # number, code, why (`DeclineReason`), text (in words)
    PAUSED = "paused"  # minutes
    UNAVAILABLE = "unavailable"
    INTERRUPTED = "interrupted"
    KEY_REUSED = "key_reused"
    SIM_CHANGED = "sim_changed"
    PIN_MISMATCH = "pin_mismatch"
    PIN_NOT_ALLOWED = "pin_not_allowed"

    UNKNOWN_SERVICE = "unknown_service"
    BAD_ACCOUNT = "bad_account"
    NO_RECEIVER = "no_receiver"
    STILL_UNDECIDED = "still_undecided"

    CODE_MINUTE_LIMIT = "code_minute_limit"
    CODE_DAY_LIMIT = "code_day_limit"
    WRONG_CODE = "wrong_code"  # left
    CODE_OVER = "code_over"

    UNKNOWN_LANGUAGE = "unknown_language"
    BAD_NAME = "bad_name"
    BAD_FEE = "bad_fee"
    PHONE_TAKEN = "phone_taken"
    BAD_CARD_NUMBER = "bad_card_number"
    BAD_EXPIRY = "bad_expiry"
    CARD_TAKEN = "card_taken"
    UNKNOWN_KIND = "unknown_kind"

    WRONG_SIGN_IN = "wrong_sign_in"  # neutral: the phone or the password
    TOO_MANY_TRIES = "too_many_tries"  # seconds
    GRANT_OVER = "grant_over"
    TOO_SHORT = "too_short"  # a password: min
    TOO_LONG = "too_long"  # a password: max
    TOO_COMMON = "too_common"  # a password
    HOLDS_PHONE = "holds_phone"  # a password
    BAD_URL = "bad_url"
    PRIVATE_ADDRESS = "private_address"
    BAD_EVENTS = "bad_events"
    BAD_SUBSCRIPTION = "bad_subscription"
    TOO_MANY = "too_many"  # max
    BAD_PERIOD = "bad_period"


class Kind(StrEnum):
    MERCHANT = "merchant"
    CUSTOMER = "customer"
    STRANGER = "stranger"
    BLOCKED = "blocked"


class Status(StrEnum):
    """What people are told about an invoice or a payment; the menus name each in four languages."""

    AWAITING = "awaiting"
    IN_PROGRESS = "in_progress"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Refusal
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """Who a phone is. `connected`: an active customer with a PIN and at least one card, able to pay."""

    kind: Kind
    language: str
    merchant_name: str | None = None
    merchant_name_sms: str | None = None
    connected: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """An invoice as its merchant or its customer may see it. `id` is opaque; moments are UTC."""

    id: str
    number: int
    merchant_name: str
    merchant_name_sms: str
    customer_msisdn: str
    amount_tiyin: int
    status: Status
    issued_at: datetime
    expires_at: datetime
    payment_number: int | None = None
    paid_at: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it was paid, or else issued: the moment a check shows (domain.md A29, A30)."""
        return self.paid_at or self.issued_at


@dataclass(frozen=True, slots=True)
class CardView:
    """A linked card as its owner sees it: `*1234`."""

    id: str
    last4: str
    scheme: str


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One attempt in a customer's history.

    `kind` is `invoice`, `service`, `transfer` or `topup`; only the first has an invoice's number.
    `merchant_name_sms` says who was paid: a shop, a phone, or a card as `*1234`.
    """

    id: str
    number: int
    invoice_number: int | None
    merchant_name_sms: str
    amount_tiyin: int
    status: Status
    at: datetime
    kind: str = "invoice"


V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rows(Generic[V]):
    """A page. `after` is the cursor of the next one, `None` where this is the last."""

    rows: tuple[V, ...]
    after: str | None

    @property
    def more(self) -> bool:
        return self.after is not None


@dataclass(frozen=True, slots=True)
class Issued:
    invoice: InvoiceView


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A20: an equal invoice was issued within the minute, under this number; nothing was done."""

    number: int


@dataclass(frozen=True, slots=True)
class InvoiceDeclined:
    invoice: InvoiceView


@dataclass(frozen=True, slots=True)
class InvoiceCancelled:
    invoice: InvoiceView


@dataclass(frozen=True, slots=True)
class Paid:
    invoice: InvoiceView
    payment_number: int


@dataclass(frozen=True, slots=True)
class Pending:
    """The bank's answer is not known (yet): the result comes by SMS, nobody may pay again meanwhile.

    Without an invoice there is no `invoice_number`; without an attempt so far no `payment_number`.
    """

    invoice_number: int | None
    payment_number: int | None


@dataclass(frozen=True, slots=True)
class DirectPaid:
    """A payment without an invoice succeeded."""

    payment: PaymentView


@dataclass(frozen=True, slots=True)
class Refunded:
    invoice: InvoiceView


@dataclass(frozen=True, slots=True)
class Quote:
    """Who would be paid how much, before the PIN is asked for."""

    payee: str
    amount_tiyin: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """A card that money can be sent to; its number is kept nowhere."""

    id: str
    last4: str


@dataclass(frozen=True, slots=True)
class CardLinked:
    """`choose_pin`: the customer has no PIN yet and is to choose one now."""

    last4: str
    choose_pin: bool


@dataclass(frozen=True, slots=True)
class CodeSent:
    """Neutral: said also where no code was sent. `request_ref` names the request at the check."""

    request_ref: str


@dataclass(frozen=True, slots=True)
class Balance:
    amount_tiyin: int


@dataclass(frozen=True, slots=True)
class PinRight:
    pass


@dataclass(frozen=True, slots=True)
class Done:
    """Set-up work succeeded; `name` is the merchant's name as it is kept, where there is one."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class MerchantView:
    name: str
    msisdn: str
    role: str
    active: bool
    service_code: str = ""


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """An SMS of the demo's inbox; `sender` is the `from` of its JSON form."""

    at: datetime
    sender: str
    text: str
    parts: int
