"""What goes into a step and what comes out of it.

Time, ids and outside answers arrive inside the event; all that must be done leaves as an effect, so a stored
dialogue replays exactly and tests need no mocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ussd_engine.core.session import Session
from ussd_engine.text.template import Value


@dataclass(frozen=True, slots=True)
class Begin:
    """The subscriber dialled.

    `fields` are what stood between the service code and `#`, empty ones kept. `before` is the subscriber's
    dialogue that was cut, if there is one; the step decides whether it goes on.
    """

    at: float
    fields: tuple[str, ...] = field(default=(), repr=False)  # may hold a card number
    before: Session | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The service begins by itself, at a state that declares itself a beginning; `given`: its variables."""

    at: float
    state: str
    given: Mapping[str, Value] = field(default_factory=dict)


class Answer(msgspec.Struct, frozen=True):
    """The subscriber answered the screen, `waited_s` after it was shown."""

    at: float
    text: str
    waited_s: float = 0.0

    def __repr__(self) -> str:
        """Without the text, which may be a PIN."""
        return f"Answer(at={self.at!r}, waited_s={self.waited_s!r})"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: its id, which a choice resolves to, and what its text may show."""

    id: str
    values: Mapping[str, Value]


class ActionDone(msgspec.Struct, frozen=True):
    """An action came back: its result's name and what it sets; for lists, rows and whether more follow."""

    at: float
    result: str
    values: Mapping[str, Value] = {}
    rows: tuple[Row, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Aborted:
    """The network or the subscriber cut the dialogue."""

    at: float


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The network waited too long for the subscriber."""

    at: float


Event = Begin | Pushed | Answer | ActionDone | Aborted | TimedOut


class Ask(msgspec.Struct, frozen=True):
    """Show this screen and wait for an answer."""

    text: str


class Close(msgspec.Struct, frozen=True):
    """Show this screen and end the dialogue."""

    text: str


class Run(msgspec.Struct, frozen=True):
    """Perform an action and come back with `ActionDone`.

    `state` and `answers` (how many answers the dialogue has consumed) belong to the action's key: a retry
    of the same turn carries the same ones. `timeout_s`: what the menu grants it, if it says.
    """

    action: str
    state: str
    answers: int
    args: Mapping[str, Value]
    timeout_s: float | None = None

    def __repr__(self) -> str:
        """Without the arguments, which may hold a PIN."""
        return f"Run({self.action!r}, {self.state!r}, answers={self.answers!r}, timeout_s={self.timeout_s!r})"


Effect = Ask | Close | Run
