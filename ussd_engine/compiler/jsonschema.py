"""The JSON Schema of menu files, for editors: made from the shape that the compiler reads by.

The compiler reads every scalar as text, an editor by YAML's types: `key: 0` is a number there, `back: no` may
be a flag. So wherever a text is expected the schema takes what an editor may have made of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from ussd_engine.compiler.schema import KINDS, MenuSpec, StateSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_FLAG = "^([tT]([rR][uU][eE])?|[yY]([eE][sS])?|[oO]([nN]|[fF][fF])|[fF]([aA][lL][sS][eE])?|[nN][oO]?|[01])$"
"""What the compiler takes for a flag."""

HOVER = {
    "ActionSpec.do": "the action that is called, e.g. invoices.issue",
    "ActionSpec.on": "for each of the action's results, the state that follows",
    "ActionSpec.with": "the action's parameters: variables, digits, true, false or 'text'",
    "AnsweredSpec.set": "variables, and where in the answer each is found",
    "AnsweredSpec.status": "the HTTP status of such an answer",
    "CallSpec.call": "the state that is called; a `return` there comes back here",
    "CallSpec.on": "for each result that a `return` names, the state that follows",
    "DigitsSpec.max": "at most so many digits",
    "DigitsSpec.min": "at least so many digits",
    "DigitsSpec.secret": "true: never shown, stored or logged",
    "EndSpec.end": "the last text; the dialogue closes",
    "HttpActionSpec.method": "GET reads, POST changes something",
    "HttpActionSpec.returns": "the action's results",
    "IntegerSpec.max": "the largest number taken",
    "IntegerSpec.min": "the smallest number taken",
    "KeysSpec.back": "goes to the screen before",
    "KeysSpec.home": "goes to the first screen; at questions, to the one before",
    "KeysSpec.more": "shows the next page",
    "KeysSpec.previous": "shows the page before",
    "LimitsSpec.wrong_answers": "so many wrong answers in a row end the dialogue",
    "ListSpec.goto": "the state that follows a choice",
    "ListSpec.list": "the action that returns the rows",
    "ListSpec.none": "the state to show when there are no rows",
    "ListSpec.on": "for each other result of the action, the state that follows",
    "ListSpec.row": "how a row is written: its fields are {row.field}",
    "ListSpec.text": "the title",
    "ListSpec.with": "the action's parameters: variables, digits, true, false or 'text'",
    "MenuSpec.actions": "actions that ask a JSON service, by name",
    "MenuSpec.keys": "the navigation keys",
    "MenuSpec.languages": "the languages of every text, the first is the default",
    "MenuSpec.limits": "how patient the service is",
    "MenuSpec.menu": "the menu's name: its states are menu.state elsewhere",
    "MenuSpec.says": "the engine's own texts, by their codes",
    "MenuSpec.service_code": 'what is dialled, in quotes: "*123#"',
    "MenuSpec.shortcuts": "published dial strings that lead into the middle of the menu",
    "MenuSpec.start": "the state that a dialogue begins in",
    "MenuSpec.states": "the menu's states, by name",
    "MenuSpec.words": "tables of words: each is a format, {status|words}",
    "MoneySpec.max": "the largest sum taken, in whole units",
    "MoneySpec.min": "the smallest sum taken, in whole units",
    "MsisdnSpec.mobile": "true: fixed lines are refused",
    "OptionSpec.goto": "the state it leads to; `back` or `start`",
    "OptionSpec.text": "what the line says, without its key",
    "PinSpec.digits": "how many digits it has",
    "QuestionSpec.ask": "the question",
    "QuestionSpec.goto": "the state that follows",
    "QuestionSpec.type": "what may be typed",
    "ReturnSpec.return": "the result with which the call ends",
    "ScreenSpec.text": "what the screen says above its options",
    "ShortcutSpec.dial": "fixed fields, then variables: **0*{client}*{amount}",
    "ShortcutSpec.goto": "the state it leads to",
    "StateKeys.more": "shows the next page",
    "SwitchSpec.on": "for each value, the state that follows; `else` for all others",
    "SwitchSpec.switch": "the variable that decides",
    "TakenSpec.type": "what the value is",
    "TextTypeSpec.max": "at most so many characters",
    "TextTypeSpec.min": "at least so many characters",
    "TypeSpec.digits": "digits that keep their leading zeros",
    "TypeSpec.integer": "a whole number",
    "TypeSpec.money": "a sum",
    "TypeSpec.msisdn": "a telephone number",
    "TypeSpec.pin": "a PIN: secret",
    "TypeSpec.text": "free text",
    "_StateSpec.keys": "keys of this state that differ from the service's",
    "_StateSpec.timeout": "an answer that comes too late",
}
"""What an editor shows for fields whose models say nothing themselves."""


def menu_schema() -> Schema:
    """Return the schema of one menu file (JSON Schema 2020-12)."""
    made = MenuSpec.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = made.pop("$defs")
    definitions["TypeSpec"] |= {"minProperties": 1, "maxProperties": 1}
    definitions["ListSpec"] |= {"dependentRequired": {"as": ["goto"], "goto": ["as"]}}
    for name, definition in [("MenuSpec", made), *definitions.items()]:
        _described(name, definition)
    relaxed = {name: _relaxed(definition) for name, definition in sorted(definitions.items())}
    menu = _relaxed(made)
    (states,) = menu["properties"]["states"]["patternProperties"].values()
    states.clear()
    states["$ref"] = "#/$defs/State"
    return {"$schema": DIALECT, "title": "USSD menu", **menu, "$defs": {"State": _state(relaxed), **relaxed}}


def schema_text() -> str:
    """Return the schema as it stands in `docs/menu.schema.json`."""
    return json.dumps(menu_schema(), ensure_ascii=False, indent=1) + "\n"


def _state(definitions: Mapping[str, Schema]) -> Schema:
    """Tell a state's kind by the field the compiler tells it by, for editors to complain of that kind."""
    members = get_args(get_args(StateSpec)[0])
    models = {member.__metadata__[0].tag: get_args(member)[0] for member in members}
    found: Schema = {"required": [next(iter(KINDS))]}
    fields: Schema = {}
    for field, kind in reversed(KINDS.items()):
        name = models[kind].__name__
        fields[field] = {"description": definitions[name]["properties"][field]["description"]}
        found = {"if": {"required": [field]}, "then": {"$ref": f"#/$defs/{name}"}, "else": found}
    said = "A screen, a question, an action, a list, a switch, a call, its return, or an end."
    return {"type": "object", "description": said, "properties": dict(reversed(fields.items())), **found}


def _described(name: str, definition: Schema) -> None:
    for field, schema in definition.get("properties", {}).items():
        said = HOVER.get(f"{name}.{field}") or HOVER.get(f"_StateSpec.{field}")
        if said is not None:
            schema.setdefault("description", said)


def _relaxed(schema: Schema) -> Schema:
    """Take away what says nothing to an author, and let scalars be what YAML makes of them."""
    found = {key: value for key, value in schema.items() if key not in ("title", "discriminator")}
    if found.get("default", ...) is None:
        del found["default"]
    for key in ("properties", "patternProperties"):
        if key in found:
            found[key] = {name: _relaxed(value) for name, value in found[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _relaxed(found[key])
    if "patternProperties" in found:
        found.setdefault("additionalProperties", False)
    for key in ("anyOf", "oneOf"):
        if key in found:
            # States differ in their fields: one of several is any of several, which editors explain better.
            members = [_relaxed(member) for member in found.pop(key) if member != {"type": "null"}]
            found |= members[0] if len(members) == 1 else {"anyOf": members}
    return _scalar(found)


def _scalar(schema: Schema) -> Schema:
    match schema.get("type"):
        case "boolean":
            return {
                **schema,
                "type": ["boolean", "string", "integer"],
                "pattern": _FLAG,
                "minimum": 0,
                "maximum": 1,
            }
        case "integer":
            return {**schema, "type": ["integer", "string"], "pattern": "^[0-9]+$"}
        case "number":
            return {**schema, "type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$"}
        case "string" if "enum" not in schema and "const" not in schema:
            return schema | _read_as(str(schema.get("pattern", "")))
        case _:
            return schema


def _read_as(pattern: str) -> Schema:
    """Say which of YAML's types a text of this form may be read as."""
    kinds = {"number": "1.5", "integer": "1", "boolean": "true"}
    fitting = [kind for kind, example in kinds.items() if re.search(pattern, example)]
    if "number" in fitting:
        fitting.remove("integer")
    limits = {"minimum": 0} if fitting and not re.search(pattern, "-1") else {}
    return {"type": ["string", *fitting] if fitting else "string", **limits}
