"""Values to try a menu with: answers that a question takes or refuses, and results of actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import phonenumbers

from ussd_engine.actions import Action, Shape
from ussd_engine.core.answers import Accepted, AnswerType, ChoiceType, MsisdnType, Refused
from ussd_engine.core.events import ActionDone, Row
from ussd_engine.core.service import Do, Listing, Service, Switch
from ussd_engine.scenarios.fakes import NUMBERS
from ussd_engine.text.template import Value

VARIANTS_MAX = 16
"""Combinations of deciding values tried for one result."""
AT = 1_795_486_800
"""Unix seconds of 24.11.2026, 07:00 in Tashkent: any fixed time does."""

_TEXTS = ("1", "1000", "12345", "123456", "1234", "12", "abc", "a")


def accepted(kind: AnswerType, caller: str) -> list[str]:
    """Texts that a question of this type takes, each with another value; none where no sample fits."""
    candidates = list(kind.choices) if isinstance(kind, ChoiceType) else [*_fitting(kind), *_TEXTS]
    taken = [text for text in candidates if isinstance(kind.read(text, caller), Accepted)]
    return taken if isinstance(kind, ChoiceType) else taken[:1]


def refused(kind: AnswerType, caller: str, *, readable: bool) -> str | None:
    """A text that a question of this type refuses, of the right form (`readable`) or not; digits only."""
    largest = getattr(kind, "max", 0)
    candidates = [caller, *_fixed_lines(kind), "0", str(largest + 1), "9" * 16, "1", ""]
    for text in candidates:
        verdict = kind.read(text, caller)
        if isinstance(verdict, Refused) and verdict.readable is readable:
            return text
    return None


def outcomes(
    state: Do | Listing,
    service: Service,
    actions: Mapping[str, Action],
    deciding: Mapping[str, Sequence[str]],
) -> Iterator[ActionDone]:
    """What a state's action could come back with: each result, in each way that decides what comes next.

    Args:
        deciding: the service's `decisions`.
    """
    declared = actions.get(state.action) or service.http[state.action]
    for result, shapes in declared.results.items():
        if result == "rows":
            continue
        choices = [
            [(name, value) for value in _values(name, shape, service, deciding)]
            for name, shape in shapes.items()
        ]
        for values in islice(product(*choices), VARIANTS_MAX):
            yield ActionDone(AT, result, dict(values))
    yield from (
        ActionDone(AT, result) for result in state.on if result not in declared.results and result != "none"
    )
    if isinstance(state, Listing):
        shapes = getattr(declared, "row", None) or {}
        row = {name: _sample(name, shape, service) for name, shape in shapes.items()}
        rows = [Row(f"row{number}", row) for number in (1, 2)]
        yield from (ActionDone(AT, "rows", rows=tuple(rows[:count])) for count in (0, 1, 2))


def decisions(service: Service) -> dict[str, list[str]]:
    """The variables that decide where a dialogue goes or what it offers, with the values asked about."""
    found: dict[str, list[str]] = {}
    for state in service.states.values():
        if isinstance(state, Switch):
            found.setdefault(state.variable, []).extend(state.cases)
        for option in getattr(state, "options", ()):
            if option.when is not None:
                found.setdefault(option.when, []).extend(("true", "false"))
    return found


def _values(name: str, shape: Shape, service: Service, deciding: Mapping[str, Sequence[str]]) -> list[Value]:
    plain = _sample(name, shape, service)
    if shape.kind == "flag":
        return [True, False] if name in deciding else [True]
    if name not in deciding:
        return [plain]
    if shape.kind in NUMBERS:
        asked: list[Value] = [int(text) for text in deciding[name] if text.isdigit()]
    else:
        asked = list(deciding[name])
    return [*dict.fromkeys(asked), plain]


def _sample(name: str, shape: Shape, service: Service) -> Value:
    """A small value of a variable: the screens it is on must fit anyway."""
    if name == "language":
        return service.languages[0]
    match shape.kind:
        case "flag":
            return True
        case "time":
            return AT
        case "money":
            return min(5_000_000, shape.max)
        case "integer":
            return min(1, shape.max)
        case "msisdn":
            return "998901234567"
        case "digits":
            return "1234567890"[: shape.max]
    return "abcdefgh"[: shape.max]


def _fitting(kind: AnswerType) -> Iterator[str]:
    """Guesses from the limits that a type shows."""
    if isinstance(kind, MsisdnType):
        yield from _numbers(kind, phonenumbers.PhoneNumberType.MOBILE)
        yield from _numbers(kind, phonenumbers.PhoneNumberType.FIXED_LINE)
    smallest = getattr(kind, "min", None)
    if isinstance(smallest, int):
        yield str(smallest)
        yield "1234567890123456789"[:smallest]
        yield "abcdefghijklmnopqrst"[:smallest]


def _fixed_lines(kind: AnswerType) -> Iterator[str]:
    if isinstance(kind, MsisdnType):
        yield from _numbers(kind, phonenumbers.PhoneNumberType.FIXED_LINE)


def _numbers(kind: MsisdnType, wanted: int) -> Iterator[str]:
    """The numbering plan's own example of a national number."""
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(kind.country_code), ()):
        example = phonenumbers.example_number_for_type(region, wanted)
        if example is not None:
            yield str(example.national_number)
