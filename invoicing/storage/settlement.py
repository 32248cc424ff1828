"""Rows of settlements: which business days are closed, and what each merchant was paid out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, case, func, insert, select

from invoicing.storage.ledger import signed
from invoicing.storage.rows import add, many, next_number
from invoicing.storage.tables import account, entry, invoice, merchant, payment, settlement, settlement_line
from invoicing.storage.tables import transfer as movement


@dataclass(frozen=True, slots=True)
class Total:
    """One merchant's sums in tiyin: all that was booked up to a moment and is in no settlement yet."""

    merchant_id: int
    name: str
    account: str | None
    paid_tiyin: int
    fee_tiyin: int
    refunded_tiyin: int
    paid_out_tiyin: int


def begin(conn: Connection) -> None:
    """Those who close days take turns."""
    next_number(conn, "settlement")


def last_closed(conn: Connection) -> date | None:
    found: date | None = conn.execute(select(func.max(settlement.c.business_day))).scalar_one()
    return found


def close(conn: Connection, day: date, at: datetime) -> int:
    return add(conn, settlement, {"business_day": day, "closed_at": at})


def unsettled(conn: Connection, before: datetime) -> tuple[Total, ...]:
    """What every merchant's account says up to a moment, less what was settled already.

    Sums are cumulative: a transfer that committed late, or a refund greater than a day's payments, is in the
    next day's settlement; a merchant who is owed nothing then is paid out nothing.
    """
    shop = func.coalesce(payment.c.merchant_id, invoice.c.merchant_id)
    is_refund = movement.c.kind == "refund"
    amount = payment.c.amount_tiyin
    gross = (
        select(
            shop.label("merchant_id"),
            func.sum(case((is_refund, 0), else_=amount)).label("paid"),
            func.sum(case((is_refund, amount), else_=0)).label("refunded"),
        )
        .select_from(movement)
        .join(payment, payment.c.id == movement.c.ref_payment)
        .outerjoin(invoice, invoice.c.id == payment.c.invoice_id)
        .where(movement.c.at < before, shop.is_not(None))
        .group_by(shop)
        .subquery()
    )
    owed = (
        select(account.c.owner_id.label("merchant_id"), func.sum(-signed).label("net"))
        .join(entry, entry.c.account_id == account.c.id)
        .join(movement, movement.c.id == entry.c.transfer_id)
        .where(account.c.kind == "merchant_payable")
        .where((movement.c.at < before) | (movement.c.kind == "settlement"))
        .group_by(account.c.owner_id)
        .subquery()
    )
    line = settlement_line
    earlier = (
        select(
            line.c.merchant_id,
            func.sum(line.c.paid_tiyin).label("paid"),
            func.sum(line.c.fee_tiyin).label("fee"),
            func.sum(line.c.refunded_tiyin).label("refunded"),
            func.sum(line.c.paid_out_tiyin).label("paid_out"),
        )
        .group_by(line.c.merchant_id)
        .subquery()
    )
    was = {name: func.coalesce(earlier.c[name], 0) for name in ("paid", "fee", "refunded", "paid_out")}
    net = func.coalesce(owed.c.net, 0)  # whose fee is all of a payment has no account
    # Gross less net is the fee, of all days; what was paid out is no part of it.
    fee = gross.c.paid - gross.c.refunded - (net + was["paid_out"]) - was["fee"]
    query = (
        select(
            merchant.c.id.label("merchant_id"),
            merchant.c.name,
            merchant.c.bank_account_ref.label("account"),
            (gross.c.paid - was["paid"]).label("paid_tiyin"),
            fee.label("fee_tiyin"),
            (gross.c.refunded - was["refunded"]).label("refunded_tiyin"),
            case((net > 0, net), else_=0).label("paid_out_tiyin"),
        )
        .join(gross, gross.c.merchant_id == merchant.c.id)
        .outerjoin(owed, owed.c.merchant_id == merchant.c.id)
        .outerjoin(earlier, earlier.c.merchant_id == merchant.c.id)
        .order_by(merchant.c.id)
    )
    return tuple(_whole(total) for total in many(conn, query, Total))


def _whole(total: Total) -> Total:
    """PostgreSQL adds 64-bit integers up as decimals."""
    sums = (total.paid_tiyin, total.fee_tiyin, total.refunded_tiyin, total.paid_out_tiyin)
    return Total(total.merchant_id, total.name, total.account, *(int(one) for one in sums))


def add_lines(conn: Connection, settlement_id: int, totals: tuple[Total, ...]) -> None:
    rows = [
        {
            "settlement_id": settlement_id,
            "merchant_id": total.merchant_id,
            "paid_tiyin": total.paid_tiyin,
            "fee_tiyin": total.fee_tiyin,
            "refunded_tiyin": total.refunded_tiyin,
            "paid_out_tiyin": total.paid_out_tiyin,
        }
        for total in totals
    ]
    if rows:
        conn.execute(insert(settlement_line), rows)


def lines_of(conn: Connection, day: date) -> tuple[Total, ...] | None:
    """A closed day's lines, by merchant; `None`: the day is not closed."""
    found = conn.execute(select(settlement.c.id).where(settlement.c.business_day == day)).scalar_one_or_none()
    if found is None:
        return None
    line = settlement_line
    query = (
        select(
            line.c.merchant_id,
            merchant.c.name,
            merchant.c.bank_account_ref.label("account"),
            line.c.paid_tiyin,
            line.c.fee_tiyin,
            line.c.refunded_tiyin,
            line.c.paid_out_tiyin,
        )
        .join(merchant, merchant.c.id == line.c.merchant_id)
        .where(line.c.settlement_id == found)
        .order_by(line.c.merchant_id)
    )
    return many(conn, query, Total)
