"""Sessions in this process: for the demo, for tests, for one worker that may forget."""

import time
from collections import OrderedDict
from typing import Final, NamedTuple

from ussd_engine.core.errors import StoreError
from ussd_engine.ports import Clock

RECORDS_MAX: Final = 200_000
"""Dialogues kept at once; at some 600 octets each, about 120 MB."""

_EXAMINED_PER_SAVE: Final = 2
_EXAMINED_WHEN_FULL: Final = 1_000


class _Held(NamedTuple):
    version: bytes
    record: bytes
    expires_at: float


class MemoryStore:
    """`SessionStore` in a dictionary; what a restart loses is menu positions, never money.

    Expired records are dropped when they are asked for, and two are looked at whenever one is written, so
    memory follows the number of open dialogues. A full store refuses new keys and goes on with the old ones.

    Args:
        clock: seconds, never running backwards.
        records_max: dialogues kept at once.
    """

    def __init__(self, clock: Clock = time.monotonic, *, records_max: int = RECORDS_MAX) -> None:
        self._clock = clock
        self._records_max = records_max
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._versions = 0

    def __len__(self) -> int:
        """Records in memory, expired ones not yet dropped included."""
        return len(self._held)

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        held = self._fresh(key, self._clock())
        return None if held is None else (held.version, held.record)

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        now = self._clock()
        held = self._fresh(key, now)
        if (None if held is None else held.version) != expect:
            return False
        self._sweep(now, _EXAMINED_PER_SAVE)
        if held is None and len(self._held) >= self._records_max:
            self._sweep(now, _EXAMINED_WHEN_FULL)
            if len(self._held) >= self._records_max:
                raise StoreError(f"{self._records_max} dialogues are open already", retryable=True)
        self._versions += 1
        self._held[key] = _Held(self._versions.to_bytes(8, "big"), bytes(record), now + ttl_s)
        return True

    async def close(self) -> None:
        self._held.clear()

    def _fresh(self, key: str, now: float) -> _Held | None:
        held = self._held.get(key)
        if held is not None and held.expires_at <= now:
            del self._held[key]
            return None
        return held

    def _sweep(self, now: float, count: int) -> None:
        """Look at the next `count` records in turn; those still good go to the back of the line."""
        for _ in range(min(count, len(self._held))):
            key = next(iter(self._held))
            if self._held[key].expires_at <= now:
                del self._held[key]
            else:
                self._held.move_to_end(key)
