"""docs/rules.md: wrong examples break their rule, right ones compile, no rule is missing there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

import ussd_engine.compiler
from ussd_engine import Action, Amount, Call, Max, Rows, Secret, check
from ussd_engine.actions import PushState, declared

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rules.md").read_text()
SECTION = re.compile(r"^### (\S+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```yaml (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Found:
    price: Amount


@dataclass(frozen=True)
class Missing: ...


@dataclass(frozen=True)
class Bought: ...


@dataclass(frozen=True)
class Item:
    id: str
    name: Annotated[str, Max(20)]


async def price(call: Call, item: Annotated[str, Max(20)]) -> Found | Missing: ...  # type: ignore[empty-body]


async def items(call: Call, after: str | None, limit: int) -> Rows[Item]: ...  # type: ignore[empty-body]


async def buy(call: Call, code: Secret) -> Bought: ...  # type: ignore[empty-body]


async def tell(call: Call, state: PushState) -> Bought: ...  # type: ignore[empty-body]


ACTIONS: dict[str, Action] = {
    "shop.price": declared("shop.price", price),
    "shop.items": declared("shop.items", items),
    "shop.buy": declared("shop.buy", buy),
    "shop.tell": declared("shop.tell", tell),
}
PREAMBLE = dict(BLOCK.findall(PAGE))["preamble"]
EXAMPLES = [(rule, kind, text) for rule, body in SECTION.findall(PAGE) for kind, text in BLOCK.findall(body)]


def rules(text: str) -> set[str]:
    whole = text if text.startswith("menu:") else PREAMBLE + text
    return {problem.rule for problem in check({"m.yaml": whole}, ACTIONS)[1]}


@pytest.mark.parametrize(("rule", "kind", "text"), EXAMPLES, ids=[f"{r}-{k}" for r, k, _ in EXAMPLES])
def test_every_example_of_the_page_is_what_it_says(rule: str, kind: str, text: str) -> None:
    found = rules(text)

    assert (rule in found) if kind == "wrong" else (found == set())


def test_every_rule_has_an_example_that_breaks_it_and_one_that_keeps_it() -> None:
    shown = {kind: {rule for rule, k, _ in EXAMPLES if k == kind} for kind in ("wrong", "right")}

    assert shown["wrong"] == shown["right"]


def test_every_rule_that_the_compiler_tells_is_on_the_page() -> None:
    folder = Path(ussd_engine.compiler.__file__).parent
    told = {rule for file in folder.rglob("*.py") for rule in _told(ast.parse(file.read_text()))}
    named = {rule for rule, _ in SECTION.findall(PAGE)} | set(re.findall(r"^- `(\S+)`:", PAGE, re.MULTILINE))

    assert len(told) > 50
    assert told - named == set()


TELLING = {"say", "at", "problem", "_warning", "Problem"}
"""What makes problems: the rule is the first text among its arguments, where that is one word."""


def _told(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
            if name in TELLING and texts and re.fullmatch(r"[a-z]+(-[a-z]+)*", str(texts[0])):
                yield str(texts[0])
