"""Rows that a merchant reads on the web. Every query takes the merchant it may show rows of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from invoicing.states import TAKEN, InvoiceState, PaymentState
from invoicing.storage.rows import many, one
from invoicing.storage.tables import card, customer, invoice, merchant, merchant_user, payment


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment to before another; `None` is no bound."""

    since: datetime | None
    before: datetime | None

    def of(self, column: ColumnElement[Any]) -> Iterable[ColumnElement[bool]]:
        if self.since is not None:
            yield column >= self.since
        if self.before is not None:
            yield column < self.before


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    id: int
    number: int
    merchant_name: str
    customer_msisdn: str
    amount_tiyin: int
    state: str
    channel: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    payment_number: int | None
    paid_at: datetime | None
    card_last4: str | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    id: int
    number: int
    invoice_number: int | None
    customer_msisdn: str
    amount_tiyin: int
    state: str
    paid_at: datetime
    card_last4: str


_invoices = (
    select(
        invoice.c.id,
        invoice.c.number,
        merchant.c.name.label("merchant_name"),
        invoice.c.customer_msisdn,
        invoice.c.amount_tiyin,
        invoice.c.state,
        invoice.c.channel,
        merchant_user.c.msisdn.label("issued_by"),
        invoice.c.issued_at,
        invoice.c.expires_at,
        invoice.c.closed_at,
        payment.c.number.label("payment_number"),
        payment.c.answered_at.label("paid_at"),
        card.c.last4.label("card_last4"),
    )
    .join(merchant, merchant.c.id == invoice.c.merchant_id)
    .join(merchant_user, merchant_user.c.id == invoice.c.issued_by)
    .outerjoin(payment, (payment.c.invoice_id == invoice.c.id) & payment.c.state.in_(TAKEN))
    .outerjoin(card, card.c.id == payment.c.card_id)
)
_merchant_of_payment = func.coalesce(invoice.c.merchant_id, payment.c.merchant_id)
_paid = (
    select(
        payment.c.id,
        payment.c.number,
        invoice.c.number.label("invoice_number"),
        customer.c.msisdn.label("customer_msisdn"),
        payment.c.amount_tiyin,
        payment.c.state,
        payment.c.answered_at.label("paid_at"),
        card.c.last4.label("card_last4"),
    )
    .outerjoin(invoice, invoice.c.id == payment.c.invoice_id)
    .join(customer, customer.c.id == payment.c.customer_id)
    .join(card, card.c.id == payment.c.card_id)
    .where(payment.c.kind.in_(("invoice", "service")), payment.c.state.in_(TAKEN))
)


def invoices(
    conn: Connection,
    merchant_id: int,
    *,
    state: InvoiceState | None,
    customer: str | None,
    number: int | None,
    period: Period,
    after: int | None,
    limit: int,
) -> tuple[InvoiceRow, ...]:
    """A merchant's invoices by what is given, newest first, from below the id `after`."""
    query = _invoices.where(invoice.c.merchant_id == merchant_id, *period.of(invoice.c.issued_at))
    if state is not None:
        query = query.where(invoice.c.state == state)
    if customer is not None:
        query = query.where(invoice.c.customer_msisdn == customer)
    if number is not None:
        query = query.where(invoice.c.number == number)
    if after is not None:
        query = query.where(invoice.c.id < after)
    return many(conn, query.order_by(invoice.c.id.desc()).limit(limit), InvoiceRow)


def invoice_of(conn: Connection, merchant_id: int, invoice_id: int) -> InvoiceRow | None:
    return one(
        conn,
        _invoices.where(invoice.c.merchant_id == merchant_id, invoice.c.id == invoice_id),
        InvoiceRow,
    )


def anybodys(conn: Connection, invoice_id: int) -> InvoiceRow | None:
    """For the service's own people, whose looking is written down (`invoicing.backoffice`)."""
    return one(conn, _invoices.where(invoice.c.id == invoice_id), InvoiceRow)


def payments(
    conn: Connection, merchant_id: int, period: Period, after: int | None, limit: int
) -> tuple[PaymentRow, ...]:
    """Payments that reached a merchant in a period, newest first, from below the id `after`."""
    query = _paid.where(_merchant_of_payment == merchant_id, *period.of(payment.c.answered_at))
    if after is not None:
        query = query.where(payment.c.id < after)
    return many(conn, query.order_by(payment.c.id.desc()).limit(limit), PaymentRow)


def payment_of(conn: Connection, merchant_id: int, payment_id: int) -> PaymentRow | None:
    return one(conn, _paid.where(_merchant_of_payment == merchant_id, payment.c.id == payment_id), PaymentRow)


def sums(conn: Connection, merchant_id: int, period: Period) -> tuple[tuple[datetime, int], ...]:
    """When and how much was paid to a merchant in a period, of what stands: refunded payments left out."""
    standing = (PaymentState.APPROVED, PaymentState.REFUNDING)
    query = (
        _paid.with_only_columns(payment.c.answered_at, payment.c.amount_tiyin)
        .where(_merchant_of_payment == merchant_id, *period.of(payment.c.answered_at))
        .where(payment.c.state.in_(standing))
    )
    return tuple((at, amount) for at, amount in conn.execute(query))
