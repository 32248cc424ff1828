"""Call detail records: a row a dialogue, put together from the journal, as CSV or Parquet.

Rows are made while the journal is read, in the order in which dialogues ended, so that a month takes no more
memory than the dialogues that were open at one time.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, TextIO

from ussd_engine.journal import Dialogue
from ussd_engine.journal.files import journal_files
from ussd_engine.journal.lines import BEGIN, masked

ENDS_WITHIN_S: Final = 900.0
"""No dialogue lasts longer: it ends 190 seconds after its last turn, and has few."""
ROWS_AT_ONCE: Final = 10_000
"""Rows of one Parquet row group, and so of what is held at a time."""
_STAMP: Final = "%Y%m%dT%H%M%S"


class NoParquet(Exception):
    """pyarrow is not installed."""


@dataclass(frozen=True, slots=True)
class Cdr:
    """One dialogue.

    Attributes:
        ended_at: None where its end is in no file: it is open, or the service was killed under it.
        dialogue: the journal's id of it.
        msisdn: masked, as the journal keeps it.
        dialled: what followed the service code, `**0*901234567*50000`; what is secret or was refused as dots.
        menu, version: the menu it was left in, and the version of all menus (hex).
        turns: requests that were answered; `missing` are those whose lines were lost.
        cause: a `ussd_engine.journal.Cause`; empty where it has not ended.
        screens: the states whose screens were shown, in order, between spaces.
        octets: of all screens together, as they went over the air (3GPP TS 23.038).
    """

    started_at: datetime
    ended_at: datetime | None
    gateway: str
    dialogue: str
    msisdn: str
    dialled: str
    menu: str
    version: str
    language: str
    turns: int
    missing: int
    cause: str
    screens: str
    octets: int


COLUMNS: Final = tuple(field.name for field in fields(Cdr))
_values = attrgetter(*COLUMNS)  # `astuple` would copy each value deeply


def files_between(journal: Path, since: datetime, until: datetime) -> list[Path]:
    """The journal's files that may hold dialogues begun in [since, until), and their ends."""
    return [path for path in journal_files(journal) if _may_hold(path, since, until)]


def _may_hold(path: Path, since: datetime, until: datetime) -> bool:
    try:
        opened = datetime.strptime(path.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return True  # a journal that somebody put together or renamed
    try:
        written_at = path.stat().st_mtime
    except FileNotFoundError:
        return False  # it was old enough to be deleted
    # A dialogue that began before the span and went on in another file must not look as if it began there.
    late, early = opened.timestamp() - until.timestamp(), since.timestamp() - written_at
    return max(late, early) <= ENDS_WITHIN_S


def rows(dialogues: Iterable[Dialogue], since: datetime, until: datetime) -> Iterator[Cdr]:
    """The records of the dialogues that began in [since, until)."""
    first, end = since.timestamp(), until.timestamp()
    # A closing line alone is no dialogue: where engines keep journals of their own, one from which a dialogue
    # moved to another closes it too.
    return (row_of(one) for one in dialogues if one.turns and first <= one.began < end)


def row_of(dialogue: Dialogue) -> Cdr:
    """One dialogue as its record."""
    shown = [line for line in dialogue.turns if line.text]
    last = next((line.state for line in reversed(dialogue.turns) if line.state), "")
    return Cdr(
        started_at=_moment(dialogue.began),
        ended_at=_moment(dialogue.ended) if dialogue.ended else None,
        gateway=dialogue.gateway,
        dialogue=dialogue.id,
        msisdn=dialogue.msisdn,
        dialled=_dialled(dialogue),
        menu=last.partition(".")[0],
        version=dialogue.menu,
        language=dialogue.language,
        turns=len(dialogue.turns),
        missing=dialogue.missing,
        cause=dialogue.cause,
        screens=" ".join(line.state for line in shown),
        octets=sum(line.octets for line in shown),
    )


def write_csv(records: Iterable[Cdr], to: TextIO) -> int:
    """Write a header and a line a record (RFC 4180, UTC in ISO 8601); return how many records."""
    written = 0
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow([_cell(value) for value in _values(record)])
        written += 1
    return written


def write_parquet(records: Iterable[Cdr], to: Path) -> int:
    """Write a Parquet file, a row group at a time; return how many records.

    Raises:
        NoParquet: see there.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise NoParquet("Parquet needs pyarrow: pip install 'ussd-engine[parquet]', or take csv") from None
    kinds = {"started_at": "time", "ended_at": "time", "turns": "int", "missing": "int", "octets": "int"}
    types = {"time": pyarrow.timestamp("us", tz="UTC"), "int": pyarrow.int32(), "text": pyarrow.string()}
    schema = pyarrow.schema([(name, types[kinds.get(name, "text")]) for name in COLUMNS])
    written, left = 0, iter(records)
    with parquet.ParquetWriter(to, schema, compression="zstd") as writer:
        while group := list(islice(left, ROWS_AT_ONCE)):
            columns = [list(column) for column in zip(*map(_values, group), strict=True)]
            writer.write_table(pyarrow.Table.from_pydict(dict(zip(COLUMNS, columns, strict=True)), schema))
            written += len(group)
    return written


def whole(to: Path, write: Callable[[Path], int]) -> int:
    """Let `write` make the file `to` whole or not at all; a reader never finds half of it."""
    part = to.with_name(f"{to.name}.part")
    try:
        written = write(part)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return written


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _dialled(dialogue: Dialogue) -> str:
    first = dialogue.turns[0] if dialogue.turns else None
    if first is None or first.kind != BEGIN:
        return ""
    return "".join(f"*{masked(kept)}" for kept in first.heard)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else value
