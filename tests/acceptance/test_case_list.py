"""Every fault and attack case of domain.md that this service answers is a test that bears its number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
CASES = (
    *(f"f{number}" for number in range(1, 20)),
    *(f"s{number}" for number in range(2, 11)),
    *("s13a", "s20", "s21", "s22", "s24", "s25"),
)


def names_in(source: str) -> Iterator[str]:
    """The names of a module's tests, methods of classes too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def cases_of(name: str) -> set[str]:
    """The cases a test's name begins with: `test_f7_s22_an_approval…` is two."""
    told = re.match(r"test((?:_[fs]\d{1,2}a?(?=_))+)", name)
    return set(told[1].strip("_").split("_")) if told else set()


def test_every_case_is_played_by_a_test_that_bears_its_number() -> None:
    played: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for name in names_in(path.read_text(encoding="utf-8")):
            played |= cases_of(name)

    assert [case for case in CASES if case not in played] == []


def test_a_number_counts_only_where_the_name_begins_with_it() -> None:
    assert cases_of("test_f7_s22_an_approval_of_another_sum_is_refused") == {"f7", "s22"}
    assert cases_of("test_s13a_one_star_is_a_transfer") == {"s13a"}
    assert cases_of("test_a_road_f9_is_no_case") == cases_of("test_f14") == cases_of("test_f") == set()
