"""Whose an IMSI is: asked of the HLR over its control interface, and remembered for a while.

Source: OsmoHLR user manual, "Control interface" (`subscriber.by-imsi-….msisdn`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import Final

from adapters.gsup import wire
from ussd_engine import WireError

log: Final = logging.getLogger(__name__)
KEPT_MAX: Final = 20_000
"""Numbers remembered, about 3 MB; the oldest goes first."""
_CHUNK: Final = 16 * 1024
_MSISDN: Final = re.compile(r"[0-9]{5,15}")
_IMSI: Final = re.compile(r"^imsi\t([0-9]{6,15})$", re.MULTILINE)


class Unreachable(Exception):
    """The HLR's control interface gives no answer."""


class Numbers:
    """MSISDNs by IMSI over one connection, opened when it is needed; many may ask at once."""

    def __init__(self, gateway: str, host: str, port: int, *, within_s: float, keep_s: float) -> None:
        self._gateway = gateway
        self._host, self._port = host, port
        self._within_s, self._keep_s = within_s, keep_s
        self._kept: dict[str, tuple[str, float]] = {}
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._count = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    def learn(self, imsi: str, msisdn: str) -> None:
        """Remember what a switch has told by itself."""
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(imsi, None)
        self._kept[imsi] = msisdn, asyncio.get_running_loop().time() + self._keep_s

    async def msisdn(self, imsi: str) -> str:
        """The number of a subscriber; empty where the HLR has none.

        Raises:
            Unreachable: the HLR didn't say.
        """
        kept = self._kept.get(imsi)
        if kept is not None and kept[1] > asyncio.get_running_loop().time():
            return kept[0]
        try:
            found = await self._ask(f"subscriber.by-imsi-{imsi}.msisdn")
        except (OSError, TimeoutError) as error:
            log.warning(
                "a number can't be looked up", extra={"gateway": self._gateway, "why": type(error).__name__}
            )
            raise Unreachable from None
        number = found.rpartition(" ")[2]
        if not _MSISDN.fullmatch(number):  # "none", or "No such subscriber."
            return ""
        self.learn(imsi, number)
        return number

    async def imsi(self, msisdn: str) -> str:
        """Whose number it is; empty where the HLR knows nobody. Not remembered: a push is seldom.

        Raises:
            Unreachable: the HLR didn't say.
        """
        try:
            found = await self._ask(f"subscriber.by-msisdn-{msisdn}.info")
        except (OSError, TimeoutError) as error:
            why = type(error).__name__
            log.warning("an IMSI can't be looked up", extra={"gateway": self._gateway, "why": why})
            raise Unreachable from None
        told = _IMSI.search(found)
        if told is None:
            return ""
        self.learn(told[1], msisdn)
        return told[1]

    async def close(self) -> None:
        """Let go of the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _ask(self, what: str) -> str:
        """What follows the number of our question in the answer to it, in time."""
        try:
            async with asyncio.timeout(self._within_s):
                return await self._exchange(what)
        except TimeoutError:
            # Answers come in order: nothing behind this one will come either, and perhaps nobody is there.
            if self._writer is not None:
                self._lost(self._writer)
            raise

    async def _exchange(self, what: str) -> str:
        async with self._opening:
            writer = self._writer or await self._open()
        self._count += 1
        number = str(self._count)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            writer.write(wire.frame(wire.OSMO, bytes((wire.CTRL,)) + f"GET {number} {what}".encode()))
            return await answer
        finally:
            del self._asked[number]

    async def _open(self) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader, writer))
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = wire.Frames()
        try:
            while octets := await reader.read(_CHUNK):
                for one in frames.feed(octets):
                    self._sort(one)
        except (OSError, WireError) as error:
            log.warning("the control line is lost", extra={"gateway": self._gateway, "why": str(error)})
        finally:
            self._lost(writer)
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        """Give a connection up; the next question opens another."""
        writer.transport.abort()
        if self._writer is not writer:
            return
        self._writer = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError())

    def _sort(self, one: wire.Frame) -> None:
        """`GET_REPLY 7 subscriber.by-imsi-….msisdn 998901112233`, or `ERROR 7 No such subscriber.`"""
        if one.protocol != wire.OSMO or one.payload[:1] != bytes((wire.CTRL,)):
            return
        kind, _, rest = one.payload[1:].decode("ascii", "replace").partition(" ")
        number, _, answered = rest.partition(" ")
        answer = self._asked.get(number)
        if answer is not None and not answer.done():
            answer.set_result(answered if kind == "GET_REPLY" else "")
