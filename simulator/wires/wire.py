"""What every wire does: carry one phone's dialogue to a service, and show what went over it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol
from uuid import uuid4

from ussd_engine import Reply

PATIENCE_S: Final = 15.0
"""Africa's Talking waits as long for an application's reply, the most patient of the gateways."""
_BASE: Final = re.compile(r"[*#]+\d+")


class NoService(Exception):
    """The phone shows nothing: the service is out of reach or answered what a network would drop."""


class Leaving(Enum):
    """Why a dialogue is over before its last screen."""

    USER = "user"
    NETWORK = "network"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Frame:
    """What went over a wire once. `text` may hold a PIN: it is for the eyes of who typed it.

    Attributes:
        at: Unix seconds.
        out: from the network to the service.
        head: one line: method and path, or the unit's name.
        secret: a PIN or a code was typed in this dialogue: nobody sees the text without asking for it.
    """

    at: float
    out: bool
    number: str
    head: str
    text: str = field(repr=False)
    secret: bool = False


@dataclass
class Call:
    """One dialogue as the network has it.

    Attributes:
        name: the network's own id of it.
        answers: what was typed so far.
        kept: whatever a wire has to remember: a cookie, an invoke's id.
        last: the last request, as its wire sends it once more.
        gone: set once this turn's request has gone out.
    """

    number: str
    code: str
    name: str = field(default_factory=lambda: uuid4().hex)
    answers: list[str] = field(default_factory=list, repr=False)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    last: Any = field(default=None, repr=False)
    gone: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def sends(self, request: Any) -> None:
        """A wire sends this now."""
        self.last = request
        self.gone.set()

    @property
    def base(self) -> str:
        """The service code alone: `*880#` of `*880*1*50000#`."""
        found = _BASE.match(self.code)
        return f"{found[0]}#" if found else self.code

    @property
    def deep(self) -> str:
        """What was dialled behind the service code: `1*50000`; empty where nothing was."""
        rest = self.code.removesuffix("#").removeprefix(self.base.removesuffix("#"))
        return rest.removeprefix("*")


@dataclass(frozen=True, slots=True)
class Pushed:
    """A text that the service shows by itself.

    Attributes:
        waits: an answer is expected; it goes by `Wire.answer` of `call`.
        taken: tells the service what became of it; True: shown, False: the phone was busy.
    """

    call: Call
    text: str = field(repr=False)
    waits: bool
    taken: Callable[[bool], None]


class Wire(Protocol):
    """The network between phones and one gateway of a service."""

    screen_octets: int

    @property
    def state(self) -> str:
        """How the line is, in a few words: where it leads, or what it waits for."""

    async def open(self) -> None:
        """Make ready; a wire to which the service connects listens from now on.

        Raises:
            NoService: it can't listen there.
        """

    async def begin(self, call: Call) -> Reply:
        """Tell what was dialled.

        Raises:
            NoService: nothing to show.
        """

    async def answer(self, call: Call, text: str) -> Reply:
        """Tell what was typed.

        Raises:
            NoService: nothing to show.
        """

    async def again(self, call: Call) -> Reply:
        """Send the last request of `call` once more, octet for octet.

        Raises:
            NoService: nothing to show.
        """

    async def leave(self, call: Call, why: Leaving) -> None:
        """Tell that the dialogue is over; nothing where the wire has no words for it.

        Raises:
            NoService: the service was not told.
        """

    async def close(self) -> None:
        """Let go of everything."""


class Frames:
    """The frames of a wire, the last `KEPT` of them."""

    KEPT: Final = 200

    def __init__(self) -> None:
        self.kept: list[Frame] = []
        self._secretive: set[str] = set()

    def keep_secret(self, number: str, *, from_now: bool) -> None:
        """What is sent for `number` holds a secret from now on, or no more: some wires repeat all answers."""
        (self._secretive.add if from_now else self._secretive.discard)(number)

    def add(self, number: str, head: str, text: str, *, out: bool) -> None:
        """Keep one."""
        frame = Frame(time.time(), out, number, head, text, out and number in self._secretive)
        self.kept = [*self.kept[1 - self.KEPT :], frame]


def hexdump(octets: bytes) -> str:
    """Sixteen octets a line of 69 columns: offset, hex, and what of it is ASCII."""
    lines = []
    for at in range(0, len(octets), 16):
        part = octets[at : at + 16]
        plain = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in part)
        lines.append(f"{at:04x} {part.hex(' '):<47} {plain}")
    return "\n".join(lines)


Options = Mapping[str, Any]
"""A gateway's settings as its `[[gateways]]` table has them."""
