"""A picture as text that other tools draw: Mermaid and DOT."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ussd_engine.compiler.pictures.picture import Box, Picture, Way

_PLAIN = re.compile(r"[^A-Za-z0-9А-яЁёЎўҚқҒғҲҳ №.,+()*/|'_-]")


def mermaid(drawn: Picture) -> str:
    """Write a `stateDiagram-v2`, which hosting sites draw in Markdown."""
    ids = _ids(drawn)
    lines = ["stateDiagram-v2", "    direction LR"]
    for menu, boxes in drawn.menus.items():
        lines.append(f'    state "{_entity(menu)}" as menu_{menu} {{')
        lines += [f'        state "{_described(box)}" as {ids[box.name]}' for box in boxes]
        lines.append("    }")
    if drawn.start in ids:
        lines.append(f"    [*] --> {ids[drawn.start]} : {_entity(drawn.service_code)}")
    for box, way in _drawn(drawn):
        lines.append(f"    {ids[box.name]} --> {ids[way.target or '']} : {_entity(way.label)}")
    for box in drawn.boxes():
        if box.kind == "end":
            lines.append(f"    {ids[box.name]} --> [*]")
    return "\n".join(lines) + "\n"


def dot(drawn: Picture) -> str:
    """Write Graphviz's language."""
    lines = ["digraph menus {", "  rankdir=LR;", '  node [shape=box, fontname="monospace"];']
    for menu, boxes in drawn.menus.items():
        lines.append(f"  subgraph {_quoted('cluster_' + menu)} {{")
        lines.append(f"    label={_quoted(menu)};")
        for box in boxes:
            shape = _SHAPES.get(box.kind, "")
            text = "\n".join((box.title, *box.lines))
            lines.append(f"    {_quoted(box.name)} [label={_quoted(text)}{shape}];")
        lines.append("  }")
    for box, way in _drawn(drawn):
        lines.append(f"  {_quoted(box.name)} -> {_quoted(way.target or '')} [label={_quoted(way.label)}];")
    lines.append("}")
    return "\n".join(lines) + "\n"


_SHAPES = {"end": ", peripheries=2", "do": ", style=rounded", "switch": ", style=rounded"}


def _ids(drawn: Picture) -> dict[str, str]:
    """Mermaid's names: a menu's and a state's own name hold no two `_` in a row at their joint."""
    return {box.name: box.name.replace("_", "_u").replace(".", "__") for box in drawn.boxes()}


def _drawn(drawn: Picture) -> Iterator[tuple[Box, Way]]:
    """Yield the ways between boxes that are in the picture."""
    names = {box.name for box in drawn.boxes()}
    for box in drawn.boxes():
        for way in box.ways:
            if way.target in names:
                yield box, way


def _described(box: Box) -> str:
    return "<br/>".join(_entity(line) for line in (box.title, *box.lines))


def _entity(text: str) -> str:
    """Write what Mermaid could take for its own signs as numbered entities."""
    return _PLAIN.sub(lambda found: f"#{ord(found.group())};", text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
