"""The editors' schema: it takes what the compiler takes, read as YAML 1.2, and names what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.compiler.rich import ACTIONS, MENU
from ussd_engine.compiler.build import check
from ussd_engine.compiler.jsonschema import menu_schema, schema_text

ROOT = Path(__file__).parents[2]
SCHEMA = menu_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SCHEMA_LINE = "# yaml-language-server: $schema=../docs/menu.schema.json"


class EditorLoader(yaml.BaseLoader):
    """Reads scalars by YAML 1.2's core schema (§10.3.2), as editors do; keys become texts, as in JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        return {str(key.value): self.construct_object(value, deep=True) for key, value in node.value}

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        assert isinstance(node, yaml.ScalarNode)
        text = str(node.value)
        if node.style is not None:
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if re.fullmatch(r"[-+]?[0-9]+", text):
            return int(text)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
            return float(text)
        return text


for tag, construct in (
    ("tag:yaml.org,2002:map", EditorLoader.construct_mapping),
    ("tag:yaml.org,2002:str", EditorLoader.construct_scalar),
):
    EditorLoader.add_constructor(tag, construct)


def as_an_editor(text: str) -> Any:
    return yaml.load(text, Loader=EditorLoader)


def menu(states: str, head: str = "") -> str:
    return f'menu: m\nservice_code: "*1#"\nstart: home\n{head}states:\n{states}'


def complaints(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(as_an_editor(text))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["service", "merchant", "customer"])
def test_the_shipped_menus_are_valid_and_name_the_schema_on_their_first_line(name: str) -> None:
    text = (ROOT / "menus" / f"{name}.yaml").read_text(encoding="utf-8")

    assert complaints(text) == []
    assert text.splitlines()[0] == SCHEMA_LINE


def test_a_menu_with_everything_is_valid() -> None:
    assert complaints(MENU) == []


@pytest.mark.parametrize(
    ("states", "head"),
    [
        ("  home: {text: Hi, options: [{key: 0, text: 1, goto: end}]}\n  end: {end: 1.5}\n", ""),
        ("  home: {text: Hi, back: no, options: [{key: 007, text: x, goto: end}]}\n  end: {end: true}\n", ""),
        ("  home: {text: Hi, back: 0, options: [{text: x, goto: end}], tries: '3'}\n  end: {end: x}\n", ""),
        ("  home: {switch: who.vip, on: {true: end, 1: end, else: end}}\n  end: {end: x}\n", ""),
        (
            "  home: {ask: Hi, as: v, type: {choice: {1: a, yes: true}}, goto: end}\n  end: {end: x}\n",
            "",
        ),
        (
            "  home: {end: x}\n",
            "keys: {back: 0, home: 00, more: 98, previous: '99'}\nlimits: {wrong_answers: 3}\n",
        ),
        ("  home: {end: x}\n", "words: {size: {1: small, true: 2, other: {all: 3}}}\n"),
        ("  home: {end: {en: 2026}}\n", ""),
        ("  true: {end: x}\n  home: {text: x, options: [{text: y, goto: true}]}\n", ""),
    ],
)
def test_it_takes_the_scalars_that_the_compiler_reads_as_text(states: str, head: str) -> None:
    text = menu(states, head)
    form = {"unknown-field", "missing-field", "bad-value", "state-kind"}

    assert not [problem for problem in check({"m.yaml": text}, ACTIONS)[1] if problem.rule in form]
    assert complaints(text) == []


@pytest.mark.parametrize(
    "states",
    [
        "  home: {text: Hi, optoins: [{text: x, goto: end}]}\n",
        "  home: {ask: Hi, as: v, goto: end}\n",
        "  home: {ask: Hi, as: v, type: {money: {min: 1}}, goto: end}\n",
        "  home: {ask: Hi, as: v, type: {money: {min: 1, max: ten}}, goto: end}\n",
        "  home: {ask: Hi, as: v, type: {pin: {digits: 4}, text: {max: 9}}, goto: end}\n",
        "  home: {ask: Hi, as: v, type: {pin: {digits: 3}}, goto: end}\n",
        "  home: {text: Hi, options: [{text: x, goto: End}]}\n",
        "  home: {text: Hi, options: [{text: x, goto: end, key: -1}]}\n",
        "  home: {text: Hi, options: [{text: x, goto: end, key: '*'}]}\n",
        "  Home: {end: x}\n",
        "  home: {end: {English: x}}\n",
        "  home: {end: [x]}\n",
        "  home: {end: x, back: maybe}\n",
        "  home: {list: a.b, row: x, none: end, rows: 10}\n",
        "  home: {}\n",
        "  home: just text\n",
    ],
)
def test_it_names_what_the_compiler_refuses(states: str) -> None:
    text = menu(states)

    assert complaints(text)
    assert [problem for problem in check({"m.yaml": text}, ACTIONS)[1] if not problem.warning]


def test_a_menu_without_a_name_is_refused() -> None:
    assert complaints("states: {}") == ["'menu' is a required property"]


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{path}.{name}", field
        for key, value in schema.items():
            yield from fields(value, key if path in ("", "$defs") else path)
    elif isinstance(schema, list):
        for item in schema:
            yield from fields(item, path)


def test_every_field_has_a_text_for_hovers() -> None:
    """Where it is missing: give the field of compiler/schema.py a `description`."""
    assert [name for name, field in fields(SCHEMA) if not field.get("description")] == []


def test_the_schema_in_the_documentation_is_that_of_the_compiler() -> None:
    """Anew: `make docs`."""
    kept = (ROOT / "docs" / "menu.schema.json").read_text(encoding="utf-8")

    assert kept == schema_text()
    assert json.loads(kept) == SCHEMA
