"""What turns a text into UCS-2: the first character outside the GSM 7-bit alphabet, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ussd_engine.compiler.reads import texts_of
from ussd_engine.compiler.sizes.domains import Domains
from ussd_engine.compiler.sizes.meter import Meter
from ussd_engine.compiler.source import Path, Places, Source
from ussd_engine.core.service import Service, Shown
from ussd_engine.text.cost import first_ucs2
from ussd_engine.text.template import Slot, Template

Words = Mapping[str, Mapping[str, Mapping[str, str]]]
"""The service's word tables: by name, value and language."""


@dataclass(frozen=True, slots=True)
class Forced:
    """What may turn a text into UCS-2: a character and its place, or a variable's value.

    `path` is empty where it is one of the engine's own words.
    """

    what: str
    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.what} at {self.path}:{self.line}:{self.column}" if self.path else self.what


class Finder:
    """Finds what turns the screens of one service into UCS-2."""

    def __init__(self, service: Service, meters: Mapping[str, Meter], words: Words, places: Places) -> None:
        self._service = service
        self._meters = meters
        self._words = words
        self._places = places

    def find(self, state: Shown, language: str, variables: Domains) -> Forced | None:
        """Find the first character that the author wrote, else the first variable that may bring one."""
        variable: Forced | None = None
        for below, text in texts_of(state):
            for part in flat(text.by_language[language]):
                if isinstance(part, Slot):
                    variable = variable or self._in_value(part, language, variables)
                elif (index := first_ucs2(part)) is not None:
                    return self._placed(part[index], state.name, below, language)
        return variable or self._in_labels(language)

    def _in_value(self, slot: Slot, language: str, variables: Domains) -> Forced | None:
        if self._meters[language].slot(slot, variables).units < 0:
            return None
        for value, texts in self._words.get(slot.format or "", {}).items():
            text = texts.get(language, value)
            if (index := first_ucs2(text)) is not None:
                return Forced(f"{named(text[index])} of `words: {slot.format}`, '{value}'")
        return Forced(f"the value of {{{slot.name}}}")

    def _in_labels(self, language: str) -> Forced | None:
        for code in ("back", "more", "previous"):
            label = getattr(self._service.labels[language], code)
            if (index := first_ucs2(label)) is not None:
                return Forced(f"{named(label[index])} of `says: label.{code}`")
        return None

    def _placed(self, character: str, name: str, below: Path, language: str) -> Forced:
        what = named(character)
        if name not in self._places:
            return Forced(f"{what} of `says: {name.removeprefix('!')}`")
        source, path = self._places[name]
        below = end_field(source, path) if below == ("end",) else below
        place = source.find(character, (*path, *below), language)
        return Forced(f"{what} of `says: wrong_dial`") if place is None else Forced(what, source.path, *place)


def end_field(source: Source, path: Path) -> Path:
    """Tell where the text of an end stands: its own, a shortcut's format, or what is said when it is late."""
    return next(((field,) for field in ("end", "wrong", "text") if (*path, field) in source.values), ("end",))


def flat(template: Template) -> Iterator[str | Slot]:
    """Yield the stretches and variables of a template in order, those inside `[…]` too."""
    for part in template.parts:
        if isinstance(part, str | Slot):
            yield part
        else:
            yield from (inner for inner in part.parts if isinstance(inner, str | Slot))


def named(character: str) -> str:
    """Show a character so that two which look alike can be told apart."""
    return f"'{character}' (U+{ord(character):04X})"
