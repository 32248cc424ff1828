"""Playing a scenario: each step's screen and SMS are compared with what the scenario says."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from ussd_engine.engine import Engine
from ussd_engine.ports import Kind, Reply, Turn
from ussd_engine.scenarios.match import filled, matched
from ussd_engine.scenarios.model import Scenario, Step
from ussd_engine.text.cost import octets

GATEWAY = "scenario"


class Stage(Protocol):
    """Where scenarios are played: phones, and the SMS they get.

    Its methods may raise `StageError`: the phone shows nothing at all.
    """

    async def dial(self, msisdn: str, code: str) -> Reply: ...

    async def answer(self, msisdn: str, text: str) -> Reply: ...

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

    async def answer(self, msisdn: str, text: str) -> Reply:
        """Type into it."""
        return await self._send(msisdn, Kind.ANSWER, text)

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
    return await _Play(scenario, stage, {**(secrets or {}), **scenario.secrets}).run()


class _Play:
    def __init__(self, scenario: Scenario, stage: Stage, secrets: Mapping[str, str]) -> None:
        self.scenario = scenario
        self.stage = stage
        self.secrets = secrets
        self.known: dict[str, str] = dict(scenario.phones)
        self.open: dict[str, bool] = {}
        self.read: dict[str, list[str]] = {}

    async def run(self) -> Failure | None:
        try:
            for phone in {step.phone for step in self.scenario.steps if step.sms or step.no_sms}:
                self.read[phone] = list(await self.stage.inbox(self.scenario.phones[phone]))
        except StageError as error:
            return self.failure(self.scenario.steps[0], str(error))
        for step in self.scenario.steps:
            why = await self.step(step)
            why = why or "\n".join(self.stage.problems())
            if why:
                return self.failure(step, why)
        return None

    async def step(self, step: Step) -> str:
        """Do it; return what is wrong, or nothing."""
        msisdn = self.scenario.phones[step.phone]
        try:
            if step.sms is not None or step.no_sms:
                return await self.sms(step, msisdn)
            if step.dial is not None:
                reply = await self.stage.dial(msisdn, filled(step.dial, self.known))
            else:
                if not self.open.get(step.phone):
                    return "the dialogue is over, nothing can be answered"
                typed = self.typed(step)
                if typed is None:
                    return f"no secret is named '{step.secret}'"
                reply = await self.stage.answer(msisdn, typed)
        except StageError as error:
            return str(error)
        self.open[step.phone] = reply.open
        return self.compare(step, reply)

    def typed(self, step: Step) -> str | None:
        if step.secret is not None:
            return self.secrets.get(step.secret)
        return filled(step.answer or "", self.known)

    def compare(self, step: Step, reply: Reply) -> str:
        if step.closed is not None and step.closed is reply.open:
            return self.difference(step, reply)
        for expected, whole in [(step.exact, True), *((text, False) for text in step.contains)]:
            if expected is None:
                continue
            values = matched(expected, reply.text, self.known, whole=whole)
            if values is None:
                return self.difference(step, reply)
            self.known |= values
        return ""

    def difference(self, step: Step, reply: Reply) -> str:
        wanted = "" if step.closed is None else ", closed" if step.closed else ", open"
        shown = f"shown ({octets(reply.text)} octets, {'open' if reply.open else 'closed'})"
        if step.exact is None:
            parts = "\n".join(filled(text, self.known) for text in step.contains)
            return f"  expected{wanted}, containing:\n{_indented(parts)}\n  {shown}:\n{_indented(reply.text)}"
        expected = filled(step.exact, self.known)
        return (
            f"  - expected ({octets(expected)} octets{wanted})\n  + {shown}\n"
            f"{_compared(expected, reply.text)}"
        )

    async def sms(self, step: Step, msisdn: str) -> str:
        """Look for an SMS that this scenario has not read yet."""
        read = self.read[step.phone]
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

    def failure(self, step: Step, why: str) -> Failure:
        return Failure(self.scenario.path, step.line, self.scenario.name, self.said(step), why)

    def said(self, step: Step) -> str:
        """The step in words; a secret by its name."""
        if step.sms is not None or step.no_sms:
            return f"{step.phone} {'gets no SMS' if step.no_sms else 'gets an SMS'}"
        if step.dial is not None:
            return f"{step.phone} dials {filled(step.dial, self.known)}"
        typed = f"<{step.secret}>" if step.secret is not None else filled(step.answer or "", self.known)
        return f"{step.phone} answers {typed or 'nothing'}"


def _compared(expected: str, shown: str) -> str:
    lines = difflib.ndiff(expected.split("\n"), shown.split("\n"))
    return _indented("\n".join(line.rstrip("\n") for line in lines if line[0] != "?"))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
