"""What a description may say, and every mistake in one, with the mend.

The keys are documented in docs/adapters.md. A description is read once, when the settings are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMS = Path(__file__).parent / "forms"
SIZE_MAX = 64 * 1024
WORDS = ("text", "session", "msisdn", "code")
_WORD = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"[\x20-\x7e]*")

Wanted = str | tuple[str, ...]
"""A field's value, or any of several; `Abort…` (with the ellipsis) is any value that begins so."""
Conditions = Mapping[str, Wanted]
Template = str | dict[str, Any]


class DescriptionError(ValueError):
    """A description can't be used; the message names every mistake and its mend."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Headers(_Table):
    """Headers of an answer that keeps the dialogue and of one that ends it.

    `wide`: those of a screen that the GSM alphabet doesn't hold, beside the others.
    """

    open: Mapping[str, str] = Field(default_factory=dict)
    end: Mapping[str, str] = Field(default_factory=dict)
    wide: Mapping[str, str] = Field(default_factory=dict)


class Shape(_Table):
    """How an answer looks; a table as template is a JSON object."""

    type: str = "text/plain; charset=utf-8"
    open: Template
    end: Template
    gone: Template = ""
    headers: Headers = Headers()


class Description(_Table):
    """One operator's form."""

    about: str = ""
    method: Literal["GET", "POST"] = "POST"
    fields: Literal["query", "form", "json"]
    msisdn: str
    text: str
    text_is: Literal["latest", "accumulated", "accumulated with code"] = "latest"
    session: str | None = None
    code: str | None = None
    service_code: str | None = None
    request_id: str | None = None
    begin: Conditions | None = None
    abort: Conditions | None = None
    timeout: Conditions | None = None
    deep_in_text: bool = True
    reply: Shape


def read(given: object) -> Description:
    """Read a description: a table, the name of one in `forms/`, or the path of a YAML file.

    Raises:
        DescriptionError: with every mistake found.
    """
    if isinstance(given, Description):
        return given
    if isinstance(given, str):
        given = _load(given)
    if not isinstance(given, Mapping):
        raise DescriptionError("a description is a table: `fields:`, `msisdn:`, `text:`, `reply:` and others")
    try:
        described = Description.model_validate(_frozen(given))
    except ValidationError as error:
        raise DescriptionError("; ".join(_findings(error))) from None
    if mistakes := list(_mistakes(described)):
        raise DescriptionError("; ".join(mistakes))
    return described


def _load(name: str) -> object:
    path = FORMS / f"{name}.yaml" if re.fullmatch(r"[a-z0-9_]+", name) else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        known = sorted(form.stem for form in FORMS.glob("*.yaml"))
        raise DescriptionError(
            f"no description '{name}'. Give a YAML file's path, or one of: {', '.join(known)}"
        ) from None
    if len(text) > SIZE_MAX:
        raise DescriptionError(f"{name} is longer than {SIZE_MAX} characters")
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise DescriptionError(f"{name}{where}: this is no YAML. Put texts in double quotes") from None


def _frozen(given: Any) -> Any:
    """Lists of wanted values as tuples, which can't change and which strict reading wants."""
    if isinstance(given, Mapping):
        return {key: _frozen(value) for key, value in given.items()}
    return tuple(given) if isinstance(given, list) else given


def _findings(error: ValidationError) -> Iterator[str]:
    seen: set[str] = set()
    for detail in error.errors(include_input=False, include_url=False):
        place = [str(part) for part in detail["loc"] if part not in ("str", "dict[str,any]")]
        name = place[-1] if place else ""
        path = ".".join(part for part in place if not part.startswith(("tuple[", "is-instance")))
        if path in seen:
            continue
        seen.add(path)
        if detail["type"] == "extra_forbidden":
            yield f"{path}: there is no such key. {_nearest(name, _known(place[:-1]))}"
        elif detail["type"] == "missing":
            yield f"{path} is missing. {_missing(path)}"
        elif detail["type"] == "literal_error":
            yield f"{path}: write one of {detail['ctx']['expected']}"
        elif detail["type"] == "bool_type":
            yield f"{path}: write true or false, without quotes"
        else:
            yield f'{path}: write a text in quotes, as in {name}: "1"'


def _known(place: list[str]) -> tuple[str, ...]:
    table: dict[tuple[str, ...], type[BaseModel]] = {("reply",): Shape, ("reply", "headers"): Headers}
    return tuple(table.get(tuple(place), Description).model_fields)


def _missing(path: str) -> str:
    return {
        "fields": "Say where the gateway puts its fields: query, form or json",
        "msisdn": "Name the field that holds the subscriber's number",
        "text": "Name the field that holds what was typed",
        "reply": "Describe the answer: `reply: {open: ..., end: ...}`",
        "reply.open": 'Say how a screen that waits for an answer looks, as in open: "CON {text}"',
        "reply.end": 'Say how the last screen looks, as in end: "END {text}"',
    }[path]


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}"


def _mistakes(described: Description) -> Iterator[str]:
    reply = described.reply
    if described.method == "GET" and described.fields != "query":
        yield f"a GET has no body, so its fields can't be '{described.fields}'. Write fields: query"
    if described.text_is != "latest" and described.session is None:
        yield f"text_is: {described.text_is} needs `session:`, the field that tells dialogues apart"
    if described.text_is == "accumulated with code" and not (described.code or described.service_code):
        yield "text_is: accumulated with code needs `code:` or `service_code:`, to tell the code from answers"
    if described.text_is == "accumulated" and not (described.code or described.service_code):
        yield 'nothing says what was dialled. Name its field by `code:`, or write it: service_code: "*123#"'
    for which in ("open", "end"):
        words = set(_words(getattr(reply, which)))
        if "text" not in words:
            yield f"reply.{which} shows no text. Put {{text}} where the screen goes"
    for which in ("open", "end", "gone"):
        for word in _words(getattr(reply, which)):
            if word not in WORDS and not word.startswith("request."):
                known = (*WORDS, "request.FIELD")
                yield f"reply.{which}: {{{word}}} is unknown. {_nearest(word, known)}"
    if reply.open == reply.end and reply.headers.open == reply.headers.end:
        yield "reply.open and reply.end are equal: no gateway could tell the last screen. Add its end mark"
    headers = {**reply.headers.open, **reply.headers.end, **reply.headers.wide}
    for name, value in {**headers, "type": reply.type}.items():
        if not _HEADER.fullmatch(f"{name}{value}") or not re.fullmatch(r"[A-Za-z0-9-]+", name):
            yield f"reply.headers: '{name}' is no header. Names are letters and dashes, values are ASCII"


def _words(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield from _WORD.findall(template)
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from _words(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from _words(value)


def request_fields(described: Description) -> dict[str, int]:
    """The fields of a request that matter, with the most characters each may hold."""
    named = [described.msisdn, described.session, described.code, described.request_id]
    for conditions in (described.begin, described.abort, described.timeout):
        named += conditions or {}
    for template in (described.reply.open, described.reply.end, described.reply.gone):
        named += [word[8:] for word in _words(template) if word.startswith("request.")]
    limits = dict.fromkeys((name for name in named if name), 182)
    return {**limits, described.text: 182 if described.text_is == "latest" else 4096}
