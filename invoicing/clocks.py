"""The database's clock, for machines that share one: their own may be wrong by hours (domain.md F16)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from invoicing.ports import Clock, SystemClock
from invoicing.storage.connect import StorageError, reading
from invoicing.storage.rows import database_time

ASK_EVERY_S: Final = 10.0


class DatabaseClock:
    """Thread-safe. Asks the database now and then and counts on with the monotonic clock in between.

    This machine's time of day is never read: it may jump as it likes. While the database is out of reach the
    last answer is counted on, and nothing can be written anyway.
    """

    def __init__(self, engine: Engine, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        with self._lock:
            told = self._told
            if told is None or self._monotonic() - told[1] >= ASK_EVERY_S:
                told = self._told = self._ask(told)
        return told[0] + timedelta(seconds=self._monotonic() - told[1])

    def _ask(self, told: tuple[datetime, float] | None) -> tuple[datetime, float]:
        asked = self._monotonic()
        try:
            with reading(self._engine) as conn:
                at = database_time(conn)
        except StorageError:
            if told is None:
                raise
            return told[0] + timedelta(seconds=asked - told[1]), asked
        # The answer was true somewhere between asking and hearing.
        heard = self._monotonic()
        return at, (asked + heard) / 2


def clock_of(engine: Engine) -> Clock:
    """The right clock for a database: a SQLite file belongs to one machine, whose clock is the database's."""
    return SystemClock() if engine.dialect.name == "sqlite" else DatabaseClock(engine)
