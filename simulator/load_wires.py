"""A load over one wire that all handsets share: a line that the service makes, or replies that come later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from simulator.wires.wire import Call, Leaving, NoService, Wire
from ussd_engine import Reply

LINE_WITHIN_S: Final = 40.0
"""A service that found nobody tries again after half a minute at most."""


class WireLines:
    """Handsets on one wire; it is opened once and carries many dialogues at a time."""

    def __init__(self, wire: Wire, up: asyncio.Event | None = None, within_s: float = LINE_WITHIN_S) -> None:
        """`up` is set once the service is connected; None where it needn't be."""
        self._wire = wire
        self._up = up
        self._within_s = within_s

    async def open(self) -> None:
        """Listen, and wait for the service to connect.

        Raises:
            NoService: it can't listen there, or nobody came.
        """
        await self._wire.open()
        try:
            if self._up is not None:
                await asyncio.wait_for(self._up.wait(), self._within_s)
        except TimeoutError:
            raise NoService(f"{self._wire.state}: none came within {self._within_s:g} s") from None

    async def close(self) -> None:
        """Let go of the line."""
        await self._wire.close()

    def line(self, timed: Callable[[float], None]) -> WireLine:
        """One handset."""
        return WireLine(self._wire, timed)


class WireLine:
    """One handset on the wire of all."""

    def __init__(self, wire: Wire, timed: Callable[[float], None]) -> None:
        self._wire = wire
        self._timed = timed

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`."""
        began = time.perf_counter()
        reply = await self._wire.begin(call)
        self._timed(time.perf_counter() - began)
        return reply

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`."""
        began = time.perf_counter()
        reply = await self._wire.answer(call, text)
        self._timed(time.perf_counter() - began)
        return reply

    async def leave(self, call: Call, why: Leaving) -> None:
        """As `Wire.leave`."""
        await self._wire.leave(call, why)

    def close(self) -> None:
        """The wire is everybody's, and stays."""
