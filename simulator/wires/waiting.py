"""Dialogues on a line to which the service connects: a screen is a unit of its own, and comes any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from simulator.wires.wire import PATIENCE_S, Call, NoService, Pushed
from ussd_engine import Reply

LINE_WITHIN_S: Final = 5.0
"""How long the first turn waits for the service to connect."""
_SCREEN: Final = "screen"


class Waiting:
    """Which dialogues wait for a screen.

    Attributes:
        up: set while a service is connected.
        pushed: given what the service begins by itself.
    """

    def __init__(self, patience_s: float = PATIENCE_S, line_within_s: float = LINE_WITHIN_S) -> None:
        self.up = asyncio.Event()
        self.pushed: Callable[[Pushed], None] | None = None
        self._patience_s = patience_s
        self._line_within_s = line_within_s

    async def line(self, where: str) -> None:
        """Wait for the service to connect.

        Raises:
            NoService: it doesn't.
        """
        try:
            await asyncio.wait_for(self.up.wait(), self._line_within_s)
        except TimeoutError:
            raise NoService(f"no service has connected to {where}") from None

    async def screen(self, call: Call, send: Callable[[], None]) -> Reply:
        """Send something, and wait for the screen that follows; copies of one request share it.

        Raises:
            NoService: none comes.
        """
        came: asyncio.Future[Reply] | None = call.kept.get(_SCREEN)
        if came is None or came.done():
            came = call.kept[_SCREEN] = asyncio.get_running_loop().create_future()
        send()
        try:
            return await asyncio.wait_for(asyncio.shield(came), self._patience_s)
        except TimeoutError:
            raise NoService(f"no screen came within {self._patience_s:.0f} s") from None

    def show(self, call: Call, reply: Reply) -> bool:
        """A screen came for `call`; False where nothing waits for it."""
        came: asyncio.Future[Reply] | None = call.kept.get(_SCREEN)
        if came is None or came.done():
            return False
        came.set_result(reply)
        return True

    def refuse(self, call: Call, why: str) -> None:
        """What was sent for `call` was not taken."""
        came: asyncio.Future[Reply] | None = call.kept.get(_SCREEN)
        if came is not None and not came.done():
            came.set_exception(NoService(why))
