"""Replaying a scenario on handsets, a step at a time: forward, back, and what the live screens say to it.

    stepper = Stepper(scenario, secrets)
    while (turn := stepper.turn()) is not None:         # what to do next, on which handset
        reply = ...                                     # the handset does it
        frame = stepper.shown(reply)                    # compared, and one step on
    stepper.back()                                      # look at an earlier step again; plays nothing

Pure. A dialogue can't be taken back: going back only looks, and forward from there only looks too until the
first step that was not played (`Stepper.played`). To play from the start again make another `Stepper`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from ussd_engine import Reply
from ussd_engine.scenarios import Leaving, Scenario, Step
from ussd_engine.scenarios.match import filled, matched
from ussd_engine.scenarios.play import compared, said


class Verdict(Enum):
    """How a step went."""

    NOT_PLAYED = "not played"
    AS_EXPECTED = "as expected"
    OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the next step does. One of `dial`, `answer`, `sms`, `leaves` says what.

    Attributes:
        number: the handset's number.
        answer: what to type; with `secret` set it must not be shown.
        sms: the SMS to wait for, placeholders filled as far as they are known; empty: none may have come.
    """

    number: str
    dial: str | None = None
    answer: str | None = field(default=None, repr=False)
    secret: bool = False
    sms: str | None = None
    leaves: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A step as one looks at it.

    Attributes:
        did: the step in words, a secret by its name: `shop dials *880#`.
        expected: the screen or SMS, known placeholders filled; where only parts are said, a line each.
        closed: the dialogue must be over then; None where the scenario says nothing.
        live: what was shown when it was played.
        why: what differed, in words; empty unless `verdict` is OTHERWISE.
    """

    step: Step
    number: str
    did: str
    expected: str
    closed: bool | None
    verdict: Verdict = Verdict.NOT_PLAYED
    live: Reply | None = None
    why: str = ""


class NoSecret(LookupError):
    """The scenario types a secret that nobody gave; the message names it."""


class Stepper:
    """Walks over one scenario.

    Attributes:
        position: steps that lie behind, 0 at the start; the frame looked at is `frame`.
        known: what placeholders stand for so far, the handsets' numbers under their names.
    """

    def __init__(self, scenario: Scenario, secrets: Mapping[str, str] | None = None) -> None:
        self.scenario = scenario
        self.position = 0
        self.known: dict[str, str] = dict(scenario.phones)
        self._secrets = {**(secrets or {}), **scenario.secrets}
        self._frames: list[Frame] = []

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.scenario.steps)

    def __getitem__(self, place: int) -> Frame:
        """The step of that number, from 0, as it was played or as it is expected now."""
        if place < self.played:
            return self._frames[place]
        return self._framed(self.scenario.steps[place])

    @property
    def played(self) -> int:
        """How many steps were played; the others were looked at, at most."""
        return len(self._frames)

    @property
    def frame(self) -> Frame | None:
        """The step just gone over; None at the start."""
        return self[self.position - 1] if self.position else None

    @property
    def failed(self) -> Frame | None:
        """The first step that went otherwise."""
        return next((frame for frame in self._frames if frame.verdict is Verdict.OTHERWISE), None)

    def forward(self) -> Frame | None:
        """Look at the next step, played or not; None at the end."""
        if self.position == len(self):
            return None
        self.position += 1
        return self.frame

    def back(self) -> Frame | None:
        """Look at the step before; None at the start."""
        self.position = max(self.position - 1, 0)
        return self.frame

    def turn(self) -> Turn | None:
        """What is to be played next, wherever one looks; None when all was played.

        Raises:
            NoSecret: it types a secret without a value.
        """
        if self.played == len(self):
            return None
        step = self.scenario.steps[self.played]
        number = self.scenario.phones[step.phone]
        if step.sms is not None or step.no_sms:
            return Turn(number, sms=filled(step.sms or "", self.known))
        if step.leaves is not None:
            return Turn(number, leaves=step.leaves)
        if step.dial is not None:
            return Turn(number, dial=filled(step.dial, self._secrets | self.known))
        if step.secret is None:
            return Turn(number, answer=filled(step.answer or "", self.known))
        if step.secret not in self._secrets:
            raise NoSecret(f"no secret is named '{step.secret}': set SCENARIO_{step.secret.upper()}")
        return Turn(number, answer=self._secrets[step.secret], secret=True)

    def shown(self, reply: Reply) -> Frame:
        """Tell what the handset showed after `turn()`: it is compared, and the step lies behind."""
        step = self.scenario.steps[self.played]
        why, values = compared(step, reply, self.known)
        return self._next(values, why, reply)

    def nothing(self, why: str) -> Frame:
        """Tell that the handset showed nothing. Where the scenario expects nothing either, that is right."""
        step = self.scenario.steps[self.played]
        expects = step.exact is not None or bool(step.contains)
        return self._next({}, f"  nothing was shown: {why}" if expects else "")

    def left(self) -> Frame:
        """Tell that the dialogue was broken off, as `turn()` said."""
        return self._next({}, "")

    def messages(self, fresh: list[str]) -> Frame:
        """Tell the SMS that came to the handset and that no step has read yet, oldest first.

        The one that the step expects, and those before it, are taken out of `fresh`.
        """
        step = self.scenario.steps[self.played]
        if step.sms is None:
            return self._next({}, f"  an SMS came:\n    {fresh[0]}" if fresh else "")
        for place, text in enumerate(fresh):
            values = matched(step.sms, text, self.known, whole=True)
            if values is not None:
                del fresh[: place + 1]
                return self._next(values, "")
        expected = filled(step.sms, self.known)
        came = f", but:\n    {fresh[-1]}" if fresh else ""
        return self._next({}, f"  expected an SMS, none came{came}\n    {expected}")

    def _next(self, values: Mapping[str, str], why: str, live: Reply | None = None) -> Frame:
        self.known |= values
        verdict = Verdict.OTHERWISE if why else Verdict.AS_EXPECTED
        played = replace(self._framed(self.scenario.steps[self.played]), verdict=verdict, live=live, why=why)
        self._frames.append(played)
        self.position = self.played
        return played

    def _framed(self, step: Step) -> Frame:
        texts = [step.exact or step.sms or "", *step.contains]
        expected = "\n".join(filled(text, self.known) for text in texts if text)
        number = self.scenario.phones[step.phone]
        return Frame(step, number, said(step, self.known), expected, step.closed)
