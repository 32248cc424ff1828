"""An operator's USSD centre over SMPP 3.4: the service binds to it, as to a real one, and brings SMS too.

Takes the same settings as the service's gateway (docs/smpp.md), so that both ends agree on what is odd.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any, Final, cast

from adapters.smpp import coding, wire
from adapters.smpp.profiles import ASK, END, NOTIFY, PROFILES, ProfileName
from adapters.smpp.wire import BadPdu, Field, Pdu
from simulator.wires.texting import Texted, Texts
from simulator.wires.waiting import Waiting
from simulator.wires.wire import Call, Frames, Leaving, NoService, Options, Pushed, hexdump
from ussd_engine import Reply, WireError

OK, BIND_FAILED, WRONG_PASSWORD = 0x00, 0x0D, 0x0E
"""SMPP 3.4 §5.1.3."""
BUSY: Final = 0x448
"""The phone is in a dialogue, unless the settings' `busy` says it otherwise; of the vendors' own statuses."""
_PSSR, _CONFIRM, _SHOWN, _ABORT = 1, 18, 19, 129
_CHUNK: Final = 64 * 1024


class SmppCentre:
    """One listening centre, for one service at a time."""

    def __init__(
        self, options: Options, frames: Frames, texted: Texted, waiting: Waiting | None = None
    ) -> None:
        """`texted`: given the SMS that the service submits."""
        self.screen_octets = int(options.get("screen_octets", 160))
        self.waiting = waiting or Waiting()
        self._host = str(options.get("host", "127.0.0.1"))
        self._port = int(options.get("port", 2775))
        self._system_id = str(options.get("system_id", ""))
        self._password = str(options.get("password", ""))
        self._profile = PROFILES[cast(ProfileName, options.get("profile", "its"))]
        self._end_op = int(options.get("end_op", END))
        self._alphabet = cast(coding.Alphabet, options.get("alphabet", "gsm"))
        self._plain = int(options.get("ussd_coding", coding.DEFAULT))
        self._ucs2 = int(options.get("ussd_ucs2", coding.UCS2))
        self._busy = next(iter(options.get("busy") or ()), BUSY)
        self._code_in = str(options.get("code_in", "text"))
        self._frames = frames
        self._texts = Texts(self._alphabet, texted)
        self._numbering = itertools.count(1)
        self._sequence = itertools.count(1)
        self._ids = itertools.count(1)
        self._calls: dict[str, Call] = {}
        self._delivered: dict[int, Call] = {}
        self._server: asyncio.Server | None = None
        self._serving: asyncio.Task[object] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._bound_as = ""

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def state(self) -> str:
        """Who has bound, or that nobody has."""
        where = f"smpp://{self._host}:{self._port}"
        return f"{where} bound by {self._bound_as}" if self._bound_as else f"{where} waits for a bind"

    async def open(self) -> None:
        """Listen where the service's settings say that the centre is."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        except OSError as error:
            raise NoService(f"can't listen on {self._host}:{self._port}: {error.strerror}") from None
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Unbind, and listen no more."""
        if self._server is not None:
            self._server.close()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    # --- turns --------------------------------------------------------------------------------------------

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`: PSSR indication."""
        await self.waiting.line(self.state)
        call.kept["named"] = self._profile.begin(next(self._numbering))
        self._calls[call.number] = call
        destination = call.code if self._code_in == "destination" else call.base
        return await self._turn(call, call.code, _PSSR, destination)

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`: USSR confirm."""
        call.answers.append(text)
        return await self._turn(call, text, _CONFIRM)

    async def again(self, call: Call) -> Reply:
        """As `Wire.again`; a centre counts its units anew."""
        unit: Pdu = call.last
        self._calls[call.number] = call  # its last screen may have been the dialogue's
        return await self.waiting.screen(call, lambda: self._deliver(call, unit))

    async def leave(self, call: Call, why: Leaving) -> None:
        """By the profile's end bit, or an abort; a timeout as some centres tell it, by an empty unit."""
        self._forget(call)
        if self._writer is None:
            raise NoService("no service is bound")
        named: dict[int, bytes] = call.kept.get("named", {})
        if why is Leaving.TIMEOUT:
            tlvs = named
        elif self._profile.end_bit:
            tlvs = {wire.SERVICE_OP: bytes((_CONFIRM,)), **self._profile.answer_to(named, last=True)}
        else:
            tlvs = {wire.SERVICE_OP: bytes((_ABORT,)), **named}
        self._deliver(call, self._unit(call, b"", coding.DEFAULT, call.base, tlvs))

    async def _turn(self, call: Call, text: str, op: int, destination: str = "") -> Reply:
        coded = coding.encode(text, alphabet=self._alphabet, plain=self._plain, ucs2=self._ucs2)
        tlvs = {wire.SERVICE_OP: bytes((op,)), **call.kept.get("named", {})}
        unit = self._unit(call, coded.octets, coded.data_coding, destination or call.base, tlvs)
        call.sends(unit)
        return await self.waiting.screen(call, lambda: self._deliver(call, unit))

    def _unit(
        self, call: Call, octets: bytes, data_coding: int, destination: str, tlvs: dict[int, bytes]
    ) -> Pdu:
        fields: dict[str, Field] = {
            "service_type": "USSD",
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": call.number,
            "destination_addr": (call.kept.get("from") or destination)[:20],
            "data_coding": data_coding,
            "short_message": octets,
        }
        return Pdu(wire.DELIVER_SM, fields=fields, tlvs=tlvs)

    def _deliver(self, call: Call, unit: Pdu) -> None:
        sequence = next(self._sequence)
        self._delivered[sequence] = call
        self._send(Pdu(unit.command, sequence, 0, unit.fields, unit.tlvs), call.number)

    def _forget(self, call: Call) -> None:
        if self._calls.get(call.number) is call:
            del self._calls[call.number]

    # --- the line -----------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()  # one bind is a line; a second one would hear half of everything
            return
        self._writer, self._serving = writer, asyncio.current_task()
        frames = wire.Frames()
        try:
            with contextlib.suppress(OSError, WireError, asyncio.CancelledError):
                while octets := await reader.read(_CHUNK):
                    for one in frames.feed(octets):
                        self._take(one)
        finally:
            self._writer, self._bound_as = None, ""
            self.waiting.up.clear()
            for call in self._calls.values():
                self.waiting.refuse(call, "the service has closed its bind")
            writer.close()

    def _take(self, octets: bytes) -> None:
        try:
            pdu = wire.decode(octets)
        except BadPdu as bad:
            self._write(wire.answer(bad, bad.command_status))
            return
        if pdu.command in wire.BINDS.values():
            self._bind(pdu)
        elif pdu.command == wire.ENQUIRE_LINK:
            self._write(wire.answer(pdu))
        elif pdu.command == wire.UNBIND:
            self._write(wire.answer(pdu))
            if self._writer is not None:
                self._writer.close()
        elif pdu.command in (wire.SUBMIT_SM, wire.DATA_SM) and self._bound_as:
            self._submitted(pdu, octets)
        elif pdu.is_response:
            self._answered(pdu)

    def _bind(self, pdu: Pdu) -> None:
        status = OK
        if self._system_id and pdu.text("system_id") != self._system_id:
            status = BIND_FAILED
        elif self._password and pdu.text("password") != self._password:
            status = WRONG_PASSWORD
        self._frames.add("", wire.name_of(pdu.command), f"system_id {pdu.text('system_id')}", out=False)
        body: dict[str, Field] = {"system_id": "handset"} if status == OK else {}
        response = Pdu(pdu.command | wire.RESPONSE, pdu.sequence, status, body)
        self._send(response, "")
        if status == OK:
            self._bound_as = pdu.text("system_id") or "a service"
            self.waiting.up.set()

    def _answered(self, pdu: Pdu) -> None:
        call = self._delivered.pop(pdu.sequence, None)
        if call is not None and pdu.status != OK:
            self.waiting.refuse(call, f"the service refused the unit: command_status {pdu.status:#x}")

    # --- what the service submits -------------------------------------------------------------------------

    def _submitted(self, pdu: Pdu, octets: bytes) -> None:
        number = pdu.text("destination_addr").removeprefix("+")
        self._frames.add(number, f"{wire.name_of(pdu.command)} {_named(pdu)}", hexdump(octets), out=False)
        status = OK
        name = f"handset-{next(self._ids)}"
        if wire.SERVICE_OP not in pdu.tlvs:
            self._accept(pdu, name, OK)
            self._texts.take(number, pdu)
            self._receipt(pdu, name)
            return
        try:
            status = self._shown(number, pdu)
        except WireError:
            status = wire.INVALID_LENGTH
        self._accept(pdu, name, status)

    def _shown(self, number: str, pdu: Pdu) -> int:
        text = coding.decode(pdu.number("data_coding"), pdu.octets, self._alphabet)
        op = pdu.tlvs[wire.SERVICE_OP][-1]
        call = self._calls.get(number)
        is_last = op == self._end_op or self._profile.ends(pdu.tlvs)
        named = self._profile.name(pdu.tlvs)
        if call is not None and (named is None or named == self._profile.name(call.kept["named"])):
            if is_last:
                self._forget(call)
            self.waiting.show(call, Reply(text, open=not is_last))
            return OK
        if op in (ASK, NOTIFY, self._profile.notify_once):
            return self._push(number, pdu, text, waits=op == ASK)
        return OK

    def _push(self, number: str, pdu: Pdu, text: str, *, waits: bool) -> int:
        tag = self._profile.tag
        kept: dict[str, Any] = {"from": pdu.text("source_addr")}
        kept["named"] = {tag: pdu.tlvs[tag]} if tag is not None and tag in pdu.tlvs else {}
        call = Call(number, "", kept=kept)
        status = [self._busy]

        def taken(shown: bool) -> None:
            if shown:
                status[0] = OK
                self._calls[number] = call
                if not waits:
                    self._forget(call)
                    tlvs = {wire.SERVICE_OP: bytes((_SHOWN,)), **kept["named"]}
                    self._deliver(call, self._unit(call, b"", coding.DEFAULT, call.base, tlvs))

        if self.waiting.pushed is not None:
            self.waiting.pushed(Pushed(call, text, waits, taken))
        return status[0]

    def _receipt(self, pdu: Pdu, name: str) -> None:
        if not pdu.number("registered_delivery") & 1:
            return
        text = f"id:{name} sub:001 dlvrd:001 stat:DELIVRD err:000 text:".encode()
        fields: dict[str, Field] = {
            "source_addr": pdu.text("destination_addr"),
            "destination_addr": pdu.text("source_addr"),
            "esm_class": 0x04,
            "short_message": text,
        }
        self._send(Pdu(wire.DELIVER_SM, next(self._sequence), 0, fields), pdu.text("destination_addr"))

    def _accept(self, pdu: Pdu, name: str, status: int) -> None:
        body: dict[str, Field] = {"message_id": name} if status == OK else {}
        self._send(Pdu(pdu.command | wire.RESPONSE, pdu.sequence, status, body), pdu.text("destination_addr"))

    def _send(self, pdu: Pdu, number: str) -> None:
        octets = wire.encode(pdu)
        self._frames.add(number, f"{wire.name_of(pdu.command)} {_named(pdu)}", hexdump(octets), out=True)
        self._write(octets)

    def _write(self, octets: bytes) -> None:
        if self._writer is not None:
            self._writer.write(octets)


def _named(pdu: Pdu) -> str:
    """Number, status and operation, as a reader of a trace wants them."""
    parts = [f"#{pdu.sequence}"]
    if pdu.status:
        parts.append(f"status {pdu.status:#x}")
    if op := pdu.tlvs.get(wire.SERVICE_OP):
        parts.append(f"ussd_service_op {op[-1]}")
    return " ".join(parts)
