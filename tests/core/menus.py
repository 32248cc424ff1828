"""Menus made up at random that still compile: every state leads on to the next, the last one ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from hypothesis import strategies as st

from ussd_engine import Action, Call, Max, Rows, Service, compile_menus
from ussd_engine.actions import declared

WORDS = [
    "Pay",
    "Счет",
    "[{caller}]",
    "{caller}",
    "ok",
    "ў",
    "[[x]]",
    "€uro",
    "много слов подряд",
    "a long text",
]
TYPES: list[dict[str, Any]] = [
    {"msisdn": {"region": "UZ", "other_than": "caller"}},
    {"money": {"min": 1, "max": 1000}},
    {"integer": {"min": 1, "max": 5}},
    {"text": {"max": 10}},
    {"digits": {"max": 4}},
    {"choice": {"a": "x", "1": "y"}},
]
INPUTS = [
    "",
    "1",
    "2",
    "3",
    "9",
    "0",
    "00",
    "98",
    "99",
    "*",
    "901234567",
    "50",
    "abc",
    "a",
    "1*2",
    "٣",
    "\x00",
]


@dataclass(frozen=True)
class Item:
    id: Annotated[str, Max(20, "id")]
    name: Annotated[str, Max(40)]


@dataclass(frozen=True)
class Left:
    flag: bool


@dataclass(frozen=True)
class Right:
    pass


async def fork(call: Call) -> Left | Right:
    return Left(True) if int(call.msisdn) % 2 else Right()


def listing(count: int) -> Action:
    """An action whose list has `count` rows."""
    items = [Item(f"i{n}", "Строка " * (n % 5) + str(n)) for n in range(count)]

    async def rows(call: Call, after: str | None, limit: int) -> Rows[Item]:
        start = next((n + 1 for n, item in enumerate(items) if item.id == after), 0)
        return Rows(items[start : start + limit], more=len(items) > start + limit)

    return declared("any.rows", rows)


@dataclass(frozen=True)
class MadeUp:
    """A compiled menu with the actions it runs."""

    service: Service
    actions: dict[str, Action]


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    """Draw a menu of up to eight states of all kinds, `last` at its end."""
    count = draw(st.integers(1, 7))
    names = [f"s{n}" for n in range(count)] + ["last"]
    text = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
    states: dict[str, Any] = {"last": {"end": draw(text)}}
    for number, name in enumerate(names[:-1]):
        onward = names[number + 1]
        anywhere = st.sampled_from([*names, "back", "start"])
        later = st.sampled_from(names[number + 1 :])
        kind = draw(st.sampled_from(["screen", "screen", "question", "list", "do"]))
        if kind == "screen":
            options = [{"text": draw(text), "goto": onward}]
            options += [{"text": draw(text), "goto": draw(anywhere)} for _ in range(draw(st.integers(0, 6)))]
            states[name] = {
                "text": draw(text),
                "options": options,
                "back": draw(st.sampled_from(["true", "false"])),
            }
        elif kind == "question":
            kind_of = draw(st.sampled_from(TYPES))
            states[name] = {"ask": draw(text), "as": f"v{number}", "type": kind_of, "goto": onward}
        elif kind == "list":
            states[name] = {
                "list": "any.rows",
                "text": draw(text),
                "row": "{row.name}",
                "as": f"v{number}",
                "goto": onward,
                "none": draw(later),
            }
            states[name] |= draw(st.sampled_from([{}, {"rows": "1"}, {"one": "pick"}]))
        else:
            states[name] = {"do": "any.fork", "on": {"left": onward, "right": draw(later)}}
    menu = {"menu": "m", "service_code": "*123#", "start": "s0", "states": states}
    actions = {"any.fork": declared("any.fork", fork), "any.rows": listing(draw(st.integers(0, 12)))}
    return MadeUp(compile_menus({"m.yaml": json.dumps(menu, ensure_ascii=False)}, actions), actions)
