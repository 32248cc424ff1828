"""What a customer may order to be paid: an invoice, a shop by its code, a phone or a card, a top-up.

An order finds its subject, names what stands against it, and claims it in the transaction that makes the
attempt. PIN, card and attempt are the same for all (`payments`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import Connection

from invoicing import invoices
from invoicing.audit import Actor
from invoicing.cards import own
from invoicing.limits import Limits
from invoicing.merchants import merchant_id_of, phone
from invoicing.results import Pending, Refusal, Refused
from invoicing.states import InvoiceState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as storage
from invoicing.storage import people
from invoicing.storage.invoices import Invoice
from invoicing.storage.payments import Subject
from invoicing.storage.people import Card, Customer
from invoicing.values import short_name

INVOICE: Final = "invoice"
SERVICE: Final = "service"
TRANSFER: Final = "transfer"
TOPUP: Final = "topup"
REFUND: Final = "refund"
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{0,29}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """What an order is about; `card` is `None` where it names none of the customer's own."""

    subject: Subject
    card: Card | None


class Order(Protocol):
    """One wish to pay."""

    @property
    def actor(self) -> Actor: ...

    def find(self, conn: Connection, limits: Limits, customer: Customer) -> Found | Refused:
        """What is to be paid and from which card, from what the database says now."""

    def against(
        self, conn: Connection, now: datetime, limits: Limits, customer: Customer, subject: Subject
    ) -> Refused | None:
        """Why it can't be paid now, if so."""

    def claim(self, conn: Connection, now: datetime, subject: Subject) -> Refused | None:
        """Hold the subject for the attempt that this transaction makes."""

    def pending(self, conn: Connection) -> Pending:
        """What a repeat is told while the order is at work and has no attempt yet."""


@dataclass(frozen=True, slots=True)
class PayOrder:
    """An invoice, by the customer it was sent to (T2)."""

    actor: Actor
    invoice_id: int | None
    card_id: int | None

    def find(self, conn: Connection, _limits: Limits, customer: Customer) -> Found | Refused:
        found = None
        if self.invoice_id is not None:
            found = invoice_rows.with_card(conn, self.actor.name, self.invoice_id, customer.id, self.card_id)
        if found is None:
            return Refused(Refusal.NOT_FOUND)
        invoice, card = found
        return Found(Subject(INVOICE, invoice.amount_tiyin, invoice=invoice), card)

    def against(
        self, conn: Connection, now: datetime, limits: Limits, _customer: Customer, subject: Subject
    ) -> Refused | None:
        invoice = subject.invoice
        assert invoice is not None  # `find` put it there
        return invoices.not_open(now, invoice) or paused(conn, now, limits, invoice)

    def claim(self, conn: Connection, now: datetime, subject: Subject) -> Refused | None:
        invoice = subject.invoice
        assert invoice is not None
        if invoices.move(conn, now, invoice, InvoiceState.PAYING, self.actor):
            return None
        return invoices.lost_race(conn, invoice.id)

    def pending(self, conn: Connection) -> Pending:
        assert self.invoice_id is not None
        invoice = invoice_rows.of_customer(conn, self.actor.name, self.invoice_id)
        assert invoice is not None  # the copy at work came past `find`
        return Pending(invoice.number, None)


def paused(conn: Connection, now: datetime, limits: Limits, invoice: Invoice) -> Refused | None:
    """T4: after five refused attempts the invoice is payable again only after a quarter of an hour."""
    if invoice.version == 1:  # nobody has tried yet: each attempt moves the invoice
        return None
    count, last = storage.declines(conn, invoice.id)
    if last is None or count < limits.declines_before_pause:
        return None
    left = last + limits.pause_after_declines - now
    if left <= timedelta(0):
        return None
    return Refused(Refusal.PAUSED, {"minutes": -(-int(left.total_seconds()) // 60) or 1})


@dataclass(frozen=True, slots=True)
class ToService:
    """A shop by its service code; `account` is the client's name or number there."""

    code: str
    account: str
    amount_tiyin: int

    def subject(self, conn: Connection, limits: Limits, customer: Customer) -> Subject | Refused:
        merchant_id = merchant_id_of(self.code)
        shop = None if merchant_id is None else people.merchant_by_id(conn, merchant_id)
        if shop is None:
            return Refused(Refusal.UNKNOWN_SERVICE)
        if not _ACCOUNT.fullmatch(self.account):
            return Refused(Refusal.BAD_ACCOUNT)
        if people.is_phone_of_merchant(conn, shop.id, customer.msisdn):
            return Refused(Refusal.OWN_NUMBER)
        return _within(limits.amount_min_tiyin, limits.amount_max_tiyin, self.amount_tiyin) or Subject(
            SERVICE,
            self.amount_tiyin,
            merchant_id=shop.id,
            target=f"{shop.id}:{self.account}",
            payee=short_name(shop.name),
        )


@dataclass(frozen=True, slots=True)
class ToPhone:
    """A transfer to the oldest card of another customer."""

    msisdn: str
    amount_tiyin: int

    def subject(self, conn: Connection, limits: Limits, customer: Customer) -> Subject | Refused:
        number = phone(self.msisdn)
        if isinstance(number, Refused):
            return number
        if number == customer.msisdn:
            return Refused(Refusal.OWN_NUMBER)
        receiver = people.customer_of(conn, number)
        cards = () if receiver is None or receiver.state != "active" else people.cards_of(conn, receiver.id)
        if not cards:
            return Refused(Refusal.NO_RECEIVER)
        return _within(limits.transfer_min_tiyin, limits.transfer_max_tiyin, self.amount_tiyin) or Subject(
            TRANSFER, self.amount_tiyin, target=cards[0].token, payee=number
        )


@dataclass(frozen=True, slots=True)
class ToCard:
    """A transfer to any card, by the id under which its number was turned into a token."""

    recipient_id: str
    amount_tiyin: int

    def subject(self, conn: Connection, limits: Limits, customer: Customer) -> Subject | Refused:
        known = self.recipient_id.isascii() and self.recipient_id.isdigit() and len(self.recipient_id) <= 18
        recipient = people.recipient(conn, int(self.recipient_id)) if known else None
        if recipient is None:
            return Refused(Refusal.NO_RECEIVER)
        return _within(limits.transfer_min_tiyin, limits.transfer_max_tiyin, self.amount_tiyin) or Subject(
            TRANSFER, self.amount_tiyin, target=recipient.token, payee=f"*{recipient.last4}"
        )


@dataclass(frozen=True, slots=True)
class TopUp:
    """Airtime for a mobile number, also one's own."""

    msisdn: str
    amount_tiyin: int

    def subject(self, conn: Connection, limits: Limits, customer: Customer) -> Subject | Refused:
        number = phone(self.msisdn)
        if isinstance(number, Refused):
            return number
        return _within(limits.topup_min_tiyin, limits.topup_max_tiyin, self.amount_tiyin) or Subject(
            TOPUP, self.amount_tiyin, target=number, payee=number
        )


Direct = ToService | ToPhone | ToCard | TopUp


@dataclass(frozen=True, slots=True)
class DirectOrder:
    """A payment without an invoice."""

    actor: Actor
    what: Direct
    card_id: int | None

    def find(self, conn: Connection, limits: Limits, customer: Customer) -> Found | Refused:
        subject = self.what.subject(conn, limits, customer)
        return (
            subject if isinstance(subject, Refused) else Found(subject, own(conn, customer.id, self.card_id))
        )

    def against(
        self, conn: Connection, _now: datetime, _limits: Limits, customer: Customer, subject: Subject
    ) -> Refused | None:
        assert subject.target is not None
        if storage.undecided(conn, customer.id, subject.kind, subject.target):
            return Refused(Refusal.STILL_UNDECIDED)
        return None

    def claim(self, _conn: Connection, _now: datetime, _subject: Subject) -> Refused | None:
        return None  # the customer's row is held, and `uq_payment_target_live` stands behind it

    def pending(self, _conn: Connection) -> Pending:
        return Pending(None, None)


def _within(low: int, high: int, amount_tiyin: int) -> Refused | None:
    if low <= amount_tiyin <= high:
        return None
    return Refused(Refusal.AMOUNT_RANGE, {"min_tiyin": low, "max_tiyin": high})
