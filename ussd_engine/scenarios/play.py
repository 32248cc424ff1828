"""Playing a scenario: each step's screen and SMS are compared with what the scenario says."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from ussd_engine.engine import Engine
from ussd_engine.ports import Kind, PushOutcome, Reply, Turn
from ussd_engine.pushing import NotPushable, given_to
from ussd_engine.scenarios.match import filled, matched
from ussd_engine.scenarios.model import Leaving, Scenario, Step
from ussd_engine.text.cost import octets

GATEWAY = "scenario"


class Stage(Protocol):
    """Where scenarios are played: phones, and the SMS they get.

    Its methods may raise `StageError`: the phone shows nothing at all.
    """

    async def dial(self, msisdn: str, code: str) -> Reply: ...

    async def push(self, msisdn: str, state: str, given: Mapping[str, str]) -> Reply:
        """The first screen of a dialogue that the service begins by itself."""

    async def answer(self, msisdn: str, text: str) -> Reply: ...

    async def leave(self, msisdn: str, why: Leaving) -> None:
        """Break the open dialogue off."""

    async def inbox(self, msisdn: str) -> Sequence[str]:
        """Texts of all SMS so far, newest last, once what is under way has come."""

    def problems(self) -> Sequence[str]:
        """What went wrong beside the screens; the scenario fails with it."""


class StageError(Exception):
    """A phone shows nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a scenario failed: at which line, what was done there, and what was expected and shown."""

    path: str
    line: int
    scenario: str
    did: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.scenario}\n  {self.did}\n{self.why}"


class _Shown:
    """A network that shows whatever it is given, and leaves the dialogue open."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.dialogue = ""

    async def push(self, dialogue: str, _msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        self.reply, self.dialogue = Reply(text, ask), dialogue
        return PushOutcome.ACCEPTED


@dataclass
class EngineStage:
    """Phones of an engine in this process.

    Attributes:
        sms: reads a phone's SMS; None: there are none.
        watch: problems of the actions.
    """

    engine: Engine
    service_code: str
    sms: Callable[[str], Awaitable[Sequence[str]]] | None = None
    watch: Sequence[str] = ()
    _dialogues: dict[str, str] = field(default_factory=dict)
    _turns: int = 0

    async def dial(self, msisdn: str, code: str) -> Reply:
        """Begin a dialogue."""
        self._dialogues[msisdn] = uuid4().hex
        return await self._send(msisdn, Kind.BEGIN, code)

    async def push(self, msisdn: str, state: str, given: Mapping[str, str]) -> Reply:
        """Begin one by the service itself.

        Raises:
            StageError: no dialogue can begin like this, or the phone is in another one.
        """
        shown = _Shown()
        try:
            values = given_to(self.engine.service, state, given, msisdn)
            outcome = await self.engine.push(GATEWAY, shown, msisdn, state, values)
        except NotPushable as error:
            raise StageError(str(error)) from None
        if shown.reply is None:
            raise StageError(f"nothing is shown: {outcome.value}")
        self._dialogues[msisdn] = shown.dialogue
        return shown.reply

    async def answer(self, msisdn: str, text: str) -> Reply:
        """Type into it."""
        return await self._send(msisdn, Kind.ANSWER, text)

    async def leave(self, msisdn: str, why: Leaving) -> None:
        """Tell the engine that the dialogue is over."""
        await self._send(msisdn, Kind.ABORT if why is Leaving.HANGS_UP else Kind.TIMEOUT, "")

    async def inbox(self, msisdn: str) -> Sequence[str]:
        """The phone's SMS."""
        return await self.sms(msisdn) if self.sms is not None else ()

    def problems(self) -> Sequence[str]:
        """What the actions had to complain of."""
        return self.watch

    async def _send(self, msisdn: str, kind: Kind, text: str) -> Reply:
        self._turns += 1
        turn = Turn(
            gateway=GATEWAY,
            dialogue=self._dialogues.get(msisdn, ""),
            msisdn=msisdn,
            kind=kind,
            text=text,
            service_code=self.service_code,
            request_id=str(self._turns),
        )
        return await self.engine.handle(turn)


async def play(scenario: Scenario, stage: Stage, secrets: Mapping[str, str] | None = None) -> Failure | None:
    """Play it; the first step that goes otherwise is the failure.

    Args:
        secrets: what is typed where a scenario names a secret that it does not define.
    """
    return await Player(scenario, stage, secrets).run()


class Player:
    """Plays a scenario, as a whole or step by step.

    Attributes:
        known: what the placeholders stand for so far, the phones' numbers under their names.
        shown: what the last step's phone showed; None where the step was about something else.
    """

    def __init__(self, scenario: Scenario, stage: Stage, secrets: Mapping[str, str] | None = None) -> None:
        self.scenario = scenario
        self.stage = stage
        self.known: dict[str, str] = dict(scenario.phones)
        self.shown: Reply | None = None
        self._secrets = {**(secrets or {}), **scenario.secrets}
        self._open: dict[str, bool] = {}
        self._read: dict[str, list[str]] = {}

    async def run(self) -> Failure | None:
        """Play all of it; the first step that goes otherwise is the failure."""
        if failure := await self.begin():
            return failure
        for step in self.scenario.steps:
            if failure := await self.step(step):
                return failure
        return None

    async def begin(self) -> Failure | None:
        """Look at the SMS that are there already: they are not this scenario's."""
        try:
            for phone in {step.phone for step in self.scenario.steps if step.sms or step.no_sms}:
                self._read[phone] = list(await self.stage.inbox(self.scenario.phones[phone]))
        except StageError as error:
            return self._failure(self.scenario.steps[0], str(error))
        return None

    async def step(self, step: Step) -> Failure | None:
        """Do what the step says and compare what follows; None where it is as expected."""
        why = await self._do(step) or "\n".join(self.stage.problems())
        return self._failure(step, why) if why else None

    async def _do(self, step: Step) -> str:
        msisdn, self.shown = self.scenario.phones[step.phone], None
        try:
            if step.sms is not None or step.no_sms:
                return await self._sms(step, msisdn)
            if step.leaves is not None:
                return await self._leave(step, msisdn, step.leaves)
            if step.dial is not None:
                reply = await self.stage.dial(msisdn, filled(step.dial, self._secrets | self.known))
            elif step.push is not None:
                given = {name: filled(text, self.known) for name, text in step.given.items()}
                reply = await self.stage.push(msisdn, step.push, given)
            else:
                if not self._open.get(step.phone):
                    return "the dialogue is over, nothing can be answered"
                typed = self._typed(step)
                if typed is None:
                    return f"no secret is named '{step.secret}'"
                reply = await self.stage.answer(msisdn, typed)
        except StageError as error:
            return str(error)
        self._open[step.phone] = reply.open
        self.shown = reply
        why, values = compared(step, reply, self.known)
        self.known |= values
        return why

    async def _leave(self, step: Step, msisdn: str, why: Leaving) -> str:
        if not self._open.get(step.phone):
            return "the dialogue is over, nothing can be broken off"
        self._open[step.phone] = False
        await self.stage.leave(msisdn, why)
        return ""

    def _typed(self, step: Step) -> str | None:
        if step.secret is not None:
            return self._secrets.get(step.secret)
        return filled(step.answer or "", self.known)

    async def _sms(self, step: Step, msisdn: str) -> str:
        """Look for an SMS that this scenario has not read yet."""
        read = self._read[step.phone]
        fresh = list(await self.stage.inbox(msisdn))[len(read) :]
        if step.no_sms:
            return f"  an SMS came:\n{_indented(fresh[0])}" if fresh else ""
        assert step.sms is not None
        for place, text in enumerate(fresh):
            values = matched(step.sms, text, self.known, whole=True)
            if values is not None:
                self.known |= values
                read += fresh[: place + 1]
                return ""
        expected = filled(step.sms, self.known)
        if not fresh:
            return f"  expected an SMS, none came:\n{_indented(expected)}"
        return f"  - expected SMS\n  + newest SMS\n{_compared(expected, fresh[-1])}"

    def _failure(self, step: Step, why: str) -> Failure:
        did = said(step, self.known)
        return Failure(self.scenario.path, step.line, self.scenario.name, did, why)


def said(step: Step, known: Mapping[str, str]) -> str:
    """The step in words; a secret by its name."""
    if step.sms is not None or step.no_sms:
        return f"{step.phone} {'gets no SMS' if step.no_sms else 'gets an SMS'}"
    if step.leaves is not None:
        return f"{step.phone} {step.leaves.value.replace('_', ' ')}"
    if step.dial is not None:
        return f"{step.phone} dials {filled(step.dial, known)}"
    if step.push is not None:
        return f"{step.phone} is pushed {step.push}"
    typed = f"<{step.secret}>" if step.secret is not None else filled(step.answer or "", known)
    return f"{step.phone} answers {typed or 'nothing'}"


def compared(step: Step, shown: Reply, known: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Hold a screen against what a step expects.

    Returns:
        What differs, in words, empty where nothing does; and what the step's placeholders stand for.
    """
    if step.closed is not None and step.closed is shown.open:
        return _difference(step, shown, known), {}
    found: dict[str, str] = {}
    for expected, whole in [(step.exact, True), *((text, False) for text in step.contains)]:
        if expected is None:
            continue
        values = matched(expected, shown.text, {**known, **found}, whole=whole)
        if values is None:
            return _difference(step, shown, known), found
        found |= values
    return "", found


def _difference(step: Step, shown: Reply, known: Mapping[str, str]) -> str:
    wanted = "" if step.closed is None else ", closed" if step.closed else ", open"
    told = f"shown ({octets(shown.text)} octets, {'open' if shown.open else 'closed'})"
    if step.exact is None:
        parts = "\n".join(filled(text, known) for text in step.contains)
        return f"  expected{wanted}, containing:\n{_indented(parts)}\n  {told}:\n{_indented(shown.text)}"
    expected = filled(step.exact, known)
    return f"  - expected ({octets(expected)} octets{wanted})\n  + {told}\n{_compared(expected, shown.text)}"


def _compared(expected: str, shown: str) -> str:
    lines = difflib.ndiff(expected.split("\n"), shown.split("\n"))
    return _indented("\n".join(line.rstrip("\n") for line in lines if line[0] != "?"))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
