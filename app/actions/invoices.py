"""What the menus' action names do: thin bindings from a dialogue to the money domain.

Each takes and returns what menus know (see `ussd_engine.actions`). The domain is synchronous: calls run in
the bounded pool of threads given as `in_thread`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ParamSpec, Protocol, TypeVar

from invoicing import results as domain
from invoicing.requests import RequestKey
from invoicing.results import Kind, Refusal, Status
from invoicing.service import Invoicing
from invoicing.values import latin_name, short_name
from ussd_engine import Action, Amount, Call, Max, Msisdn, Rows, Secret, When, Word
from ussd_engine.actions import declared

P = ParamSpec("P")
R = TypeVar("R")

Number = Annotated[int, Max(9_999_999_999)]
"""Of an invoice or a payment; ten digits are planned for (domain.md 3.4)."""
ShopName = Annotated[str, Max(14)]
LanguageName = Annotated[str, Max(8, "word", gsm=True)]
Id = Annotated[str, Max(20, "id", gsm=True)]
Last4 = Annotated[str, Max(4, "digits", gsm=True)]


Bindings = Mapping[str, Callable[..., Awaitable[Any]]]
"""Functions by the action names they are declared under."""


def declared_all(*, reading: Bindings, changing: Bindings) -> dict[str, Action]:
    """Declare functions that only read, and those that change something and are never cut off half-way."""
    return {name: declared(name, function) for name, function in reading.items()} | {
        name: declared(name, function, changes=True) for name, function in changing.items()
    }


class InThread(Protocol):
    """Runs a synchronous call in a thread and awaits its result."""

    def __call__(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]: ...


@dataclass(frozen=True, slots=True)
class Me:
    """Who is calling."""

    connected: bool


@dataclass(frozen=True, slots=True)
class Merchant:
    language: LanguageName
    me: Me


@dataclass(frozen=True, slots=True)
class Customer:
    language: LanguageName
    me: Me


@dataclass(frozen=True, slots=True)
class Stranger:
    language: LanguageName
    me: Me


@dataclass(frozen=True, slots=True)
class Blocked:
    language: LanguageName
    me: Me


@dataclass(frozen=True, slots=True)
class Set:
    """The language was set."""

    language: LanguageName


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as a screen shows it."""

    number: Number
    client: Msisdn
    merchant: ShopName
    amount: Amount
    at: When
    status: Word


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice in a list; `payment` is empty until it is paid, and `at` is then when it was paid."""

    id: str
    number: Number
    client: Msisdn
    merchant: ShopName
    amount: Amount
    at: When
    status: Word
    payment: Number | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    id: str
    number: Number
    merchant: ShopName
    amount: Amount
    at: When
    status: Word


@dataclass(frozen=True, slots=True)
class CardRow:
    id: str
    card: Last4


@dataclass(frozen=True, slots=True)
class Issued:
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class Duplicate:
    earlier: Number


@dataclass(frozen=True, slots=True)
class Refused:
    why: Word


@dataclass(frozen=True, slots=True)
class Found:
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class Gone:
    """No such invoice of this merchant."""


@dataclass(frozen=True, slots=True)
class Owed:
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class Declined:
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class Paid:
    invoice: Invoice
    payment: Number


@dataclass(frozen=True, slots=True)
class WrongPin:
    left: Annotated[int, Max(9)]


@dataclass(frozen=True, slots=True)
class CardRefused:
    why: Word


@dataclass(frozen=True, slots=True)
class Pending:
    """The bank's answer is not known yet."""


# What a customer is told who opens an invoice that nothing can be done about any more.
_NOT_OWED: Mapping[Status, Refusal] = {
    Status.IN_PROGRESS: Refusal.BEING_PAID,
    Status.PAID: Refusal.ALREADY_PAID,
    Status.DECLINED: Refusal.ALREADY_DECLINED,
    Status.CANCELLED: Refusal.ALREADY_CANCELLED,
    Status.EXPIRED: Refusal.ALREADY_EXPIRED,
    Status.REFUNDED: Refusal.ALREADY_REFUNDED,
}
_ROLES: Mapping[Kind, type[Merchant] | type[Customer] | type[Stranger] | type[Blocked]] = {
    Kind.MERCHANT: Merchant,
    Kind.CUSTOMER: Customer,
    Kind.STRANGER: Stranger,
    Kind.BLOCKED: Blocked,
}


class MenuActions:
    """The actions of the shipped menus, over one `Invoicing`."""

    def __init__(self, invoicing: Invoicing, in_thread: InThread) -> None:
        self._invoicing = invoicing
        self._in_thread = in_thread

    def table(self) -> dict[str, Action]:
        """Return every action by its name."""
        changing: Bindings = {
            "subscribers.set_language": self.set_language,
            "invoices.issue": self.issue,
            "invoices.decline": self.decline,
            "payments.pay": self.pay,
        }
        reading: Bindings = {
            "subscribers.role": self.role,
            "invoices.recent": self.recent,
            "invoices.read": self.read,
            "invoices.check": self.check,
            "invoices.owed": self.owed,
            "invoices.owed_one": self.owed_one,
            "cards.mine": self.cards,
            "payments.history": self.history,
        }
        return declared_all(reading=reading, changing=changing)

    # --- subscribers ------------------------------------------------------------

    async def role(self, call: Call) -> Merchant | Customer | Stranger | Blocked:
        role = await self._in_thread(self._invoicing.role, call.msisdn)
        return _ROLES[role.kind](role.language, Me(role.connected))

    async def set_language(self, call: Call, language: LanguageName) -> Set:
        await self._in_thread(self._invoicing.set_language, call.msisdn, language)
        return Set(language)

    # --- merchants ------------------------------------------------------------

    async def issue(
        self, call: Call, client: Msisdn, amount: Amount, again: bool = False
    ) -> Issued | Duplicate | Refused:
        done = await self._in_thread(
            self._invoicing.issue, request_key(call), call.msisdn, client, amount, again=again
        )
        match done:
            case domain.Issued():
                return Issued(_invoice(done.invoice, call.language))
            case domain.Duplicate():
                return Duplicate(done.number)
            case domain.Refused():
                return Refused(done.reason)

    async def recent(self, call: Call, after: str | None, limit: int) -> Rows[InvoiceRow]:
        page = await self._in_thread(self._invoicing.merchant_invoices, call.msisdn, after, limit)
        return _rows(page, call.language)

    async def check(self, call: Call, client: Msisdn, after: str | None, limit: int) -> Rows[InvoiceRow]:
        page = await self._in_thread(self._invoicing.merchant_check, call.msisdn, client, after, limit)
        return _rows(page, call.language)

    async def read(self, call: Call, invoice: Id) -> Found | Gone:
        found = await self._in_thread(self._invoicing.merchant_invoice, call.msisdn, invoice)
        return Gone() if isinstance(found, domain.Refused) else Found(_invoice(found, call.language))

    # --- customers ------------------------------------------------------------

    async def owed(self, call: Call, after: str | None, limit: int) -> Rows[InvoiceRow]:
        page = await self._in_thread(self._invoicing.open_invoices, call.msisdn, after, limit)
        return _rows(page, call.language)

    async def owed_one(self, call: Call, invoice: Id) -> Owed | Refused:
        found = await self._in_thread(self._invoicing.open_invoice, call.msisdn, invoice)
        if isinstance(found, domain.Refused):
            return Refused(found.reason)
        closed = _NOT_OWED.get(found.status)
        return Refused(closed) if closed else Owed(_invoice(found, call.language))

    async def decline(self, call: Call, invoice: Id) -> Declined | Refused:
        done = await self._in_thread(self._invoicing.decline, request_key(call), call.msisdn, invoice)
        if isinstance(done, domain.Refused):
            return Refused(done.reason)
        return Declined(_invoice(done.invoice, call.language))

    async def cards(self, call: Call, after: str | None, limit: int) -> Rows[CardRow]:
        cards = [
            CardRow(card.id, card.last4) for card in await self._in_thread(self._invoicing.cards, call.msisdn)
        ]
        begin = next((place + 1 for place, card in enumerate(cards) if card.id == after), 0)
        return Rows(cards[begin : begin + limit], more=len(cards) > begin + limit)

    async def pay(
        self, call: Call, invoice: Id, card: Id, pin: Secret
    ) -> Paid | WrongPin | CardRefused | Refused | Pending:
        done = await self._in_thread(self._invoicing.pay, request_key(call), call.msisdn, invoice, card, pin)
        match done:
            case domain.Paid():
                return Paid(_invoice(done.invoice, call.language), done.payment_number)
            case domain.Pending():
                return Pending()
            case domain.Refused(Refusal.WRONG_PIN):
                return WrongPin(int(done.params["left"]))
            case domain.Refused(Refusal.CARD_DECLINED):
                return CardRefused(str(done.params["why"]))
            case domain.Refused():
                return Refused(done.reason)

    async def history(self, call: Call, after: str | None, limit: int) -> Rows[PaymentRow]:
        page = await self._in_thread(self._invoicing.history, call.msisdn, after, limit)
        rows = [
            PaymentRow(
                row.id,
                row.number,
                shop_on_screen(row.merchant_name_sms, call.language),
                row.amount_tiyin,
                _moment(row.at),
                row.status,
            )
            for row in page.rows
        ]
        return Rows(rows, more=page.more)


def request_key(call: Call) -> RequestKey:
    """Name the turn for the domain; a gateway may send a dialogue id of any length."""
    key = call.key if len(call.key) <= 200 else hashlib.sha256(call.key.encode()).hexdigest()
    return RequestKey(f"ussd:{call.gateway}", key)


def _moment(at: datetime) -> int:
    return int(at.timestamp())


def shop_on_screen(name: str, language: str) -> str:
    """A shop's name on a screen: Uzbek and English ones stay inside GSM 03.38, as the SMS do (A52)."""
    return short_name(latin_name(name)) if language in ("uz", "en") else name


def _invoice(view: domain.InvoiceView, language: str) -> Invoice:
    return Invoice(
        view.number,
        view.customer_msisdn,
        shop_on_screen(view.merchant_name_sms, language),
        view.amount_tiyin,
        _moment(view.at),
        view.status,
    )


def _rows(page: domain.Rows[domain.InvoiceView] | domain.Refused, language: str) -> Rows[InvoiceRow]:
    """A refused list is an empty one: the menus let nobody there who is no merchant."""
    if isinstance(page, domain.Refused):
        return Rows()
    return Rows([_row(view, language) for view in page.rows], more=page.more)


def _row(view: domain.InvoiceView, language: str) -> InvoiceRow:
    return InvoiceRow(
        view.id,
        view.number,
        view.customer_msisdn,
        shop_on_screen(view.merchant_name_sms, language),
        view.amount_tiyin,
        _moment(view.at),
        view.status,
        view.payment_number,
    )
