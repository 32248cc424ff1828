"""YAML's traps are read as written or named with a mend; no file makes the loader raise anything."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.kiosk import MENU, Shop
from ussd_engine import MenuError, Service, check, compile_menus
from ussd_engine.compiler.source import read
from ussd_engine.core.service import End, Question

KIOSK = Shop().actions()


def compiled(states: str, head: str = "") -> Service:
    return compile_menus(
        {"m.yaml": f'menu: m\nservice_code: "*123#"\nstart: home\n{head}states:\n{states}'}, {}
    )


def shown(text: str) -> str:
    state = compiled(f"  home:\n    end: {text}\n").states["m.home"]
    assert isinstance(state, End)
    return state.text.render("en", {})


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("true", "true"),
        ("null", "null"),
        ("1:30", "1:30"),
        ("12:30", "12:30"),
        ("017", "017"),
        ("00", "00"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
        (".5", ".5"),
        ("2024-01-31", "2024-01-31"),
        ("=", "="),
        ("<<", "<<"),
        ('"*880#"', "*880#"),
        ("Dial *880#", "Dial *880#"),
        ("a#b", "a#b"),
        ('"# one"', "# one"),
        ("'it''s'", "it's"),
        ('"one\\ntwo"', "one\ntwo"),
        ("one,\n      two", "one, two"),
        ("|\n      one\n      two", "one\ntwo\n"),
        ("!!int 5", "5"),
        ("&anchor Hi", "Hi"),
        ("Bye  # a comment", "Bye"),
    ],
)
def test_a_text_is_what_was_written_whatever_yaml_would_make_of_it(written: str, read_as: str) -> None:
    assert shown(written) == read_as


def test_a_key_that_yaml_takes_for_a_flag_is_a_word() -> None:
    service = compiled(
        "  home: {switch: caller, on: {no: one, on: two, 'true': one, 017: two, 1:30: one, else: two}}\n"
        "  one: {end: One}\n  two: {end: Two}\n"
    )

    assert set(service.states["m.home"].cases) == {"no", "on", "true", "017", "1:30"}  # type: ignore[union-attr]


def test_numbers_are_read_as_numbers_where_a_number_belongs() -> None:
    service = compiled(
        "  home: {ask: X, as: x, type: {integer: {max: 017}}, goto: done}\n  done: {end: Bye}\n"
    )
    state = service.states["m.home"]

    assert isinstance(state, Question)
    assert getattr(state.type, "max") == 17  # noqa: B009 - the types share no such attribute


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_ends_are_taken(mark: str, line_end: str) -> None:
    text = 'menu: m\nservice_code: "*123#"\nstart: home\nstates:\n  home: {end: Hi}\n'

    assert compile_menus({"m.yaml": mark + text.replace("\n", line_end)}, {}).start == "m.home"


@pytest.mark.parametrize(
    "text",
    [
        "- " * 1_000_000,
        "[" * 1_000_000,
        "{a: " * 500_000,
        "? " * 1_000_000,
        "a:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 1000)),
        "!a " * 100_000,
        "&a " * 100_000,
        "a: |\n" + " x\n" * 300_000,
        "x" * 1_000_000,
        '"' + "x" * 1_000_000 + '"',
        "menu: " + "x" * 1_000_000 + "\n",
        "menu: m\nservice_code: '*1#'\nstart: a\nstates:\n  a: {end: '" + "x" * 1_000_000 + "'}\n",
        "\t" * 1_000_000,
        "#" * 1_000_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(1000)),
        "[x, " * 20 + "]" * 20,
    ],
    ids=lambda text: text[:8],
)
def test_a_file_made_to_hurt_is_told_off_quickly(text: str) -> None:
    began = time.process_time()

    assert check({"m.yaml": text}, {})[1]
    assert time.process_time() - began < 10  # seconds; a second or so where nothing else runs


def test_laughing_aliases_are_named_not_multiplied() -> None:
    laughs = "a: &a [ha, ha]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )

    found = [problem for problem in read("m.yaml", laughs).problems if problem.rule == "alias"]

    assert len(found) == 9 * 7
    assert (found[0].line, found[0].column) == (2, 8)


def test_what_an_alias_stood_for_is_not_called_missing_or_wrong_as_well() -> None:
    states = "  a: {ask: *x, as: x, type: *y, goto: b}\n  b: {end: Bye}\n"
    text = f'menu: m\nservice_code: "*1#"\nstart: a\nstates:\n{states}'

    assert [problem.rule for problem in check({"m.yaml": text}, {})[1]] == ["alias", "alias"]


# --- fuzz -------------------------------------------------------------------------------------------------

YAML_CHARACTERS = st.text(alphabet=" \n\t:-{}[],#&*!|>'\"%@`?\\abm01\ufeff\u2028\x00\x85é№", max_size=120)
PIECES = """menu: | states: | home: | end: | text: | options: | ask: | on: | goto: | start: | service_code:
type:
list: | do: | as: | "*1#" | {x} | &a | {|}|[|]|,|#|*|x|1|- | |  """.replace("\n", "|").split("|")
WORDS = st.lists(st.sampled_from([*PIECES, "\n", "\n  "]), max_size=60).map("".join)


def only_problems(text: str) -> None:
    """Whatever the file: a service, or problems in order, each with a place and a mend."""
    service, problems = check({"m.yaml": text}, KIOSK)
    assert service is not None or any(not problem.warning for problem in problems)
    assert [(p.line, p.column) for p in problems] == sorted((p.line, p.column) for p in problems)
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.what
        assert problem.mend
        assert "\n" not in str(problem)
    try:
        compile_menus({"m.yaml": text}, KIOSK)
    except MenuError as error:
        assert error.problems


@given(st.text(max_size=200) | YAML_CHARACTERS | WORDS)
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_menu_or_a_list_of_problems(text: str) -> None:
    only_problems(text)


@given(st.integers(0, len(MENU) - 1), st.integers(0, 12), YAML_CHARACTERS | WORDS)
@settings(deadline=None, max_examples=150)
def test_a_menu_spoilt_anywhere_is_a_menu_or_a_list_of_problems(at: int, cut: int, put: str) -> None:
    only_problems(MENU[:at] + put[:12] + MENU[at + cut :])


SCALARS = ["", "x", "home", "-5", "99", "nan", "inf", "true", "{x}", "[x]", "back", "start", "№", "a b"]
FIELDS = ["en", "text", "goto", "as", "max", "", "on", "list", "str", "x"]
JUNK = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_menu_with_any_field_replaced_is_a_menu_or_a_list_of_problems(data: st.DataObject) -> None:
    tree: Any = read("m.yaml", MENU).data
    place: Any = tree
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(JUNK)

    only_problems(json.dumps(tree, ensure_ascii=False))


def test_a_screens_place_in_the_file_is_found_again() -> None:
    source = read(
        "m.yaml", "menu: m\nstates:\n  home:\n    text: Hi\n    options:\n      - {text: Go, goto: x}\n"
    )

    assert source.values["states", "home", "options", 0, "goto"] == (6, 26)
    assert source.keys["states", "home", "text"] == (4, 5)
