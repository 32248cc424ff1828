"""The owner process: relay, expiry, recovery and the switch link are run by one process at a time.

A row in the database says who, by the database's time: renewed every 2 s, good for 6 s. Whoever finds it run
out takes it under the next epoch. An owner that can't renew stops by its own monotonic clock before the row
runs out; and should two overlap all the same, every change is conditional on the state it was decided on.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from invoicing.ports import Clock
from invoicing.storage import leases as storage
from invoicing.storage.connect import StorageError, reading, write

log: Final = logging.getLogger(__name__)

OWNER: Final = "owner"
LIFE: Final = timedelta(seconds=6)
RENEW_EVERY_S: Final = 2.0
_MARGIN_S: Final = 1.0


class Lease:
    """One process's claim on a name. Not for several threads at once, but `held` may be read by any.

    Args:
        gone: whether an owner has surely ended, so that its lease need not run out.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        name: str = OWNER,
        owner: str | None = None,
        gone: Callable[[str], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._name = name
        self._owner = owner or secrets.token_hex(16)
        self._gone = gone
        self._monotonic = monotonic
        self._epoch: int | None = None
        self._good_until = float("-inf")

    @property
    def held(self) -> bool:
        """Whether this process may do the work now."""
        return self._monotonic() < self._good_until

    @property
    def epoch(self) -> int | None:
        """Grows with every change of hands; `None` while another has it."""
        return self._epoch

    def taken(self) -> bool:
        """Whether any process has it now, by the row.

        Raises:
            StorageError: the database is out of reach.
        """
        with reading(self._engine) as conn:
            seen = storage.find(conn, self._name)
        return seen is not None and seen.expires_at > self._clock.now()

    def keep(self) -> bool:
        """Take the lease if it is free, renew it if it is ours; to be called every `RENEW_EVERY_S`.

        Raises:
            StorageError: the database is out of reach; what is held stays so until it runs out.
        """
        asked = self._monotonic()  # before the row is written: our time must end first
        now = self._clock.now()
        until = now + LIFE
        if self._epoch is not None and not self._renew(self._epoch, now, until):
            log.warning("the lease %s was lost", self._name)
            self._epoch, self._good_until = None, float("-inf")
        if self._epoch is None:
            self._epoch = self._acquire(now, until)
        if self._epoch is not None:
            self._good_until = asked + LIFE.total_seconds() - _MARGIN_S
        return self._epoch is not None

    def _acquire(self, now: datetime, until: datetime) -> int | None:
        with reading(self._engine) as conn:
            seen = storage.find(conn, self._name)
        if seen is not None and seen.expires_at > now and not self._gone(seen.owner):
            return None
        return write(self._engine, lambda conn: storage.acquire(conn, self._name, self._owner, seen, until))

    def _renew(self, epoch: int, now: datetime, until: datetime) -> bool:
        return write(
            self._engine, lambda conn: storage.renew(conn, self._name, self._owner, epoch, now, until)
        )

    def release(self) -> None:
        """Let the next one have it at once; a database out of reach lets it run out."""
        epoch, self._epoch, self._good_until = self._epoch, None, float("-inf")
        if epoch is None:
            return
        now = self._clock.now()
        try:
            write(self._engine, lambda conn: storage.release(conn, self._name, self._owner, epoch, now))
        except StorageError:
            log.warning("the lease %s is left to run out", self._name)
