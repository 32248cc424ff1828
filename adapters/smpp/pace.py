"""Who may send now: at most so many requests unanswered, so many a second, and fewer after "throttled"."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Final

_BURST_S: Final = 0.05
"""A timer is late by some milliseconds: what it held up may follow at once, up to this."""
_PAUSE_FIRST_S: Final = 0.1
_PAUSE_MAX_S: Final = 10.0
_CALM_S: Final = 5.0
"""Throttled again within this time after a pause, the next pause is longer."""


class Pace:
    """One connection's right to send; belongs to one event loop."""

    def __init__(self, window: int, rate_per_s: float | None) -> None:
        self._free = window
        self._interval_s = 1.0 / rate_per_s if rate_per_s else 0.0
        self._next_at = 0.0
        self._throttled_at = -_CALM_S
        self._pause_s = _PAUSE_FIRST_S
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._urgent) + len(self._patient)

    async def take(self, until: float, *, urgent: bool) -> bool:
        """Wait for a place, until the loop's clock says `until`; the urgent go before all others.

        Returns:
            False: there was none in time. After True, `give_back` follows.
        """
        loop = asyncio.get_running_loop()
        queue = self._urgent if urgent else self._patient
        if not self._urgent and (urgent or not self._patient) and self._grab(loop.time()):
            return True
        mine: asyncio.Future[None] = loop.create_future()
        queue.append(mine)
        self._pump()
        timer = loop.call_at(until, mine.cancel)
        try:
            await mine
        except asyncio.CancelledError:
            if mine in queue:
                queue.remove(mine)
            elif mine.done() and not mine.cancelled():
                self.give_back()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False
        finally:
            timer.cancel()
        return True

    def give_back(self) -> None:
        """A request has its answer, or will have none."""
        self._free += 1
        if self._urgent or self._patient:
            self._pump()

    def throttled(self) -> None:
        """The other side asks for a pause; one that comes soon after another is longer."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at and self._throttled_at > now - self._pause_s:
            return  # the same burst is still being answered
        again = now - self._throttled_at < self._pause_s + _CALM_S
        self._pause_s = min(2 * self._pause_s, _PAUSE_MAX_S) if again else _PAUSE_FIRST_S
        self._throttled_at = now
        self._next_at = now + self._pause_s * random.uniform(0.75, 1.25)

    def _grab(self, now: float) -> bool:
        if not self._free or now < self._next_at:
            return False
        self._free -= 1
        self._next_at = max(self._next_at, now - _BURST_S) + self._interval_s
        return True

    def _pump(self) -> None:
        """Let in whom there is place for; come back when the rate allows the next."""
        loop = asyncio.get_running_loop()
        for queue in (self._urgent, self._patient):
            while queue:
                if queue[0].done():  # out of time
                    queue.popleft()
                elif self._grab(loop.time()):
                    queue.popleft().set_result(None)
                else:
                    self._come_back(loop)
                    return

    def _come_back(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._free and self._timer is None:
            self._timer = loop.call_at(self._next_at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._pump()
