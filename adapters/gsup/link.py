"""The line to the HLR: connects, says who we are, asks whether it is alive, comes back after a loss.

All of it belongs to one event loop. `Link.run` is its life; what comes in goes to a `Take`, at once.

Source: libosmocore 1.7 `ipa.c` (handshake), osmo-hlr 1.5 `gsup_server.c` (who is routed to).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.gsup import wire
from adapters.gsup.wire import Control, Frame
from ussd_engine import WireError

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


class _LineLost(Exception):
    """The line is of no use any more."""


class Link:
    """One connection, made anew as often as it is lost; never a second beside it."""

    def __init__(self, gateway: str, options: LinkOptions, take: Take) -> None:
        self._gateway = gateway
        self._options = options
        self._take = take
        self._writer: asyncio.StreamWriter | None = None
        self._up = asyncio.Event()
        self._pong = asyncio.Event()
        self._heard_at = 0.0
        self.losses = 0

    @property
    def up(self) -> bool:
        """Whether the HLR has taken our name."""
        return self._up.is_set()

    def send(self, octets: bytes) -> bool:
        """Write a whole frame; False where there is no line. Nothing ever confirms its arrival."""
        if self._writer is None or not self._up.is_set():
            return False
        self._writer.write(octets)
        return True

    async def run(self) -> None:
        """Keep the line up until cancelled; then close it."""
        failures = 0
        while True:
            if await self._one_line():
                failures = 0
                self.losses += 1
            longest = min(self._options.backoff_max_s, self._options.backoff_first_s * 2 ** min(failures, 20))
            failures += 1
            # Never at once: the HLR has to see that the old connection is closed before it sees a new one.
            await asyncio.sleep(longest * random.uniform(0.5, 1.0))

    async def _one_line(self) -> bool:
        """One connection from its beginning to its end; whether it ever was up."""
        options = self._options
        try:
            async with asyncio.timeout(options.connect_s):
                reader, writer = await asyncio.open_connection(options.host, options.port)
        except (OSError, TimeoutError) as error:
            log.warning("the HLR can't be reached", extra=self._about(type(error).__name__))
            return False
        self._writer = writer
        self._pong.clear()
        try:
            return await self._live(reader, writer)
        finally:
            self._up.clear()
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(options.connect_s):
                    await writer.wait_closed()

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        tasks = {asyncio.create_task(self._read(reader, writer)), asyncio.create_task(self._keep(writer))}
        was_up = False
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            was_up = self._up.is_set()
            for task in done:
                task.result()
        except (_LineLost, WireError) as lost:
            log.warning("the line is lost", extra=self._about(str(lost)))
        except (OSError, EOFError) as error:
            log.warning("the line is lost", extra=self._about(type(error).__name__))
        except Exception:  # a fault of our own must not leave the service without a line
            log.exception("the line is given up", extra=self._about(""))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return was_up

    async def _keep(self, writer: asyncio.StreamWriter) -> None:
        """Wait for the handshake, then ask for ever whether the other end is alive."""
        options, loop = self._options, asyncio.get_running_loop()
        await _within(self._up, options.ping_every_s + options.pong_s, "the HLR didn't take our name")
        log.info("connected", extra=self._about(""))
        while True:
            await asyncio.sleep(options.ping_every_s)
            self._pong.clear()
            writer.write(wire.control(Control.PING))
            await _within(self._pong, options.pong_s, "a ping got no answer")
            if options.silent_s and loop.time() - self._heard_at > options.silent_s:
                raise _LineLost("nothing has come for long: another may be holding our name")

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

    def _about(self, why: str) -> dict[str, str]:
        return {"gateway": self._gateway, "why": why} if why else {"gateway": self._gateway}


async def _within(event: asyncio.Event, seconds: float, else_why: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        raise _LineLost(else_why) from None
