"""Simulated time: a heap of timed events, and tasks that wait in the middle of synchronous code.

A task is a greenlet. Domain code that asks the clock, sleeps, or waits for the switch runs unchanged; where
it would block, its task is put aside and the next event of the heap is played. There is one thread, no event
loop and no real waiting, so the same plan gives the same run, to the last step.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet


class Died(BaseException):
    """The process, or a worker of it, ends here: what it had in hand is gone, what it committed stays."""


@dataclass(order=True, slots=True)
class Event:
    at_ms: int
    seq: int
    work: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        self.work = None


class Scheduler:
    """Plays events in the order of their times; equal times in the order of their making."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.played = 0
        self._heap: list[Event] = []
        self._seq = count()

    def after(self, delay_ms: int, work: Callable[[], object]) -> Event:
        event = Event(self.now_ms + delay_ms, next(self._seq), work)
        heapq.heappush(self._heap, event)
        return event

    def step(self) -> bool:
        """Play the next event; `False` where there is none."""
        while self._heap:
            event = heapq.heappop(self._heap)
            if event.work is None:
                continue
            self.now_ms = event.at_ms
            self.played += 1
            event.work()
            return True
        return False


class Task(greenlet):
    """One piece of work in hand. Its `resume` gives a value to the place where it waits."""

    def __init__(
        self, name: str, scheduler: Scheduler, work: Callable[[], None], *, order: Any = None
    ) -> None:
        super().__init__(work)
        self.name = name
        self.order = order
        self.turns = 0
        self.typed: str | None = None
        """The PIN that this task has a try for."""
        self.born = 0
        """How many commits there had been when it began."""
        self._scheduler = scheduler
        self._waits = 0

    def begin(self) -> None:
        self.switch()

    def pause(self, delay_ms: int) -> None:
        """Let the others have their turn for a while."""
        ticket = self._ticket()
        self._scheduler.after(delay_ms, lambda: self.resume(ticket))
        self.park()

    def park(self) -> Any:
        """Wait until somebody resumes."""
        assert self.parent is not None
        return self.parent.switch()

    def _ticket(self) -> int:
        self._waits += 1
        return self._waits

    def wait(self, ask: Callable[[Callable[[Any], bool]], None], timeout_ms: int, timed_out: Any) -> Any:
        """Give `ask` a function that ends the wait with its argument and tells whether it was in time."""
        ticket = self._ticket()
        timer = self._scheduler.after(timeout_ms, lambda: self.resume(ticket, timed_out))

        def answer(value: Any) -> bool:
            timer.cancel()
            return self.resume(ticket, value)

        ask(answer)
        return self.park()

    def resume(self, ticket: int, value: Any = None) -> bool:
        """End one wait; `False` where the task does not wait for that any more."""
        if self.dead or ticket != self._waits:
            return False
        self._waits += 1
        self.switch(value)
        return True

    def die(self) -> None:
        if not self.dead:
            self._waits += 1
            self.throw(Died)


def current() -> Task:
    """The task whose code runs now."""
    task = getcurrent()
    assert isinstance(task, Task)
    return task
