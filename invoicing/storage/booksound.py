"""Checks over the whole book: each query finds the rows that breach one invariant of domain.md 3.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, and_, case, cast, func, literal, select

from invoicing.states import TAKEN, InvoiceState, PaymentState
from invoicing.storage.ledger import CREDIT, DEBIT, signed
from invoicing.storage.tables import account, entry, invoice, outbox, payment, settlement_line, transfer


def unbalanced_transfers(conn: Connection) -> Sequence[int]:
    """Ids of transfers whose sides differ or that have no entries at all."""
    query = (
        select(transfer.c.id)
        .outerjoin(entry, entry.c.transfer_id == transfer.c.id)
        .group_by(transfer.c.id)
        .having((func.coalesce(func.sum(signed), 0) != 0) | (func.count(entry.c.id) == 0))
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
    taken = payment.c.state.in_(TAKEN) & (payment.c.kind != "refund")
    query = (
        select(payment.c.number)
        .outerjoin(booked, booked.c.ref_payment == payment.c.id)
        .where(
            (taken & (func.coalesce(booked.c.amount, 0) != payment.c.amount_tiyin))
            | (~taken & booked.c.amount.is_not(None))
        )
    )
    return conn.execute(query).scalars().all()


def payments_unlike_their_refund(conn: Connection) -> Sequence[int]:
    """Numbers of payments refunded without a refund of the whole sum in the books, or the reverse."""
    booked = (
        select(transfer.c.ref_payment, func.sum(entry.c.amount_tiyin).label("amount"))
        .join(entry, and_(entry.c.transfer_id == transfer.c.id, entry.c.side == CREDIT))
        .where(transfer.c.kind == "refund")
        .group_by(transfer.c.ref_payment)
        .subquery()
    )
    due = case((payment.c.state == PaymentState.REFUNDED, payment.c.amount_tiyin), else_=0)
    query = (
        select(payment.c.number)
        .outerjoin(booked, booked.c.ref_payment == payment.c.id)
        .where(func.coalesce(booked.c.amount, 0) != due)
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


_merchant = func.coalesce(payment.c.merchant_id, invoice.c.merchant_id)


def merchants_out_of_balance(conn: Connection) -> Sequence[int]:
    """Ids of merchants whose payable is not what was paid, less fees, refunds and settlements."""
    paid = (
        select(_merchant.label("merchant_id"), func.sum(payment.c.amount_tiyin).label("amount"))
        .select_from(payment)
        .outerjoin(invoice, invoice.c.id == payment.c.invoice_id)
        .where(payment.c.state.in_((PaymentState.APPROVED, PaymentState.REFUNDING)))
        .where(payment.c.kind.in_(("invoice", "service")))
        .group_by(_merchant)
        .subquery()
    )
    fees = (
        select(_merchant.label("merchant_id"), func.sum(-signed).label("amount"))
        .select_from(entry)
        .join(account, and_(account.c.id == entry.c.account_id, account.c.kind == "fee_income"))
        .join(transfer, transfer.c.id == entry.c.transfer_id)
        .join(payment, payment.c.id == transfer.c.ref_payment)
        .outerjoin(invoice, invoice.c.id == payment.c.invoice_id)
        .group_by(_merchant)
        .subquery()
    )
    settled = (
        select(settlement_line.c.merchant_id, func.sum(settlement_line.c.paid_out_tiyin).label("amount"))
        .group_by(settlement_line.c.merchant_id)
        .subquery()
    )
    payable = (
        select(account.c.owner_id, func.sum(-signed).label("amount"))
        .join(entry, entry.c.account_id == account.c.id)
        .where(account.c.kind == "merchant_payable")
        .group_by(account.c.owner_id)
        .subquery()
    )

    def zero(column: Any) -> Any:
        return func.coalesce(column, 0)

    query = (
        select(payable.c.owner_id)
        .outerjoin(paid, paid.c.merchant_id == payable.c.owner_id)
        .outerjoin(fees, fees.c.merchant_id == payable.c.owner_id)
        .outerjoin(settled, settled.c.merchant_id == payable.c.owner_id)
        .where(payable.c.amount + zero(fees.c.amount) + zero(settled.c.amount) != zero(paid.c.amount))
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
                outbox.c.template.in_(("paid_merchant", "service_paid_merchant")),
                outbox.c.kind == "sms",
            ),
        )
        .where(payment.c.state.in_(TAKEN), payment.c.kind.in_(("invoice", "service")))
        .group_by(payment.c.number)
        .having(func.count(outbox.c.id) != 1)
    )
    return conn.execute(query).scalars().all()
