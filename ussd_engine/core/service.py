"""The compiled service: menus as values, with one state machine over all their states.

Everything here is built once by the compiler and shared by all dialogues; nothing changes afterwards but a
cache of screens that have no variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ussd_engine.core.answers import AnswerType
from ussd_engine.core.http import HttpAction
from ussd_engine.core.machine import ServiceMachine
from ussd_engine.text.template import Template, Value

BACK = "<back"
"""Target of an option that goes to the screen before."""
START = "<start"
"""Target of an option that begins anew: variables and history are dropped."""
RESUME, ANEW = "<resume", "<anew"
"""Targets of the two options of the offer to go on with a dialogue that was cut."""
OFFER = "!resume"
"""The screen with that offer."""
IDLE, OFF, GAVE_UP, FAILED, LATE, WRONG_DIAL = "idle", "off", "!gave_up", "!trouble", "!late", "!wrong_dial"


def pushed_to(state: str) -> str:
    """Name the trigger by which the service begins a dialogue at a state by itself."""
    return f"push>{state}"


Resume = Literal["never", "confirm", "safe"]
"""What a redial does with a dialogue that was cut: begin anew, offer to go on, or go on."""


class Text:
    """One text in every language of the service."""

    __slots__ = ("by_language", "is_static", "names")

    def __init__(self, by_language: Mapping[str, Template]) -> None:
        self.by_language = by_language
        self.is_static = all(template.static is not None for template in by_language.values())
        self.names = frozenset[str]().union(*(template.names for template in by_language.values()))

    def render(self, language: str, values: Mapping[str, Value]) -> str:
        return self.by_language[language].render(values)


@dataclass(frozen=True, slots=True)
class Arg:
    """What an action is given: a variable's value, or a literal."""

    variable: str | None = None
    literal: Value = None


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a menu. `when` names a variable that must be true for it to show."""

    key: str
    text: Text
    goto: str
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every state has.

    `resume`: what a redial does when the dialogue was cut here. `timeout_s`: an answer later than this ends
    the dialogue; for an action, how long it may take. `tries_max`: wrong answers here, else as the service.
    `live`: the variables some screen ahead may read; the rest is dropped when the dialogue waits here.
    `triggers`: the machine's triggers that leave this state.
    """

    name: str
    id: int
    menu: str
    live: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    clears_history: bool = False
    resume: Resume = "never"
    timeout_s: float | None = None
    tries_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen(State):
    """A text with options to choose from. `more_key`: its own key for the next page."""

    text: Text
    options: tuple[Option, ...]
    by_key: Mapping[str, Option]
    more_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(State):
    """A text that asks for a typed value."""

    text: Text
    variable: str
    type: AnswerType
    goto: str
    more_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(State):
    """Rows from an action, a page at a time; choosing one keeps its id in `variable`."""

    action: str
    args: Mapping[str, Arg]
    row: Text
    text: Text | None
    variable: str | None
    goto: str | None
    on: Mapping[str, str]
    picks_only_row: bool = False
    rows_max: int | None = None
    more_key: str | None = None
    ends_on_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Do(State):
    """An action; each of its results leads on."""

    action: str
    args: Mapping[str, Arg]
    on: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(State):
    """A variable's value leads on."""

    variable: str
    cases: Mapping[str, str]
    otherwise: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class End(State):
    """The last screen."""

    text: Text
    more_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoke(State):
    """Goes to a state and comes back with the result that a `return` there names."""

    target: str
    on: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(State):
    """Goes back to the state that called, with this result."""

    result: str


Shown = Screen | Question | Listing | End
"""States that wait for the subscriber, or end on a screen."""
AnyState = Shown | Do | Switch | Invoke | Return


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A published dial string: fixed fields first, then the variables of questions.

    `name` is the pattern as written. `questions`: who asks for each variable, where it is not dialled right.
    `rest`: anything may follow the fixed part. `over_options`: its digits are also a way by options, which it
    is meant to win over.
    """

    menu: str
    name: str
    fixed: tuple[str, ...]
    variables: tuple[str, ...]
    questions: tuple[str, ...]
    goto: str
    rest: bool = False
    over_options: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """The navigation keys. Menus and lists use `back`, questions `home` for the same (a sum may be 0)."""

    back: str = "0"
    home: str = "00"
    more: str = "98"
    previous: str = "99"


@dataclass(frozen=True, slots=True)
class Labels:
    """The navigation lines in one language, without their keys."""

    back: str
    more: str
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All menus of one service code, compiled.

    `version` is a hash of the sources.
    `pushes`: the states that the service may begin a dialogue at by itself, and what each must be given.
    """

    version: bytes
    service_code: str
    languages: tuple[str, ...]
    start: str
    states: Mapping[str, AnyState]
    names: Mapping[int, str]
    shortcuts: Mapping[str, tuple[Shortcut, ...]]
    says: Mapping[str, Text]
    labels: Mapping[str, Labels]
    keys: Keys
    wrong_answers_max: int
    http: Mapping[str, HttpAction] = field(default_factory=dict)
    pushes: Mapping[str, Mapping[str, AnswerType]] = field(default_factory=dict)
    machine: ServiceMachine = field(repr=False)
    screens: dict[tuple[int, str, bool, int], str] = field(default_factory=dict, repr=False)

    def say(self, code: str, language: str, values: Mapping[str, Value] | None = None) -> str:
        """Return one of the engine's own texts; a code without one falls back on its family's."""
        text = self.says.get(code) or self.says.get(code.split(".")[0]) or self.says["trouble"]
        return text.render(language, values or {})
