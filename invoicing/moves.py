"""How an attempt changes its state: along the table of domain.md 3.2, and only from the state it is in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from invoicing.states import PAYMENT_MOVES, PaymentState
from invoicing.storage import payments as storage
from invoicing.storage.payments import Payment


def move(conn: Connection, payment: Payment, to: PaymentState, **values: datetime | str | None) -> bool:
    """`False` where the attempt is no longer in the state it was read in.

    Raises:
        ValueError: the table has no such step; a fault of the caller.
    """
    before = PaymentState(payment.state)
    if (before, to) not in PAYMENT_MOVES:
        raise ValueError(f"a payment never goes from {before} to {to}")
    return storage.move(conn, payment.id, before, to, **values)


def must_move(conn: Connection, payment: Payment, to: PaymentState, **values: datetime | str | None) -> None:
    """A move of a row that this transaction has locked."""
    if not move(conn, payment, to, **values):
        raise RuntimeError("a payment was concluded twice at once")
