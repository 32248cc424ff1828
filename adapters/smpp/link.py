"""The line to a centre: connects, binds, asks whether it is alive, matches answers, comes back after a loss.

All of it belongs to one event loop. `Link.run` is its life; requests of the centre go to a `Take`, which says
at once how they are to be answered, since a slow answer stops the centre's window.

Source: SMPP 3.4 §2.2 (sessions), §2.7 (timers), §2.9 (window), §5.1.3 (`command_status`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from ssl import SSLContext
from typing import Final, Literal

from adapters.lines import Line, LineLost, LineState
from adapters.smpp import wire
from adapters.smpp.pace import Pace
from adapters.smpp.status import BAD_COMMAND, IN_NO_STATE_TO, OK, THROTTLING, TRY_LATER, name_of
from adapters.smpp.wire import BadPdu, Pdu

log: Final = logging.getLogger(__name__)
_VERSION: Final = 0x34
_CHUNK: Final = 64 * 1024
_UNBIND_S: Final = 1.0

Bind = Literal["transceiver", "receiver", "transmitter"]
Take = Callable[[Pdu], int]
"""Given a request of the centre; returns the `command_status` of its answer, at once."""


class Silence(Enum):
    """Why there is no answer."""

    NOT_SENT = "not sent"  # not one octet left this machine
    NO_ANSWER = "no answer"  # out of time, or the line was lost: it may have arrived


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Times in seconds.

    Attributes:
        response_s: how long an answer may take; a line that fails to answer `enquire_link` is dropped.
        window: our requests without an answer.
        rate_per_s: our requests in a second; None leaves it to the centre's "throttled".
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    bind: Bind = "transceiver"
    system_type: str = ""
    address_range: str = ""
    tls: SSLContext | None = None
    connect_s: float = 10.0
    response_s: float = 10.0
    enquire_every_s: float = 30.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    window: int = 50
    rate_per_s: float | None = None


class Link(Line):
    """One bind, made anew as often as it is lost."""

    def __init__(self, name: str, options: LinkOptions, take: Take) -> None:
        super().__init__(name, options, options.tls)
        self._options = options
        self._take = take
        self._pace = Pace(options.window, options.rate_per_s)
        self._unanswered: dict[int, tuple[asyncio.Future[Pdu | None], float]] = {}
        self._closing = False
        self._sequence = 0

    @property
    def state(self) -> LineState:
        """How the line is."""
        return replace(
            super().state,
            unanswered=len(self._unanswered),
            waiting=self._pace.waiting,
            window=self._options.window,
        )

    @property
    def up(self) -> bool:
        """Whether a request could be sent now."""
        return self._up.is_set() and not self._closing

    async def ask(self, request: Pdu, within_s: float, *, urgent: bool = False) -> Pdu | Silence:
        """Send a request and wait for its answer; while the centre throttles, send it again.

        Args:
            urgent: goes before all that is not, and waits for a line that is being made.

        Raises:
            ValueError: a field that does not fit its place.
        """
        octets = wire.encode(request)
        until = asyncio.get_running_loop().time() + within_s
        while True:
            if not self._up.is_set() and not (urgent and await self._comes_up(until)):
                return Silence.NOT_SENT
            if (self._closing and not urgent) or not await self._pace.take(until, urgent=urgent):
                return Silence.NOT_SENT
            try:
                answer = await self._exchange(octets, min(until, self._due()))
            finally:
                self._pace.give_back()
            if not isinstance(answer, Pdu) or answer.status not in THROTTLING:
                return answer
            self._pace.throttled()

    async def run(self) -> None:
        """Keep the line up until cancelled; then unbind and close it. May be run again afterwards."""
        self._closing = False
        await super().run()

    def close_doors(self) -> None:
        """Take nothing new from the centre, and only what is urgent for it."""
        self._closing = True

    async def drain(self, longest_s: float) -> None:
        """Let the requests under way be answered."""
        if unanswered := [answer for answer, _ in self._unanswered.values()]:
            await asyncio.wait(unanswered, timeout=longest_s)

    # --- one request --------------------------------------------------------------------------------------

    def _due(self) -> float:
        return asyncio.get_running_loop().time() + self._options.response_s

    async def _comes_up(self, until: float) -> bool:
        try:
            async with asyncio.timeout_at(until):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    async def _exchange(self, octets: bytes, due: float) -> Pdu | Silence:
        """Number a request, write it, wait. Overdue ones are found by `_keep`: a timer for each is dear."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return Silence.NOT_SENT
        self._sequence = self._sequence % wire.SEQUENCE_MAX + 1
        number = self._sequence
        answer: asyncio.Future[Pdu | None] = asyncio.get_running_loop().create_future()
        self._unanswered[number] = (answer, due)
        writer.write(octets[:12] + number.to_bytes(4, "big") + octets[16:])
        try:
            return await answer or Silence.NO_ANSWER
        finally:
            self._unanswered.pop(number, None)

    # --- one connection -----------------------------------------------------------------------------------

    def work(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Iterable[Coroutine[None, None, None]]:
        """Read, stay bound, give up what is not answered."""
        return self._read(reader, writer), self._keep(), self._look()

    async def farewell(self) -> None:
        """Unbind."""
        self._up.clear()
        with contextlib.suppress(LineLost, OSError, TimeoutError):
            async with asyncio.timeout(_UNBIND_S):
                await self._session(Pdu(wire.UNBIND))

    def gone(self) -> None:
        """No request of this connection will be answered."""
        for answer, _ in self._unanswered.values():
            if not answer.done():
                answer.set_result(None)

    async def _keep(self) -> None:
        """Bind, then ask for ever whether the other end is alive."""
        options = self._options
        fields: dict[str, wire.Field] = {
            "system_id": options.system_id,
            "password": options.password,
            "system_type": options.system_type,
            "interface_version": _VERSION,
            "address_range": options.address_range,
        }
        answer = await self._session(Pdu(wire.BINDS[options.bind], fields=fields))
        if answer.status != OK:
            raise LineLost(f"the bind was refused: {name_of(answer.status)}")
        log.info("bound", extra={"gateway": self._gateway})
        while True:
            await asyncio.sleep(options.enquire_every_s)
            await self._session(Pdu(wire.ENQUIRE_LINK))

    async def _session(self, request: Pdu) -> Pdu:
        answer = await self._exchange(wire.encode(request), self._due())
        if isinstance(answer, Silence):
            raise LineLost(f"{wire.name_of(request.command)} got no answer")
        return answer

    async def _look(self) -> None:
        """Give up requests whose time is over."""
        while True:
            await asyncio.sleep(min(0.25, self._options.response_s / 4))
            now = asyncio.get_running_loop().time()
            for answer, due in self._unanswered.values():
                if due <= now and not answer.done():
                    answer.set_result(None)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = wire.Frames()
        while octets := await reader.read(_CHUNK):
            for unit in frames.feed(octets):
                self._sort(unit, writer)
            await writer.drain()  # a centre that doesn't read isn't read either
        raise EOFError

    def _sort(self, unit: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            pdu = wire.decode(unit)
        except BadPdu as bad:
            log.warning("a unit can't be read", extra={"gateway": self._gateway, "why": str(bad)})
            if not bad.command & wire.RESPONSE:
                writer.write(wire.answer(bad, bad.command_status))
            return
        if pdu.is_response:
            self._settle(pdu)
            return
        if pdu.command == wire.ALERT_NOTIFICATION:  # §4.12: has no answer
            return
        writer.write(wire.answer(pdu, self._status(pdu)))
        if pdu.command == wire.UNBIND:
            raise LineLost("the centre has unbound us")

    def _settle(self, response: Pdu) -> None:
        waiting = self._unanswered.get(response.sequence)
        if waiting is None or waiting[0].done():
            return
        if response.command == wire.BINDS[self._options.bind] | wire.RESPONSE and response.status == OK:
            self._up.set()  # at once: a deliver_sm may come right behind it
        waiting[0].set_result(response)

    def _status(self, request: Pdu) -> int:
        if request.command in (wire.ENQUIRE_LINK, wire.UNBIND):
            return OK
        if request.command not in (wire.DELIVER_SM, wire.DATA_SM):
            return BAD_COMMAND
        if not self._up.is_set():
            return IN_NO_STATE_TO
        return TRY_LATER if self._closing else self._take(request)
