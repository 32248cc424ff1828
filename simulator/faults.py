"""What networks do to turns: lose, repeat, delay them; an operator's latency and loss."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from simulator.wires.wire import NoService
from ussd_engine import Reply

Send = Callable[[], Awaitable[Reply]]


class Fault(Enum):
    """What goes wrong with the next turn."""

    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"
    DUPLICATE = "duplicate"
    DELAY = "delayed reply"


class Lost(NoService):
    """Nothing came back in time."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A network's manners: one way takes `latency_s` and up to `jitter_s` more; `loss_percent` fail."""

    name: str
    latency_s: float = 0.0
    jitter_s: float = 0.0
    loss_percent: int = 0

    def __str__(self) -> str:
        if not self.latency_s:
            return self.name
        return f"{self.name} {2 * self.latency_s:g} s, {self.loss_percent}% lost"


OPERATORS: Final = (
    Operator("direct"),
    Operator("3G city", 0.15, 0.1, 0),
    Operator("2G town", 0.6, 0.5, 1),
    Operator("2G edge of cell", 1.5, 1.5, 8),
    Operator("roaming", 1.2, 0.6, 3),
)
"""Round trips of signalling as people see them: under half a second to several."""


class Carrier:
    """Carries the turns of one phone.

    Attributes:
        armed: what the next turn suffers.
        operator: what all turns suffer.
        down: the gateway can't be reached.
        lost_after_s: how long the phone waits for what was lost; a network waits longer, a person needn't.
        delay_s: how late a delayed reply is.
    """

    def __init__(self, *, lost_after_s: float = 3.0, delay_s: float = 6.0, seed: int | None = None) -> None:
        self.armed: Fault | None = None
        self.operator = OPERATORS[0]
        self.down = False
        self.lost_after_s = lost_after_s
        self.delay_s = delay_s
        self._random = random.Random(seed)

    def arm(self, fault: Fault) -> None:
        """Let the next turn suffer it; the same again takes it back."""
        self.armed = None if self.armed is fault else fault

    async def carry(self, send: Send, again: Send) -> tuple[Reply, str]:
        """Bring a turn to the service and its reply back.

        Args:
            again: sends the same request once more, as soon as it has gone out.

        Returns:
            The reply, and what is worth telling of the way.

        Raises:
            Lost: request or reply never arrived.
            NoService: the service can't be used.
        """
        fault, self.armed = self.armed, None
        if self.down:
            raise NoService("the gateway is down")
        await self._way()
        if fault is Fault.LOST_REQUEST or self._is_lost():
            await self._never("the request was lost: the service knows nothing of it")
        reply, told = await self._both(send, again) if fault is Fault.DUPLICATE else (await send(), "")
        if fault is Fault.LOST_REPLY or self._is_lost():
            await self._never("the reply was lost: the service did its part")
        if fault is Fault.DELAY:
            await asyncio.sleep(self.delay_s)
            told = f"the reply came {self.delay_s:g} s late"
        await self._way()
        return reply, told

    async def _both(self, send: Send, again: Send) -> tuple[Reply, str]:
        copy = asyncio.ensure_future(again())
        try:
            reply = await send()
        except BaseException:
            copy.cancel()
            await asyncio.gather(copy, return_exceptions=True)
            raise
        try:
            other = await copy
        except NoService as error:
            return reply, f"sent twice; the copy got no reply: {error}"
        return reply, "sent twice, one reply" if reply == other else "sent twice, and the replies DIFFER"

    async def _way(self) -> None:
        if self.operator.latency_s:
            await asyncio.sleep(self.operator.latency_s + self._random.uniform(0, self.operator.jitter_s))

    def _is_lost(self) -> bool:
        return self._random.uniform(0, 100) < self.operator.loss_percent

    async def _never(self, why: str) -> None:
        await asyncio.sleep(self.lost_after_s)
        raise Lost(why)
