"""YAML as plain data with places: every scalar stays the text that was written.

YAML's own types are switched off (`on`, `no`, `017`, `1:30` are words and digits in a menu), duplicate keys
and aliases are problems, and every value can be found again as line and column.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import yaml

from ussd_engine.core.errors import Problem

Path = tuple[str | int, ...]
Data = str | list["Data"] | dict[str, "Data"]

SIZE_MAX = 4_000_000
"""Characters of one menu file; a longer one is a mistake or an attack."""
DEPTH_MAX = 24


@dataclass(slots=True)
class Source:
    """One file, read: `data`, and the place of each value and key by its path (lines and columns from 1)."""

    path: str
    text: str
    data: Data = ""
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def problem(
        self,
        at: Sequence[Hashable],
        rule: str,
        what: str,
        mend: str,
        *,
        on_key: bool = False,
        warning: bool = False,
    ) -> Problem:
        """Make a problem at a path; a path that isn't in the file stands for the nearest one above it."""
        path = tuple(part for part in at if isinstance(part, str | int))
        first, second = (self.keys, self.values) if on_key else (self.values, self.keys)
        while path not in first and path not in second:
            path = path[:-1]
        line, column = first.get(path) or second[path]
        return Problem(self.path, line, column, rule, what, mend, warning)

    def find(self, character: str, at: Path, language: str) -> tuple[int, int] | None:
        """Return line and column of a character of the text at a path; of the text if it is escaped there.

        None: the file has no such text.
        """
        ways = ((*at, language), (*at, "all"), at)
        begin = next((self.values[way] for way in ways if way in self.values), None)
        if begin is None:
            return None
        line, column = begin
        if not self.lines:
            self.lines = self.text.split("\n")
        for number in range(line, len(self.lines) + 1):
            found = self.lines[number - 1].find(character, column - 1 if number == line else 0)
            if found >= 0:
                return number, found + 1
        return begin


def read(path: str, text: str) -> Source:
    """Parse one file; what is wrong with its YAML is in `problems`, and `data` is then what could be read."""
    source = Source(path, text)
    source.values[()] = (1, 1)
    if len(text) > SIZE_MAX:
        what = f"the file has {len(text)} characters, more than {SIZE_MAX}."
        source.problems.append(Problem(path, 1, 1, "too-large", what, "Split the menu into several files."))
        return source
    try:
        root = yaml.compose(text.removeprefix("\ufeff"), Loader=_LOADER)
    except yaml.YAMLError as error:
        source.problems.append(_syntax(path, text, error))
        return source
    if root is None:
        source.problems.append(Problem(path, 1, 1, "empty", "the file is empty.", "Begin with `menu: name`."))
        return source
    _Reader(source).read(root, ())
    return source


_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path) -> None:
        self.source.data = self.value(node, path)

    def value(self, node: yaml.Node, path: Path) -> Data:
        source = self.source
        source.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if not isinstance(node, yaml.ScalarNode):
            if id(node) in self.seen:
                self.say(
                    path,
                    "alias",
                    "an alias (`*name`) repeats another part of the file.",
                    "Write the part out.",
                )
                return ""
            self.seen.add(id(node))
            if len(path) > DEPTH_MAX:
                self.say(path, "too-deep", f"more than {DEPTH_MAX} levels.", "A menu needs no more than six.")
                return ""
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        return str(node.value)

    def mapping(self, node: yaml.MappingNode, path: Path) -> Data:
        found: dict[str, Data] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                what = "a key is a list or a mapping."
                mend = "Text that begins with '{' or '[' needs quotes: \"{name}\"."
                self.source.problems.append(Problem(self.source.path, *place, "key-type", what, mend))
                continue
            key = str(key_node.value)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in found:
                first = self.source.keys[(*path, key)][0]
                what = f"'{key}' stands here and in line {first}."
                mend = "YAML would keep the last in silence. Rename or delete one."
                self.source.problems.append(Problem(self.source.path, *place, "duplicate-key", what, mend))
                continue
            self.source.keys[(*path, key)] = place
            found[key] = self.value(value_node, (*path, key))
        return found

    def say(self, path: Path, rule: str, what: str, mend: str) -> None:
        self.source.problems.append(self.source.problem(path, rule, what, mend))


_TRAPS = (
    ("found undefined alias", "A text that begins with '*' needs quotes: \"*880#\"."),
    ("while scanning an alias", "A text that begins with '*' needs quotes: \"*880#\"."),
    ("cannot start any token", "Tabs can't indent YAML, and a text that begins with @ ` or % needs quotes."),
    (
        "mapping values are not allowed",
        "A text that holds ': ' needs quotes, and a key's indentation must match.",
    ),
    ("did not find expected ',' or", "In {…} and […] a text with ',' ':' '{' '}' '[' or ']' needs quotes."),
    (
        "did not find expected key",
        "Check this line's indentation, and quotes or brackets left open above it.",
    ),
    ("found unexpected end of stream", "A quote or bracket was opened and never closed."),
    (
        "control characters are not allowed",
        "Delete the invisible character, or write it inside double quotes.",
    ),
)


def _syntax(path: str, text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    said = " ".join(
        str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part
    )
    if mark is None and (place := getattr(error, "position", None)) is not None:
        before = text[:place]
        line, column = before.count("\n") + 1, place - before.rfind("\n")
        said = f"{getattr(error, 'reason', '')}"
    mend = next((mend for sign, mend in _TRAPS if sign in said), "See docs/menus.md, 'YAML in two minutes'.")
    return Problem(path, line, column, "yaml", f"this is not YAML: {said or error}.", mend)
