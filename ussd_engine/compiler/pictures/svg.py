"""A picture as SVG: no font is measured and no program called, so that it is the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from ussd_engine.compiler.pictures.layout import HEAD, LINE, PAD, TAG, Placed, layout
from ussd_engine.compiler.pictures.picture import Picture

_MARGIN, _TITLE = 20, 30
_STYLE = """
text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1f2933;white-space:pre}
.h{font-weight:bold}.k{fill:#52606d;text-anchor:end}.t{fill:#0b69a3}.m{font-size:15px;font-weight:bold}
.w{fill:#3e4c59}.n{fill:#52606d}path{fill:none;stroke:#7b8794;stroke-width:1.3}
.f{fill:#fff;stroke:#9aa5b1}.g{fill:#f5f7fa;stroke:#cbd2d9}.l{stroke:#e4e7eb}
.screen{fill:#d3e8ff}.question{fill:#fdeec2}.list{fill:#cdf0ea}.end{fill:#dcefd0}
.do,.switch,.call,.return{fill:#e7e5f5}
"""


def svg(drawn: Picture) -> str:
    """Draw a picture; menus stand under each other, each in a frame of its own."""
    parts: list[str] = []
    y, width = float(_MARGIN), 0.0
    for menu, boxes in drawn.menus.items():
        placed, wide, high = layout(boxes)
        parts += _menu(menu, placed, y, wide, high)
        y += high + _TITLE + 2 * _MARGIN
        width = max(width, wide + 4 * _MARGIN)
    size = f'width="{width:.0f}" height="{y:.0f}" viewBox="0 0 {width:.0f} {y:.0f}"'
    arrow = (
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#7b8794;stroke:none"/></marker></defs>'
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    title = f"<title>{escape(drawn.service_code)}: {escape(', '.join(drawn.menus))}</title>"
    back = f'<rect width="{width:.0f}" height="{y:.0f}" fill="#fff"/>'
    return "\n".join([head, title, f"<style>{_STYLE}</style>", arrow, back, *parts, "</svg>"]) + "\n"


def _menu(menu: str, placed: list[Placed], top: float, wide: float, high: float) -> Iterator[str]:
    frame = f'width="{wide + 2 * _MARGIN:.0f}" height="{high + _TITLE + _MARGIN:.0f}" rx="10"'
    yield f'<rect class="g" x="{_MARGIN}" y="{top:.0f}" {frame}/>'
    yield f'<text class="m" x="{2 * _MARGIN}" y="{top + 21:.0f}">{escape(menu)}</text>'
    for each in placed:
        each.x += 2 * _MARGIN
        each.y += top + _TITLE
    by_name = {each.box.name: each for each in placed}
    for each in placed:
        yield from _arrows(each, by_name)
    for each in placed:
        yield from _box(each)


def _arrows(each: Placed, by_name: dict[str, Placed]) -> Iterator[str]:
    if each.below is not None:
        other = by_name[each.below]
        x = each.x + 14
        yield f'<path marker-end="url(#a)" d="M{x:.0f} {each.y + each.height:.0f}V{other.y:.0f}"/>'
    for way, name in each.beside.items():
        other = by_name[name]
        x1, y1, x2, y2 = each.x + each.width, each.y + each.row(way), other.x, other.y + HEAD / 2
        middle = (x1 + x2) / 2
        curve = f"M{x1:.0f} {y1:.1f}C{middle:.0f} {y1:.1f} {middle:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
        yield f'<path marker-end="url(#a)" d="{curve}"/>'


def _box(each: Placed) -> Iterator[str]:
    box, x, y, width = each.box, each.x, each.y, each.width
    for number, entry in enumerate(reversed(box.entries)):
        yield _text("t", x + 26, y - 4 - TAG * number, f"» {entry}")
    yield f'<rect class="f" x="{x:.0f}" y="{y:.1f}" width="{width:.0f}" height="{each.height:.0f}" rx="5"/>'
    corner = f"a5 5 0 0 1 5 -5h{width - 10:.0f}a5 5 0 0 1 5 5v{HEAD - 5}"
    yield f'<path class="{box.kind}" style="stroke:none" d="M{x:.0f} {y + HEAD:.1f}v-{HEAD - 5}{corner}z"/>'
    yield _text("h", x + PAD, y + 15, box.title)
    yield _text("k", x + width - PAD, y + 15, box.kind)
    for number, line in enumerate(each.lines):
        yield _text("", x + PAD, y + HEAD + PAD / 2 + LINE * number + 13, line)
    if each.lines and each.labels:
        level = y + each.row(0) - LINE / 2 - 2
        yield f'<path class="l" d="M{x + 1:.0f} {level:.1f}h{width - 2:.0f}"/>'
    for number, label in enumerate(each.labels):
        yield _text("w", x + PAD, y + each.row(number) + 4, label)


def _text(kind: str, x: float, y: float, text: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.0f}" y="{y:.1f}">{escape(text)}</text>'
