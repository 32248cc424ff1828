"""What the engine needs from outside, and what it is given: turns, stores, actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from ussd_engine.actions import Call
from ussd_engine.core.events import ActionDone, Event
from ussd_engine.core.http import HttpAction
from ussd_engine.text.cost import USSD_OCTETS_MAX
from ussd_engine.text.template import Value

Clock = Callable[[], float]
"""Unix seconds, UTC."""


class Kind(Enum):
    """What a gateway's request means to the dialogue."""

    BEGIN = "begin"
    ANSWER = "answer"
    ABORT = "abort"
    TIMEOUT = "timeout"


class Turn(msgspec.Struct, frozen=True):
    """One request of a gateway, freed of its wire form.

    Attributes:
        gateway: the gateway's configured name.
        dialogue: the gateway's own dialogue id; empty where the wire has none: its actions are then keyed by
            its beginning.
        msisdn: E.164 digits without a plus.
        kind: BEGIN carries the dialled string in `text`, ANSWER what was typed.
        text: for BEGIN the whole dialled string (`*880**0*901234567*50000#`).
        accumulated: all inputs of the dialogue so far, joined by `*`, where the wire sends that
            instead of the latest (Africa's Talking); `text` is then ignored for an ANSWER. The session knows
            how much of it has been taken, so that empty answers and `*` inside answers survive (S14).
        may_begin: an ANSWER of a dialogue not seen before begins one, `accumulated` typed ahead.
        request_id: equal for a repeat of the same request; empty where the wire has none.
        ids_recur: the other end may use a dialogue's id again within minutes (a switch that counts anew after
            a restart), and no request comes twice: a dialogue's actions are keyed by its beginning, too.
        screen_octets: what one screen of this gateway holds (160 by 3GPP TS 23.038 §5; less on some links).
        deadline_s: the gateway's patience for the reply, from now.
    """

    gateway: str
    dialogue: str
    msisdn: str
    kind: Kind
    text: str = ""
    service_code: str = ""
    accumulated: str | None = None
    may_begin: bool = False
    request_id: str = ""
    ids_recur: bool = False
    screen_octets: int = USSD_OCTETS_MAX
    deadline_s: float = 10.0

    def __repr__(self) -> str:
        """Name the turn without what was typed: a PIN or a card number may be in it (domain.md S7)."""
        return f"Turn({self.gateway!r}, {self.dialogue!r}, {self.kind.value}, …{self.msisdn[-4:]})"


class Reply(msgspec.Struct, frozen=True):
    """What the subscriber sees. `open`: the dialogue waits for an answer."""

    text: str
    open: bool


class PushOutcome(Enum):
    """What became of a screen that nobody had dialled for.

    ACCEPTED: the network took it, and tells no more. SHOWN, ANSWERED: by the phone, by its subscriber. BUSY:
    in a dialogue. ABSENT: switched off, or unknown to the network. REFUSED: by the network, or left by the
    subscriber. TIMEOUT: no answer in time. UNKNOWN: nobody can tell whether it was shown. TROUBLE: a fault
    of ours; it was not.
    """

    ACCEPTED = "accepted"
    SHOWN = "shown"
    ANSWERED = "answered"
    BUSY = "busy"
    ABSENT = "absent"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"
    TROUBLE = "trouble"


class Pusher(Protocol):
    """A gateway that can show a phone what its subscriber has not dialled for."""

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """Show a text: USSR where `ask`, else USSN (3GPP TS 22.090 §5.2).

        Returns when the network has told what became of it, not when the dialogue is over: the answer, and
        those that follow, come to the engine as turns of `dialogue`.
        """


class SessionStore(Protocol):
    """Where open dialogues are kept: one small record under one key, compare-and-set."""

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        """(version, record), or None; the version is an opaque token for `save`.

        Raises:
            StoreError: out of reach.
        """

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        """Write and renew the TTL only if the stored version still is `expect` (None: absent).

        Returns:
            False when another writer was first; nothing is written then.

        Raises:
            StoreError: out of reach.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Entry(NamedTuple):
    """What one turn was, for the journal; nothing in it changes afterwards.

    Attributes:
        dialogue: names the dialogue in all its entries; a keyed hash of 8 octets.
        turn: its number in the dialogue, from 1.
        at: when the reply was ready, Unix seconds.
        menu: version of the menus it was played on.
        event: what came in; None where the network began another dialogue without ending this one.
        heard: `Step.heard` of all its steps: refused and secret inputs are masked.
        done: each action that ran, by name, with what came back.
        state: name of the state the dialogue is in now.
        text: the screen shown; empty where none was.
        open: the dialogue waits for an answer.
    """

    dialogue: bytes
    turn: int
    at: float
    gateway: str
    msisdn: str
    menu: bytes
    screen_octets: int
    event: Event | None
    heard: tuple[str, ...]
    done: tuple[tuple[str, ActionDone], ...]
    state: str
    language: str
    text: str
    open: bool


class Journal(Protocol):
    """Keeps what dialogues were: one entry a turn."""

    def write(self, entry: Entry) -> None:
        """Take an entry; at once, never waiting and never raising."""


class Watch(Protocol):
    """Is told what happened; must be quick and never raise."""

    def turn(self, gateway: str, outcome: str, seconds: float) -> None:
        """A request was answered."""

    def action(self, name: str, result: str, seconds: float) -> None:
        """An action came back, or its time was up."""


class HttpRunner(Protocol):
    """Performs the actions that menus declare themselves (`ussd_engine.http.HttpCaller`)."""

    async def run(self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """Ask the action's service; whatever goes wrong is the result `failed`."""
