"""What the API takes and gives: strict, closed models, from which the OpenAPI document is made.

A whole number may be written `2252` or `2252.0`: JSON Schema calls both an integer, and so do we. Sums are
tiyin. Moments are RFC 3339 in UTC. Ids are opaque texts.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from invoicing import InvoiceView, SessionView, SignedIn, Status
from invoicing.papers import InvoicePaper, PaymentPaper, Totals

_EXACT_MAX: Final = 2**53


def _whole(value: Any) -> Any:
    """`2252.0` is 2252; a float that is too large to be exact is no integer."""
    exact = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_MAX
    return int(value) if exact else value


def _day(text: Any) -> Any:
    """A date is written `2026-11-24`; a number of seconds is none, whatever the library thinks."""
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a day is written 2026-11-24")
    return text


def _one_line(text: str) -> str:
    """Without what no screen shows: line breaks, marks that turn the direction (domain.md S13, S19)."""
    return "".join(sign for sign in text if sign.isprintable()) or "-"


Phone = Annotated[
    str,
    Field(
        pattern=r"^(\+?998)?[0-9]{9}$",
        max_length=13,
        description="12 digits `998…`, with or without `+`, or the last nine of them",
        examples=["998901234567"],
    ),
]
Password = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"format": "password"})]
Label = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_one_line)]
Token = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Cursor = Annotated[
    str, Field(pattern=r"^[0-9]{1,18}$", description="`next` of the page before, to go on from there")
]
Limit = Annotated[int, Field(ge=1, le=100, description="Rows of a page")]
Day = Annotated[
    date,
    BeforeValidator(_day),
    Field(description="A day of Tashkent, both ends taken in", examples=["2026-11-24"]),
]
EventName = Literal[
    "invoice.issued",
    "invoice.paid",
    "invoice.declined",
    "invoice.cancelled",
    "invoice.expired",
    "invoice.refunded",
]
StatusName = Literal["awaiting", "in_progress", "paid", "declined", "cancelled", "expired", "refunded"]
LanguageName = Literal["ru", "uz", "uz-Cyrl", "en"]


class In(BaseModel):
    """What is sent: unknown fields are refused, and nothing is turned into something else."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, frozen=True)


class Query(BaseModel):
    """Parameters behind the `?`; they come as texts."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class Out(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True)


# --- signing in -------------------------------------------------------------------------------------------


class AskCode(In):
    phone: Phone


class CodeAsked(Out):
    """Said of every phone alike; a code goes only to one that the bank registered."""

    ref: str = Field(description="Names this request when the code is checked")
    life_s: int
    again_after_s: int


class CheckCode(In):
    phone: Phone
    ref: Token
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class Granted(Out):
    grant: str = Field(description="Leave to choose a password, once")
    until: datetime


class ChoosePassword(In):
    grant: Token
    password: Password


class SignIn(In):
    phone: Phone
    password: Password


class Me(Out):
    """Who is signed in, and until when."""

    phone: str
    role: Literal["owner", "cashier"]
    merchant: str
    language: str
    kind: Literal["web", "app", "api"]
    idle_until: datetime
    until: datetime

    @classmethod
    def of(cls, found: SignedIn) -> Me:
        return cls.model_validate(
            {
                "phone": found.msisdn,
                "role": found.role.value,
                "merchant": found.merchant_name,
                "language": found.language,
                "kind": found.kind.value,
                "idle_until": found.idle_until,
                "until": found.absolute_until,
            }
        )


class SignedInWith(Out):
    """`token` goes into `Authorization: Bearer`; it is shown this once."""

    token: str
    me: Me


class Prove(In):
    password: Password


class ChangePassword(In):
    old: Password
    new: Password


class ChooseLanguage(In):
    language: LanguageName


class NewToken(In):
    name: Label


class Device(Out):
    """A browser, an app or a system that is signed in; `here`: the one that asks."""

    id: str
    kind: Literal["web", "app", "api"]
    name: str
    address: str | None
    since: datetime
    seen_at: datetime
    until: datetime
    here: bool

    @classmethod
    def of(cls, view: SessionView) -> Device:
        return cls.model_validate(
            {
                "id": view.id,
                "kind": view.kind.value,
                "name": view.label,
                "address": view.address,
                "since": view.since,
                "seen_at": view.seen_at,
                "until": view.until,
                "here": view.here,
            }
        )


class Devices(Out):
    devices: list[Device]


class Ended(Out):
    """How many sessions ended."""

    ended: int


# --- invoices and payments --------------------------------------------------------------------------------


class NewInvoice(In):
    phone: Phone = Field(description="The customer's")
    amount_tiyin: Annotated[
        int, Field(ge=1, le=10**12, description="100 tiyin are one soum"), BeforeValidator(_whole)
    ]
    again: bool = Field(default=False, description="Issue it though an equal one went out within a minute")


class Invoice(Out):
    id: str
    number: int
    merchant: str
    phone: str
    amount_tiyin: int
    status: StatusName
    issued_at: datetime
    expires_at: datetime
    payment_number: int | None = None
    paid_at: datetime | None = None

    @classmethod
    def of(cls, view: InvoiceView | InvoicePaper) -> Invoice:
        return cls.model_validate(
            {
                "id": view.id,
                "number": view.number,
                "merchant": view.merchant_name,
                "phone": view.customer_msisdn,
                "amount_tiyin": view.amount_tiyin,
                "status": view.status.value,
                "issued_at": view.issued_at,
                "expires_at": view.expires_at,
                "payment_number": view.payment_number,
                "paid_at": view.paid_at,
            }
        )


class InvoiceQuery(Query):
    status: StatusName | None = None
    phone: Phone | None = None
    number: Annotated[int, Field(ge=1, le=10**15)] | None = None
    since: Day | None = None
    until: Day | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class Invoices(Out):
    """A page, newest first; `next` is missing on the last."""

    invoices: list[Invoice]
    next: str | None = None


class Refund(Out):
    """`done`: the money is back. Else the bank has not said yet, and the merchant is told by SMS."""

    done: bool
    invoice: Invoice | None = None


class Receipt(Out):
    """What a printed receipt says (A48); the customer's phone is masked."""

    merchant: str
    invoice_number: int
    payment_number: int
    paid_at: AwareDatetime
    amount_tiyin: int
    card: str = Field(examples=["*1234"])
    phone: str = Field(examples=["99890***4567"])
    status: StatusName


class PaymentQuery(Query):
    since: Day | None = None
    until: Day | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class Payment(Out):
    id: str
    number: int
    invoice_number: int | None
    phone: str = Field(description="The customer's, masked", examples=["99890***4567"])
    amount_tiyin: int
    status: StatusName
    paid_at: datetime
    card: str = Field(examples=["*1234"])

    @classmethod
    def of(cls, paper: PaymentPaper, masked: str) -> Payment:
        return cls.model_validate(
            {
                "id": paper.id,
                "number": paper.number,
                "invoice_number": paper.invoice_number,
                "phone": masked,
                "amount_tiyin": paper.amount_tiyin,
                "status": paper.status.value,
                "paid_at": paper.paid_at,
                "card": f"*{paper.card_last4}",
            }
        )


class Payments(Out):
    payments: list[Payment]
    next: str | None = None


class ReportQuery(Query):
    since: Day
    until: Day


class DayOfReport(Out):
    day: date
    count: int
    amount_tiyin: int


class Report(Out):
    """Successful payments of a period; refunded ones do not count (A46)."""

    since: date
    until: date
    count: int
    amount_tiyin: int
    days: list[DayOfReport]

    @classmethod
    def of(cls, totals: Totals) -> Report:
        return cls(
            since=totals.since,
            until=totals.until,
            count=totals.count,
            amount_tiyin=totals.amount_tiyin,
            days=[
                DayOfReport(day=one.day, count=one.count, amount_tiyin=one.amount_tiyin)
                for one in totals.days
            ],
        )


def status_of(name: str | None) -> Status | None:
    """The domain's word for a status."""
    return None if name is None else Status(name)
