"""The service as its operators see it: what the pages at `/admin/` ask of the program they run in.

The cabinet knows neither the engine nor the program. `app/` hands in a `Running`; figures that belong to one
worker come summed over all of them. Nothing here names a caller: phones have their middle hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Typed:
    """One input. Of what was secret or refused only the length is known: `text` is then empty.

    `refused`: the engine's word for what was wrong with it; empty where it was taken.
    """

    text: str
    length: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """One request and its answer.

    Attributes:
        number: in the dialogue, from 1; a gap says that a line of the journal was lost.
        kind: begin, push, answer, abort, timeout.
        chose: the text of the option that the answer names, where the screen before had one.
        did: actions that ran, with the name of what came back.
        state: where the dialogue is now; `screen` is what was shown, `octets` what that took on the air.
    """

    number: int
    at: datetime
    kind: str
    typed: tuple[Typed, ...]
    chose: str
    did: tuple[tuple[str, str], ...]
    state: str
    screen: str
    octets: int


@dataclass(frozen=True, slots=True)
class DialogueSummary:
    """A dialogue in a list. `cause` is a CDR's; empty while it is open, or was killed with its engine."""

    id: str
    began_at: datetime
    ended_at: datetime | None
    gateway: str
    caller: str
    state: str
    turns: int
    cause: str


@dataclass(frozen=True, slots=True)
class DialogueStory:
    """A dialogue whole. `code`: the service code, `*880#`; `missing` turns were lost with a crash."""

    summary: DialogueSummary
    code: str
    language: str
    version: str
    missing: int
    turns: tuple[DialogueTurn, ...]


@dataclass(frozen=True, slots=True)
class FoundDialogues:
    """Newest first. `since`: how far back was looked; `whole`: no further than was asked for."""

    rows: tuple[DialogueSummary, ...]
    since: datetime
    whole: bool


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How the engine does, over the last `seconds` before `at`.

    Attributes:
        open: dialogues that wait for an answer; by gateway and by menu. `None`: no journal is kept, which
            is where they are counted.
        turns_a_second, errors_a_second: answered requests, and those of them that ended in a fault of ours.
        refused_a_second: requests that never reached the engine: malformed, unknown callers, too many.
        median_ms, p99_ms: from decoded request to reply; `None` where there were no turns.
        history: turns a second, oldest first, one figure for each `step_s`.
    """

    at: datetime
    seconds: float
    open: int | None
    by_gateway: Mapping[str, int]
    by_menu: Mapping[str, int]
    turns_a_second: float
    errors_a_second: float
    refused_a_second: float
    median_ms: float | None
    p99_ms: float | None
    history: tuple[float, ...]
    step_s: float


@dataclass(frozen=True, slots=True)
class StateFlow:
    """What became of those who saw one screen; a dialogue counts each time that it comes.

    `came` is the sum of `on`, `back`, `ended`, `dropped` and `there`. `again`: answers that showed the same
    screen once more, wrong ones and further pages, of which any one visit may have several.
    """

    state: str
    came: int
    on: int
    back: int
    ended: int
    dropped: int
    there: int
    again: int


@dataclass(frozen=True, slots=True)
class MenuFlow:
    """One menu's screens, the most visited first."""

    menu: str
    states: tuple[StateFlow, ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """Dialogues that began in [since, until). `whole`: `since` is what was asked for, not later."""

    since: datetime
    until: datetime
    dialogues: int
    menus: tuple[MenuFlow, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class MenuVersion:
    """Menus that dialogues are played on."""

    version: str
    open: int
    current: bool


@dataclass(frozen=True, slots=True)
class Menus:
    """The menus in use, as this worker has them.

    Attributes:
        states: how many each menu has, by its name.
        problems: why the menus found at the last reload were refused, as `ussd check` says it.
        versions: all that dialogues are open on, the current one first.
    """

    version: str
    since: datetime
    languages: tuple[str, ...]
    states: Mapping[str, int]
    problems: tuple[str, ...]
    refused_at: datetime | None
    versions: tuple[MenuVersion, ...]


@dataclass(frozen=True, slots=True)
class GatewayState:
    """A gateway as `ussd gateways` tells of it."""

    name: str
    kind: str
    where: str
    secured: tuple[str, ...]
    state: str
    since: datetime | None
    error: str
    unanswered: int
    window: int
    waiting: int
    losses: int
    turns: int
    refused: int


class Dialogues(Protocol):
    """The journal. Calls read files: they are made in a thread."""

    def find(self, caller: str, since: datetime) -> FoundDialogues | None:
        """Dialogues of whoever's number is masked like this one's; `None`: no journal is kept."""

    def one(self, dialogue: str, near: datetime | None) -> DialogueStory | None:
        """One dialogue by its id; `near` is when it began, where that is known: it spares most reading."""

    def funnel(self, since: datetime) -> Funnel | None:
        """Where those who dialled since then came, went on and left; `None`: no journal is kept."""


class Running(Protocol):
    """The program as it runs. Calls only look at what is in memory."""

    @property
    def dialogues(self) -> Dialogues: ...

    def live(self) -> LiveFigures | None:
        """`None`: nobody has told yet, or not for long."""

    def menus(self) -> Menus: ...

    def gateways(self) -> Sequence[GatewayState]: ...
