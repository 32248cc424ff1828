"""Which answer belongs to which request: by type, RRN (else STAN), then compared by whoever asked."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from invoicing.processors.iso8583.wire import ANSWERS, Message

REMEMBERED: Final = 10_000
"""Answered and given up requests still known by name: over a minute at 150 payments a second."""

Key = tuple[str, str]


class Stray(StrEnum):
    """What is odd about something that the switch sent."""

    LATE = "late"  # nobody waits for it any more
    DUPLICATE = "duplicate"  # answered before
    STRANGE = (
        "strange"  # about nothing that was asked here; after a restart, perhaps about what was asked before
    )
    MISMATCH = "mismatch"  # about our request, and says something else
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A request on its way; `answer` gives the message, or `None` once the line is lost."""

    key: Key
    stan: str
    answer: asyncio.Future[Message | None]


class InFlight:
    """For one event loop. `remembered` bounds the memory of what is over."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._waiting: dict[Key, Waiting] = {}
        self._answered: OrderedDict[Key, bool] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def answers(self) -> tuple[asyncio.Future[Message | None], ...]:
        """All that are waited for now."""
        return tuple(waiting.answer for waiting in self._waiting.values())

    def add(self, request: Message) -> Waiting | None:
        """Expect an answer; `None` where the same request waits already."""
        key = (ANSWERS[request.mti], request.rrn or request.stan)
        if key in self._waiting:
            return None
        waiting = Waiting(key, request.stan, asyncio.get_running_loop().create_future())
        self._waiting[key] = waiting
        self._answered.pop(key, None)
        return waiting

    def settle(self, answer: Message) -> Stray | None:
        """Hand an answer to whoever waits for it; otherwise say what it is."""
        key = (answer.mti, answer.rrn or answer.stan)
        waiting = self._waiting.get(key)
        if waiting is None and key in self._answered:
            stray = Stray.DUPLICATE if self._answered[key] else Stray.LATE
            self._answered[key] = True
            return stray
        # An answer whose RRN was mangled is still about the attempt with its STAN; comparing will refuse it.
        waiting = waiting or self._by_stan(answer)
        if waiting is None:
            return Stray.STRANGE
        self._over(waiting, answered=True)
        if waiting.answer.done():  # its time ran out in this very turn of the loop
            return Stray.LATE
        waiting.answer.set_result(answer)
        return None

    def give_up(self, waiting: Waiting) -> None:
        """Nobody waits any more; does nothing after an answer."""
        if self._waiting.get(waiting.key) is waiting:
            self._over(waiting, answered=False)
            waiting.answer.cancel()

    def line_lost(self) -> None:
        """All that wait learn that no answer will come."""
        for waiting in tuple(self._waiting.values()):
            self._over(waiting, answered=False)
            if not waiting.answer.done():
                waiting.answer.set_result(None)

    def _by_stan(self, answer: Message) -> Waiting | None:
        if not answer.stan:
            return None
        alike = (
            one for one in self._waiting.values() if one.key[0] == answer.mti and one.stan == answer.stan
        )
        return next(alike, None)

    def _over(self, waiting: Waiting, *, answered: bool) -> None:
        del self._waiting[waiting.key]
        self._answered[waiting.key] = answered
        if len(self._answered) > self._remembered:
            self._answered.popitem(last=False)
