"""A switch with phones for the tests: dials through a real HLR. Shares no code with the adapter."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = {"<": "[", ">": "]"}
REQUEST, ERROR, RESULT = 0x20, 0x21, 0x22
BEGIN, CONTINUE, END = 1, 2, 3
WAIT_S = 15.0


@dataclass
class Screen:
    """What a phone was shown; `error` instead of a text where the network refused."""

    text: str = ""
    open: bool = False
    dcs: int | None = None
    operation: int | None = None
    invoke: int | None = None
    error: int | None = None
    raw: bytes = b""


@dataclass
class Call:
    """One dialogue of one phone."""

    msc: Msc
    imsi: str
    session: int
    came: asyncio.Queue[Screen] = field(default_factory=asyncio.Queue)
    asked: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def screen(self, within_s: float = WAIT_S) -> Screen:
        """The next one."""
        shown = await asyncio.wait_for(self.came.get(), within_s)
        if shown.operation in (60, 61):
            assert shown.invoke is not None
            self.asked = shown.invoke
        return shown

    async def answer(self, text: str, *, ucs2: bool = False) -> Screen:
        """Type something on the screen shown last; the next screen."""
        self.type(text, ucs2=ucs2)
        return await self.screen()

    def type(self, text: str, *, ucs2: bool = False) -> None:
        inner = tlv(2, b"\x3c") + tlv(0x30, coded(text, ucs2))
        self.msc.write(self, RESULT, CONTINUE, tlv(0xA2, tlv(2, bytes([self.asked])) + tlv(0x30, inner)))

    def confirm(self, *, bare: bool = False) -> None:
        """Say that a notice was shown; `bare`: by the invoke's id alone."""
        inner = b"" if bare else tlv(0x30, tlv(2, b"\x3d") + tlv(0x30, coded("")))
        self.msc.write(self, RESULT, CONTINUE, tlv(0xA2, tlv(2, bytes([self.asked])) + inner))

    def refuse(self, error: int) -> None:
        """Give an error instead of an answer (TS 24.080 §4.5)."""
        body = tlv(2, bytes([self.asked])) + tlv(2, bytes([error]))
        self.msc.write(self, RESULT, CONTINUE, tlv(0xA3, body))

    def leave(self, component: bytes = b"") -> None:
        self.msc.write(self, REQUEST, END, component)

    async def nothing_comes(self, for_s: float) -> bool:
        try:
            await self.screen(for_s)
        except TimeoutError:
            return True
        return False


class Msc:
    """The line of the switch; it answers what the network asks of a phone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._reader, self._writer, self._name = reader, writer, name
        self._calls: dict[tuple[str, int], Call] = {}
        self._sessions = itertools.count(0x20000001)
        self._known = asyncio.Event()
        self.asked_to_insert, self.attached = asyncio.Event(), asyncio.Event()
        self.pushed: asyncio.Queue[Call] = asyncio.Queue()
        """Dialogues that the network began."""

    def dial(self, imsi: str, text: str, *, session: int = 0, dcs: int = 15, invoke: int = 1) -> Call:
        call = Call(self, imsi, session or next(self._sessions))
        self._calls[imsi, call.session] = call
        inner = coded(text) if dcs == 15 else tlv(4, bytes([dcs])) + tlv(4, text.encode("ascii"))
        body = tlv(2, bytes([invoke])) + tlv(2, b"\x3b") + tlv(0x30, inner)
        self.write(call, REQUEST, BEGIN, tlv(0xA1, body))
        return call

    def write(self, call: Call, kind: int, state: int, component: bytes) -> None:
        padded = call.imsi + "F" * (len(call.imsi) % 2)
        imsi = bytes.fromhex("".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True)))
        message = (
            bytes([kind])
            + tlv(1, imsi)
            + tlv(0x30, struct.pack(">I", call.session))
            + tlv(0x31, bytes([state]))
        )
        if component:
            message += tlv(0x35, component)
        self._writer.write(struct.pack(">HBB", len(message) + 1, 0xEE, 5) + message)

    async def begin(self) -> None:
        await asyncio.wait_for(self._known.wait(), WAIT_S)

    async def listen(self) -> None:
        try:
            while True:
                length, protocol = struct.unpack(">HB", await self._reader.readexactly(3))
                self._take(protocol, await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _take(self, protocol: int, body: bytes) -> None:
        if protocol == 0xFE and body[0] == 4:
            tags = (b"\x080/0/0\0", b"\0" + self._name.encode() + b"\0")
            told = b"\x05" + b"".join(struct.pack(">H", len(one)) + one for one in tags)
            self._writer.write(struct.pack(">HB", len(told), 0xFE) + told + b"\0\1\xfe\6")
        elif protocol == 0xFE and body[0] == 6:
            self._known.set()
        elif protocol == 0xEE and body[0] == 5:
            self._show(body[1], elements(body[2:]))

    def _show(self, kind: int, found: list[tuple[int, bytes]]) -> None:
        if kind == 0x10:
            self.asked_to_insert.set()
            return
        if kind == 0x06:
            self.attached.set()
            return
        values = dict(found)
        digits = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in values[1]).rstrip("f")
        session = struct.unpack(">I", values[0x30])[0]
        if values[0x31] == bytes([BEGIN]):
            call = self._calls[digits, session] = Call(self, digits, session)
            self.pushed.put_nowait(call)
        call = self._calls[digits, session]
        if values[0x31] == bytes([END]):
            call.released.set()
        open_ = values[0x31] != bytes([END])
        if kind == ERROR:
            call.came.put_nowait(Screen(error=values[2][0]))
        elif 0x35 in values:
            call.came.put_nowait(read(values[0x35], open_))


def tlv(tag: int, value: bytes) -> bytes:
    assert len(value) < 128
    return bytes([tag, len(value)]) + value


def elements(octets: bytes, *, raw: bool = True) -> list[tuple[int, bytes]]:
    """By one-octet lengths, or by BER."""
    found = []
    while octets:
        tag, length, head = octets[0], octets[1], 2
        if not raw and length == 0x81:
            length, head = octets[2], 3
        value = octets[head : head + length]
        assert len(value) == length, "cut off"
        found.append((tag, value))
        octets = octets[head + length :]
    return found


def read(component: bytes, open_: bool) -> Screen:
    ((tag, body),) = elements(component)
    parts = elements(body)
    number = parts[0][1][0]
    if tag == 0xA3:
        return Screen(error=parts[1][1][0], invoke=number, raw=component)
    if tag == 0xA2:
        parts = [parts[0], *elements(parts[1][1])]
    operation, (dcs, text) = parts[1][1][0], elements(parts[2][1])[:2]
    return Screen(shown(dcs[1][0], text[1]), open_, dcs[1][0], operation, number, raw=component)


def coded(text: str, ucs2: bool = False) -> bytes:
    if ucs2:
        return tlv(4, b"\x48") + tlv(4, text.encode("utf-16-be"))
    bits = "".join(f"{BASIC.index(letter):07b}"[::-1] for letter in text)
    if len(bits) % 8 == 1:
        bits += f"{13:07b}"[::-1]
    bits += "0" * (-len(bits) % 8)
    return tlv(4, b"\x0f") + tlv(4, bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8)))


def shown(dcs: int, octets: bytes) -> str:
    if dcs == 0x48:
        return octets.decode("utf-16-be")
    assert dcs == 0x0F
    bits = "".join(f"{octet:08b}"[::-1] for octet in octets)
    codes = [int(bits[at : at + 7][::-1], 2) for at in range(0, len(bits) - 6, 7)]
    if codes and len(codes) % 8 == 0 and codes[-1] == 13:
        codes.pop()
    letters = "".join(BASIC[code] for code in codes)
    for code, letter in ESCAPED.items():
        letters = letters.replace("\x1b" + code, letter)
    return letters


@asynccontextmanager
async def switch(address: str, name: str = "MSC-00-00-00-00-00-00") -> AsyncIterator[Msc]:
    """A switch that the HLR knows."""
    msc = Msc(*await asyncio.open_connection(address, 4222), name)
    listening = asyncio.create_task(msc.listen())
    try:
        await msc.begin()
        yield msc
        assert not listening.done() or listening.exception() is None, listening.exception()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        msc._writer.close()
