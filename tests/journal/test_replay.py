"""Journals of dialogues that nobody wrote, replayed on the same menus and on others."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal.dialogues import CALLER, Kept, Line, declared, menu_texts, shipped
from ussd_engine import Kind, Service, compile_menus
from ussd_engine.journal import Cause, Dialogue, FileJournal, read, replay
from ussd_engine.journal.files import journal_files
from ussd_engine.journal.lines import decode as line_of_text
from ussd_engine.journal.lines import encoded, merge

PINS = [f"000{number}" for number in range(61, 99)]
"""As a sum or a choice they are refused, as a PIN they are right: they must never be written down."""
CARD = "8600490000061234"
CODES = [
    "*880#", "*880**0*901234567*50000#", "*880**0*971000001*50000#", "*880**0*711234567*5#",
    "*880**0*9*9#", "*880**0*971000001*5#", "*880**3*971000001#", "*880**3#", "*880*1*1#",
    "*880*2*971000001*60000#", "*880*9*1#", f"*880*0*{CARD}*1230#", "*880**7*1#",
    f"*880*1*1*{PINS[0]}#", "*880*2*971000001*5*5#",
]  # fmt: skip
ANSWERS = [
    "1", "2", "3", "4", "0", "00", "98", "99", "971000001", "711234567", "901234567", "50 000", "1,5", "",
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Actions that fail are what is played here."""
    engine = logging.getLogger("ussd_engine")
    before = engine.level
    engine.setLevel(logging.CRITICAL)
    yield
    engine.setLevel(before)


moves = st.one_of(
    st.sampled_from(CODES).map(lambda code: ("dial", code)),
    st.sampled_from([*ANSWERS, *PINS]).map(lambda text: ("answer", text)),
    st.sampled_from(ANSWERS[:4]).map(lambda text: ("answer", text)),
    st.sampled_from([("cut", "abort"), ("cut", "timeout")]),
)


async def played(line: Line, script: Sequence[tuple[str, str]]) -> None:
    await line.dial("*880#")
    for what, text in script:
        if what == "dial":
            await line.dial(text)
        elif what == "answer":
            await line.answer(text)
        else:
            await line.cut(Kind(text))


def journaled(script: Sequence[tuple[str, str]], seed: int, folder: Path) -> list[Dialogue]:
    journal = FileJournal(folder, flush_s=60.0)
    asyncio.run(played(Line(journal, seed), script))
    journal.close()
    assert journal.dropped == 0
    return list(read(journal_files(folder)))


def changed(old: str, new: str) -> Service:
    texts = menu_texts()
    assert any(old in text for text in texts.values())
    return compile_menus({name: text.replace(old, new) for name, text in texts.items()}, declared())


@given(script=st.lists(moves, max_size=25), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_journal_replayed_on_the_same_menus_differs_nowhere(
    script: list[tuple[str, str]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for dialogue in journaled(script, seed, Path(folder)):
            outcome = replay(dialogue, shipped())

            assert outcome.differences == ()
            assert outcome.skipped == ""
            assert outcome.turns == len(dialogue.turns)
            assert dialogue.missing == 0


@given(script=st.lists(moves, max_size=25), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_pin_no_card_and_no_caller_stands_in_the_journal(script: list[tuple[str, str]], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journaled(script, seed, Path(folder))
        for path in journal_files(Path(folder)):
            for text in path.read_text(encoding="utf-8").splitlines():
                line = json.loads(text)
                for name in ("id", "menu", "at"):
                    line.pop(name, None)
                shown = json.dumps(line)

                assert not [pin for pin in PINS if pin in shown]
                assert CARD not in shown
                assert CALLER not in shown


def swapped(one: str, other: str) -> Service:
    texts = {
        name: text.replace(one, "\0").replace(other, one).replace("\0", other)
        for name, text in menu_texts().items()
    }
    return compile_menus(texts, declared())


def customer(folder: Path, *answers: str) -> Dialogue:
    """A customer's dialogue in Russian that gives these answers."""
    for seed in range(200):
        (dialogue,) = journaled([("answer", text) for text in answers], seed, folder / str(seed))
        if "Помощь" in dialogue.turns[0].text and len(dialogue.turns) == len(answers) + 1:
            return dialogue
    raise AssertionError("no seed makes the caller a customer")


def test_a_reworded_screen_is_shown_with_both_texts_and_the_dialogue_goes_on(tmp_path: Path) -> None:
    outcome = replay(customer(tmp_path, "7"), changed("ru: Помощь", "ru: Справка"))

    assert [(d.turn, d.what) for d in outcome.differences] == [(1, "screen")]
    assert "7.Помощь" in outcome.differences[0].was
    assert "7.Справка" in outcome.differences[0].now
    assert outcome.turns == 2


def test_a_renamed_state_is_told_and_the_dialogue_goes_on(tmp_path: Path) -> None:
    texts = {
        name: text.replace("goto: help}", "goto: aid}").replace("\n  help:", "\n  aid:")
        for name, text in menu_texts().items()
    }
    outcome = replay(customer(tmp_path, "7"), compile_menus(texts, declared()))

    assert [(d.turn, d.what, d.was, d.now) for d in outcome.differences] == [
        (2, "state", "customer.help", "customer.aid")
    ]


def test_where_the_menus_part_what_follows_is_not_compared(tmp_path: Path) -> None:
    dialogue = customer(tmp_path, "6", "7")
    outcome = replay(dialogue, swapped("goto: settings}", "goto: help}"))

    assert {(d.turn, d.what) for d in outcome.differences} == {(2, "screen"), (2, "state"), (2, "end")}
    assert outcome.turns == 2
    assert outcome.unreplayed == 1


def test_an_action_that_the_journal_knows_nothing_of_ends_the_comparison(tmp_path: Path) -> None:
    outcome = replay(customer(tmp_path, "7"), swapped("goto: help}", "goto: history}"))

    (difference,) = outcome.differences
    assert (difference.turn, difference.what) == (2, "action")
    assert difference.now == "payments.history in customer.history"


def test_a_refused_answer_is_refused_again_though_its_text_is_lost(tmp_path: Path) -> None:
    dialogue = customer(tmp_path, "31337", "7")
    (kept,) = dialogue.turns[1].heard
    outcome = replay(dialogue, shipped())

    assert not isinstance(kept, str)
    assert (kept.length, kept.code) == (5, "wrong_option")
    assert outcome.differences == ()


def test_without_its_first_line_a_dialogue_is_not_replayed(tmp_path: Path) -> None:
    dialogue = customer(tmp_path, "7")
    headless = merge(dialogue.turns[1:])

    assert replay(headless, shipped()).skipped == "its beginning was lost"
    assert headless.missing == 1


def test_after_a_lost_line_nothing_is_compared(tmp_path: Path) -> None:
    dialogue = customer(tmp_path, "6", "7", "0")
    holed = merge([dialogue.turns[0], *dialogue.turns[2:]])
    outcome = replay(holed, shipped())

    assert (outcome.turns, outcome.unreplayed, outcome.differences) == (1, 2, ())


CAUSES = [
    ([("answer", "7")], Cause.SUCCESS),
    ([("answer", "8"), ("answer", "8"), ("answer", "8")], Cause.ABORT_APP),
    ([("cut", "abort")], Cause.FAILED_DIALOG_USER_ABORT),
    ([("cut", "timeout")], Cause.FAILED_INVOKE_TIMEOUT),
    ([("dial", "*880#")], Cause.FAILED_PROVIDER_ABORT),
]


@pytest.mark.parametrize(("script", "cause"), CAUSES, ids=[cause.value for _, cause in CAUSES])
def test_the_cause_tells_how_a_dialogue_ended(script: list[tuple[str, str]], cause: Cause) -> None:
    for seed in range(200):
        journal = Kept()
        asyncio.run(played(Line(journal, seed), script))
        lines = [line_of_text(encoded(entry)) for entry in journal.entries]
        first = merge([line for line in lines if line.id == lines[0].id])
        if "Помощь" in first.turns[0].text:
            assert first.cause == cause.value
            return
    raise AssertionError("no seed makes the caller a customer")


@pytest.mark.parametrize(
    ("result", "cause"), [("late", "FAILED_APP_TIMEOUT"), ("failed", "FAILED_SYSTEM_FAILURE")]
)
def test_an_action_that_failed_or_was_late_is_the_cause(result: str, cause: str) -> None:
    for seed in range(200):
        journal = Kept()
        asyncio.run(played(Line(journal, seed), []))
        if journal.entries[0].done[-1][1].result == result:
            assert line_of_text(encoded(journal.entries[0])).end == cause
            return
    raise AssertionError(f"no seed makes the role {result}")
