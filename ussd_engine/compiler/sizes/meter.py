"""Texts with variables, measured: everything that a template can become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto

from ussd_engine.actions import Shape
from ussd_engine.compiler.sizes.costs import NOTHING, Cost, any_of
from ussd_engine.compiler.sizes.domains import Domain, Domains
from ussd_engine.text.formats import FormatError, Kind, widest
from ussd_engine.text.template import Formatter, Part, Slot, Template
from ussd_engine.text.template import Optional as OptionalPart

_DIGITS = frozenset({"msisdn", "digits", "pin"})
_WORDS = frozenset({"word", "choice"})
_INTEGERS: Mapping[str, Kind] = {"money": "int", "integer": "int", "time": "int", "whole": "whole"}


class Meter:
    """Measures texts in one language of a service.

    `words`: the service's own formats, each with its texts in this language by value.
    """

    def __init__(self, words: Mapping[str, Mapping[str, str]], formatters: Mapping[str, Formatter]) -> None:
        self._words = words
        self._formatters = formatters
        self._slots: dict[tuple[Domain, str | None], Cost] = {}

    def text(self, template: Template, variables: Domains) -> Cost:
        """Measure everything a template can become."""
        if template.static is not None:
            return Cost.of(template.static)
        return self._parts(template.parts, variables)

    def _parts(self, parts: Iterable[Part], variables: Domains) -> Cost:
        total = NOTHING
        for part in parts:
            match part:
                case str():
                    cost = Cost.of(part)
                case Slot():
                    cost = self.slot(part, variables)
                case OptionalPart():
                    cost = self._parts(part.parts, variables).or_nothing()
            total = total.then(cost)
        return total

    def slot(self, slot: Slot, variables: Domains) -> Cost:
        """Measure what one variable can read as; nothing at all as well, since a text may be empty."""
        return any_of(
            self._written(domain, slot.format) for domain in variables.get(slot.name, ())
        ).or_nothing()

    def piece(self, slot: Slot, variables: Domains) -> Cost:
        """Measure the longest stretch that should not be cut: of listed values alone the spaces are known."""
        texts = (text for domain in variables.get(slot.name, ()) for text in self._texts(domain, slot.format))
        return any_of(Cost.of(piece) for text in texts for piece in _unbroken(text)).or_nothing()

    def _written(self, domain: Domain, format_: str | None) -> Cost:
        known = self._slots.get((domain, format_))
        if known is None:
            known = any_of(Cost.of(text) for text in self._texts(domain, format_))
            self._slots[domain, format_] = known
        return known

    def _texts(self, domain: Domain, format_: str | None) -> Iterable[str]:
        """Yield texts of which one is at least as dear as any that the domain's values are written as."""
        table = self._words.get(format_ or "")
        if domain.values:
            write = self._formatters[format_] if format_ else str
            yield from (write(value) for value in domain.values)
        elif table is not None and domain.shape.kind in _WORDS:
            yield from table.values()
        elif table is not None:
            yield from table.values()
            yield from _widest(domain.shape, "")
        else:
            yield from _widest(domain.shape, format_ or "")


def _widest(shape: Shape, format_: str) -> Iterable[str]:
    kind, maximum = shape.kind, shape.max
    if kind in _DIGITS and format_ in ("", "upper"):
        yield "9" * maximum
        return
    # Outside the alphabet a character costs two octets, inside 14 bits at most: the dearest are outside.
    bounds: Kind = _INTEGERS.get(kind, "gsm" if shape.gsm or kind in _DIGITS else "str")
    try:
        yield widest(format_, bounds, maximum)
    except FormatError:  # such a value is written as it is
        yield from _widest(shape, "")


def _unbroken(text: str) -> list[str]:
    """Cut a text where a page may end; between two digits a space joins (`50 000`)."""
    pieces, begin = [], 0
    for index, character in enumerate(text):
        before, after = text[max(index - 1, 0)], text[min(index + 1, len(text) - 1)]
        if character == "\n" or (character.isspace() and not (before.isdigit() and after.isdigit())):
            pieces.append(text[begin:index])
            begin = index + 1
    return [*pieces, text[begin:]]


def lines(template: Template, measure: Callable[[Slot], Cost], before: str = "") -> list[list[Cost]]:
    """Measure a text line by line, each as the stretches between which a page may end.

    A space next to a variable may stand between digits, and one inside `[…]` may vanish: neither counts as a
    place to split. `before`: what stands in front of the first line.
    """
    current = Cost.of(before)
    found: list[list[Cost]] = [[]]
    for piece in _pieces(template.parts, optional=False):
        match piece:
            case Slot():
                current = current.then(measure(piece))
            case _Break():
                found[-1].append(current)
                current = NOTHING
                if piece is _Break.LINE:
                    found.append([])
            case _:
                current = current.then(Cost.of(piece))
    found[-1].append(current)
    return found


class _Break(Enum):
    SPACE = auto()
    LINE = auto()


def _pieces(parts: tuple[Part, ...], *, optional: bool) -> Iterator[str | Slot | _Break]:
    """Yield stretches without a break, variables, and the breaks between them."""
    for index, part in enumerate(parts):
        if isinstance(part, OptionalPart):
            yield from _pieces(part.parts, optional=True)
        elif isinstance(part, Slot) or optional:
            yield part
        else:
            begin = 0
            for place, character in enumerate(part):
                if character.isspace() and _breaks(part, place, index, len(parts)):
                    yield part[begin:place]
                    yield _Break.LINE if character == "\n" else _Break.SPACE
                    begin = place + 1
            yield part[begin:]


def _breaks(part: str, place: int, index: int, count: int) -> bool:
    if part[place] == "\n":
        return True
    # Beyond the part's ends stands a variable (or the text's end), which may show a digit there.
    before = part[place - 1].isdigit() if place > 0 else index > 0
    after = part[place + 1].isdigit() if place + 1 < len(part) else index + 1 < count
    return not (before and after)
