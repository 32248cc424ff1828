"""Gateways that keep a line, in the suite of all families: golden octets, and the other end of the line.

The far ends are a few lines each and share no code with the adapters; `shows` of a step is read by them.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, cast

import yaml
from pydantic import TypeAdapter

from app import plugins
from tests.adapters.serving import SERVICE, Counting, Got, wait
from tests.peers import gsup_msc
from ussd_engine import Engine
from ussd_engine.stores.memory import MemoryStore

FOLDER = Path(__file__).parent / "line_payloads"
WITHIN_S = 8.0
SILENCE_S = 0.3


class FarEnd(ABC):
    """The operator's end: takes the gateway's connections one after another."""

    head: ClassVar[int]

    def __init__(self, takes: bool) -> None:
        self.takes = takes
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self.answered: asyncio.Queue[int] = asyncio.Queue()
        self.writer: asyncio.StreamWriter | None = None
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        self.greet(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(self.head)
                self.take(head + await reader.readexactly(self.rest(head)), writer)
        writer.close()

    def greet(self, writer: asyncio.StreamWriter) -> None:  # noqa: B027 - most have nothing to say first
        """Whoever speaks first, does it here."""

    @abstractmethod
    def rest(self, head: bytes) -> int:
        """Octets of a unit that follow its head."""

    @abstractmethod
    def take(self, unit: bytes, writer: asyncio.StreamWriter) -> None:
        """Answer a unit, and keep it where a test asks for it."""

    @staticmethod
    @abstractmethod
    def shown(unit: bytes) -> str:
        """The text that a phone shows of it."""

    def write(self, octets: bytes) -> None:
        assert self.writer is not None
        self.writer.write(octets)


class SmppCentre(FarEnd):
    """Binds, accepts each submit_sm, keeps what its own requests were answered."""

    head = 4

    def rest(self, head: bytes) -> int:
        return int.from_bytes(head, "big") - 4

    def take(self, unit: bytes, writer: asyncio.StreamWriter) -> None:
        command, status = struct.unpack(">II", unit[4:12])
        if command == 0x80000005 or command == 0x80000000:
            self.answered.put_nowait(status)
        elif command == 9:
            status = 0 if self.takes else 0x0E
            writer.write(struct.pack(">III", 17, 0x80000009, status) + unit[12:16] + b"\0")
        elif command == 4:
            writer.write(struct.pack(">III", 19, 0x80000004, 0) + unit[12:16] + b"1a\0")
            self.came.put_nowait(unit[:12] + bytes(4) + unit[16:])
        elif not command & 0x80000000:
            writer.write(struct.pack(">III", 16, command | 0x80000000, 0) + unit[12:16])

    @staticmethod
    def shown(unit: bytes) -> str:
        body, texts = unit[16:], []
        for skip in (0, 2, 2, 3, 0):  # service_type, source, destination, schedule, validity
            body = body[skip:]
            text, _, body = body.partition(b"\0")
            texts.append(text)
        coding, length = body[2], body[4]
        octets = body[5 : 5 + length]
        return octets.decode("utf-16-be") if coding == 8 else "".join(gsup_msc.BASIC[one] for one in octets)


class GsupHlr(FarEnd):
    """Asks who is there and acknowledges it."""

    head = 3

    def greet(self, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes.fromhex("0011fe0401080107010201030104010501010100"))

    def rest(self, head: bytes) -> int:
        return int.from_bytes(head[:2], "big")

    def take(self, unit: bytes, writer: asyncio.StreamWriter) -> None:
        if unit[2] == 0xFE and unit[3] == 5 and self.takes:
            writer.write(bytes.fromhex("0001fe06"))
        elif unit[2] == 0xFE and unit[3] == 0:
            writer.write(bytes.fromhex("0001fe01"))
        elif unit[2] == 0xEE:
            self.came.put_nowait(unit)

    @staticmethod
    def shown(unit: bytes) -> str:
        values = dict(gsup_msc.elements(unit[5:]))
        return gsup_msc.read(values[0x35], True).text


FAR_ENDS: Mapping[str, Callable[[bool], FarEnd]] = {"smpp": SmppCentre, "gsup": GsupHlr}


class LineKiosk:
    """One gateway named `gw` with a line to a far end, and the menu of `tests/adapters/serving.py`."""

    def __init__(self, kind: str, options: Mapping[str, Any], *, takes: bool = True) -> None:
        self.far = FAR_ENDS[kind](takes)
        self._kind, self._options = kind, dict(options)
        self.outcomes: Counter[str] = Counter()
        engine = Engine(
            SERVICE, store=MemoryStore(), actions={"kiosk.wait": wait}, key=b"k" * 32, clock=time.time
        )
        self.engine = Counting(engine)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.far.serve, "127.0.0.1", 0)
        family = cast(type[plugins.LinkFamily], plugins.adapter(self._kind))
        given = {"host": "127.0.0.1", "port": self._server.sockets[0].getsockname()[1], **self._options}
        options = TypeAdapter(family.options_type).validate_python(given)
        self.gateway = family(
            "gw", options, lambda _gateway, outcome: self.outcomes.update([outcome]), "Busy, try later"
        )
        self._running = asyncio.create_task(self.gateway.run(self.engine))
        await self.until(lambda: self.gateway.state.up or (not self.far.takes and self.far.connections))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self._server.close()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not true():
                await asyncio.sleep(0.005)


@dataclass(frozen=True)
class LineStep:
    """What the far end sends, and all that must come of it.

    Attributes:
        send: octets in hexadecimal; empty where only time passes.
        get: what the gateway sends then, sequence numbers as zeros; empty: nothing.
        shows: the text in it.
        options: of a gateway for this step.
    """

    send: str = ""
    get: str = ""
    shows: str = ""
    options: Mapping[str, Any] | None = None
    calls: None = None

    async def play(self, kiosk: LineKiosk, *, send: str | None = None) -> Got:
        """Send it, or other octets in its place; `status` 200 with what comes."""
        octets = bytes.fromhex(self.send if send is None else send)
        if octets:
            kiosk.far.write(octets)
        unit = await asyncio.wait_for(kiosk.far.came.get(), WITHIN_S)
        return Got(200, kiosk.far.shown(unit), {"octets": unit.hex()})

    async def check(self, kiosk: LineKiosk) -> None:
        """Play it; what comes must be as written, octet for octet."""
        if not self.get:
            kiosk.far.write(bytes.fromhex(self.send))
            await asyncio.sleep(SILENCE_S)
            assert kiosk.far.came.empty()
            return
        self.must_be(await self.play(kiosk))

    def must_be(self, got: Got) -> None:
        assert (got.text, got.headers["octets"]) == (self.shows, self.get)


class LinePayloads:
    """One file. A case that a wire does not have holds a sentence that says why."""

    content_type = ""

    def __init__(self, path: Path) -> None:
        self.name = f"{path.parent.name}/{path.stem}"
        self.kind = path.parent.name
        self._given: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.options: dict[str, Any] = self._given.get("options", {})
        self.repeats = self._given["repeats"] is True

    def has(self, case: str) -> bool:
        return isinstance(self._given[case], dict)

    def step(self, case: str) -> LineStep:
        return LineStep(**self._given[case])

    def options_of(self, case: str) -> dict[str, Any]:
        """What a gateway needs for a case."""
        return dict(self.step(case).options or {})

    @property
    def garbage(self) -> list[str]:
        """Octets that are nothing of this wire."""
        return list(self._given["garbage"])

    def kiosk(self, *, takes: bool = True, options: Mapping[str, Any] | None = None) -> LineKiosk:
        """The gateway of this file; `takes`: its far end takes it in."""
        return LineKiosk(self.kind, {**self.options, **(options or {})}, takes=takes)


LINES = [LinePayloads(path) for kind in FAR_ENDS for path in sorted((FOLDER / kind).glob("*.yaml"))]
