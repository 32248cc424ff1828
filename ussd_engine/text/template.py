"""Texts with variables: `{name}`, `{name|format}`, and `[optional text {name}]`.

Nothing in a template can run code, reach an attribute or loop. `[…]` vanishes when a variable inside is
empty. `{{ }} [[ ]]` stand for the characters themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ussd_engine.text.fold import fold, fold_value

Value = str | int | bool | None
"""What a menu variable can hold. Money is integer minor units, time is Unix seconds."""
Formatter = Callable[[Value], str]
"""Turns a variable's value into text; language and time zone are bound when the menu is compiled."""

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}\[\]\n]*)\}|[{}\[\]]")
_SLOT = re.compile(r"\s*([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\s*(?:\|\s*([a-z][a-z0-9_]*)\s*)?")


class TemplateError(ValueError):
    """The text can't be read; `index` is the offending character's place, from 0."""

    def __init__(self, message: str, mend: str, index: int) -> None:
        super().__init__(message)
        self.mend = mend
        self.index = index


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a variable goes, and the format it is written in."""

    name: str
    format: str | None


@dataclass(frozen=True, slots=True)
class Optional:
    """A stretch that vanishes when any variable inside is empty."""

    parts: tuple[Part, ...]


Part = str | Slot | Optional


def parse(source: str) -> tuple[Part, ...]:
    """Read a template's source.

    Raises:
        TemplateError: a bracket without its partner, a bad name, `[…]` nested or without a variable.
    """
    parts: list[Part] = []
    inner: list[Part] | None = None
    opened = at = 0

    def add(part: str | Slot) -> None:
        target = parts if inner is None else inner
        if isinstance(part, str) and target and isinstance(target[-1], str):
            target[-1] += part
        elif part != "":
            target.append(part)

    for match in _TOKEN.finditer(source):
        add(source[at : match.start()])
        at, mark = match.end(), match.group()
        if mark in ("{{", "}}", "[[", "]]"):
            add(mark[0])
        elif mark == "[":
            if inner is not None:
                raise TemplateError(
                    "'[' inside '[…]'",
                    "Optional texts can't be nested; write '[[' for the character.",
                    match.start(),
                )
            inner, opened = [], match.start()
        elif mark == "]":
            if inner is None:
                raise TemplateError("']' without '['", "Write ']]' for the character itself.", match.start())
            if not any(isinstance(part, Slot) for part in inner):
                raise TemplateError(
                    "'[…]' without a variable", "Write '[[' and ']]' for the characters themselves.", opened
                )
            parts.append(Optional(tuple(inner)))
            inner = None
        elif len(mark) == 1:
            raise TemplateError(
                f"'{mark}' without its partner",
                f"Write '{mark * 2}' for the character itself.",
                match.start(),
            )
        else:
            slot = _SLOT.fullmatch(match.group(1))
            if slot is None:
                raise TemplateError(
                    f"'{mark}' is no variable",
                    "Write {name} or {name|format}: small letters, digits, '_' and dots.",
                    match.start(),
                )
            add(Slot(slot.group(1), slot.group(2)))
    add(source[at:])
    if inner is not None:
        raise TemplateError(
            "'[' without ']'", "Close the optional text, or write '[[' for the character.", opened
        )
    return tuple(parts)


def slots(parts: tuple[Part, ...]) -> Iterator[Slot]:
    """Yield every variable's place, in order."""
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, Optional):
            yield from slots(part.parts)


def one_line(value: Value) -> Value:
    """Keep a value on its line: a merchant called "1.Pay\\n2.Exit" adds no options (domain.md S13)."""
    return fold_value(value) if isinstance(value, str) else value


def _plain(value: Value) -> str:
    return "" if value is None else str(value)


def _folded(part: Part) -> Part:
    if isinstance(part, str):
        return fold(part)
    return Optional(tuple(_folded(inner) for inner in part.parts)) if isinstance(part, Optional) else part


class Template:
    """A text in one language, ready to be filled in.

    `static` is the whole text where it has no variables, else None.
    """

    __slots__ = ("_steps", "parts", "static")

    def __init__(self, source: str, formatters: Mapping[str, Formatter] | None = None) -> None:
        """Compile `source`; static stretches are folded to what phones show.

        Raises:
            TemplateError: see `parse`; also a format that `formatters` lacks.
        """
        self.parts = tuple(_folded(part) for part in parse(source))
        known = formatters or {}
        for slot in slots(self.parts):
            if slot.format is not None and slot.format not in known:
                raise TemplateError(
                    f"no format is named '{slot.format}'",
                    f"The formats are {', '.join(sorted(known)) or 'none'}.",
                    max(source.find("|" + slot.format), 0),
                )
        texts = [part for part in self.parts if isinstance(part, str)]
        self.static = "".join(texts) if len(texts) == len(self.parts) else None
        self._steps = [self._step(part, known) for part in self.parts]

    @staticmethod
    def _step(part: Part, known: Mapping[str, Formatter]) -> Callable[[Mapping[str, Value]], str]:
        if isinstance(part, str):
            return lambda _: part
        if isinstance(part, Slot):
            name = part.name
            write = known[part.format] if part.format else _plain
            return lambda values: write(one_line(values.get(name)))
        names = [slot.name for slot in slots(part.parts)]
        steps = [Template._step(inner, known) for inner in part.parts]

        def optional(values: Mapping[str, Value]) -> str:
            if any(values.get(name) in (None, "") for name in names):
                return ""
            return "".join([step(values) for step in steps])

        return optional

    def render(self, values: Mapping[str, Value]) -> str:
        """Fill in the variables; one that is not set is empty."""
        if self.static is not None:
            return self.static
        return "".join([step(values) for step in self._steps])

    @property
    def names(self) -> frozenset[str]:
        """The variables it reads."""
        return frozenset(slot.name for slot in slots(self.parts))
