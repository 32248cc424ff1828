"""A card switch to test against, as a process of its own: `python -m tests.peers.switch --journal FILE`.

It prints `ready PORT CONTROL`. On PORT it speaks ISO 8583; on CONTROL it takes one JSON object a line and
answers each with one (`tests/peers/control.py` is the client). What it does wrong, it is told to; a fault is
taken once for each of its `times`, by the first message of its type:

    late      answers after `seconds`                  never     does it, answers nothing
    twice     answers two times                        lost      does nothing, answers nothing
    other     answers with `fields` put over its own   drop      does it, closes the line
    bare      answers without field 39                 die       exits when the message has come
    garbage   answers with octets that are no message  die_after does it, then exits
    code      does nothing, answers with `code`        hold      does it, answers at `release`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from tests.peers import iso
from tests.peers.bank import NO_SUCH_CARD, NOT_YOURS, Bank

ANSWERS = {"0100": "0110", "0200": "0210", "0420": "0430", "0421": "0430", "0800": "0810"}
REPEATED = (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70, 90, 103)
GARBAGE = b"\x00\x0b0210\xff\x00what?"
Fields = dict[int, str]


@dataclass
class Fault:
    on: str
    do: str
    times: int = 1
    seconds: float = 0.0
    code: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class Switch:
    def __init__(self, bank: Bank, port: int) -> None:
        self.bank = bank
        self.port = port
        self.faults: list[Fault] = []
        self.held: list[tuple[asyncio.StreamWriter, str, Fields]] = []
        self.lines: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.sign_on_code = "00"

    # --- the line ----------------------------------------------------------------------------------------

    async def up(self) -> None:
        if self.server is None:
            self.server = await asyncio.start_server(self._line, "127.0.0.1", self.port)
            self.port = self.server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        for writer in tuple(self.lines):
            writer.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.add(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                self._take(writer, await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.lines.discard(writer)
            writer.close()

    def _take(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        try:
            mti, fields = iso.decode(octets)
        except iso.Unreadable:
            self.bank.note(event="unreadable", octets=octets.hex())
            return
        told = {"stan": fields.get(11), "rrn": fields.get(37), "original": fields.get(90)}
        told |= {
            "code": fields.get(3),
            "expiry": fields.get(14),
            "phone": fields.get(102),
            "to": fields.get(103),
        }
        self.bank.note(event="got", mti=mti, network=fields.get(70), **told)
        if mti not in ANSWERS:
            return
        fault = self._fault(mti)
        if fault is None:
            self._send(writer, ANSWERS[mti], self._do(mti, fields))
        else:
            self._misbehave(fault, writer, mti, fields)

    def _fault(self, mti: str) -> Fault | None:
        fault = next((one for one in self.faults if one.on == mti), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
        return fault

    def _misbehave(self, fault: Fault, writer: asyncio.StreamWriter, mti: str, fields: Fields) -> None:
        answer = ANSWERS[mti]
        if fault.do == "die":
            _die()
        if fault.do == "lost":
            return
        if fault.do == "code":
            self._send(writer, answer, _repeated(fields) | {39: fault.code})
            return
        told = self._do(mti, fields)
        match fault.do:
            case "late":
                self._later(fault.seconds, writer, answer, told)
            case "twice":
                self._send(writer, answer, told)
                self._send(writer, answer, told)
            case "other":
                self._send(
                    writer, answer, told | {int(number): text for number, text in fault.fields.items()}
                )
            case "bare":
                self._send(writer, answer, {number: text for number, text in told.items() if number != 39})
            case "garbage":
                writer.write(GARBAGE)
            case "never":
                pass
            case "drop":
                writer.close()
            case "die_after":
                _die()
            case "hold":
                self.held.append((writer, answer, told))
            case _:
                raise ValueError(fault.do)

    def _later(self, seconds: float, writer: asyncio.StreamWriter, mti: str, told: Fields) -> None:
        async def send() -> None:
            await asyncio.sleep(seconds)
            self._send(writer, mti, told)

        task = asyncio.create_task(send())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _send(self, writer: asyncio.StreamWriter, mti: str, fields: Fields) -> None:
        if writer.is_closing():  # the line it came by is gone: the answer goes by another, as a queue's would
            others = [line for line in self.lines if not line.is_closing()]
            if not others:
                return
            writer = others[0]
        told = {"stan": fields.get(11), "rrn": fields.get(37), "code": fields.get(39)}
        self.bank.note(event="sent", mti=mti, **told)
        writer.write(iso.encode(mti, fields))

    # --- what it does ------------------------------------------------------------------------------------

    def _do(self, mti: str, fields: Fields) -> Fields:
        told = _repeated(fields)
        code, more = "00", Fields()
        if mti == "0800":
            code = self.sign_on_code if fields.get(70) == "001" else "00"
        elif mti == "0100":
            code, more = self._look(fields)
        else:
            token = fields.get(48) or fields.get(2, "")
            asked = (fields[37], fields[11], token, int(fields[4]))
            refund = fields[3].startswith("20")
            if mti == "0200":
                code, auth = self.bank.charge(*asked, refund=refund, to=self._credited(fields))
                more = {38: auth} if auth else {}
            else:
                code = self.bank.reverse(*asked, refund=refund)
        return told | more | {39: code}

    def _credited(self, fields: Fields) -> str | None:
        """The account of field 103: a card's, or a phone's airtime, opened when it is first given."""
        if not fields[3].startswith(("40", "50")):
            return None
        if fields[3].startswith("40"):
            return fields.get(103, "")
        phone = f"airtime-{fields.get(103, '')}"
        if phone not in self.bank.accounts:
            self.bank.open(phone, None, 0)
        return phone

    def _look(self, fields: Fields) -> tuple[str, Fields]:
        if fields[3].startswith("33"):
            token = self.bank.card(fields[2])
            if token is None:
                return NO_SUCH_CARD, {}
            phone = self.bank.accounts[token].phone
            theirs = 102 in fields and phone is not None and fields[102] != phone
            return (NOT_YOURS, {}) if theirs else ("00", {48: token})
        account = self.bank.accounts.get(fields.get(48) or fields.get(2, ""))
        if account is None:
            return "14", {}
        return "00", {54: f"0001860C{account.balance:012d}0002860C{account.balance:012d}"}

    # --- the control port --------------------------------------------------------------------------------

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                answer = await self._obey(json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _obey(self, order: dict[str, Any]) -> Any:
        match order:
            case {"do": "open", "token": token, "pan": pan, "balance": balance, "phone": phone}:
                self.bank.open(token, pan, balance, phone)
            case {"do": "rule", "token": token, "code": code}:
                self.bank.rule(token, code)
            case {"do": "balance", "token": token}:
                return self.bank.accounts[token].balance
            case {"do": "fault", "fault": fault}:
                self.faults.append(Fault(**fault))
            case {"do": "heal"}:
                self.faults.clear()
            case {"do": "history"}:
                return self.bank.history
            case {"do": "release"}:
                for writer, mti, told in self.held:
                    self._send(writer, mti, told)
                self.held.clear()
            case {"do": "up"}:
                await self.up()
            case {"do": "down"}:
                await self.down()
            case {"do": "network", "code": code}:
                for writer in self.lines:
                    moment = f"{datetime.now(UTC):%m%d%H%M%S}"
                    writer.write(iso.encode("0800", {7: moment, 11: "000001", 70: code}))
            case {"do": "sign_on_code", "code": code}:
                self.sign_on_code = code
            case {"do": "raw", "hex": octets}:
                for writer in self.lines:
                    writer.write(bytes.fromhex(octets))
            case _:
                raise ValueError(order)
        return "done"


def _repeated(fields: Fields) -> Fields:
    return {number: fields[number] for number in REPEATED if number in fields}


def _die() -> NoReturn:
    os._exit(9)  # as SIGKILL would: nothing is flushed, closed or said


async def serve(journal: Path, port: int, control: int) -> None:
    switch = Switch(Bank(journal), port)
    await switch.up()
    orders = await asyncio.start_server(switch.control, "127.0.0.1", control)
    sys.stdout.write(f"ready {switch.port} {orders.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await orders.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.journal, given.port, given.control))
