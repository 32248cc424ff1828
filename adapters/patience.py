"""How long a gateway waits for its engine: one timer for all turns, since a timer for each costs as much as
reading its form."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Patience:
    """Cancels what outlasts its time, looking every `look_s` while anything is under way."""

    def __init__(self, look_s: float) -> None:
        self._look_s = look_s
        self._due: dict[asyncio.Task[Any], float] = {}
        self._cut: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Await `work` in this task, for `seconds` and at most two looks more.

        Raises:
            TimeoutError: it took longer and was cancelled.
        """
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "a coroutine runs in a task"
        self._due[task] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(self._look_s, self._look, loop)
        try:
            return await work
        except asyncio.CancelledError:
            # Cancelled from outside as well: that one wins, as in asyncio.timeout.
            if task in self._cut and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._due[task]
            self._cut.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in self._due.items():
            if due <= now and task not in self._cut:
                self._cut.add(task)
                task.cancel()
        self._timer = loop.call_later(self._look_s, self._look, loop) if self._due else None
