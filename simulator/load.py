"""Load: many virtual handsets that play a mix of scenarios, each screen compared.

    mix = Mix([Portion(scenario, weight=3), Portion(other)])
    figures = Figures(mix.parts)
    await run(Plan(mix, dialogues=10_000, handsets=100), lines, figures)

Each handset plays one dialogue after another and sends when its answer has come (a closed loop), with numbers
that no other handset has. A wrong screen, an end too early or too late, no answer: the dialogue is an error
of that cause, and the handset goes on with the next one. Memory doesn't grow with the dialogues.
"""

from __future__ import annotations

import asyncio
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import gcd
from typing import Final, Protocol

from simulator.load_figures import Figures, Part
from simulator.wires.wire import Call, NoService
from simulator.wires.wire import Leaving as Left
from ussd_engine import Reply
from ussd_engine.scenarios import Leaving, Scenario, Step
from ussd_engine.scenarios.match import filled, placeholders
from ussd_engine.scenarios.play import compared

FIRST: Final = 998_910_000_000
"""The first virtual number: valid in Uzbekistan's numbering plan, and none of the demo's people."""
_LEFT: Final = {Leaving.HANGS_UP: Left.USER, Leaving.TIMES_OUT: Left.TIMEOUT}


class Unfit(ValueError):
    """A scenario can't be played as load; the message says why."""


class Line(Protocol):
    """A handset's way to the service; its methods raise `NoService` where nothing is shown."""

    async def begin(self, call: Call) -> Reply: ...

    async def answer(self, call: Call, text: str) -> Reply: ...

    async def leave(self, call: Call, why: Left) -> None: ...

    def close(self) -> None: ...


class Lines(Protocol):
    """Makes the handsets' lines; to be opened before the first and closed after the last."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def line(self, timed: Callable[[float], None]) -> Line:
        """One more; `timed` is told how many seconds each answer took."""


@dataclass(frozen=True)
class Portion:
    """A scenario and how often it is played beside the others of its mix."""

    scenario: Scenario
    weight: int = 1

    def __post_init__(self) -> None:
        """Refuse what is not meant for many handsets.

        Raises:
            Unfit: fake actions, no dialogue, a weight below 1.
        """
        name = self.scenario.name
        if self.scenario.actions is not None:
            raise Unfit(f"'{name}' has fake actions: a running service has its own")
        if not any(step.dial is not None for step in self.scenario.steps):
            raise Unfit(f"'{name}' dials nothing")
        if self.weight < 1:
            raise Unfit(f"'{name}': a weight is 1 or more")


class Mix:
    """Portions, and the order in which dialogues take them: spread evenly, the same in every run."""

    def __init__(self, portions: Sequence[Portion], secrets: Mapping[str, str] | None = None) -> None:
        self.portions = tuple(portions)
        self.parts = [Part(portion.scenario.name) for portion in portions]
        self.phones_max = max(len(portion.scenario.phones) for portion in portions)
        self._scripts = [_Script(one.scenario, secrets or {}) for one in portions]
        self._edges = list(accumulate(portion.weight for portion in portions))
        self._stride = _stride(self._edges[-1])

    def choose(self, number: int) -> tuple[_Script, Part]:
        """What the dialogue of that number plays."""
        # A stride prime to the sum visits every place once before it comes back, and mixes them on the way.
        total = self._edges[-1]
        place = bisect(self._edges, number * self._stride % total)
        return self._scripts[place], self.parts[place]


@dataclass(frozen=True)
class Plan:
    """How much is played.

    Attributes:
        dialogues: in all.
        handsets: at most so many dialogues at once.
        numbers: subscribers to call from, at least one for each phone of each handset; 0: another one for
            each dialogue.
        ramp_s: over so many seconds the handsets begin, one after the other.
        think_s: how long a person looks at a screen before answering.
    """

    mix: Mix
    dialogues: int
    handsets: int
    numbers: int = 0
    first: int = FIRST
    ramp_s: float = 0.0
    think_s: float = 0.0

    def caller(self, slot: int, round_: int, phone: int) -> str:
        """The number of a handset's phone in its `round_`th dialogue; no other handset ever has it."""
        a_round = self.handsets * self.mix.phones_max
        if self.numbers:
            round_ %= max(self.numbers // a_round, 1)
        return str(self.first + round_ * a_round + slot * self.mix.phones_max + phone)


@dataclass
class _Counter:
    """Deals out the dialogues."""

    left: int
    dealt: int = 0

    def take(self) -> int | None:
        if self.dealt == self.left:
            return None
        self.dealt += 1
        return self.dealt - 1


async def run(plan: Plan, lines: Lines, figures: Figures) -> None:
    """Play all of it; cancelled, it breaks off what is under way and `figures` tells what was done."""
    counter = _Counter(plan.dialogues)
    slots = range(min(plan.handsets, plan.dialogues))
    async with asyncio.TaskGroup() as group:
        for slot in slots:
            delay = plan.ramp_s * slot / len(slots)
            group.create_task(_handset(plan, lines, figures, counter, slot, delay))


async def _handset(
    plan: Plan, lines: Lines, figures: Figures, counter: _Counter, slot: int, delay: float
) -> None:
    await asyncio.sleep(delay)
    playing: list[Part] = []
    line = lines.line(lambda seconds: figures.turn(playing[0], seconds))
    round_ = 0
    try:
        while (number := counter.take()) is not None:
            script, part = plan.mix.choose(number)
            playing[:] = [part]
            callers = [plan.caller(slot, round_, phone) for phone in range(plan.mix.phones_max)]
            figures.open += 1
            try:
                await _Dialogue(script, line, callers, plan.think_s).play()
            except _Wrong as wrong:
                figures.failed(part, wrong.cause, wrong.example)
            except NoService as error:
                figures.failed(part, str(error), str(error))
            else:
                figures.done(part)
            finally:
                figures.open -= 1
            round_ += 1
    finally:
        line.close()


class _Wrong(Exception):
    """A screen that the scenario doesn't have there."""

    def __init__(self, cause: str, example: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.example = example


class _Script:
    """A scenario made ready: the names in each step are known, so that most screens are compared as texts."""

    def __init__(self, scenario: Scenario, secrets: Mapping[str, str]) -> None:
        """Look for what can't be played.

        Raises:
            Unfit: a secret that nobody gave.
        """
        self.scenario = scenario
        self.secrets = {**secrets, **scenario.secrets}
        self._names: list[frozenset[str]] = []
        for step in scenario.steps:
            if step.secret is not None and step.secret not in self.secrets:
                variable = f"SCENARIO_{step.secret.upper()}"
                raise Unfit(f"'{scenario.name}' types the secret '{step.secret}': set {variable}")
            texts = "".join((step.exact or "", *step.contains))
            self._names.append(placeholders(texts))

    def is_right(self, place: int, step: Step, reply: Reply, known: Mapping[str, str]) -> bool:
        """Whether a screen is what it must be, where all its placeholders are known; False: look closer."""
        if step.closed is reply.open or not self._names[place] <= known.keys():
            return False
        right = step.exact is None or filled(step.exact, known) == reply.text
        return right and all(filled(part, known) in reply.text for part in step.contains)


class _Dialogue:
    """One scenario on one handset."""

    def __init__(self, script: _Script, line: Line, callers: Sequence[str], think_s: float) -> None:
        self._script = script
        self._line = line
        self._think_s = think_s
        self._callers = dict(zip(script.scenario.phones, callers, strict=False))
        self._known = self._callers.copy()
        self._calls: dict[str, Call] = {}
        self._open: set[str] = set()

    async def play(self) -> None:
        """Play every step but those about SMS."""
        for place, step in enumerate(self._script.scenario.steps):
            if step.sms is not None or step.no_sms:
                continue
            if step.dial is None and step.phone not in self._open:
                raise self._wrong(step, "the dialogue was over before", "")
            if step.leaves is not None:
                self._open.discard(step.phone)
                await self._line.leave(self._calls[step.phone], _LEFT[step.leaves])
                continue
            self._check(place, step, await self._turn(step))

    async def _turn(self, step: Step) -> Reply:
        if step.dial is not None:
            code = filled(step.dial, self._script.secrets | self._known)
            call = self._calls[step.phone] = Call(self._callers[step.phone], code)
            return await self._line.begin(call)
        if self._think_s:
            await asyncio.sleep(self._think_s)
        typed = (
            self._script.secrets[step.secret]
            if step.secret is not None
            else filled(step.answer or "", self._known)
        )
        return await self._line.answer(self._calls[step.phone], typed)

    def _check(self, place: int, step: Step, reply: Reply) -> None:
        if reply.open:
            self._open.add(step.phone)
        else:
            self._open.discard(step.phone)
        if self._script.is_right(place, step, reply, self._known):
            return
        why, values = compared(step, reply, self._known)
        if why:
            raise self._wrong(step, "another screen", why)
        self._known.update(values)

    def _wrong(self, step: Step, what: str, why: str) -> _Wrong:
        scenario = self._script.scenario
        return _Wrong(f"{what} at {scenario.path}:{step.line} ({scenario.name})", why)


def _stride(total: int) -> int:
    """About 0.618 of `total`, and prime to it."""
    stride = max(int(total * 0.618), 1)
    while gcd(stride, total) != 1:
        stride += 1
    return stride
