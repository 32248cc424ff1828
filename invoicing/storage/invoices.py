"""Rows of invoices. Every list query takes the merchant or the customer it may show rows of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from invoicing.states import TAKEN, InvoiceState
from invoicing.storage.rows import add, change, many, next_number, one
from invoicing.storage.tables import invoice, merchant, payment


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice with its merchant's name and, once paid, its payment."""

    id: int
    number: int
    merchant_id: int
    issued_by: int
    merchant_name: str
    customer_msisdn: str
    amount_tiyin: int
    state: str
    issued_at: datetime
    expires_at: datetime
    payment_number: int | None
    paid_at: datetime | None


_invoices = (
    select(
        invoice.c.id,
        invoice.c.number,
        invoice.c.merchant_id,
        invoice.c.issued_by,
        merchant.c.name.label("merchant_name"),
        invoice.c.customer_msisdn,
        invoice.c.amount_tiyin,
        invoice.c.state,
        invoice.c.issued_at,
        invoice.c.expires_at,
        payment.c.number.label("payment_number"),
        payment.c.answered_at.label("paid_at"),
    )
    .join(merchant, merchant.c.id == invoice.c.merchant_id)
    .outerjoin(payment, (payment.c.invoice_id == invoice.c.id) & payment.c.state.in_(TAKEN))
)


def issue(
    conn: Connection,
    *,
    merchant_id: int,
    issued_by: int,
    channel: str,
    customer_msisdn: str,
    amount_tiyin: int,
    at: datetime,
    expires_at: datetime,
) -> Invoice:
    """T1's row, numbered by the sequence."""
    values = {
        "number": next_number(conn, "invoice"),
        "merchant_id": merchant_id,
        "issued_by": issued_by,
        "channel": channel,
        "customer_msisdn": customer_msisdn,
        "amount_tiyin": amount_tiyin,
        "state": InvoiceState.ISSUED,
        "version": 1,
        "issued_at": at,
        "expires_at": expires_at,
    }
    return by_id(conn, add(conn, invoice, values))


def move(
    conn: Connection, invoice_id: int, before: InvoiceState, after: InvoiceState, closed_at: datetime | None
) -> bool:
    """Change the state only from `before`; `False`: another transaction was first."""
    values = {"state": after, "closed_at": closed_at, "version": invoice.c.version + 1}
    return change(conn, invoice, [invoice.c.id == invoice_id, invoice.c.state == before], values)


def by_id(conn: Connection, invoice_id: int) -> Invoice:
    found = one(conn, _invoices.where(invoice.c.id == invoice_id), Invoice)
    assert found is not None
    return found


def of_merchant(conn: Connection, merchant_id: int, invoice_id: int) -> Invoice | None:
    return one(
        conn, _invoices.where(invoice.c.id == invoice_id, invoice.c.merchant_id == merchant_id), Invoice
    )


def of_customer(conn: Connection, msisdn: str, invoice_id: int) -> Invoice | None:
    return one(
        conn, _invoices.where(invoice.c.id == invoice_id, invoice.c.customer_msisdn == msisdn), Invoice
    )


def merchant_page(
    conn: Connection, merchant_id: int, customer_msisdn: str | None, after: int | None, limit: int
) -> tuple[Invoice, ...]:
    """A merchant's invoices, newest first, from below the id `after`; to one customer where given."""
    query = _invoices.where(invoice.c.merchant_id == merchant_id)
    if customer_msisdn is not None:
        query = query.where(invoice.c.customer_msisdn == customer_msisdn)
    return many(conn, _page(query, after, limit), Invoice)


def open_page(
    conn: Connection, msisdn: str, now: datetime, after: int | None, limit: int
) -> tuple[Invoice, ...]:
    """What a customer still has to decide about, or is paying: newest first; overdue ones are left out."""
    to_decide = (invoice.c.state == InvoiceState.ISSUED) & (invoice.c.expires_at > now)
    query = _invoices.where(
        invoice.c.customer_msisdn == msisdn, or_(to_decide, invoice.c.state == InvoiceState.PAYING)
    )
    return many(conn, _page(query, after, limit), Invoice)


def _page(query: Select[Any], after: int | None, limit: int) -> Select[Any]:
    if after is not None:
        query = query.where(invoice.c.id < after)
    return query.order_by(invoice.c.id.desc()).limit(limit)


def due(conn: Connection, now: datetime, limit: int) -> Sequence[int]:
    """Ids of issued invoices whose time is over, oldest due first."""
    query = (
        select(invoice.c.id)
        .where(invoice.c.state == InvoiceState.ISSUED, invoice.c.expires_at <= now)
        .order_by(invoice.c.expires_at, invoice.c.id)
        .limit(limit)
    )
    return conn.execute(query).scalars().all()


def any_due(conn: Connection, now: datetime) -> bool:
    return bool(due(conn, now, 1))


def latest_equal(
    conn: Connection, merchant_id: int, customer_msisdn: str, amount_tiyin: int, since: datetime
) -> int | None:
    """The number of the newest equal invoice since a moment that is neither refused nor over (A20)."""
    query = (
        select(invoice.c.number)
        .where(
            invoice.c.merchant_id == merchant_id,
            invoice.c.customer_msisdn == customer_msisdn,
            invoice.c.amount_tiyin == amount_tiyin,
            invoice.c.issued_at > since,
            invoice.c.state.in_((InvoiceState.ISSUED, InvoiceState.PAYING, InvoiceState.PAID)),
        )
        .order_by(invoice.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many invoices a merchant issued: in the last minute, today, and today to one customer."""

    minute: int
    day: int
    pair_day: int
    pair_open: int


def counts(
    conn: Connection, merchant_id: int, customer_msisdn: str, minute_ago: datetime, midnight: datetime
) -> Counts:
    to_pair = invoice.c.customer_msisdn == customer_msisdn
    query = select(
        func.count().filter(invoice.c.issued_at > minute_ago).label("minute"),
        func.count().filter(invoice.c.issued_at >= midnight).label("day"),
        func.count().filter(invoice.c.issued_at >= midnight, to_pair).label("pair_day"),
        func.count()
        .filter(invoice.c.issued_at >= midnight, to_pair, invoice.c.state == InvoiceState.ISSUED)
        .label("pair_open"),
    ).where(invoice.c.merchant_id == merchant_id, invoice.c.issued_at >= min(minute_ago, midnight))
    found = one(conn, query, Counts)
    assert found is not None
    return found
