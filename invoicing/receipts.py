"""Delivery receipts: what an SMS provider reports of each part, and what the message comes to by that.

Reports come late, twice, out of order, or before the answer to the sending was kept; each may be told again
and changes nothing then. What is final stays: a report that was overtaken changes it no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing.ports import Clock
from invoicing.storage import receipts as storage
from invoicing.storage.connect import write

KEPT: Final = timedelta(days=7)
"""How long a report is waited for: networks give a message up after three days at most."""
_ID_MAX: Final = 65


class Delivery(StrEnum):
    """What a provider says of a message (SMPP 3.4 §5.2.28)."""

    ENROUTE = "enroute"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    DELETED = "deleted"
    UNDELIVERABLE = "undeliv"
    REJECTED = "rejected"


_RANKS: Final[dict[str, int]] = {Delivery.ENROUTE: 1, Delivery.ACCEPTED: 2, Delivery.UNKNOWN: 3}
_FINAL: Final = 4
_FAILED: Final = (Delivery.UNDELIVERABLE, Delivery.REJECTED, Delivery.EXPIRED, Delivery.DELETED)


class Receipts:
    """Thread-safe."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def take(
        self,
        provider: str,
        ids: Sequence[str],
        state: Delivery,
        *,
        recipient: str | None = None,
        notice_id: int | None = None,
    ) -> bool:
        """Keep a report with its message; `False` where it tells nothing new.

        Args:
            ids: the message's id as the provider may have written it, the likeliest first.
            recipient: whose message it must be, 12 digits; ids are reused.
            notice_id: the notice, where the caller knows it already.
        """
        now = self._clock.now()
        known = [_plain(id_) for id_ in ids]
        return write(
            self._engine, lambda conn: _take(conn, now, provider, known, state, recipient, notice_id)
        )

    def forget(self) -> int:
        """Drop the ids of messages that nothing is reported of any more; how many."""
        before = self._clock.now() - KEPT
        return write(self._engine, lambda conn: storage.forget(conn, before))


def sent(conn: Connection, now: datetime, provider: str, ids: Sequence[str], notice_id: int) -> None:
    """Keep under which ids a provider took a notice; reports that were faster are taken up."""
    for id_ in map(_plain, ids):
        if storage.add(conn, provider, id_, at=now, outbox_id=notice_id):
            continue
        part = storage.find(conn, provider, [id_], None)
        assert part is not None  # `add` met it
        if part.outbox_id != notice_id:
            storage.own(conn, part.id, notice_id, now, anew=part.outbox_id is not None)
    _conclude(conn, now, notice_id)


def _take(
    conn: Connection,
    now: datetime,
    provider: str,
    ids: Sequence[str],
    state: Delivery,
    recipient: str | None,
    notice_id: int | None,
) -> bool:
    part = storage.find(conn, provider, ids, recipient)
    if part is None:
        added = storage.add(conn, provider, ids[0], at=now, outbox_id=notice_id)
        # An id that is there after all was kept meanwhile with the answer to the sending.
        part = storage.find(conn, provider, ids[:1], None if added or notice_id is not None else recipient)
        if part is None:
            return False  # a message to another phone
    owner = notice_id or part.outbox_id
    if owner is not None and part.outbox_id != owner:
        storage.own(conn, part.id, owner, now, anew=part.outbox_id is not None)
        part = storage.find(conn, provider, [part.message_id], None)
        assert part is not None
    before = 0 if part.state is None else _rank(part.state)
    if before == _FINAL or _rank(state) <= before:
        return False
    storage.report(conn, part.id, state, now)
    if owner is not None:
        _conclude(conn, now, owner)
    return True


def _conclude(conn: Connection, now: datetime, notice_id: int) -> None:
    """A message is delivered with its last part, and lost with its first; else it is as its slowest part."""
    storage.hold_message(conn, notice_id)  # two parts' reports at once would each miss the other's
    parts = storage.of_message(conn, notice_id)
    states = [part.state for part in parts if part.state is not None]
    lost = next((state for state in _FAILED if state in states), None)
    if lost is not None:
        storage.conclude(conn, notice_id, lost, now)
    elif states and len(states) == len(parts):
        storage.conclude(conn, notice_id, min(states, key=_rank), now)


def _rank(state: str) -> int:
    """How far on a state is; what is final is the farthest."""
    return _RANKS.get(state, _FINAL)


def _plain(message_id: str) -> str:
    """The id without what providers add in one place and leave out in the other."""
    return message_id.strip().lower().lstrip("0")[:_ID_MAX] or "0"
