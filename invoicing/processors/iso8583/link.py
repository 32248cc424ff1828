"""The line to the switch: connects, signs on, echoes, matches answers, comes back after a loss.

Everything here belongs to one event loop. `Link.run` is its life; `Link.ask` is called from tasks of that
loop, or from other threads through `Caller`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ssl import SSLContext
from typing import Final

from invoicing.ports import Clock
from invoicing.processors.iso8583 import wire
from invoicing.processors.iso8583.inflight import InFlight, Stray
from invoicing.processors.iso8583.wire import Message, WireError

log: Final = logging.getLogger(__name__)
_STRAYS_MAX: Final = 1000
_SIGN_OFF_S: Final = 1.0
_LAST_STRAYS_S: Final = 5.0
_REPORT_TRIES: Final = 7
_REPORT_AGAIN_S: Final = 0.5
"""Doubled each time: the last try is half a minute after the first, when a database has failed over."""
_STANS: Final = 999_999

OnStray = Callable[[Stray, Message | None], None]


class Silence(Enum):
    """Why there is no answer."""

    NOT_SENT = "not sent"  # not one octet of the request left this machine
    NO_ANSWER = "no answer"  # out of time, or the line was lost: it may have arrived


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Times in seconds. `tls` for lines that are not inside a tunnel: card checks carry card numbers."""

    host: str
    port: int
    tls: SSLContext | None = None
    connect_s: float = 10.0
    network_s: float = 10.0
    """How long a sign-on or an echo may take; a line that fails one is dropped."""
    echo_every_s: float = 60.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    in_flight_max: int = 500


class LineLost(Exception):
    """The line is of no use any more."""


class Link:
    """`on_stray` is called in a thread, one call at a time, for everything that nobody waited for."""

    def __init__(self, options: LinkOptions, *, clock: Clock, on_stray: OnStray) -> None:
        self._options = options
        self._clock = clock
        self._on_stray = on_stray
        self._in_flight = InFlight()
        self._strays: asyncio.Queue[tuple[Stray, Message | None]] = asyncio.Queue(_STRAYS_MAX)
        self._writer: asyncio.StreamWriter | None = None
        self._signed_on = False
        self.was_up = threading.Event()
        """Set by the first sign-on and never cleared."""
        self._closing = False
        self._stan = random.randrange(_STANS)

    @property
    def up(self) -> bool:
        """Whether a request could be sent now: signed on, and not too many others in flight."""
        return self._signed_on and not self._closing and len(self._in_flight) < self._options.in_flight_max

    def next_stan(self) -> str:
        """For messages that the domain does not number: they move no money."""
        self._stan = self._stan % _STANS + 1
        return f"{self._stan:06d}"

    async def ask(self, request: Message, timeout_s: float) -> Message | Silence:
        """Send one request and wait for its answer.

        Raises:
            WireError: the request cannot be sent as it is.
        """
        frame = wire.encode(request)
        if not self.up:
            return Silence.NOT_SENT
        return await self._exchange(request, frame, timeout_s)

    async def _exchange(self, request: Message, frame: bytes, timeout_s: float) -> Message | Silence:
        waiting = self._in_flight.add(request)
        writer = self._writer
        if waiting is None or writer is None:
            return Silence.NO_ANSWER
        try:
            async with asyncio.timeout(timeout_s):
                writer.write(frame)
                await writer.drain()
                return await waiting.answer or Silence.NO_ANSWER
        except TimeoutError:
            answer = waiting.answer
            found = answer.result() if answer.done() and not answer.cancelled() else None
            return found or Silence.NO_ANSWER
        except OSError:
            return Silence.NO_ANSWER
        finally:
            self._in_flight.give_up(waiting)

    async def run(self) -> None:
        """Keep the line up until cancelled; then sign off and close it."""
        reporter = asyncio.create_task(self._report())
        failures = 0
        try:
            while True:
                if await self._one_line():
                    failures = 0
                longest = min(
                    self._options.backoff_max_s, self._options.backoff_first_s * 2 ** min(failures, 20)
                )
                failures += 1
                await asyncio.sleep(
                    longest * random.uniform(0.5, 1.0)
                )  # jitter: not all links of a farm at once
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_STRAYS_S):
                    await self._strays.join()
            reporter.cancel()

    async def drain(self, longest_s: float) -> None:
        """Take no more requests, and let those in flight be answered."""
        self._closing = True
        if answers := self._in_flight.answers():
            await asyncio.wait(answers, timeout=longest_s)

    async def _one_line(self) -> bool:
        """One connection from its beginning to its end; whether it ever was signed on."""
        options = self._options
        try:
            async with asyncio.timeout(options.connect_s):
                reader, writer = await asyncio.open_connection(options.host, options.port, ssl=options.tls)
        except (OSError, TimeoutError) as error:
            log.warning("the switch cannot be reached: %s", type(error).__name__)
            return False
        self._writer = writer
        try:
            return await self._live(reader)
        finally:
            self._signed_on = False
            self._writer = None
            self._in_flight.line_lost()
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(options.connect_s):
                    await writer.wait_closed()

    async def _live(self, reader: asyncio.StreamReader) -> bool:
        tasks = {asyncio.create_task(self._read(reader)), asyncio.create_task(self._keep())}
        was_on = False
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            was_on = self._signed_on
            for task in done:
                task.result()
        except LineLost as lost:
            log.warning("the line to the switch is lost: %s", lost)
        except (OSError, EOFError) as error:
            log.warning("the line to the switch is lost: %s", type(error).__name__)
        except Exception:  # a fault of our own must not leave the service without a line
            log.exception("the line to the switch is given up")
        except asyncio.CancelledError:
            await self._sign_off()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return was_on

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(wire.LENGTH_OCTETS), "big")
            if length > wire.FRAME_MAX:
                raise LineLost("a frame longer than any message")  # the next length cannot be found any more
            if length == 0:
                continue  # some hosts keep the line open so
            octets = await reader.readexactly(length)
            try:
                message = wire.decode(octets)
            except WireError as error:
                log.error("the switch sent something unreadable: %s", error)
                self._stray(Stray.UNREADABLE, None)
                continue
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.mti == "0800":
            self._told(message)
        elif message.mti not in wire.ANSWERS.values():
            self._stray(Stray.STRANGE, message)
        elif (stray := self._in_flight.settle(message)) and message.mti != "0810":
            self._stray(stray, message)

    def _told(self, request: Message) -> None:
        """The switch's own 0800: it may sign us off and on again, and echo."""
        code = request.fields.get(70)
        if code in (wire.SIGN_ON, wire.SIGN_OFF):
            self._signed_on = code == wire.SIGN_ON
            log.warning("the switch signed us %s", "on" if self._signed_on else "off")
        if self._writer is not None:
            self._writer.write(wire.encode(wire.network_answer(request)))

    async def _keep(self) -> None:
        """Sign on, then echo for ever."""
        await self._network(wire.SIGN_ON)
        self._signed_on = True
        self.was_up.set()
        log.info("signed on at the switch")
        while True:
            await asyncio.sleep(self._options.echo_every_s)
            await self._network(wire.ECHO)

    async def _network(self, code: str) -> None:
        request = wire.network(code, self.next_stan(), self._clock.now())
        answer = await self._exchange(request, wire.encode(request), self._options.network_s)
        if isinstance(answer, Silence):
            raise LineLost(f"0800 {code} got no answer")
        if answer.code != "00":
            raise LineLost(f"0800 {code} was refused")

    async def _sign_off(self) -> None:
        self._signed_on = False
        with contextlib.suppress(LineLost, OSError):
            request = wire.network(wire.SIGN_OFF, self.next_stan(), self._clock.now())
            await self._exchange(request, wire.encode(request), _SIGN_OFF_S)

    def _stray(self, kind: Stray, message: Message | None) -> None:
        try:
            self._strays.put_nowait((kind, message))
        except asyncio.QueueFull:  # only reconciliation with the switch's file finds it now
            log.error("too many strays: a %s one is dropped", kind)

    async def _report(self) -> None:
        while True:
            kind, message = await self._strays.get()
            try:
                await self._report_one(kind, message)
            finally:
                self._strays.task_done()

    async def _report_one(self, kind: Stray, message: Message | None) -> None:
        """A late approval that nobody keeps is money that nobody gives back: it is worth some tries."""
        for tried in range(_REPORT_TRIES):
            if tried:
                await asyncio.sleep(_REPORT_AGAIN_S * 2 ** (tried - 1))
            try:
                await asyncio.to_thread(self._on_stray, kind, message)
            except Exception:
                log.exception("a %s message could not be reported", kind)
            else:
                return


class Caller:
    """A link for threads: calls that block until there is an answer or none will come."""

    _MARGIN_S: Final = 1.0

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop

    def ask(self, request: Message, timeout_s: float) -> Message | Silence:
        """As `Link.ask`; never from the loop's own thread, which would wait for itself."""
        asking = self._link.ask(request, timeout_s)
        try:
            future = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the loop is closed
            asking.close()
            return Silence.NOT_SENT
        try:
            return future.result(timeout_s + self._MARGIN_S)
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            future.cancel()
            return Silence.NO_ANSWER
