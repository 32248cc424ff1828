"""Looking dialogues up in the journal: by their id, or by a caller as the journal knows him.

The files of all workers are read, newest first and only so far; the lines are searched as octets and only
those that are wanted are read as JSON. After each piece the thread rests, so that turns go first.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from app.watching.cdr import ENDS_WITHIN_S, files_between
from cabinet.running import DialogueStory, DialogueSummary, DialogueTurn, FoundDialogues, Typed
from ussd_engine.journal import Dialogue, Line
from ussd_engine.journal.files import journal_files
from ussd_engine.journal.lines import Hidden, decode, masked_msisdn, merge

READ_MAX: Final = 1 << 30
"""Octets that one search reads at most: of a full disk of journals, the newest."""
ROWS_MAX: Final = 50
PIECE: Final = 1 << 20
REST_S: Final = 0.001
_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_HEAD: Final = b'{"id":"'
"""How each line begins: the writer's first field is the dialogue."""


def pieces(path: Path, begin: int = 0) -> Iterator[bytes]:
    """The file from an offset on, in pieces that end with whole lines; half a line at its end is left out."""
    rest = b""
    try:
        with path.open("rb") as file:
            file.seek(begin)
            while read := file.read(PIECE):
                whole, line_feed, rest_now = (rest + read).rpartition(b"\n")
                rest = rest_now
                yield whole + line_feed
                time.sleep(REST_S)
    except FileNotFoundError:
        return  # it was old enough to be deleted


def find(folder: Path, caller: str, since: datetime) -> FoundDialogues:
    """The newest dialogues of whoever's number is masked as `caller`'s is, that began since a moment."""
    needle = b'"msisdn":"%s"' % masked_msisdn(caller).encode()
    paths, reached = _newest(folder, since)
    begun = (
        (line.at, line.id)
        for path in paths
        for line in _holding(path, needle)
        if line.n == 1 and line.at >= reached.timestamp()
    )
    newest = heapq.nlargest(ROWS_MAX, begun)
    rows: list[DialogueSummary] = []
    if newest:
        first, last = _moment(newest[-1][0]), _moment(newest[0][0] + ENDS_WITHIN_S)
        lines = _lines_of({name for _, name in newest}, files_between(folder, first, last))
        rows = [summary(merge(lines[name])) for _, name in newest if name in lines]
    return FoundDialogues(tuple(rows), reached, reached == since)


def one(folder: Path, dialogue: str, near: datetime | None, code: str) -> DialogueStory | None:
    """A dialogue by its id, whole; None where no line of it is found. `code`: the service code."""
    if not _ID.fullmatch(dialogue):
        return None
    at = near if near is not None else _when(folder, dialogue)
    if at is None:
        return None
    seconds = at.timestamp()
    around = files_between(folder, _moment(seconds - ENDS_WITHIN_S), _moment(seconds + ENDS_WITHIN_S))
    lines = _lines_of({dialogue}, around).get(dialogue)
    return None if lines is None else story(merge(lines), code)


def summary(dialogue: Dialogue) -> DialogueSummary:
    """A dialogue as a line of a list."""
    return DialogueSummary(
        id=dialogue.id,
        began_at=_moment(dialogue.began),
        ended_at=_moment(dialogue.ended) if dialogue.ended else None,
        gateway=dialogue.gateway,
        caller=dialogue.msisdn,
        state=next((line.state for line in reversed(dialogue.turns) if line.state), ""),
        turns=len(dialogue.turns),
        cause=dialogue.cause,
    )


def story(dialogue: Dialogue, code: str) -> DialogueStory:
    """A dialogue turn by turn: what was secret or refused is its length only, as in the journal."""
    screen, turns = "", []
    for line in dialogue.turns:
        typed = tuple(_typed(kept) for kept in line.heard)
        turns.append(
            DialogueTurn(
                number=line.n,
                at=_moment(line.at),
                kind=line.kind,
                typed=typed,
                chose=_chosen(screen, typed) if line.kind == "answer" else "",
                did=tuple((did.action, did.result) for did in line.did),
                state=line.state,
                screen=line.text,
                octets=line.octets,
            )
        )
        screen = line.text
    whose = summary(dialogue)
    return DialogueStory(whose, code, dialogue.language, dialogue.menu, dialogue.missing, tuple(turns))


def _typed(kept: str | Hidden) -> Typed:
    return Typed(kept, len(kept)) if isinstance(kept, str) else Typed("", kept.length, kept.code)


def _chosen(screen: str, typed: tuple[Typed, ...]) -> str:
    """The line of the screen before that the answer's key stands before."""
    key = typed[0].text if len(typed) == 1 else ""
    lines = (line.partition(".") for line in screen.split("\n"))
    return next((text for before, point, text in lines if key and point and before == key), "")


def _newest(folder: Path, since: datetime) -> tuple[list[Path], datetime]:
    """Files written to since a moment, newest first, as many as may be read; and since when they are all."""
    aged = sorted(((_written_at(path), path) for path in journal_files(folder)), reverse=True)
    left, chosen = READ_MAX, list[Path]()
    for written_at, path in aged:
        if written_at < since.timestamp():
            break
        left -= _octets(path)
        if left < 0 and chosen:
            return chosen, _moment(written_at)
        chosen.append(path)
    return chosen, since


def _when(folder: Path, dialogue: str) -> datetime | None:
    needle = b'%s%s"' % (_HEAD, dialogue.encode())
    paths, _ = _newest(folder, datetime.fromtimestamp(0, UTC))
    found = (line.at for path in paths for line in _holding(path, needle))
    at = next(found, None)
    return None if at is None else _moment(at)


def _holding(path: Path, needle: bytes) -> Iterator[Line]:
    """The lines that hold these octets."""
    for piece in pieces(path):
        place = piece.find(needle)
        while place >= 0:
            begin, end = piece.rfind(b"\n", 0, place) + 1, piece.find(b"\n", place)
            if (line := _read(piece[begin:end])) is not None:
                yield line
            place = piece.find(needle, end)


def _lines_of(ids: set[str], paths: Iterable[Path]) -> dict[str, list[Line]]:
    wanted, found = {name.encode() for name in ids}, dict[str, list[Line]]()
    for path in paths:
        for piece in pieces(path):
            for text in piece.split(b"\n"):
                if text[7:23] in wanted and (line := _read(text)) is not None:
                    found.setdefault(line.id, []).append(line)
    return found


def _read(text: bytes) -> Line | None:
    try:
        return decode(text)
    except msgspec.MsgspecError:
        return None  # a worker was killed in the middle of it


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _octets(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
