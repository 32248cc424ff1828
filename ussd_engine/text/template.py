"""Texts with variables: `{name}`, `{name|format}`, and `[optional text {name}]`.

Nothing in a template can run code, reach an attribute or loop. `[…]` vanishes when a variable inside is empty.
`{{ }} [[ ]]` stand for the characters themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ussd_engine.text.fold import fold

Value = str | int | bool | None
Formatter = Callable[[Value], str]
"""Turns a variable's value into text; language and time zone are bound when the menu is compiled."""

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}\[\]\n]*)\}|[{}\[\]]")
_SLOT = re.compile(r"\s*([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\s*(?:\|\s*([a-z_][a-z0-9_]*)\s*)?")


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

    parts: tuple[str | Slot, ...]


Part = str | Slot | Optional


def parse(source: str) -> tuple[Part, ...]:
    """Read a template's source.

    Raises:
        TemplateError: a bracket without its partner, a bad name, nested `[…]`.
    """
    parts: list[Part] = []
    inner: list[str | Slot] | None = None
    opened = at = 0

    def add(part: str | Slot) -> None:
        target: list[str | Slot] | list[Part] = parts if inner is None else inner
        if isinstance(part, str) and target and isinstance(target[-1], str):
            target[-1] += part
        elif part != "":
            target.append(part)  # type: ignore[arg-type]

    for match in _TOKEN.finditer(source):
        add(source[at : match.start()])
        at, token = match.end(), match.group()
        if token in ("{{", "}}", "[[", "]]"):
            add(token[0])
        elif token == "[":
            if inner is not None:
                raise TemplateError(
                    "'[' inside '[…]'",
                    "Optional texts can't be nested; write '[[' for the character.",
                    match.start(),
                )
            inner, opened = [], match.start()
        elif token == "]":
            if inner is None:
                raise TemplateError("']' without '['", "Write ']]' for the character itself.", match.start())
            parts.append(Optional(tuple(inner)))
            inner = None
        elif len(token) == 1:
            raise TemplateError(
                f"'{token}' without its partner",
                f"Write '{token * 2}' for the character itself.",
                match.start(),
            )
        else:
            slot = _SLOT.fullmatch(match.group(1))
            if slot is None:
                raise TemplateError(
                    f"'{token}' is no variable",
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


def _plain(value: Value) -> str:
    # A value never adds a line: a merchant called "1.Pay\n2..." must not look like options (domain.md S13).
    return "" if value is None else fold(str(value)).replace("\n", " ")


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
        self.parts = tuple(fold(part) if isinstance(part, str) else part for part in parse(source))
        known = formatters or {}
        for slot in slots(self.parts):
            if slot.format is not None and slot.format not in known:
                raise TemplateError(
                    f"no format is named '{slot.format}'",
                    f"The formats are {', '.join(sorted(known)) or 'none'}.",
                    max(source.find("|" + slot.format), 0),
                )
        self.static = "".join(self.parts) if all(isinstance(p, str) for p in self.parts) else None  # type: ignore[arg-type]
        self._steps = [self._step(part, known) for part in self.parts]

    @staticmethod
    def _step(part: Part, known: Mapping[str, Formatter]) -> Callable[[Mapping[str, Value]], str]:
        if isinstance(part, str):
            return lambda values: part
        if isinstance(part, Slot):
            name = part.name
            write = known[part.format] if part.format else _plain
            return lambda values: write(values.get(name))
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
