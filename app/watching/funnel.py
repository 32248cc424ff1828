"""The funnel of screens, counted from the journal: of those who saw a screen, who went on and who left there.

What is counted is what was shown at the end of a turn: answers typed ahead pass screens that nobody saw. A
dialogue counts each time that it comes to a screen; coming to one that it has seen before is going back.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from app.watching.cdr import ENDS_WITHIN_S
from app.watching.lookup import pieces
from cabinet.running import Funnel, MenuFlow, StateFlow
from ussd_engine.journal.files import journal_files
from ussd_engine.journal.lines import ABORT, CLOSE, TIMEOUT

READ_MAX: Final = 192 << 20
"""Octets that are read at most, some 600,000 turns and two seconds; a longer span begins later."""
_NARROWED_MAX: Final = 24
_NEAR: Final = 64 << 10


class _Turn(msgspec.Struct):
    """What counts of a line; the rest is not even decoded."""

    id: str
    n: int
    at: float
    kind: str
    state: str = ""
    end: str = ""


class _Flow:
    """One screen's counters; see `StateFlow`."""

    __slots__ = ("again", "back", "came", "dropped", "ended", "on", "there")

    def __init__(self) -> None:
        self.came = self.on = self.back = self.ended = self.dropped = self.there = self.again = 0


class _Walked:
    """A dialogue under way: the screens from its first to where it is, and when it came there."""

    __slots__ = ("at", "path")

    def __init__(self) -> None:
        self.path: list[str] = []
        self.at = 0.0


_decode = msgspec.json.Decoder(_Turn).decode


def funnel(folder: Path, since: datetime, now: datetime) -> Funnel:
    """Count the dialogues that began since a moment."""
    files = _files(folder, since.timestamp())
    begin, offsets = _narrowed(files, since.timestamp(), now.timestamp())
    counter = _Counter(begin)
    turns = heapq.merge(*(_turns(path, offset) for path, offset in offsets), key=attrgetter("at"))
    for turn in turns:
        counter.take(turn)
    counter.close(now.timestamp())
    whole = begin == since.timestamp()
    start = since if whole else datetime.fromtimestamp(begin, UTC)
    return Funnel(start, now, counter.dialogues, _by_menu(counter.flows), whole)


class _Counter:
    def __init__(self, since: float) -> None:
        self.dialogues = 0
        self.flows: defaultdict[str, _Flow] = defaultdict(_Flow)
        self._since = since
        self._open: dict[str, _Walked] = {}

    def take(self, turn: _Turn) -> None:
        """Count one turn, in the order of time."""
        walked = self._open.get(turn.id)
        if walked is None:
            if turn.n != 1 or turn.at < self._since or turn.kind == CLOSE:
                return  # it began before
            walked = self._open[turn.id] = _Walked()
            self.dialogues += 1
        walked.at = turn.at
        if turn.kind in (ABORT, TIMEOUT, CLOSE):
            self._leave(turn.id, walked)
            return
        self._go(walked.path, turn.state)
        if turn.end:
            self.flows[turn.state].ended += 1
            del self._open[turn.id]

    def close(self, now: float) -> None:
        """Count where those are who have not left; who was silent too long has, without a word."""
        for name, walked in list(self._open.items()):
            if now - walked.at > ENDS_WITHIN_S:
                self._leave(name, walked)
            elif walked.path:
                self.flows[walked.path[-1]].there += 1

    def _leave(self, name: str, walked: _Walked) -> None:
        if walked.path:
            self.flows[walked.path[-1]].dropped += 1
        del self._open[name]

    def _go(self, path: list[str], state: str) -> None:
        if path and path[-1] == state:
            self.flows[state].again += 1
            return
        before = self.flows[path[-1]] if path else None
        if state in path:
            del path[path.index(state) :]
            if before is not None:
                before.back += 1
        elif before is not None:
            before.on += 1
        path.append(state)
        self.flows[state].came += 1


def _by_menu(flows: dict[str, _Flow]) -> tuple[MenuFlow, ...]:
    menus: defaultdict[str, list[StateFlow]] = defaultdict(list)
    for state, one in flows.items():
        menu, point, _ = state.partition(".")
        shown = StateFlow(state, one.came, one.on, one.back, one.ended, one.dropped, one.there, one.again)
        menus[menu if point else ""].append(shown)
    found = [
        MenuFlow(menu, tuple(sorted(states, key=lambda one: (-one.came, one.state))))
        for menu, states in menus.items()
    ]
    return tuple(sorted(found, key=lambda one: (-max(state.came for state in one.states), one.menu)))


# --- where to begin reading ---------------------------------------------------------------------------------


def _files(folder: Path, since: float) -> list[tuple[Path, int]]:
    found = []
    for path in journal_files(folder) if folder.is_dir() else []:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if status.st_mtime >= since:
            found.append((path, status.st_size))
    return found


def _narrowed(
    files: list[tuple[Path, int]], since: float, now: float
) -> tuple[float, list[tuple[Path, int]]]:
    """The first moment from which on not too much is to be read, and where that is in each file."""
    for _ in range(_NARROWED_MAX):
        offsets = [(path, _offset(path, size, since)) for path, size in files]
        left = sum(size - offset for (_, size), (_, offset) in zip(files, offsets, strict=True))
        if left <= READ_MAX:
            break
        since += (now - since) / 2
    return since, offsets


def _offset(path: Path, size: int, since: float) -> int:
    """A place in the file, at the begin of a line, before which nothing is as new as `since`; about."""
    low, high = 0, size
    try:
        with path.open("rb") as file:
            while high - low > _NEAR:
                middle = (low + high) // 2
                file.seek(middle)
                file.readline()
                at = _at(file.readline())
                low, high = (low, middle) if at is None or at >= since else (middle, high)
            file.seek(low)
            if low:
                file.readline()
            return file.tell()
    except FileNotFoundError:
        return size


def _at(text: bytes) -> float | None:
    try:
        return _decode(text).at
    except msgspec.MsgspecError:
        return None


def _turns(path: Path, offset: int) -> Iterator[_Turn]:
    for piece in pieces(path, offset):
        yield from _decoded(piece.split(b"\n"))


def _decoded(lines: Iterable[bytes]) -> Iterator[_Turn]:
    for text in lines:
        if text:
            try:
                yield _decode(text)
            except msgspec.MsgspecError:
                continue  # a worker was killed in the middle of it
