"""Double-entry book-keeping: what a payment moves between accounts, and the checks over the whole book."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from invoicing.storage import ledger as storage
from invoicing.storage.ledger import CREDIT, DEBIT, Line

_BASIS_POINTS: Final = 10_000
_SERVICE: Final = 0


def fee_tiyin(amount_tiyin: int, fee_bp: int) -> int:
    """The merchant's fee, half a tiyin rounded up."""
    return (amount_tiyin * fee_bp * 2 + _BASIS_POINTS) // (_BASIS_POINTS * 2)


def book_payment(
    conn: Connection, now: datetime, *, payment_id: int, merchant_id: int, amount_tiyin: int, fee_bp: int
) -> None:
    """T3's entries: the bank owes us the sum, we owe it to the merchant, less the fee (domain.md 3.3)."""
    fee = fee_tiyin(amount_tiyin, fee_bp)
    lines = (
        Line("acquirer_receivable", _SERVICE, DEBIT, amount_tiyin),
        Line("merchant_payable", merchant_id, CREDIT, amount_tiyin - fee),
        Line("fee_income", _SERVICE, CREDIT, fee),
    )
    moved = [line for line in lines if line.amount_tiyin]
    storage.add_transfer(conn, kind="payment", payment_id=payment_id, at=now, lines=moved)


def receivable_tiyin(conn: Connection) -> int:
    """What the acquiring bank owes the service."""
    return storage.balance(conn, "acquirer_receivable", _SERVICE)


def payable_tiyin(conn: Connection, merchant_id: int) -> int:
    """What the service owes a merchant."""
    return -storage.balance(conn, "merchant_payable", merchant_id)


def fee_income_tiyin(conn: Connection) -> int:
    return -storage.balance(conn, "fee_income", _SERVICE)


def problems(conn: Connection) -> list[str]:
    """Every breach of the invariants of domain.md 3.3, in words; empty when the books are right."""
    checks = (
        ("transfer {} does not balance", storage.unbalanced_transfers),
        ("payment {} and its entries differ", storage.payments_without_their_entries),
        ("invoice {} and its payments differ", storage.invoices_unlike_their_payments),
        ("merchant {} is owed another sum than was paid", storage.merchants_out_of_balance),
        ("payment {} has not exactly one SMS to its merchant", storage.payments_without_their_notice),
    )
    return [text.format(found) for text, check in checks for found in check(conn)]
