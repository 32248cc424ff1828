"""Schema errors in an author's words, each at its place in the file, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ussd_engine.compiler import schema
from ussd_engine.compiler.source import Data, Path, Source
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem

_STATES: Mapping[str, type[BaseModel]] = {
    "screen": schema.ScreenSpec,
    "question": schema.QuestionSpec,
    "do": schema.ActionSpec,
    "call": schema.CallSpec,
    "return": schema.ReturnSpec,
    "switch": schema.SwitchSpec,
    "list": schema.ListSpec,
    "end": schema.EndSpec,
}
_UNDER: Mapping[str, type[BaseModel]] = {
    "actions": schema.HttpActionSpec,
    "returns": schema.AnsweredSpec,
    "set": schema.TakenSpec,
    "options": schema.OptionSpec,
    "shortcuts": schema.ShortcutSpec,
    "limits": schema.LimitsSpec,
    "timeout": schema.TimeoutSpec,
    "type": schema.TypeSpec,
    "msisdn": schema.MsisdnSpec,
    "money": schema.MoneySpec,
    "integer": schema.IntegerSpec,
    "text": schema.TextTypeSpec,
    "digits": schema.DigitsSpec,
    "pin": schema.PinSpec,
}
"""What is written under a field, or under each name or item of it."""

_NEEDS = {
    "dict_type": "needs fields under it",
    "model_type": "needs fields under it",
    "list_type": "needs a list, each item on a line that begins with '- '",
    "string_type": "needs a text",
    "int_parsing": "needs a whole number",
    "int_parsing_size": "needs a smaller number",
    "int_from_float": "needs a whole number",
    "float_parsing": "needs a number",
    "bool_parsing": "needs `true` or `false`",
}
_LIMITS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "literal_error")
_QUOTES = "A text that begins with '{' or '[' needs quotes: \"{name}\"."
_WRITTEN = {
    "service_code": 'Write it in quotes, with star and hash: "*123#".',
    "region": "Use an ISO 3166 code: UZ, KE, GH.",
    "key": "A key is one to four digits.",
    "goto": "Name a state (`home`), one of another menu (`shop.home`), or in an option `back` or `start`.",
}
_NAMES = "Names are small letters, digits and '_', a letter first."
_LANGUAGES = "Languages are written ru, uz, uz-Cyrl, en."
_KEY = "[key]"
_TEXT_FIELDS = frozenset({"text", "ask", "end", "row", "wrong"})
_TEXT_BRANCH = re.compile(r"str|dict\[.*")


def explained(source: Source, error: ValidationError) -> Iterator[Problem]:
    """Yield a problem for each error; what lies in a hole of the file has been explained already."""
    for item in error.errors(include_url=False):
        path, branch = _path(item["loc"])
        if any(path[:length] in source.holes for length in range(len(path) + 1)):
            continue
        problem = _text(source, path, branch, item) if branch else _plain(source, path, item)
        if problem is not None:
            yield problem


def _path(loc: tuple[int | str, ...]) -> tuple[Path, str]:
    """Split what pydantic adds (a state's kind, a text's form) from the path in the file."""
    parts = list(loc)
    if len(parts) > 2 and parts[0] == "states" and parts[2] in schema.TAGS:
        del parts[2]
    for place in range(len(parts) - 1, 1, -1):
        part = parts[place]
        if isinstance(part, str) and _TEXT_BRANCH.fullmatch(part) and _holds_text(parts[:place]):
            return tuple(parts[:place] + parts[place + 1 :]), part
    return tuple(parts), ""


def _holds_text(path: list[int | str]) -> bool:
    """Tell whether a text stands at the path: anywhere else, `str` is a name an author chose."""
    if path[0] in ("says", "words"):
        return len(path) == (2 if path[0] == "says" else 3)
    return path[0] in ("states", "shortcuts") and len(path) > 2 and path[-1] in _TEXT_FIELDS


def _text(source: Source, path: Path, branch: str, error: ErrorDetails) -> Problem | None:
    """Explain why a text is none: pydantic tells why it is no string, and why it is no mapping either."""
    if branch == "str":
        value = _value(source.data, path)
        if isinstance(value, dict):
            return None  # told by the other branch
        return source.problem(path, "bad-value", f"`{path[-1]}` is a list, not a text.", _QUOTES)
    if path[-1] == _KEY:
        path = path[:-1]
        name, texts = path[-1], _value(source.data, path[:-1])
        if isinstance(texts, dict) and not any(texts.values()):
            what = f"`{path[-2]}` is a mapping, not a text."
            return source.problem(path[:-1], "bad-value", what, _QUOTES)
        if isinstance(texts, dict) and texts.get(str(name)) == "":
            mend = 'In {…} a text with a comma needs quotes: {en: "one, two"}.'
            return source.problem(path, "bad-value", f"'{name}' is no language.", mend, on_key=True)
        return source.problem(path, "bad-value", f"'{name}' is no language.", _LANGUAGES, on_key=True)
    if isinstance(_value(source.data, path), list | dict) and error["type"] == "string_type":
        return source.problem(path, "bad-value", f"the text in '{path[-1]}' is none.", _QUOTES)
    return None


def _plain(source: Source, path: Path, error: ErrorDetails) -> Problem:
    last = str(path[-1]) if path else "the file"
    kind = error["type"]
    if kind == "extra_forbidden":
        what = f"`{last}` is not a field here."
        return source.problem(path, "unknown-field", what, _meant(source, path), on_key=True)
    if kind == "missing":
        return source.problem(path, "missing-field", f"`{last}` is missing here.", "Add it.", on_key=True)
    if kind == "state_kind":
        kinds = ", ".join(f"`{field}`" for field in schema.KINDS if field != "text")
        mend = "A state shows options, asks, acts, lists, switches, calls, returns or ends."
        return source.problem(path, "state-kind", f"this state has none of {kinds}.", mend, on_key=True)
    if kind == "too_short":
        mend = "Give it at least one item, or leave it out."
        return source.problem(path, "empty-list", f"`{last}` is empty.", mend, on_key=True)
    if last == _KEY:
        what = f"'{_brief(path[-2])}' can't be a name here."
        return source.problem(path[:-1], "bad-value", what, _NAMES, on_key=True)
    shown = _brief(error["input"])
    if not shown:
        return source.problem(
            path, "bad-value", f"`{last}` is empty.", _WRITTEN.get(last, "Write its value.")
        )
    if kind == "string_pattern_mismatch":
        what = f"'{shown}' can't stand for `{last}`."
        return source.problem(path, "bad-value", what, _WRITTEN.get(last, _NAMES))
    if kind in _NEEDS:
        mend = _QUOTES if kind == "string_type" else "See docs/menus.md for what belongs here."
        return source.problem(path, "bad-value", f"`{last}` {_NEEDS[kind]}, not '{shown}'.", mend)
    said = error["msg"].replace("Input should be ", "" if kind in _LIMITS else "it should be ")
    return source.problem(path, "bad-value", f"`{last}` can't be '{shown}'.", f"It has to be {said}.")


def _meant(source: Source, path: Path) -> str:
    """Say which field was probably meant."""
    if len(path) == 1:
        return nearest(str(path[0]), _fields([schema.MenuSpec]))
    if len(path) == 3 and path[0] == "states":
        state = _value(source.data, path[:2])
        kind = schema.kind_of(state)
        if path[2] != "text" and str(path[2]) in schema.KINDS:
            field = next(field for field in schema.KINDS if isinstance(state, dict) and field in state)
            return f"A state does one thing, and this one has `{field}`: make two states of it."
        return nearest(str(path[2]), _fields([_STATES[kind]] if kind else _STATES.values()))
    above = [part for part in path[:-1] if isinstance(part, str)][-2:]
    model = next((_UNDER[part] for part in reversed(above) if part in _UNDER), None)
    return nearest(str(path[-1]), _fields([model])) if model is not None else "Delete or rename it."


def _fields(models: Iterable[type[BaseModel]]) -> list[str]:
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _value(data: Data, path: Path) -> Data:
    for part in path:
        if isinstance(data, dict):
            data = data.get(str(part), "")
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            return ""
    return data


def _brief(value: object) -> str:
    text = (
        value
        if isinstance(value, str)
        else {"dict": "a mapping", "list": "a list"}.get(type(value).__name__, "")
    )
    line = text.replace("\n", "\\n")
    return line if len(line) <= 40 else f"{line[:37]}..."
