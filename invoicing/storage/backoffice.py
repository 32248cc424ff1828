"""What the service's own people look up: any merchant's invoices, and everything that became of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from invoicing.storage.audit import AuditRow
from invoicing.storage.reports import refunds
from invoicing.storage.rows import many
from invoicing.storage.tables import audit, card, customer, invoice, merchant, merchant_user, outbox, payment
from invoicing.storage.tables import reversal as reversals


@dataclass(frozen=True, slots=True)
class FoundRow:
    id: int
    number: int
    merchant_name: str
    customer_msisdn: str
    amount_tiyin: int
    state: str
    channel: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One attempt to pay, or to pay back (`kind` is then `refund`)."""

    id: int
    number: int
    kind: str
    state: str
    amount_tiyin: int
    payer_msisdn: str
    card_last4: str
    stan: str
    rrn: str
    terminal: str
    created_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    response_code: str | None


@dataclass(frozen=True, slots=True)
class ReversalRow:
    payment_id: int
    state: str
    tries: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class ToldRow:
    """A notice: an SMS, a push message or a webhook's event."""

    kind: str
    template: str
    recipient: str
    state: str
    tries: int
    created_at: datetime
    sent_at: datetime | None
    failure: str | None
    delivery: str | None
    delivered_at: datetime | None


_FOUND = select(
    invoice.c.id,
    invoice.c.number,
    merchant.c.name.label("merchant_name"),
    invoice.c.customer_msisdn,
    invoice.c.amount_tiyin,
    invoice.c.state,
    invoice.c.channel,
    invoice.c.issued_at,
).join(merchant, merchant.c.id == invoice.c.merchant_id)
_TRIED = (
    select(
        payment.c.id,
        payment.c.number,
        payment.c.kind,
        payment.c.state,
        payment.c.amount_tiyin,
        customer.c.msisdn.label("payer_msisdn"),
        card.c.last4.label("card_last4"),
        payment.c.stan,
        payment.c.rrn,
        payment.c.terminal,
        payment.c.created_at,
        payment.c.sent_at,
        payment.c.answered_at,
        payment.c.response_code,
    )
    .join(customer, customer.c.id == payment.c.customer_id)
    .join(card, card.c.id == payment.c.card_id)
    .order_by(payment.c.id)
)


def by_number(conn: Connection, number: int) -> tuple[FoundRow, ...]:
    """The invoice with this number, and the one that the payment with this number paid."""
    paid = select(payment.c.invoice_id).where(payment.c.number == number)
    return many(conn, _FOUND.where(or_(invoice.c.number == number, invoice.c.id.in_(paid))), FoundRow)


def of_customer(conn: Connection, msisdn: str, limit: int) -> tuple[FoundRow, ...]:
    """Invoices to a phone, newest first."""
    return many(conn, _newest(_FOUND.where(invoice.c.customer_msisdn == msisdn), limit), FoundRow)


def of_merchants(conn: Connection, merchant_ids: Sequence[int], limit: int) -> tuple[FoundRow, ...]:
    """Invoices of these merchants, newest first."""
    return many(conn, _newest(_FOUND.where(invoice.c.merchant_id.in_(merchant_ids)), limit), FoundRow)


def _newest(query: Select[Any], limit: int) -> Select[Any]:
    return query.order_by(invoice.c.id.desc()).limit(limit)


def merchants_named(conn: Connection, text: str, limit: int) -> tuple[int, ...]:
    """Merchants whose name holds this text, whatever its case."""
    # SQLite folds the case of ASCII only.
    spelt = {text, text.upper(), text.lower(), text.title()}
    holds = or_(*(merchant.c.name.icontains(one, autoescape=True) for one in sorted(spelt)))
    return tuple(
        conn.execute(select(merchant.c.id).where(holds).order_by(merchant.c.id).limit(limit)).scalars()
    )


def merchant_of(conn: Connection, msisdn: str) -> int | None:
    """The merchant whose owner or cashier has this phone."""
    query = select(merchant_user.c.merchant_id).where(merchant_user.c.msisdn == msisdn)
    return conn.execute(query).scalar_one_or_none()


def tried(conn: Connection, invoice_id: int) -> tuple[TriedRow, ...]:
    """All attempts to pay an invoice and to pay it back, oldest first."""
    own = or_(payment.c.invoice_id == invoice_id, payment.c.id.in_(refunds(conn, invoice_id)))
    return many(conn, _TRIED.where(own), TriedRow)


def reversals_of(conn: Connection, payment_ids: Sequence[int]) -> tuple[ReversalRow, ...]:
    columns = tuple(reversals.c[name] for name in ReversalRow.__match_args__)
    return many(conn, select(*columns).where(reversals.c.payment_id.in_(payment_ids)), ReversalRow)


def told(conn: Connection, event_ids: Sequence[str]) -> tuple[ToldRow, ...]:
    """Every notice about these events, oldest first."""
    columns = tuple(outbox.c[name] for name in ToldRow.__match_args__)
    query = select(*columns).where(outbox.c.event_id.in_(event_ids)).order_by(outbox.c.id)
    return many(conn, query, ToldRow)


def trail(conn: Connection, objects: Sequence[str], limit: int) -> tuple[AuditRow, ...]:
    """The newest rows of the audit trail about these objects, oldest of them first."""
    query = select(audit).where(audit.c.object.in_(objects)).order_by(audit.c.id.desc()).limit(limit)
    return many(conn, query, AuditRow)[::-1]
