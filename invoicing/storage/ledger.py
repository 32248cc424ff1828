"""Rows of the double-entry ledger: insert and read, never update or delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, String, and_, case, cast, func, literal, select

from invoicing.states import TAKEN, InvoiceState, PaymentState
from invoicing.storage.rows import add, add_once
from invoicing.storage.tables import account, entry, invoice, outbox, payment, transfer

DEBIT, CREDIT = "D", "C"


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a transfer. `owner_id` is 0 for the service's own accounts."""

    kind: str
    owner_id: int
    side: str
    amount_tiyin: int


def add_transfer(conn: Connection, *, kind: str, payment_id: int, at: datetime, lines: Sequence[Line]) -> int:
    transfer_id = add(conn, transfer, {"kind": kind, "ref_payment": payment_id, "at": at})
    for line in lines:
        values = {
            "transfer_id": transfer_id,
            "account_id": _account(conn, line.kind, line.owner_id),
            "side": line.side,
            "amount_tiyin": line.amount_tiyin,
        }
        add(conn, entry, values)
    return transfer_id


def _account(conn: Connection, kind: str, owner_id: int) -> int:
    query = select(account.c.id).where(account.c.kind == kind, account.c.owner_id == owner_id)
    found = conn.execute(query).scalar_one_or_none()
    if found is None:
        add_once(conn, account, {"kind": kind, "owner_id": owner_id})
        found = conn.execute(query).scalar_one()
    return int(found)


_signed = case((entry.c.side == DEBIT, entry.c.amount_tiyin), else_=-entry.c.amount_tiyin)


def balance(conn: Connection, kind: str, owner_id: int) -> int:
    """Debits less credits of one account, in tiyin; 0 for one that was never used."""
    query = (
        select(func.coalesce(func.sum(_signed), 0))
        .join(account, account.c.id == entry.c.account_id)
        .where(account.c.kind == kind, account.c.owner_id == owner_id)
    )
    return int(conn.execute(query).scalar_one())


def unbalanced_transfers(conn: Connection) -> Sequence[int]:
    """Ids of transfers whose sides differ or that have no entries at all."""
    query = (
        select(transfer.c.id)
        .outerjoin(entry, entry.c.transfer_id == transfer.c.id)
        .group_by(transfer.c.id)
        .having((func.coalesce(func.sum(_signed), 0) != 0) | (func.count(entry.c.id) == 0))
    )
    return conn.execute(query).scalars().all()


def payments_without_their_entries(conn: Connection) -> Sequence[int]:
    """Numbers of payments whose `payment` transfer is missing, of another sum, or not theirs to have."""
    booked = (
        select(transfer.c.ref_payment, func.sum(entry.c.amount_tiyin).label("amount"))
        .join(entry, and_(entry.c.transfer_id == transfer.c.id, entry.c.side == DEBIT))
        .where(transfer.c.kind == "payment")
        .group_by(transfer.c.ref_payment)
        .subquery()
    )
    taken = payment.c.state.in_(TAKEN)
    query = (
        select(payment.c.number)
        .outerjoin(booked, booked.c.ref_payment == payment.c.id)
        .where(
            (taken & (func.coalesce(booked.c.amount, 0) != payment.c.amount_tiyin))
            | (~taken & booked.c.amount.is_not(None))
        )
    )
    return conn.execute(query).scalars().all()


def invoices_unlike_their_payments(conn: Connection) -> Sequence[int]:
    """Numbers of invoices that are paid without exactly one approved payment, or the reverse."""
    approved = func.count(payment.c.id).filter(
        payment.c.state.in_((PaymentState.APPROVED, PaymentState.REFUNDING))
    )
    live = func.count(payment.c.id).filter(
        payment.c.state.in_(
            (PaymentState.CREATED, PaymentState.SENT, PaymentState.UNKNOWN, PaymentState.REVERSING)
        )
    )
    query = (
        select(invoice.c.number)
        .outerjoin(payment, payment.c.invoice_id == invoice.c.id)
        .group_by(invoice.c.id, invoice.c.number, invoice.c.state)
        .having(
            (approved != case((invoice.c.state == InvoiceState.PAID, 1), else_=0))
            | (live != case((invoice.c.state == InvoiceState.PAYING, 1), else_=0))
        )
    )
    return conn.execute(query).scalars().all()


def merchants_out_of_balance(conn: Connection) -> Sequence[int]:
    """Ids of merchants whose payable is not what their taken payments and fees add up to."""
    paid = (
        select(invoice.c.merchant_id, func.sum(payment.c.amount_tiyin).label("amount"))
        .join(payment, payment.c.invoice_id == invoice.c.id)
        .where(payment.c.state.in_((PaymentState.APPROVED, PaymentState.REFUNDING)))
        .group_by(invoice.c.merchant_id)
        .subquery()
    )
    fees = (
        select(invoice.c.merchant_id, func.sum(-_signed).label("amount"))
        .select_from(entry)
        .join(account, and_(account.c.id == entry.c.account_id, account.c.kind == "fee_income"))
        .join(transfer, transfer.c.id == entry.c.transfer_id)
        .join(payment, payment.c.id == transfer.c.ref_payment)
        .join(invoice, invoice.c.id == payment.c.invoice_id)
        .group_by(invoice.c.merchant_id)
        .subquery()
    )
    payable = (
        select(account.c.owner_id, func.sum(-_signed).label("amount"))
        .join(entry, entry.c.account_id == account.c.id)
        .where(account.c.kind == "merchant_payable")
        .group_by(account.c.owner_id)
        .subquery()
    )
    query = (
        select(payable.c.owner_id)
        .outerjoin(paid, paid.c.merchant_id == payable.c.owner_id)
        .outerjoin(fees, fees.c.merchant_id == payable.c.owner_id)
        .where(payable.c.amount + func.coalesce(fees.c.amount, 0) != func.coalesce(paid.c.amount, 0))
    )
    return conn.execute(query).scalars().all()


def payments_without_their_notice(conn: Connection) -> Sequence[int]:
    """Numbers of approved payments that do not have exactly one merchant SMS event."""
    query = (
        select(payment.c.number)
        .outerjoin(
            outbox,
            and_(
                outbox.c.event_id == literal("payment:") + cast(payment.c.id, String) + ":approved",
                outbox.c.template == "paid_merchant",
                outbox.c.kind == "sms",
            ),
        )
        .where(payment.c.state.in_(TAKEN))
        .group_by(payment.c.number)
        .having(func.count(outbox.c.id) != 1)
    )
    return conn.execute(query).scalars().all()
