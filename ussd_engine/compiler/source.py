"""YAML as plain data with places: every scalar stays the text that was written.

YAML's own types are switched off (`on`, `no`, `017`, `1:30` are words and digits in a menu), duplicate keys
and aliases are problems, and every value can be found again as line and column.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from ussd_engine.core.errors import Problem

Path = tuple[str | int, ...]
Data = str | list["Data"] | dict[str, "Data"]

SIZE_MAX = 4_000_000
"""Characters of one menu file; a longer one is a mistake or an attack."""
DEPTH_MAX = 24


@dataclass(slots=True)
class Source:
    """One file, read: `data`, and the place of each value and key by its path (lines and columns from 1).

    `holes`: where something could not be read, so that nothing more need be said there.
    """

    path: str
    text: str
    data: Data = ""
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    holes: set[Path] = field(default_factory=set)
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

    def line(self, number: int) -> str:
        """Return a line as written, counted from 1."""
        if not self.lines:
            self.lines = self.text.split("\n")
        return self.lines[number - 1] if number <= len(self.lines) else ""

    def find(self, character: str, at: Path, language: str) -> tuple[int, int] | None:
        """Return line and column of a character of the text at a path; of the text if it is escaped there.

        None: the file has no such text.
        """
        ways = ((*at, language), (*at, "all"), at)
        begin = next((self.values[way] for way in ways if way in self.values), None)
        if begin is None:
            return None
        line, column = begin
        for number in range(line, self.text.count("\n") + 2):
            found = self.line(number).find(character, column - 1 if number == line else 0)
            if found >= 0:
                return number, found + 1
        return begin


Places = Mapping[str, tuple[Source, Path]]
"""Where each state stands, by its name."""


def read(path: str, text: str, *, begins: str = "menu: name") -> Source:
    """Parse one file; what is wrong with its YAML is in `problems`, and `data` is then what could be read.

    `begins`: what is to be written into an empty one.
    """
    source = Source(path, text)
    source.values[()] = (1, 1)
    if len(text) > SIZE_MAX:
        what = f"the file has {len(text)} characters, more than {SIZE_MAX}."
        source.problems.append(Problem(path, 1, 1, "too-large", what, "Split the menu into several files."))
        return source
    stray = _STRAY.search(text)
    if stray is not None:
        what = f"the character U+{ord(stray.group()):04X} stands for nothing by itself."
        line, column = _place(text, stray.start())
        source.problems.append(Problem(path, line, column, "yaml", what, "Save the file as UTF-8."))
        return source
    try:
        _Reader(source, text.removeprefix("\ufeff")).document(begins)
    except yaml.YAMLError as error:
        source.problems.append(_syntax(path, text, error))
    except _TooDeep as error:
        what = f"more than {DEPTH_MAX} levels."
        source.problems.append(
            Problem(path, *_start(error.event), "too-deep", what, "A menu needs no more than six.")
        )
    return source


_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_STRAY = re.compile("[\ud800-\udfff]")
_DOUBTFUL = re.compile(r"#[^\s#]")
"""Perhaps a comment, perhaps the rest of a text: `Dial *880# or #5`."""
_COMMENTED = re.compile(r"(?<=\s)#[^\s#]\w*")


class _TooDeep(Exception):
    def __init__(self, event: yaml.Event) -> None:
        self.event = event


class _Reader:
    """Builds plain data from the parser's events: its own trees would nest as deeply as a file asks for."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.next = _LOADER(text).get_event
        self.commented = _DOUBTFUL.search(text) is not None

    def document(self, begins: str) -> None:
        self.next()  # the stream's start
        if isinstance(self.next(), yaml.StreamEndEvent):
            self.say((1, 1), "empty", "the file is empty.", f"Begin with `{begins}`.")
            return
        data = self.value(self.next(), ())
        self.next()  # the document's end
        event = self.next()
        if isinstance(event, yaml.StreamEndEvent):
            self.source.data = data
        else:
            what = "`---` begins another document."
            self.say(_start(event), "yaml", what, "Put each menu into a file of its own.")

    def value(self, event: yaml.Event, path: Path) -> Data:
        self.source.values[path] = _start(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if len(path) > DEPTH_MAX:
            raise _TooDeep(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        what = "`*` begins an alias, a repetition of another part of the file."
        mend = "A text that begins with '*' needs quotes: \"*880#\". Anything else: write it out."
        self.say(_start(event), "alias", what, mend)
        self.source.holes.add(path)
        return ""

    def scalar(self, event: yaml.ScalarEvent) -> str:
        if self.commented and not event.style:
            line, column = _counted(event.end_mark)
            left = self.source.line(line)[column - 1 :]
            if left[:1] in (" ", "\t") and _DOUBTFUL.match(left.lstrip(" \t")):
                what = "from ' #' on this line is a comment and shows nowhere."
                mend = "If it belongs to the text, the whole text needs quotes; else write '# '."
                self.say((line, column), "comment", what, mend, warning=True)
        return str(event.value)

    def sequence(self, path: Path) -> Data:
        items: list[Data] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: Path) -> Data:
        found: dict[str, Data] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            place = _start(event)
            if not isinstance(event, yaml.ScalarEvent):
                self.skip(event, path)
                self.skip(self.next(), path)
                what = "a key is a list, a mapping or an alias."
                mend = "A text that begins with '{', '[' or '*' needs quotes: \"{name}\"."
                self.say(place, "key-type", what, mend)
                continue
            key = str(event.value)
            if key in found:
                self.skip(self.next(), path)
                what = f"'{key}' stands here and in line {self.source.keys[(*path, key)][0]}."
                mend = "YAML would keep the last in silence. Rename or delete one."
                self.say(place, "duplicate-key", what, mend)
                continue
            self.source.keys[(*path, key)] = place
            found[key] = self.value(self.next(), (*path, key))
        return found

    def skip(self, event: yaml.Event, path: Path) -> None:
        """Read past a value that is not used."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if len(path) + depth > DEPTH_MAX:
                raise _TooDeep(event)
            if depth == 0:
                return
            event = self.next()

    def say(self, place: tuple[int, int], rule: str, what: str, mend: str, *, warning: bool = False) -> None:
        self.source.problems.append(Problem(self.source.path, *place, rule, what, mend, warning))


def _start(event: yaml.Event) -> tuple[int, int]:
    return _counted(event.start_mark)


def _counted(mark: Any) -> tuple[int, int]:
    """Give the line and column, counted from 1, of a mark of either parser."""
    return mark.line + 1, mark.column + 1


def _place(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - before.rfind("\n")


_TRAPS = (
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
    began = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or began
    line, column = (1, 1) if mark is None else _counted(mark)
    said = " ".join(
        str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part
    )
    if mark is None and (index := getattr(error, "position", None)) is not None:
        line, column = _place(text, index)
        said = f"{getattr(error, 'reason', '')}"
    mend = next((mend for sign, mend in _TRAPS if sign in said), "See docs/menus.md, 'YAML in two minutes'.")
    if began is not None:
        if "unexpected end of stream" in said:
            line, column = _counted(began)  # of a quote the file's last line says nothing
        mend += _commented(text.split("\n"), began.line, line)
    return Problem(path, line, column, "yaml", f"this is not YAML: {said or error}.", mend)


def _commented(lines: Sequence[str], first: int, last: int) -> str:
    """Name the first line from `first` (from 0) to before `last` that may hold a comment nobody meant."""
    for number in range(first, min(last, len(lines))):
        if (found := _COMMENTED.search(lines[number])) is not None:
            return (
                f" In line {number + 1} all from '{found.group().strip()}' on is a comment: quote the text."
            )
    return ""
