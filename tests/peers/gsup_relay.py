"""An HLR that routes USSD both ways, also what the network begins, and lives when a phone answers that.

Debian's osmo-hlr 1.5.0 does not (docs/decisions/push.md). Shares no code with the adapter.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.peers.gsup_hlr import CTRL_PORT, GSUP_PORT, _spare_address

ID_GET = b"\0\1\xfe\4"
ID_ACK = b"\0\1\xfe\6"
PONG = b"\0\1\xfe\1"


class Relay:
    """It knows numbers, one switch and one external entity."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        """`numbers` by IMSI."""
        self.address = _spare_address()
        self._numbers = numbers
        self._sides: dict[str, asyncio.StreamWriter] = {}

    async def gsup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ID_GET)
        side = ""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                protocol, body = await _frame(reader)
                if protocol == 0xFE and body[0] == 5:
                    side = "euse" if b"EUSE-" in body else "msc"
                    self._sides[side] = writer
                    writer.write(ID_ACK)
                elif protocol == 0xFE and body[0] == 0:
                    writer.write(PONG)
                elif protocol == 0xEE and body[0] == 5:
                    other = self._sides.get("msc" if side == "euse" else "euse")
                    if other is not None:
                        other.write(struct.pack(">HB", len(body), 0xEE) + body)
        if self._sides.get(side) is writer:
            del self._sides[side]
        writer.close()

    async def ctrl(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                _, body = await _frame(reader)
                _, number, what = body[1:].decode().split(" ", 2)
                told = self._told(what)
                said = f"GET_REPLY {number} {what} {told}" if told else f"ERROR {number} No such subscriber."
                octets = b"\0" + said.encode()
                writer.write(struct.pack(">HB", len(octets), 0xEE) + octets)
        writer.close()

    def _told(self, what: str) -> str:
        for imsi, number in self._numbers.items():
            if what == f"subscriber.by-imsi-{imsi}.msisdn":
                return number
            if what == f"subscriber.by-msisdn-{number}.info":
                return f"\nid\t1\nimsi\t{imsi}\nmsisdn\t{number}\n"
        return ""


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    length, protocol = struct.unpack(">HB", await reader.readexactly(3))
    return protocol, await reader.readexactly(length)


@asynccontextmanager
async def relay(numbers: Mapping[str, str]) -> AsyncIterator[Relay]:
    """One that listens."""
    made = Relay(numbers)
    async with (
        await asyncio.start_server(made.gsup, made.address, GSUP_PORT) as gsup,
        await asyncio.start_server(made.ctrl, made.address, CTRL_PORT) as ctrl,
    ):
        yield made
        gsup.close()
        ctrl.close()
