"""Scenario files: YAML in, scenarios or a list of problems out. Takes text and a name, never opens a file.

    scenario: A customer pays an invoice
    phones: {shop: 998901112233, customer: 998901234567}
    steps:
      - {phone: shop, dial: "*880**0*901234567*50000#", ends: "Счет №{invoice}\\n{customer}\\n50 000 сум"}
      - {phone: customer, dial: "*880#", shows: "CLICK\\n1.Счета\\n2.История\\n3.Язык\\n4.Помощь"}
      - {answer: 1, contains: "№{invoice}"}
      - {answer: {secret: pin}, contains: Оплачено, closed: true}
      - {phone: shop, sms: "Оплата по счету №{invoice} на сумму 50 000 сум успешно произведена"}

`{name}` in an expected text stands for anything on one line, and for the same again from then on; phones are
known by their names. As in menus, every scalar is read as the text that was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ussd_engine.compiler import source as yaml_source
from ussd_engine.compiler.source import Path, Source
from ussd_engine.core.errors import Problem, UssdEngineError

ONLY_PHONE = "phone"
DEFAULT_MSISDN = "998901234567"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Msisdn = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{4,14}$")]


class Leaving(Enum):
    """Why a dialogue is over before its last screen; the field of a step that says so."""

    HANGS_UP = "hangs_up"
    TIMES_OUT = "times_out"


class ScenarioError(UssdEngineError):
    """The file can't be used; `problems` holds every mistake found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Result:
    """What a fake action comes back with; values are still texts. `given`: the arguments it must get."""

    result: str
    values: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[tuple[str, Mapping[str, str]], ...] = ()
    more: bool = False
    given: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a phone does, and what it must show then.

    Attributes:
        dial, push, answer, secret: one of them; `secret` names what is typed. None: the step is about an SMS.
        given: what the state is given that the service begins at by itself, as texts.
        exact: the whole screen; None where only `contains` counts.
        closed: the dialogue is over then, or not; None where nothing is said about it.
        sms: the SMS that must have come; `no_sms`: none may have.
        leaves: the dialogue is broken off by its subscriber or by the network's clock; None: it is not.
    """

    line: int
    phone: str
    dial: str | None = None
    push: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    secret: str | None = None
    exact: str | None = None
    contains: tuple[str, ...] = ()
    closed: bool | None = None
    sms: str | None = None
    no_sms: bool = False
    leaves: Leaving | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scripted dialogue, or several phones' that belong together.

    Attributes:
        phones: numbers by name.
        secrets: what the names of secrets stand for, where the file says it (fakes only).
        actions: fake results in the order they come, by action; None: the real actions run.
    """

    path: str
    line: int
    name: str
    steps: tuple[Step, ...]
    phones: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    actions: Mapping[str, tuple[Result, ...]] | None = None


_BEGINS = "scenario: name"


def read(path: str, text: str) -> tuple[Scenario, ...]:
    """Read a file: one scenario, or several under `scenarios:`.

    Raises:
        ScenarioError: with every problem found.
    """
    source = yaml_source.read(path, text, begins=_BEGINS)
    if source.problems:
        raise ScenarioError(source.problems)
    data = source.data
    if not isinstance(data, dict):
        raise ScenarioError(
            [source.problem((), "scenario", "this is no scenario.", f"Begin with `{_BEGINS}`.")]
        )
    several = "scenarios" in data
    try:
        if several:
            specs = _FileSpec.model_validate(data).scenarios
            places: list[Path] = [("scenarios", index) for index in range(len(specs))]
        else:
            specs, places = [_ScenarioSpec.model_validate(data)], [()]
    except ValidationError as error:
        raise ScenarioError(_problems(source, error)) from None
    read_ones = [_Reader(source, place, spec) for place, spec in zip(places, specs, strict=True)]
    scenarios = tuple(reader.scenario() for reader in read_ones)
    problems = [problem for reader in read_ones for problem in reader.problems]
    if problems:
        raise ScenarioError(problems)
    return scenarios


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _SecretSpec(_Spec):
    secret: Name


class _RowSpec(_Spec):
    id: str
    values: dict[str, str] = Field(default_factory=dict)


class _ResultSpec(_Spec):
    result: str = "rows"
    values: dict[str, str] = Field(default_factory=dict)
    rows: list[_RowSpec] = Field(default_factory=list)
    more: bool = False
    with_: dict[str, str] | None = Field(None, alias="with")


class _StepSpec(_Spec):
    phone: Name | None = None
    dial: str | None = None
    push: str | None = None
    given: dict[str, str] = Field(default_factory=dict)
    answer: str | _SecretSpec | None = None
    shows: str | None = None
    ends: str | None = None
    contains: str | list[str] | None = None
    closed: bool | None = None
    sms: str | None = None
    no_sms: bool = False
    hangs_up: bool = False
    times_out: bool = False


class _ScenarioSpec(_Spec):
    scenario: Annotated[str, StringConstraints(min_length=1)]
    phones: dict[Name, Msisdn] = Field(default_factory=lambda: {ONLY_PHONE: DEFAULT_MSISDN}, min_length=1)
    secrets: dict[Name, str] = Field(default_factory=dict)
    actions: dict[str, list[_ResultSpec]] | None = None
    steps: list[_StepSpec] = Field(min_length=1)


class _FileSpec(_Spec):
    scenarios: list[_ScenarioSpec] = Field(min_length=1)


_FLAGS = ("no_sms", *(why.value for why in Leaving))


class _Reader:
    """One scenario of a file; what is wrong with its meaning is in `problems`."""

    def __init__(self, source: Source, place: Path, spec: _ScenarioSpec) -> None:
        self.source = source
        self.place = place
        self.spec = spec
        self.problems: list[Problem] = []

    def scenario(self) -> Scenario:
        spec = self.spec
        fakes = spec.actions
        return Scenario(
            path=self.source.path,
            line=self.line((*self.place, "scenario")),
            name=spec.scenario,
            phones=spec.phones,
            secrets=spec.secrets,
            actions=None
            if fakes is None
            else {name: tuple(_result(one) for one in results) for name, results in fakes.items()},
            steps=tuple(self.steps()),
        )

    def steps(self) -> list[Step]:
        steps: list[Step] = []
        phone = next(iter(self.spec.phones)) if len(self.spec.phones) == 1 else ""
        for index, step in enumerate(self.spec.steps):
            at: Path = (*self.place, "steps", index)
            phone = step.phone or phone
            if phone not in self.spec.phones:
                what = f"no phone is named '{phone}'." if phone else "it is not said whose step this is."
                self.say(at, what, f"Write `phone:` and one of: {', '.join(self.spec.phones)}.")
            steps.append(self.step(at, phone, step))
        return steps

    def step(self, at: Path, phone: str, spec: _StepSpec) -> Step:
        does = [name for name in ("dial", "push", "answer", "sms") if getattr(spec, name) is not None]
        does += [name for name in _FLAGS if getattr(spec, name)]
        expects = [name for name in ("shows", "ends", "contains") if getattr(spec, name) is not None]
        if len(does) != 1:
            mend = (
                "Give it one of `dial`, `push`, `answer`, `sms`, and `no_sms`, `hangs_up`, `times_out: true`."
            )
            self.say(at, f"a step does one thing, this one {len(does) or 'none'}.", mend)
        elif does[0] not in ("dial", "push", "answer") and (expects or spec.closed is not None):
            about = "about SMS" if "sms" in does[0] else f"with `{does[0]}`"
            self.say(at, f"a step {about} shows no screen.", "Put the screen into a step of its own.")
        if spec.given and spec.push is None:
            self.say(at, "`given` belongs to `push`.", "Leave it out, or push to a state.")
        if spec.closed is not None and expects != ["contains"]:
            self.say(at, "`shows` and `ends` say already whether it is closed.", "Leave `closed` out.")
        if len(expects) > 1:
            self.say(
                at, f"`{expects[0]}` and `{expects[1]}` both say what the screen is.", "Keep one of them."
            )
        secret = spec.answer.secret if isinstance(spec.answer, _SecretSpec) else None
        contains = [spec.contains] if isinstance(spec.contains, str) else spec.contains or []
        closed = True if spec.ends is not None else False if spec.shows is not None else spec.closed
        return Step(
            line=self.line(at),
            phone=phone,
            dial=spec.dial,
            push=spec.push,
            given=spec.given,
            answer=spec.answer if isinstance(spec.answer, str) else None,
            secret=secret,
            exact=spec.ends if spec.shows is None else spec.shows,
            contains=tuple(contains),
            closed=closed,
            sms=spec.sms,
            no_sms=spec.no_sms,
            leaves=next((why for why in Leaving if getattr(spec, why.value)), None),
        )

    def line(self, at: Path) -> int:
        return self.source.problem(at, "", "", "", on_key=True).line

    def say(self, at: Path, what: str, mend: str) -> None:
        self.problems.append(self.source.problem(at, "scenario", what, mend))


def _result(spec: _ResultSpec) -> Result:
    rows = tuple((row.id, row.values) for row in spec.rows)
    return Result(spec.result, spec.values, rows, spec.more, spec.with_)


def _problems(source: Source, error: ValidationError) -> list[Problem]:
    found = [(_place(item["loc"]), dict(item)) for item in error.errors(include_url=False)]
    # Where a field may be a text or more, and is more with a mistake in it, "no text" is no help.
    inner = {path[:-1] for path, _ in found}
    return [
        _problem(source, path, item)
        for path, item in found
        if item["type"] != "string_type" or path not in inner
    ]


def _place(location: tuple[int | str, ...]) -> Path:
    return tuple(part for part in location if part not in ("str", "_SecretSpec", "list[str]"))


def _problem(source: Source, path: Path, error: dict[str, Any]) -> Problem:
    last = str(path[-1]) if path else "file"
    if error["type"] == "extra_forbidden":
        return source.problem(
            path, "scenario", f"`{last}` is not a field here.", "Delete or rename it.", on_key=True
        )
    if error["type"] == "missing":
        return source.problem(path, "scenario", f"`{last}` is missing here.", "Add it.", on_key=True)
    message = str(error["msg"]).replace("Input should be", "it should be")
    return source.problem(path, "scenario", f"`{last}` can't be read: {message}.", "See docs/scenarios.md.")
