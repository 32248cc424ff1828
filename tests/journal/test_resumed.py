"""Dialogues that went on after a cut, or were answered too late, replay as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from ussd_engine import Engine, Kind, Turn, compile_menus
from ussd_engine.journal import Dialogue, FileJournal, read, replay
from ussd_engine.journal.files import journal_files
from ussd_engine.stores.memory import MemoryStore

ME = "998901234567"
MENU = """
menu: m
service_code: "*123#"
start: home
states:
  home: {text: Home, options: [{text: Order, goto: amount}]}
  amount:
    ask: "Amount for {caller}"
    as: amount
    type: {integer: {max: 99}}
    resume: HOW
    timeout: {after: 30, text: Too late}
    goto: done
  done: {end: "Ordered {amount}"}
"""


class Played:
    """An engine with a journal and a clock moved by hand."""

    def __init__(self, how: str, folder: Path) -> None:
        self.now = 1_700_000_000.0
        self.folder = folder
        self.service = compile_menus({"m.yaml": MENU.replace("HOW", how)}, {})
        self.journal = FileJournal(folder, clock=lambda: self.now, flush_s=60)
        self.engine = Engine(
            self.service,
            store=MemoryStore(lambda: self.now),
            actions={},
            key=b"k" * 16,
            clock=lambda: self.now,
            journal=self.journal,
        )

    async def say(self, dialogue: str, text: str) -> str:
        kind = Kind.BEGIN if text.startswith("*") else Kind.ANSWER
        self.now += 2
        return (await self.engine.handle(Turn("g", dialogue, ME, kind, text))).text

    def dialogues(self) -> list[Dialogue]:
        self.journal.close()
        return sorted(read(journal_files(self.folder)), key=lambda dialogue: dialogue.began)


@pytest.mark.parametrize(
    ("how", "answers"), [("safe", ["7"]), ("confirm", ["1", "7"]), ("confirm", ["2", "1", "7"])]
)
async def test_a_resumed_dialogue_replays_as_it_went(how: str, answers: list[str], tmp_path: Path) -> None:
    played = Played(how, tmp_path)
    await played.say("a", "*123#")
    await played.say("a", "1")
    await played.say("b", "*123#")
    for text in answers:
        last = await played.say("b", text)
    assert last == "Ordered 7"

    cut, resumed = played.dialogues()

    assert replay(cut, played.service).differences == ()
    assert replay(resumed, played.service).differences == ()
    assert resumed.turns[0].before is not None
    assert ME not in str(resumed)


async def test_resumed_on_menus_that_do_not_resume_the_dialogue_differs(tmp_path: Path) -> None:
    played = Played("safe", tmp_path)
    await played.say("a", "*123#")
    await played.say("a", "1")
    await played.say("b", "*123#")
    other = compile_menus({"m.yaml": MENU.replace("HOW", "never")}, {})

    found = replay(played.dialogues()[1], other).differences

    assert [difference.what for difference in found] == ["screen", "state"]


async def test_an_answer_that_came_too_late_replays_as_too_late(tmp_path: Path) -> None:
    played = Played("never", tmp_path)
    await played.say("a", "*123#")
    await played.say("a", "1")
    played.now += 40
    assert await played.say("a", "7") == "Too late"

    (dialogue,) = played.dialogues()

    assert replay(dialogue, played.service).differences == ()
