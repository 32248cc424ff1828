"""Double-entry book-keeping: what payments, refunds and settlements move between accounts, and its checks.

Each transfer leaves an audit row that repeats its lines, so that the audit trail's hash chain covers the
books too: an edited entry no longer fits it (domain.md S24).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from invoicing import audit
from invoicing.audit import SERVICE
from invoicing.storage import audit as audit_rows
from invoicing.storage import booksound
from invoicing.storage import ledger as storage
from invoicing.storage.ledger import CREDIT, DEBIT, Line

_BASIS_POINTS: Final = 10_000
_SERVICE: Final = 0
_PAYABLE: Final = {"transfer": "transfer_payable", "topup": "topup_payable"}


def fee_tiyin(amount_tiyin: int, fee_bp: int) -> int:
    """The merchant's fee, half a tiyin rounded up."""
    return (amount_tiyin * fee_bp * 2 + _BASIS_POINTS) // (_BASIS_POINTS * 2)


def book_shop(
    conn: Connection, now: datetime, *, payment_id: int, merchant_id: int, amount_tiyin: int, fee_bp: int
) -> None:
    """The bank owes us the sum, we owe it to the merchant, less the fee (domain.md 3.3)."""
    fee = fee_tiyin(amount_tiyin, fee_bp)
    lines = (
        Line("acquirer_receivable", _SERVICE, DEBIT, amount_tiyin),
        Line("merchant_payable", merchant_id, CREDIT, amount_tiyin - fee),
        Line("fee_income", _SERVICE, CREDIT, fee),
    )
    _book(conn, now, "payment", lines, payment_id=payment_id)


def book_through(conn: Connection, now: datetime, *, payment_id: int, kind: str, amount_tiyin: int) -> None:
    """A transfer or a top-up: owed to whom it is for and given to him by the bank in the same operation.

    The account's balance stays nought, for nothing is left hanging; its debits are what went through.
    """
    lines = (
        Line(_PAYABLE[kind], _SERVICE, CREDIT, amount_tiyin),
        Line(_PAYABLE[kind], _SERVICE, DEBIT, amount_tiyin),
    )
    _book(conn, now, "payment", lines, payment_id=payment_id)


def book_refund(conn: Connection, now: datetime, *, payment_id: int) -> None:
    """The payment's entries with their sides changed; the fee goes back too."""
    _book(conn, now, "refund", [line.turned() for line in storage.lines_of(conn, "payment", payment_id)],
          payment_id=payment_id)  # fmt: skip


def book_settlement(
    conn: Connection, now: datetime, *, settlement_id: int, paid_out: Sequence[tuple[int, int]]
) -> None:
    """The bank pays the merchants out of what it owes us; `paid_out` are (merchant, tiyin)."""
    total = sum(amount for _, amount in paid_out)
    lines = [Line("merchant_payable", merchant, DEBIT, amount) for merchant, amount in paid_out]
    lines.append(Line("acquirer_receivable", _SERVICE, CREDIT, total))
    _book(conn, now, "settlement", lines, settlement_id=settlement_id)


def _book(
    conn: Connection,
    now: datetime,
    kind: str,
    lines: Sequence[Line],
    *,
    payment_id: int | None = None,
    settlement_id: int | None = None,
) -> None:
    moved = [line for line in lines if line.amount_tiyin]
    transfer_id = storage.add_transfer(
        conn, kind=kind, payment_id=payment_id, settlement_id=settlement_id, at=now, lines=moved
    )
    audit.note(conn, now, SERVICE, audit_rows.BOOKED, f"transfer:{transfer_id}", after=_told(kind, moved))


def _told(kind: str, lines: Sequence[Line]) -> str:
    """The lines in words that never depend on the order they were written in."""
    words = (f"{line.side} {line.kind}:{line.owner_id} {line.amount_tiyin}" for line in lines)
    return f"{kind}; " + "; ".join(sorted(words))


def first_unlike_its_trail(conn: Connection) -> int | None:
    """The id of the first transfer whose lines are not those the audit trail says were booked."""
    told = storage.booked_in_words(conn)
    present = {id_: _told(kind, lines) for id_, (kind, lines) in storage.all_lines(conn).items()}
    unlike = (id_ for id_ in sorted(told.keys() | present.keys()) if told.get(id_) != present.get(id_))
    return next(unlike, None)


def receivable_tiyin(conn: Connection) -> int:
    """What the acquiring bank owes the service."""
    return storage.balance(conn, "acquirer_receivable", _SERVICE)


def payable_tiyin(conn: Connection, merchant_id: int) -> int:
    """What the service owes a merchant."""
    return -storage.balance(conn, "merchant_payable", merchant_id)


def fee_income_tiyin(conn: Connection) -> int:
    return -storage.balance(conn, "fee_income", _SERVICE)


def through_tiyin(conn: Connection, kind: str) -> int:
    """The sum of all transfers, or of all top-ups."""
    return storage.debits(conn, _PAYABLE[kind], _SERVICE)


def problems(conn: Connection) -> list[str]:
    """Every breach of the invariants of domain.md 3.3, in words; empty when the books are right."""
    checks = (
        ("transfer {} does not balance", booksound.unbalanced_transfers),
        ("payment {} and its entries differ", booksound.payments_without_their_entries),
        ("payment {} and its refund's entries differ", booksound.payments_unlike_their_refund),
        ("invoice {} and its payments differ", booksound.invoices_unlike_their_payments),
        ("merchant {} is owed another sum than was paid", booksound.merchants_out_of_balance),
        ("payment {} has not exactly one SMS to its merchant", booksound.payments_without_their_notice),
    )
    return [text.format(found) for text, check in checks for found in check(conn)]
