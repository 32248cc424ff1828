"""An HLR with its switches over GSUP: the service connects to it as an external USSD entity.

Numbers of phones travel with each message, as some switches send them, so the service has nothing to look up.

Source: OsmoHLR user manual, "Generic Subscriber Update Protocol"; libosmocore 1.7 `ipa.c` (handshake).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from typing import Final, cast

from adapters.gsup import component, wire
from adapters.gsup.component import Invoke, Lengths, Refusal, Result, Text
from adapters.gsup.wire import Control, Message, Procedure, State
from simulator.wires.waiting import Waiting
from simulator.wires.wire import Call, Frames, Leaving, NoService, Options, Pushed, hexdump
from ussd_engine import Reply, WireError

_CHUNK: Final = 64 * 1024
_FIRST_SESSION: Final = 0x20000001
_INVOKE: Final = 1
_TYPED_OCTETS: Final = 160
_ASKED: Final = bytes.fromhex("01080107010201030104010501010100")
"""What a peer is asked of itself: a list of lengths and tags; nobody reads it closely."""


class GsupHlr:
    """One listening HLR, for one service at a time."""

    def __init__(self, options: Options, frames: Frames, waiting: Waiting | None = None) -> None:
        self._lengths = cast(Lengths, options.get("lengths", "ber"))
        self.screen_octets = int(options.get("screen_octets") or component.SCREEN_OCTETS[self._lengths])
        self.waiting = waiting or Waiting()
        self._host = str(options.get("host", "127.0.0.1"))
        self._port = int(options.get("port", 4222))
        self._frames = frames
        self._sessions = itertools.count(_FIRST_SESSION)
        self._calls: dict[tuple[str, int], Call] = {}
        self._server: asyncio.Server | None = None
        self._ctrl: asyncio.Server | None = None
        ctrl_port = options.get("ctrl_port")
        self._ctrl_port = int(ctrl_port) if ctrl_port is not None else None
        self._telling: set[asyncio.Task[object]] = set()
        self._serving: asyncio.Task[object] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._name = ""

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def ctrl_port(self) -> int:
        """Where numbers are looked up; 0: nowhere."""
        return self._ctrl_port or 0

    @property
    def state(self) -> str:
        """Who has connected, or that nobody has."""
        where = f"gsup://{self._host}:{self._port}"
        return f"{where} {self._name}" if self._name else f"{where} waits for a service"

    async def open(self) -> None:
        """Listen where the service's settings say that the HLR is."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
            if self._ctrl_port is not None:
                self._ctrl = await asyncio.start_server(self._tell, self._host, self._ctrl_port)
                self._ctrl_port = self._ctrl.sockets[0].getsockname()[1]
        except OSError as error:
            raise NoService(f"can't listen on {self._host}:{self._port}: {error.strerror}") from None
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hang up the line, and listen no more."""
        for server in (self._server, self._ctrl):
            if server is not None:
                server.close()
        for task in list(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    # --- turns --------------------------------------------------------------------------------------------

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`: processUnstructuredSS-Request."""
        await self.waiting.line(self.state)
        call.kept["session"] = next(self._sessions)
        self._calls[imsi(call.number), call.kept["session"]] = call
        said = Invoke(_INVOKE, component.PROCESS, _coded(call.code))
        return await self._turn(call, State.BEGIN, Procedure.REQUEST, component.encode(said, self._lengths))

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`: the result of what the service invoked."""
        call.answers.append(text)
        said = Result(call.kept.get("asked", 0), component.ASK, _coded(text))
        return await self._turn(call, State.CONTINUE, Procedure.RESULT, component.encode(said, self._lengths))

    async def again(self, call: Call) -> Reply:
        """As `Wire.again`; TCP brings nothing twice, but a switch may send it so."""
        message: Message = call.last
        self._calls[message.imsi, message.session] = call
        return await self.waiting.screen(call, lambda: self._send(call, message))

    async def leave(self, call: Call, _why: Leaving) -> None:
        """An END without a component: the switch says no more than that."""
        self._calls.pop((imsi(call.number), call.kept.get("session", 0)), None)
        if self._writer is None:
            raise NoService("no service is connected")
        self._send(call, self._message(call, State.END, Procedure.REQUEST, b""))

    async def _turn(self, call: Call, state: State, procedure: Procedure, said: bytes) -> Reply:
        message = self._message(call, state, procedure, said)
        call.sends(message)
        return await self.waiting.screen(call, lambda: self._send(call, message))

    def _message(self, call: Call, state: State, procedure: Procedure, said: bytes) -> Message:
        session = call.kept.get("session", 0)
        return Message(procedure, imsi(call.number), session, state, said, msisdn=call.number)

    def _send(self, call: Call, message: Message) -> None:
        octets = wire.encode(message)
        self._frames.add(call.number, _headline(message), hexdump(octets), out=True)
        if self._writer is not None:
            self._writer.write(octets)

    # --- the line -----------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()  # an HLR routes nothing to a second line of one name
            return
        self._writer, self._serving = writer, asyncio.current_task()
        writer.write(wire.control(Control.ID_GET, _ASKED))
        frames = wire.Frames()
        try:
            with contextlib.suppress(OSError, WireError, asyncio.CancelledError):
                while octets := await reader.read(_CHUNK):
                    for one in frames.feed(octets):
                        self._sort(one, writer)
        finally:
            self._writer, self._name = None, ""
            self.waiting.up.clear()
            for call in self._calls.values():
                self.waiting.refuse(call, "the service has hung up the line")
            writer.close()

    def _sort(self, one: wire.Frame, writer: asyncio.StreamWriter) -> None:
        if one.protocol == wire.CONTROL:
            self._control(one.payload, writer)
        elif one.protocol == wire.OSMO and one.payload[:1] == bytes((wire.GSUP,)):
            self._take(one.payload[1:])

    def _control(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        kind = payload[0] if payload else None
        if kind == Control.PING:
            writer.write(wire.control(Control.PONG))
        elif kind == Control.ID_RESP:
            self._name = _unit_name(payload[1:])
            self._frames.add("", f"line of {self._name}", hexdump(payload), out=False)
        elif kind == Control.ID_ACK:
            writer.write(wire.control(Control.ID_ACK))
            self.waiting.up.set()

    def _take(self, payload: bytes) -> None:
        try:
            message = wire.decode(payload)
            if message is None:
                return
            heard = component.decode(message.component) if message.component else None
            said = heard.text if isinstance(heard, Invoke | Result) else None
            text = component.plain(said) if said is not None else ""
        except WireError as error:
            self._frames.add("", f"unreadable: {error}", hexdump(payload), out=False)
            return
        call = self._calls.get((message.imsi, message.session))
        number = call.number if call is not None else ""
        self._frames.add(number, _headline(message), hexdump(payload), out=False)
        if call is None:
            self._begun(message, heard, text)
        elif isinstance(heard, Refusal) or message.procedure is Procedure.ERROR:
            self.waiting.refuse(call, "the service refused the dialogue")
        else:
            self._heard(call, message, heard, text)

    def _heard(self, call: Call, message: Message, heard: component.Component | None, text: str) -> None:
        if isinstance(heard, Invoke):
            call.kept["asked"] = heard.id
        is_notice = isinstance(heard, Invoke) and heard.operation == component.NOTIFY
        is_last = is_notice or message.state is State.END
        if message.state is State.END:
            self._calls.pop((message.imsi, message.session), None)
        self.waiting.show(call, Reply(text, open=not is_last))
        if is_notice:
            self._confirm(call)

    def _begun(self, message: Message, heard: component.Component | None, text: str) -> None:
        """The service begins a dialogue: USSR or USSN."""
        if message.state is not State.BEGIN or not isinstance(heard, Invoke):
            return
        number = message.msisdn or message.imsi.removeprefix(_NETWORK)
        call = Call(number, "", kept={"session": message.session, "asked": heard.id})
        waits = heard.operation == component.ASK

        def taken(shown: bool) -> None:
            if not shown:
                self._send(call, self._message(call, State.CONTINUE, Procedure.RESULT, _busy(heard.id)))
                return
            self._calls[message.imsi, message.session] = call
            if not waits:
                self._confirm(call)

        if self.waiting.pushed is not None:
            self.waiting.pushed(Pushed(call, text, waits, taken))

    def _confirm(self, call: Call) -> None:
        """The phone has shown a USSN; the service releases the dialogue then."""
        said = component.encode(Result(call.kept["asked"], component.NOTIFY), self._lengths)
        self._send(call, self._message(call, State.CONTINUE, Procedure.RESULT, said))

    # --- the control interface ----------------------------------------------------------------------------

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whose an IMSI is and whose a number: every phone has one here."""
        task = asyncio.current_task()
        assert task is not None
        self._telling.add(task)
        frames = wire.Frames()
        try:
            with contextlib.suppress(OSError, WireError, asyncio.CancelledError):
                while octets := await reader.read(_CHUNK):
                    for one in frames.feed(octets):
                        if one.protocol == wire.OSMO and one.payload[:1] == bytes((wire.CTRL,)):
                            answer = _told(one.payload[1:].decode("ascii", "replace"))
                            writer.write(wire.frame(wire.OSMO, bytes((wire.CTRL,)) + answer.encode()))
        finally:
            self._telling.discard(task)
            writer.close()


def _told(asked: str) -> str:
    """`GET 7 subscriber.by-msisdn-….info`, `GET 8 subscriber.by-imsi-….msisdn`."""
    found = _ASKED_OF.fullmatch(asked)
    if found is None:
        return f"ERROR {asked.partition(' ')[2].partition(' ')[0] or 'err'} Command not found"
    number, what, by_imsi, by_msisdn = found.groups()
    if by_msisdn is not None:
        return f"GET_REPLY {number} {what} \nimsi\t{imsi(by_msisdn)}\nmsisdn\t{by_msisdn}"
    return f"GET_REPLY {number} {what} {by_imsi.removeprefix(_NETWORK)}"


def _busy(invoke: int) -> bytes:
    """ussd-Busy as a return error (3GPP TS 24.080 §3.6, §4.5)."""
    return bytes((0xA3, 6, 2, 1, invoke, 2, 1, 72))


_ASKED_OF: Final = re.compile(
    r"GET (\d+) (subscriber\.(?:by-imsi-(\d{6,15})\.msisdn|by-msisdn-(\d{5,15})\.info))"
)
_NETWORK: Final = "43"
"""Before a number it makes an IMSI; Uzbekistan's mobile country code begins so (ITU-T E.212)."""


def imsi(number: str) -> str:
    """The IMSI of a phone of this handset: its number in disguise, so that it is the same next time."""
    return f"{_NETWORK}{number}"[:15]


def _coded(text: str) -> Text:
    return component.coded(text, _TYPED_OCTETS)


def _headline(message: Message) -> str:
    return f"{message.procedure.name} {message.state.name} session {message.session:#010x}"


def _unit_name(body: bytes) -> str:
    """The serial number or name in an ID_RESP."""
    at = 0
    while at + 3 <= len(body):
        length, tag = int.from_bytes(body[at : at + 2], "big"), body[at + 2]
        if tag in (0x00, 0x01):
            return body[at + 3 : at + 2 + length].rstrip(b"\0").decode("ascii", "replace")
        at += 2 + length
    return "a service"
