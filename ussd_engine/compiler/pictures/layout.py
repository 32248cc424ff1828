"""Where the boxes of a picture go.

Menus are trees plus a few ways across. Each menu's tree grows to the right where it branches, and down where
only one follower leads on, so that a row of questions stays narrow. A way to a box that stands elsewhere is
no arrow but a name in its row: nothing crosses.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from ussd_engine.compiler.pictures.picture import Box, Way

CHARACTER = 7.3
"""Width of a character, of a monospaced font of 12 pixels; fonts take 0.60 em, rarely less."""
LINE, HEAD, PAD, TAG = 16, 22, 8, 14
ACROSS, DOWN, BETWEEN = 44, 20, 26
"""Room between columns, above a follower, and between boxes of a column."""
WRAP = 30


@dataclass(slots=True)
class Placed:
    """A box with its place and size in pixels; `below` and `beside` are the followers it has an arrow to.

    `y` is the top of its frame; its entries stand above.
    """

    box: Box
    lines: list[str]
    labels: list[str]
    width: float
    height: float
    column: int = 0
    x: float = 0
    y: float = 0
    below: str | None = None
    beside: dict[int, str] = field(default_factory=dict)

    @property
    def tags(self) -> float:
        """Height of the entries above the frame."""
        return TAG * len(self.box.entries)

    def row(self, way: int) -> float:
        """Height of the middle of a way's row, from the top of the frame."""
        return HEAD + PAD + LINE * len(self.lines) + (LINE * way) + LINE / 2 + (PAD / 2 if self.lines else 0)


def layout(boxes: Sequence[Box]) -> tuple[list[Placed], float, float]:
    """Place one menu's boxes.

    Returns:
        The boxes, and the width and height that they take together.
    """
    tree, roots = _tree(boxes)
    placed = {box.name: _measured(box, tree) for box in boxes}
    free: dict[int, float] = defaultdict(float)
    for root in roots:
        top = max(free[column] for column in _columns_of(placed, root))
        _put(placed, root, (top + BETWEEN if top else 0) + placed[root].tags, free)
    _columns(placed)
    width = max(each.x + each.width for each in placed.values())
    return list(placed.values()), width, max(each.y + each.height for each in placed.values())


def _put(placed: Mapping[str, Placed], root: str, top: float, free: dict[int, float]) -> None:
    """Place a tree; `free` is where each column's next box may begin."""
    stack = [(root, 0, top)]
    while stack:
        name, column, wanted = stack.pop()
        here = placed[name]
        here.column = column
        here.y = max(free[column] + here.tags, wanted)
        free[column] = here.y + here.height + BETWEEN
        if here.below is not None:
            stack.append((here.below, column, here.y + here.height + DOWN + placed[here.below].tags))
        for way, follower in reversed(here.beside.items()):
            stack.append((follower, column + 1, here.y + here.row(way) - HEAD / 2))


def _columns_of(placed: Mapping[str, Placed], root: str) -> range:
    last, stack = 0, [(root, 0)]
    while stack:
        name, column = stack.pop()
        last = max(last, column)
        here = placed[name]
        stack += [(follower, column + 1) for follower in here.beside.values()]
        stack += [(here.below, column)] if here.below is not None else []
    return range(last + 1)


def _tree(boxes: Sequence[Box]) -> tuple[dict[str, dict[int, str]], list[str]]:
    """Choose one arrow to each box: the shortest way from where the menu is entered, first keys first."""
    by_name = {box.name: box for box in boxes}
    seen: set[str] = set()
    roots: list[str] = []
    tree: dict[str, dict[int, str]] = {}
    entered = [box.name for box in boxes if box.entries]
    for root in [*entered, *by_name]:
        if root in seen:
            continue
        roots.append(root)
        seen.add(root)
        queue = deque([root])
        while queue:
            name = queue.popleft()
            for number, way in enumerate(by_name[name].ways):
                if way.target in by_name and way.target not in seen:
                    seen.add(way.target)
                    tree.setdefault(name, {})[number] = way.target
                    queue.append(way.target)
    return tree, roots


def _measured(box: Box, tree: Mapping[str, Mapping[int, str]]) -> Placed:
    lines = [part for line in box.lines for part in wrapped(line)]
    followers = tree.get(box.name, {})
    going_on = [way for way, name in followers.items() if len(followers) == 1 or name in tree]
    down = going_on[0] if len(going_on) == 1 else None
    beside = {way: name for way, name in followers.items() if way != down}
    signs = {way: "→" if way in beside else "↓" for way in followers}
    labels = [_label(box, way, signs.get(number)) for number, way in enumerate(box.ways)]
    texts = [*lines, *labels, *(f"> {entry}" for entry in box.entries), f"{box.title}  {box.kind}"]
    height = HEAD + PAD + LINE * (len(lines) + len(labels)) + PAD + (PAD / 2 if lines and labels else 0)
    width = max(len(text) for text in texts) * CHARACTER + 2 * PAD
    below = None if down is None else followers[down]
    return Placed(box, lines, labels, max(width, 120), height, below=below, beside=beside)


def _label(box: Box, way: Way, sign: str | None) -> str:
    text = way.label if len(way.label) <= WRAP else f"{way.label[: WRAP - 1]}…"
    if way.note:
        text += f" ({way.note})"
    if way.target is None:
        return f"{text} ↩"
    if sign is not None:
        return f"{text} {sign}"
    menu, title = way.target.split(".", 1)
    return f"{text} ↪ {title if menu == box.menu else way.target}"


def wrapped(line: str) -> list[str]:
    """Break a long line between words."""
    parts = [""]
    for word in line.split(" "):
        if parts[-1] and len(parts[-1]) + len(word) >= WRAP:
            parts.append("")
        parts[-1] = f"{parts[-1]} {word}" if parts[-1] else word
    return parts


def _columns(placed: Mapping[str, Placed]) -> None:
    """Give the boxes of a column one left edge and one width."""
    widths: dict[int, float] = defaultdict(float)
    for each in placed.values():
        widths[each.column] = max(widths[each.column], each.width)
    lefts = [0.0, *accumulate(widths[column] + ACROSS for column in sorted(widths))]
    for each in placed.values():
        each.x, each.width = lefts[each.column], widths[each.column]
