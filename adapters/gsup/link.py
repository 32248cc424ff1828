"""The line to the HLR: connects, says who we are, asks whether it is alive, comes back after a loss.

All of it belongs to one event loop. `Link.run` is its life; what comes in goes to a `Take`, at once.

Source: libosmocore 1.7 `ipa.c` (handshake), osmo-hlr 1.5 `gsup_server.c` (who is routed to).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Final

from adapters.gsup import wire
from adapters.gsup.wire import Control, Frame
from adapters.lines import Line, LineLost

log: Final = logging.getLogger(__name__)
_CHUNK: Final = 64 * 1024

Take = Callable[[bytes], None]
"""Given what follows the `GSUP` octet of a frame."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Times in seconds.

    Attributes:
        name: ours, as the HLR's configuration has it behind `EUSE-`.
        ping_every_s, pong_s: how often to ask, and how long the answer may take; the handshake may take as
            long as both.
        silent_s: a line that brings no message for so long is made anew; 0: never. The HLR takes a second
            connection of one name and routes nothing to it, even after the first has gone; nothing tells so.
    """

    host: str
    port: int
    name: str
    connect_s: float = 10.0
    ping_every_s: float = 10.0
    pong_s: float = 5.0
    silent_s: float = 300.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 15.0


class Link(Line):
    """One connection, made anew as often as it is lost; up once the HLR has taken our name."""

    def __init__(self, gateway: str, options: LinkOptions, take: Take) -> None:
        super().__init__(gateway, options)
        self._options = options
        self._take = take
        self._pong = asyncio.Event()
        self._heard_at = 0.0

    def send(self, octets: bytes) -> bool:
        """Write a whole frame; False where there is no line. Nothing ever confirms its arrival."""
        if self._writer is None or not self._up.is_set():
            return False
        self._writer.write(octets)
        return True

    def work(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Iterable[Coroutine[None, None, None]]:
        """Read, and ask whether the other end is alive."""
        self._pong.clear()
        return self._read(reader, writer), self._keep(writer)

    async def _keep(self, writer: asyncio.StreamWriter) -> None:
        """Wait for the handshake, then ask for ever whether the other end is alive."""
        options, loop = self._options, asyncio.get_running_loop()
        await _within(self._up, options.ping_every_s + options.pong_s, "the HLR didn't take our name")
        log.info("connected", extra={"gateway": self._gateway})
        while True:
            await asyncio.sleep(options.ping_every_s)
            self._pong.clear()
            writer.write(wire.control(Control.PING))
            await _within(self._pong, options.pong_s, "a ping got no answer")
            if options.silent_s and loop.time() - self._heard_at > options.silent_s:
                raise LineLost("nothing has come for long: another may be holding our name")

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = wire.Frames()
        self._heard_at = asyncio.get_running_loop().time()
        while octets := await reader.read(_CHUNK):
            for one in frames.feed(octets):
                self._sort(one, writer)
            await writer.drain()  # an HLR that doesn't read isn't read either
        raise EOFError

    def _sort(self, one: Frame, writer: asyncio.StreamWriter) -> None:
        if one.protocol == wire.CONTROL:
            self._control(one.payload, writer)
        elif not self._up.is_set():
            return  # nothing is for us before our name is taken
        elif one.protocol == wire.OSMO and one.payload[:1] == bytes((wire.GSUP,)):
            self._heard_at = asyncio.get_running_loop().time()
            self._take(one.payload[1:])

    def _control(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        kind = payload[0] if payload else None
        if kind == Control.PING:
            writer.write(wire.control(Control.PONG))
        elif kind == Control.PONG:
            self._pong.set()
        elif kind == Control.ID_GET:
            # The HLR acknowledges only after we have: it waits for an ID_ACK of ours.
            writer.write(wire.identity(f"EUSE-{self._options.name}") + wire.control(Control.ID_ACK))
        elif kind == Control.ID_ACK:
            self._up.set()


async def _within(event: asyncio.Event, seconds: float, else_why: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        raise LineLost(else_why) from None
