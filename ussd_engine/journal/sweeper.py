"""The sweeper: closes the dialogues that just stopped, and knows which menus the open ones are played on.

Only one process runs it. It reads what all workers write, so it sees a dialogue whole wherever its turns were
answered, and it survives none of them: what a restart forgets is read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from sys import intern
from typing import NamedTuple

import msgspec

from ussd_engine.journal.cause import Cause
from ussd_engine.journal.files import JournalFiles, journal_files
from ussd_engine.journal.lines import CLOSE, Line, encode
from ussd_engine.journal.reader import Tail
from ussd_engine.ports import Clock

LOOK_BACK_S = 3600.0
"""After a restart, files written to within this time are read again."""
LATE_S = 10.0
"""A line may be so long under way from a worker's queue to its file."""


class _Seen(msgspec.Struct):
    """What the sweeper needs of a line; the rest is not even decoded."""

    id: str
    n: int
    at: float
    end: str = ""
    menu: str = ""
    gateway: str = ""
    state: str = ""


class _Open(NamedTuple):
    """An open dialogue. Its names are few and shared by all: each is kept once."""

    at: float
    turn: int
    menu: str
    gateway: str
    state: str


_TIMEOUT = Cause.FAILED_DIALOG_TIMEOUT.value
_decode = msgspec.json.Decoder(_Seen).decode


class Sweeper:
    """Writes a closing line for each dialogue that was silent for `total_s`."""

    def __init__(self, folder: Path, *, total_s: float, clock: Clock) -> None:
        """Make it.

        Args:
            total_s: how long a dialogue lives after its last turn (`Engine`'s `ttl_s`).
        """
        self._folder = folder
        self._total_s = total_s
        self._clock = clock
        self._files = JournalFiles(folder)
        self._tails: dict[Path, Tail] = {}
        self._open: dict[str, _Open] = {}
        # Another worker's earlier turn may be read after the last one: it must not open the dialogue again.
        self._ended: dict[str, float] = {}

    def sweep(self) -> int:
        """Read on, close what is due; return how many dialogues that were."""
        now = self._clock()
        for tail in self._present(now):
            for text in tail.lines():
                self._see(text, now)
        self._ended = {name: at for name, at in self._ended.items() if now - at < LATE_S}
        due = [(name, seen) for name, seen in self._open.items() if now - seen.at > self._total_s + LATE_S]
        if due:
            lines = [
                Line(id=name, n=seen.turn + 1, at=round(now, 3), kind=CLOSE, end=_TIMEOUT)
                for name, seen in due
            ]
            self._files.append([encode(line) for line in lines], now)
            for name, _ in due:
                del self._open[name]
        return len(due)

    def open_by_menu(self) -> Mapping[str, int]:
        """Count the open dialogues of each version of the menus (hex), as of the last sweep."""
        return Counter(seen.menu for seen in self._open.values())

    def open_by_gateway(self) -> Mapping[str, int]:
        """As `open_by_menu`, by the gateway's name."""
        return Counter(seen.gateway for seen in self._open.values())

    def open_by_place(self) -> Mapping[str, int]:
        """As `open_by_menu`, by the name of the menu that the dialogue is in now: `customer`."""
        return Counter(seen.state.partition(".")[0] for seen in self._open.values())

    def close(self) -> None:
        """Leave the file."""
        self._files.close()

    def _present(self, now: float) -> list[Tail]:
        present = journal_files(self._folder) if self._folder.is_dir() else []
        for path in present:
            if path not in self._tails and _is_recent(path, now):
                self._tails[path] = Tail(path)
        for gone in self._tails.keys() - set(present):
            del self._tails[gone]
        return list(self._tails.values())

    def _see(self, text: bytes, now: float) -> None:
        try:
            seen = _decode(text)
        except msgspec.MsgspecError:
            return  # a worker was killed in the middle of it
        if seen.end:
            self._open.pop(seen.id, None)
            self._ended[seen.id] = now
        if seen.id in self._ended:
            return
        before = self._open.get(seen.id)
        menu = intern(seen.menu) or (before.menu if before else "")
        gateway = intern(seen.gateway) or (before.gateway if before else "")
        # Workers' lines may come in the wrong order: an earlier turn does not move the dialogue back.
        late = before is not None and seen.n < before.turn
        state = before.state if before is not None and late else intern(seen.state)
        at = max(seen.at, before.at if before else 0.0)
        self._open[seen.id] = _Open(at, max(seen.n, before.turn if before else 0), menu, gateway, state)


def _is_recent(path: Path, now: float) -> bool:
    try:
        return now - path.stat().st_mtime < LOOK_BACK_S
    except FileNotFoundError:
        return False
