"""Looking into the journal: only so far, however large it is, and over what a crash left."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.watching import funnel, lookup
from tests.cabinet.admin.telling import PAYING, Written, dialled, left
from tests.invoicing.world import CUSTOMER
from ussd_engine.journal.files import journal_files

AT = 1_795_503_600.0


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def written_at(folder: Path, at: float) -> None:
    for path in journal_files(folder):
        os.utime(path, (at, at))


def test_a_dialogue_is_found_across_pieces_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "PIECE", 700)  # shorter than most dialogues' lines together
    written = Written(tmp_path)
    for name in range(40):
        written.say(name + 1, AT + name, PAYING)
    written_at(tmp_path, AT + 60)

    for name in (1, 17, 40):
        for near in (None, moment(AT + name)):
            found = lookup.one(tmp_path, f"{name:016x}", near, "*880#")
            assert found is not None
            assert [turn.number for turn in found.turns] == [1, 2, 3, 4]
            assert (found.missing, found.summary.cause) == (0, "SUCCESS")


@pytest.mark.parametrize("name", ["", "0" * 15, "g" * 16, "0" * 17, "*" * 16, "0" * 15 + '"'])
def test_what_is_no_id_finds_nothing(tmp_path: Path, name: str) -> None:
    Written(tmp_path).say(0, AT, PAYING)

    assert lookup.one(tmp_path, name, None, "*880#") is None


def test_half_a_line_that_a_crash_left_is_passed_over(tmp_path: Path) -> None:
    name = Written(tmp_path).say(5, AT, PAYING)
    (path,) = journal_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(b'{"id":"' + name.encode() + b'","n":1,"at":1,"ki\n' + whole + whole[:90])
    written_at(tmp_path, AT + 60)

    found = lookup.one(tmp_path, name, moment(AT), "*880#")
    counted = funnel.funnel(tmp_path, moment(AT - 60), moment(AT + 60))

    assert found is not None
    assert len(found.turns) == 4
    assert counted.dialogues == 1


def test_more_than_is_read_at_once_is_cut_at_the_old_end_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(tmp_path)
    for name in range(3_000):
        written.say(name + 1, AT + name, (dialled(), left("customer.home")))
    written_at(tmp_path, AT + 3_060)
    now, since = moment(AT + 3_060), moment(AT - 60)
    everything = funnel.funnel(tmp_path, since, now)
    monkeypatch.setattr(funnel, "READ_MAX", 200_000)
    some = funnel.funnel(tmp_path, since, now)

    assert (everything.dialogues, everything.whole, everything.since) == (3_000, True, since)
    assert some.whole is False
    assert since < some.since < now
    began_since = sum(AT + name + 3 >= some.since.timestamp() for name in range(3_000))
    assert 0 < some.dialogues == began_since < 3_000


def test_a_search_goes_back_only_as_far_as_it_is_asked_to_or_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Written(tmp_path / "old"), Written(tmp_path / "new")
    folder = tmp_path / "journal"
    folder.mkdir()
    for name, (written, at) in enumerate(((old, AT), (new, AT + 5_000))):
        written.say(name + 1, at, PAYING)
        (path,) = journal_files(written.folder)
        os.utime(path, (at + 10, at + 10))
        path.rename(folder / f"{moment(at):%Y%m%dT%H%M%S}-{name}-1.jsonl")

    both = lookup.find(folder, CUSTOMER, moment(AT - 60))
    late = lookup.find(folder, CUSTOMER, moment(AT + 1_000))
    monkeypatch.setattr(lookup, "READ_MAX", 10)
    bounded = lookup.find(folder, CUSTOMER, moment(AT - 60))

    assert [row.id[-1] for row in both.rows] == ["2", "1"]
    assert ([row.id[-1] for row in late.rows], late.whole) == (["2"], True)
    assert ([row.id[-1] for row in bounded.rows], bounded.whole) == (["2"], False)
    assert lookup.find(tmp_path / "nowhere", CUSTOMER, moment(AT)).rows == ()
