"""Reading journals: the lines of all workers in the order of time, put together dialogue by dialogue."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ussd_engine.journal.lines import Dialogue, Line, decode, merge


@dataclass
class Damage:
    """Lines that are none: a crash in the middle of one, or not a journal at all."""

    lines: int = 0


def read(paths: Iterable[Path], damage: Damage | None = None) -> Iterator[Dialogue]:
    """Yield each dialogue as it ends, then those that had not ended, in the order they began.

    Only open dialogues are held in memory. What can't be read is skipped and counted in `damage`.

    Raises:
        OSError: a file can't be opened.
    """
    counted = damage if damage is not None else Damage()
    open_ones: dict[str, list[Line]] = {}
    for line in heapq.merge(*(_lines(path, counted) for path in paths), key=_at):
        lines = open_ones.setdefault(line.id, [])
        lines.append(line)
        if line.end:
            yield merge(open_ones.pop(line.id))
    for lines in open_ones.values():
        yield merge(lines)


def _at(line: Line) -> float:
    return line.at


def _lines(path: Path, damage: Damage) -> Iterator[Line]:
    """A file's lines; open from the second one on, for a month has more files than a process may open."""
    with path.open("rb") as file:
        first = file.readline()
        place = file.tell()
    if first:
        yield from _decoded([first], damage)
    with path.open("rb") as file:
        file.seek(place)
        yield from _decoded(file, damage)


def _decoded(texts: Iterable[bytes], damage: Damage) -> Iterator[Line]:
    for text in texts:
        try:
            yield decode(text)
        except msgspec.MsgspecError:
            damage.lines += 1


class Tail:
    """Reads on in a file that grows; only whole lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """Yield what has been written since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                while chunk := file.read(1 << 20):
                    self._offset += len(chunk)
                    *whole, self._rest = (self._rest + chunk).split(b"\n")
                    yield from whole
        except FileNotFoundError:
            return  # it was old enough to be deleted
