"""A screen of the terminal as a small SVG: no web fonts, one style a colour, blanks left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

FONT_PX: Final = 14
CELL_PX: Final = 8.4
LINE_PX: Final = 17
_FOREGROUND, _BACKGROUND = "#d7dae0", "#14171c"


class _Classes:
    """Short names of styles."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, rule: str) -> str:
        return self._names.setdefault(rule, f"s{len(self._names)}")

    def css(self) -> str:
        return "".join(f".{name}{{{rule}}}" for rule, name in self._names.items())


def picture(lines: Sequence[Iterable[Segment]], columns: int, title: str) -> str:
    """SVG of `lines`, each of `columns` cells."""
    classes, grounds = _Classes(), _Grounds()
    texts = []
    for row, line in enumerate(lines):
        segments = list(line)
        grounds.add(row, segments)
        texts.append(_line(segments, row, classes))
    body = grounds.drawn(classes) + "".join(texts)
    width, height = columns * CELL_PX, len(lines) * LINE_PX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<title>{escape(title)}</title><style>"
        f"text{{font:{FONT_PX}px 'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}}{classes.css()}"
        f'</style><rect width="100%" height="100%" fill="{_BACKGROUND}"/>{body}</svg>\n'
    )


class _Grounds:
    """Backgrounds: neighbours of one colour are one rectangle, to the side and downwards."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int, str], list[int]] = {}

    def add(self, row: int, segments: Iterable[Segment]) -> None:
        """One line."""
        at, held = 0, (0, _BACKGROUND)
        for segment in [*segments, Segment("", Style(bgcolor="#000001"))]:
            ground = _colours(segment.style or Style())[1]
            if ground != held[1]:
                if held[1] != _BACKGROUND and at > held[0]:
                    self._rows.setdefault((held[0], at - held[0], held[1]), []).append(row)
                held = at, ground
            at += cell_len(segment.text)

    def drawn(self, classes: _Classes) -> str:
        """All of them, the widest first: what is narrow lies on it."""
        drawn = []
        for (at, cells, ground), rows in sorted(self._rows.items(), key=lambda one: -one[0][1]):
            name, first = classes.name(f"fill:{ground}"), rows[0]
            for row, after in zip(rows, [*rows[1:], -1], strict=True):
                if after != row + 1:
                    place = f'x="{_x(at)}" y="{first * LINE_PX}" width="{_x(cells)}"'
                    drawn.append(f'<rect class="{name}" {place} height="{(row + 1 - first) * LINE_PX}"/>')
                    first = after
        return "".join(drawn)


def _line(segments: list[Segment], row: int, classes: _Classes) -> str:
    texts, at = [], 0
    for text, style in _runs(segments):
        if text.strip(" "):
            rule = f"fill:{_colours(style)[0]}" + (";font-weight:700" if style.bold else "")
            begins = at + len(text) - len(text.lstrip(" "))
            shown = text.strip(" ")
            texts.append(
                f'<text class="{classes.name(rule)}" x="{_x(begins)}" y="{row * LINE_PX + FONT_PX - 1}"'
                f' textLength="{_x(cell_len(shown))}">{escape(shown)}</text>'
            )
        at += cell_len(text)
    return "".join(texts)


def _runs(segments: list[Segment]) -> Iterable[tuple[str, Style]]:
    """Neighbours that look alike, in one."""
    held, style = "", Style()
    for segment in segments:
        own = segment.style or Style()
        if held and (_colours(own)[0], own.bold) != (_colours(style)[0], style.bold):
            yield held, style
            held = ""
        held, style = held + segment.text, own
    if held:
        yield held, style


def _colours(style: Style) -> tuple[str, str]:
    ink, ground = _hex(style.color, _FOREGROUND), _hex(style.bgcolor, _BACKGROUND)
    if style.reverse:
        ink, ground = ground, ink
    return ink, ground


def _hex(colour: Color | None, default: str) -> str:
    return default if colour is None or colour.is_default else colour.get_truecolor().hex


def _x(cells: int) -> str:
    return f"{cells * CELL_PX:.1f}"
