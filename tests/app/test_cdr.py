"""Call detail records: every dialogue once, whole, with nothing secret, in memory that does not grow."""

import csv
import io
import os
import subprocess
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from app.watching import cdr
from tests.conftest import Start
from tests.journal.dialogues import NOON, Line
from tests.served import CUSTOMER, MERCHANT, PIN, USSD, run_ussd
from ussd_engine import Kind
from ussd_engine.journal import FileJournal, read
from ussd_engine.journal.files import journal_files
from ussd_engine.journal.lines import CLOSE, encode
from ussd_engine.journal.lines import Line as Kept

AT = datetime.fromtimestamp(NOON, UTC)
HOUR = timedelta(hours=1)


def kept(name: str, n: int = 1, at: float = NOON, **changes: object) -> bytes:
    first = {"gateway": "g", "msisdn": "99890***4567", "menu": "00c0ffee"} if n == 1 else {}
    given = {"kind": "begin" if n == 1 else "answer", "state": "customer.home", "lang": "ru"} | first
    return encode(Kept(**{"id": name, "n": n, "at": at, "text": "Меню", "octets": 8, **given, **changes}))  # type: ignore[arg-type]


def write(folder: Path, *lines: bytes, at: float = NOON) -> Path:
    """The file of a worker of its own, opened and last written at a moment."""
    folder.mkdir(exist_ok=True)
    worker = sum(1 for _ in folder.iterdir())
    path = folder / f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S}-{worker}-1.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    os.utime(path, (at, at))
    return path


def exported(folder: Path, since: datetime = AT - HOUR, until: datetime = AT + HOUR) -> list[cdr.Cdr]:
    return list(cdr.rows(read(cdr.files_between(folder, since, until)), since, until))


def test_a_dialogue_is_one_row_whatever_worker_answered_its_turns(tmp_path: Path) -> None:
    write(
        tmp_path, kept("a", heard=["", "0"]), kept("a", 3, NOON + 9, end="SUCCESS", state="merchant.issued")
    )
    write(tmp_path, kept("a", 2, NOON + 4, state="merchant.amount"))
    (row,) = exported(tmp_path)

    assert (row.started_at, row.ended_at) == (AT, AT + timedelta(seconds=9))
    assert (row.gateway, row.msisdn, row.version) == ("g", "99890***4567", "00c0ffee")
    assert (row.dialled, row.menu, row.cause) == ("**0", "merchant", "SUCCESS")
    assert row.screens == "customer.home merchant.amount merchant.issued"
    assert (row.turns, row.missing, row.octets) == (3, 0, 24)


def test_a_dialogue_that_has_not_ended_has_no_end_and_a_swept_one_its_cause(tmp_path: Path) -> None:
    close = Kept(id="b", n=2, at=NOON + 200, kind=CLOSE, end="FAILED_DIALOG_TIMEOUT")
    write(tmp_path, kept("a"), kept("b"), encode(close))
    swept, still_open = exported(tmp_path)

    assert (swept.cause, swept.turns) == ("FAILED_DIALOG_TIMEOUT", 1)
    assert (still_open.ended_at, still_open.cause) == (None, "")


def test_an_engine_that_closes_what_went_on_elsewhere_makes_no_row(tmp_path: Path) -> None:
    write(
        tmp_path, kept("a"), encode(Kept(id="a", n=2, at=NOON + 200, kind=CLOSE, end="FAILED_DIALOG_TIMEOUT"))
    )
    write(tmp_path, kept("a", 2, NOON + 5, end="SUCCESS"))
    (row,) = exported(tmp_path)

    assert (row.turns, row.cause) == (2, "SUCCESS")


def test_a_dialogue_belongs_to_the_span_in_which_it_began(tmp_path: Path) -> None:
    midnight = AT + HOUR
    last, next_ = midnight.timestamp() - 1, midnight.timestamp()
    write(tmp_path, kept("late", at=last), at=last)
    write(
        tmp_path,
        kept("late", 2, last + 60, end="SUCCESS"),
        kept("next", at=next_, end="SUCCESS"),
        at=last + 60,
    )

    assert [row.dialogue for row in exported(tmp_path, until=midnight)] == ["late"]
    assert exported(tmp_path, until=midnight)[0].ended_at == midnight + timedelta(seconds=59)
    assert [row.dialogue for row in exported(tmp_path, midnight, midnight + HOUR)] == ["next"]


def test_files_of_other_days_are_not_even_opened(tmp_path: Path) -> None:
    day = 86_400.0
    for number in (-1, 0, 1):
        write(tmp_path, kept("a", at=NOON + number * day), at=NOON + number * day)
    chosen = cdr.files_between(tmp_path, AT - HOUR, AT + HOUR)

    assert [path.name[:8] for path in chosen] == [f"{AT:%Y%m%d}"]


def test_a_single_file_of_any_name_can_be_exported(tmp_path: Path) -> None:
    moved = write(tmp_path, kept("a", end="SUCCESS")).rename(tmp_path / "november.jsonl")

    assert [row.dialogue for row in exported(moved)] == ["a"]


@pytest.fixture
async def played(tmp_path: Path) -> tuple[Path, int]:
    """Sixty dialogues of the shipped menus by three phones, ended in every way; how many turns they took."""
    journal = FileJournal(tmp_path / "journal")
    for seed in range(3):
        line = Line(journal, seed, f"99890123456{seed}")
        for number in range(20):
            reply = await line.dial(("*880#", "*880**0*901112233*50000#", "*880*9#")[number % 3])
            while reply.open and line.requests % 7:
                reply = await line.answer("1")
            if reply.open and number % 2:
                await line.cut((Kind.ABORT, Kind.TIMEOUT)[number % 4 == 1])
    journal.close()
    return tmp_path / "journal", journal.written


async def test_both_forms_hold_every_dialogue_with_the_same_values(
    played: tuple[Path, int], tmp_path: Path
) -> None:
    folder, entries = played
    found = list(cdr.rows(read(journal_files(folder)), AT - HOUR, AT + 24 * HOUR))
    as_csv, as_parquet = io.StringIO(), tmp_path / "cdr.parquet"
    cdr.write_csv(found, as_csv)
    cdr.whole(as_parquet, lambda part: cdr.write_parquet(found, part))
    lines = list(csv.DictReader(io.StringIO(as_csv.getvalue())))
    table = parquet.read_table(as_parquet)

    assert len(found) == len(lines) == table.num_rows == 60
    assert table.to_pylist() == [{name: getattr(row, name) for name in cdr.COLUMNS} for row in found]
    assert [line["dialogue"] for line in lines] == [row.dialogue for row in found]
    assert [int(line["octets"]) for line in lines] == [row.octets for row in found]
    assert (
        sum(row.turns for row in found) + sum(row.cause == "FAILED_PROVIDER_ABORT" for row in found)
        == entries
    )
    assert len(Counter(row.cause for row in found)) >= 4
    assert str(table.schema.field("started_at").type) == "timestamp[us, tz=UTC]"


def test_a_month_takes_no_more_memory_than_a_day(tmp_path: Path) -> None:
    def peak(name: str, dialogues: int, form: Callable[[Iterator[cdr.Cdr], Path], int]) -> int:
        folder = tmp_path / name
        write(
            folder,
            *(
                line
                for number in range(dialogues)
                for line in (
                    kept(f"{number:016x}", at=NOON + number / 100),
                    kept(f"{number:016x}", 2, NOON + number / 100 + 0.005, end="SUCCESS"),
                )
            ),
        )
        tracemalloc.start()
        found = cdr.rows(read(journal_files(folder)), AT, AT + HOUR)
        assert cdr.whole(folder / "out", lambda part: form(found, part)) == dialogues
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    def as_csv(found: Iterator[cdr.Cdr], part: Path) -> int:
        with part.open("w", encoding="utf-8", newline="") as file:
            return cdr.write_csv(found, file)

    peak("first", 10, as_csv), peak("first2", 10, cdr.write_parquet)  # what is imported once is no growth
    few, many = peak("few", 300, as_csv), peak("many", 1_500, as_csv)
    assert many < few + 200_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdr, "ROWS_AT_ONCE", 100)
        few, many = peak("few2", 300, cdr.write_parquet), peak("many2", 1_500, cdr.write_parquet)
    assert many < few + 200_000


def test_a_failed_export_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    out = tmp_path / "cdr.csv"
    out.write_text("yesterday's")

    def breaks(part: Path) -> int:
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cdr.whole(out, breaks)
    assert out.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == ["cdr.csv"]


def test_the_command_writes_what_was_dialled_and_no_secret(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo()
    demo.caller(MERCHANT).dial("*880**0*901234567*50000#")
    demo.caller(CUSTOMER).dial("*880#", "1", "1", "1", PIN)
    demo.end()
    now = datetime.now(UTC)
    span = ("--from", str(now - HOUR), "--to", str(now + HOUR), "--data", str(tmp_path / "data"))
    done = run_ussd("cdr", "export", *span, "--out", "-")
    as_file = run_ussd("cdr", "export", *span, "--out", str(tmp_path / "x"), "--format", "parquet")
    issued, paid = csv.DictReader(io.StringIO(done.stdout))

    assert done.stderr == as_file.stderr == "2 dialogues, 0 lines of the journal unreadable\n"
    assert issued["dialled"] == "**0*901234567*50000"
    assert (issued["menu"], issued["turns"], issued["cause"]) == ("merchant", "1", "SUCCESS")
    assert issued["msisdn"] == "99890***2233"
    assert paid["screens"].split()[0] == "customer.home"
    assert PIN not in done.stdout
    assert CUSTOMER not in done.stdout
    assert parquet.read_table(tmp_path / "x").column("octets").to_pylist() == [
        int(issued["octets"]), int(paid["octets"])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "yesterday", "--to", "2026-11-24"), "--from yesterday: a moment looks like"),
        (("--from", "2026-11-24", "--to", "2026-11-24"), "--from is not before --to"),
        (("--from", "2026-11-23", "--to", "2026-11-24", "--zone", "Mars/Base"), "no such time zone"),
        (("--from", "2026-11-23", "--to", "2026-11-24", "--journal", "/nowhere"), "there is no journal"),
    ],
)
def test_the_command_says_what_it_cannot_do(arguments: tuple[str, ...], told: str) -> None:
    ended = run_ussd("cdr", "export", *arguments, "--out", "-")

    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_times_without_an_offset_are_tashkents(tmp_path: Path) -> None:
    write(tmp_path, kept("a", end="SUCCESS"))
    local = f"{AT + timedelta(hours=5):%Y-%m-%dT%H:%M}"
    next_minute = f"{AT + timedelta(hours=5, minutes=1):%Y-%m-%dT%H:%M}"
    done = run_ussd(
        "cdr", "export", "--from", local, "--to", next_minute, "--journal", str(tmp_path), "--out", "-"
    )

    assert done.stderr.startswith("1 dialogues")


def test_who_reads_some_rows_of_an_export_and_goes_is_told_no_fault(tmp_path: Path) -> None:
    write(tmp_path, *(kept(f"d{number}", end="SUCCESS") for number in range(3000)))
    span = ("--from", "2000-01-01", "--to", "2100-01-01", "--journal", str(tmp_path))
    with subprocess.Popen(
        [USSD, "cdr", "export", *span, "--out", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        export.stdout.readline()
        export.stdout.close()
        told = export.stderr.read()

    assert told == b""
