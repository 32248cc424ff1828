"""What goes on beside the turns: the outbox relay, expiry, recovery; each in the bounded pool of threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

BACK_OFF_MAX_S: Final = 30.0
DOUBLED_MAX: Final = 16
"""Times; a nudged chore fails thousands of times in an outage, and no float holds that power of two."""


@dataclass(frozen=True)
class Chore:
    """Work that comes round: `work` does what there is and says how much that was.

    Attributes:
        every_s: pause after a round that found nothing; after another the next follows at once.
        nudged: `Workers.nudge` ends its pause.
        backs_off: while it fails it comes round less and less often; the lease does not, for lines and
            notices wait for it.
    """

    name: str
    work: Callable[[], int]
    every_s: float
    nudged: bool = False
    backs_off: bool = True


class Workers:
    """Runs chores until stopped; one that fails is tried again, later and later."""

    def __init__(self, chores: Sequence[Chore], pool: Executor) -> None:
        self._chores = chores
        self._pool = pool
        self._stopping = False
        self._wakers: dict[Chore, asyncio.Event] = {chore: asyncio.Event() for chore in chores}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, on the running loop."""
        self._tasks = [asyncio.create_task(self._run(chore), name=chore.name) for chore in self._chores]

    async def stop(self) -> None:
        """Let rounds in progress end; begin no more."""
        self._stopping = True
        for waker in self._wakers.values():
            waker.set()
        await asyncio.gather(*self._tasks)

    def nudge(self) -> None:
        """There may be work for the chores that are nudged."""
        for chore, waker in self._wakers.items():
            if chore.nudged:
                waker.set()

    async def _run(self, chore: Chore) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            pause = chore.every_s
            self._wakers[chore].clear()
            try:
                if await loop.run_in_executor(self._pool, chore.work):
                    pause = 0.0
                failures = 0
            except Exception as error:
                failures += 1
                if chore.backs_off:
                    pause = min(BACK_OFF_MAX_S, chore.every_s * 2 ** min(failures, DOUBLED_MAX))
                told = {"chore": chore.name, "again_in_s": pause, "why": type(error).__name__}
                # The way it came is told once; an outage would fill the log with it.
                log.error("a chore failed", extra=told, exc_info=failures == 1)
            await self._rest(chore, pause)

    async def _rest(self, chore: Chore, pause_s: float) -> None:
        if self._stopping:
            return
        try:
            async with asyncio.timeout(pause_s):
                await self._wakers[chore].wait()
        except TimeoutError:
            pass
