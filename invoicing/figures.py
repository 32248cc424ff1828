"""What operators watch: payments that hang, reversals and notices that wait, the audit chain as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from invoicing import audit
from invoicing.ports import Clock
from invoicing.storage import figures as storage
from invoicing.storage.connect import reading

ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand.

    Attributes:
        hanging: undecided payments, by kind and state.
        hanging_s: age of the oldest of them, in seconds; 0 where there are none.
        reversals: those not done, by state: queued, sent, manual (people must see to it).
        notices, notices_s: how many are not sent, and the age of the oldest in seconds.
    """

    hanging: dict[tuple[str, str], int]
    hanging_s: float
    reversals: dict[str, int]
    notices: int
    notices_s: float


def figures(engine: Engine, clock: Clock) -> Figures:
    """Read them, in one snapshot.

    Raises:
        StorageError: the database is out of reach.
    """
    with reading(engine) as conn:
        hanging, reversals, queue = storage.hanging(conn), storage.reversals(conn), storage.queue(conn)
    now = clock.now()
    return Figures(
        hanging={(one.kind, one.state): one.count for one in hanging},
        hanging_s=_age(now, min((one.oldest for one in hanging), default=None)),
        reversals={one.state: one.count for one in reversals},
        notices=queue.count,
        notices_s=_age(now, queue.oldest),
    )


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


@dataclass
class AuditWalk:
    """Walks the audit chain a stretch at a time, over and over, so that a broken one is found while serving.

    A whole walk at once would keep the processor from turns for as long as the trail is; `ussd audit verify`
    does that, in a process of its own, and holds the books against the trail besides.

    Attributes:
        checked: rows found whole so far, in all rounds.
        rounds: how often the end was reached.
        broken: the row at which the last walk that found something stopped; None again after a whole round.
    """

    engine: Engine
    key: bytes = field(repr=False)
    checked: int = 0
    rounds: int = 0
    broken: int | None = None
    _at: audit.Place = audit.START

    def go_on(self, limit: int = ROWS_AT_ONCE) -> int:
        """Check the next rows; return how many that were, 0 at the end of a round.

        Raises:
            StorageError: the database is out of reach.
        """
        with reading(self.engine) as conn:
            further = audit.walk(conn, self.key, self._at, limit)
        went = further.seal - self._at.seal
        self.checked += went
        if further.broken is not None:
            self.broken, self._at = further.broken, audit.START
            return 0
        if went == 0:
            self.rounds += self._at.seal > 0
            self.broken, self._at = None, audit.START
        else:
            self._at = further
        return went
