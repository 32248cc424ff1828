"""The journal's files: batches, rotation, damage, and dialogues that span workers."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from pathlib import Path

import pytest

from tests.journal.dialogues import NOON, Kept, Line, shipped
from ussd_engine.core.events import Begin
from ussd_engine.journal import Cause, FileJournal, Sweeper, read
from ussd_engine.journal.files import JournalFiles, journal_files
from ussd_engine.journal.lines import encoded
from ussd_engine.journal.reader import Damage
from ussd_engine.ports import Entry

DAY_S = 86_400.0
TOTAL_S = 180.0


def entry(dialogue: int, turn: int = 1, at: float = NOON, *, is_open: bool = True) -> Entry:
    return Entry(
        dialogue=dialogue.to_bytes(8, "big"),
        turn=turn,
        at=at,
        gateway="here",
        msisdn="998901234567",
        menu=b"\1\2\3\4",
        screen_octets=160,
        event=Begin(at),
        heard=(),
        done=(),
        state="customer.home",
        language="ru",
        text="CLICK",
        open=is_open,
    )


def worker(folder: Path, *entries: Entry) -> JournalFiles:
    """A worker that has written these."""
    files = JournalFiles(folder)
    files.append([encoded(one) for one in entries], entries[0].at)
    return files


class Hand:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_entries_are_on_disk_soon_without_a_turn_waiting(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, flush_s=0.01)
    journal.start()
    for number in range(100):
        journal.write(entry(number))
    ended = time.monotonic() + 5
    while journal.written < 100 and time.monotonic() < ended:
        time.sleep(0.01)

    assert sum(1 for _ in read(journal_files(tmp_path))) == 100
    journal.close()


def test_a_full_queue_drops_and_counts_instead_of_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = FileJournal(tmp_path, queue_max=10)
    for number in range(25):
        journal.write(entry(number))
    journal.close()

    assert (journal.written, journal.dropped) == (10, 15)
    assert "15 so far" in caplog.text


def test_a_disk_that_fails_costs_entries_and_no_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = FileJournal(tmp_path / "file")
    journal.write(entry(1))
    journal.close()

    assert (journal.written, journal.dropped) == (0, 1)
    assert "998901234567" not in caplog.text


def test_an_entry_that_can_not_be_written_costs_none_of_those_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = FileJournal(tmp_path)
    journal.write(entry(1))
    journal.write(entry(2)._replace(text="half a character: \ud83d"))
    journal.write(entry(3))
    journal.close()

    assert [dialogue.id[-1] for dialogue in read(journal_files(tmp_path))] == ["1", "3"]
    assert (journal.written, journal.dropped) == (2, 1)
    assert "half a character" not in caplog.text


def test_a_disk_that_takes_half_a_batch_costs_that_batch_and_no_line_after_it(tmp_path: Path) -> None:
    files = worker(tmp_path, entry(1))
    (path,) = journal_files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, hard))
    try:
        with pytest.raises(OSError, match="No space left"):
            files.append([encoded(entry(2))], NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files.append([encoded(entry(3))], NOON)
    damage = Damage()

    assert [dialogue.id[-1] for dialogue in read(journal_files(tmp_path), damage)] == ["1", "3"]
    assert damage.lines == 1


def test_a_journal_of_more_files_than_a_process_may_open_is_read_whole(tmp_path: Path) -> None:
    for number in range(200):
        worker(tmp_path, entry(number, at=NOON + number, is_open=False)).close()
        for written in tmp_path.glob("*.jsonl"):
            written.rename(written.with_suffix(f".{number:03}"))
    paths = sorted(tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, hard))
    try:
        found = list(read(paths))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert [int(dialogue.id, 16) for dialogue in found] == list(range(200))


def test_a_new_day_and_a_large_file_begin_another(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, octets_max=200)
    files.append([b"{}"], NOON)
    files.append([b"x" * 300], NOON)
    files.append([b"{}"], NOON)
    files.append([b"{}"], NOON + DAY_S)
    files.close()
    sizes = [path.stat().st_size for path in journal_files(tmp_path)]

    assert sizes == [304, 3, 3]


def test_old_files_are_deleted_when_another_is_opened(tmp_path: Path) -> None:
    old = tmp_path / "20200101T000000-1-1.jsonl"
    old.write_text("")
    os.utime(old, (NOON - 32 * DAY_S, NOON - 32 * DAY_S))
    recent = tmp_path / "20200102T000000-1-1.jsonl"
    recent.write_text("")
    os.utime(recent, (NOON - 30 * DAY_S, NOON - 30 * DAY_S))
    JournalFiles(tmp_path, keep_days=31).append([b"{}"], NOON)

    assert not old.exists()
    assert recent.exists()


def test_only_the_service_itself_may_read_the_files(tmp_path: Path) -> None:
    JournalFiles(tmp_path / "journal").append([b"{}"], NOON)
    (path,) = journal_files(tmp_path / "journal")

    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_half_a_line_of_a_crash_is_skipped_and_counted(tmp_path: Path) -> None:
    worker(tmp_path, entry(1), entry(2))
    (path,) = journal_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    damage = Damage()
    found = list(read([path], damage))

    assert [dialogue.id for dialogue in found] == ["0000000000000001"]
    assert damage.lines == 1


def test_turns_that_two_workers_answered_make_one_record(tmp_path: Path) -> None:
    worker(tmp_path, entry(1, 1, NOON), entry(1, 3, NOON + 2, is_open=False))
    worker(tmp_path / "other", entry(1, 2, NOON + 1))
    paths = [*journal_files(tmp_path), *journal_files(tmp_path / "other")]
    (dialogue,) = read(paths)

    assert [line.n for line in dialogue.turns] == [1, 2, 3]
    assert (dialogue.msisdn, dialogue.menu, dialogue.missing) == ("99890***4567", "01020304", 0)
    assert dialogue.cause == "SUCCESS"


def test_the_sweeper_closes_what_was_silent_too_long(tmp_path: Path) -> None:
    clock = Hand(time.time())
    worker(tmp_path, entry(1, 1, clock.now), entry(2, 1, clock.now), entry(2, 2, clock.now, is_open=False))
    sweeper = Sweeper(tmp_path, total_s=TOTAL_S, clock=clock)

    assert sweeper.sweep() == 0
    assert sweeper.open_by_menu() == {"01020304": 1}
    clock.now += TOTAL_S + 11
    assert sweeper.sweep() == 1
    assert sweeper.open_by_menu() == {}
    clock.now += 1
    assert sweeper.sweep() == 0
    causes = {dialogue.id[-1]: dialogue.cause for dialogue in read(journal_files(tmp_path))}
    assert causes == {"1": Cause.FAILED_DIALOG_TIMEOUT.value, "2": Cause.SUCCESS.value}


def test_the_sweeper_is_not_led_astray_by_a_worker_that_is_read_late(tmp_path: Path) -> None:
    clock = Hand(time.time())
    worker(tmp_path, entry(1, 1, clock.now), entry(1, 3, clock.now + 2, is_open=False))
    sweeper = Sweeper(tmp_path, total_s=TOTAL_S, clock=clock)
    sweeper.sweep()
    files = JournalFiles(tmp_path)
    files.append([encoded(entry(1, 2, clock.now + 1))], clock.now)
    sweeper.sweep()

    assert sweeper.open_by_menu() == {}


def test_a_sweeper_that_starts_anew_knows_what_is_open(tmp_path: Path) -> None:
    clock = Hand(time.time())
    worker(tmp_path, entry(1, 1, clock.now))
    again = Sweeper(tmp_path, total_s=TOTAL_S, clock=clock)
    again.sweep()

    assert again.open_by_menu() == {"01020304": 1}


def test_a_line_is_read_only_when_it_is_whole(tmp_path: Path) -> None:
    clock = Hand(time.time())
    text = encoded(entry(1, 1, clock.now))
    path = tmp_path / "20261124T000000-1-1.jsonl"
    path.write_bytes(text[:30])
    sweeper = Sweeper(tmp_path, total_s=TOTAL_S, clock=clock)
    sweeper.sweep()
    before = sweeper.open_by_menu()
    with path.open("ab") as file:
        file.write(text[30:] + b"\n")
    sweeper.sweep()

    assert before == {}
    assert sweeper.open_by_menu() == {"01020304": 1}


def test_an_engine_tells_its_journal_each_turn_once_and_repeats_never() -> None:
    journal = Kept()
    line = Line(journal, seed=1)

    async def play() -> None:
        await line.dial("*880#")
        line.requests -= 1  # the gateway sends the same request again
        line.dialogues -= 1
        await line.dial("*880#")

    asyncio.run(play())

    assert [(one.turn, one.menu) for one in journal.entries] == [(1, shipped().version)]
