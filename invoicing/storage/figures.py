"""Counts of what waits or hangs, by partial indexes and small tables, however many payments there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from invoicing.states import UNDECIDED
from invoicing.storage.rows import many, one
from invoicing.storage.tables import outbox, payment, reversal


@dataclass(frozen=True, slots=True)
class Hanging:
    """Payments of one kind that are in one state; `oldest`: when the first of them began."""

    kind: str
    state: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """Notices not sent yet; `oldest` is None where there are none."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    state: str
    count: int


_hanging = (
    select(
        payment.c.kind,
        payment.c.state,
        func.count().label("count"),
        func.min(payment.c.created_at).label("oldest"),
    )
    .where(payment.c.state.in_(UNDECIDED))
    .group_by(payment.c.kind, payment.c.state)
)
# The two conditions are those of the partial indexes `uq_payment_target_live` and `uq_payment_refund_live`.
_PAID = _hanging.where(payment.c.kind != "refund")
_REFUNDS = _hanging.where(payment.c.kind == "refund", payment.c.refund_of.is_not(None))
_QUEUE = select(func.count().label("count"), func.min(outbox.c.created_at).label("oldest")).where(
    outbox.c.state == "queued"
)
_REVERSALS = (
    select(reversal.c.state, func.count().label("count"))
    .where(reversal.c.state != "done")
    .group_by(reversal.c.state)
)


def hanging(conn: Connection) -> tuple[Hanging, ...]:
    """Payments of which nobody knows yet whether they are one."""
    return many(conn, _PAID, Hanging) + many(conn, _REFUNDS, Hanging)


def reversals(conn: Connection) -> tuple[Tally, ...]:
    """Reversals that are not done, by state."""
    return many(conn, _REVERSALS, Tally)


def queue(conn: Connection) -> Queue:
    """What the relay has before it."""
    return one(conn, _QUEUE, Queue) or Queue(0, None)
