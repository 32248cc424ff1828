"""Pushes by a line that another process has up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.lines import letterbox
from app.lines.letterbox import WAITING, WAITING_MAX, Letterbox
from ussd_engine import Pusher, PushOutcome, SessionStore, StoreError
from ussd_engine.stores.memory import MemoryStore

PHONE = "998901234567"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letterbox, "LOOK_S", 0.005)


class Line:
    """Keeps what it was to send: dialogue, phone, text, whether it asks."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, bool]] = []
        self.outcome = PushOutcome.SHOWN
        self.fails = False

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        if self.fails:
            raise ValueError("a fault of ours")
        self.sent.append((dialogue, msisdn, text, ask))
        return self.outcome


class Process:
    """One that has the line, or not."""

    def __init__(self, store: SessionStore, *, has_line: bool) -> None:
        self.has_line = has_line
        self.letters = Letterbox(store, lambda: self.has_line)
        self.line = Line()
        self.pusher: Pusher = self.letters.pusher("smsc1", self.line)

    async def push(self, text: str = "Hello", *, ask: bool = True) -> PushOutcome:
        return await self.pusher.push("d-1", PHONE, text, ask=ask)


@asynccontextmanager
async def processes(*have_line: bool, store: SessionStore | None = None) -> AsyncIterator[list[Process]]:
    shared = store or MemoryStore()
    made = [Process(shared, has_line=one) for one in have_line]
    for process in made:
        process.letters.start()
    try:
        async with asyncio.timeout(20):
            yield made
    finally:
        for process in made:
            await process.letters.stop()


async def test_a_text_goes_by_the_line_of_the_process_that_has_it_and_its_fate_comes_back() -> None:
    async with processes(False, True) as (here, there):
        there.line.outcome = PushOutcome.ANSWERED

        assert await here.push(ask=True) is PushOutcome.ANSWERED
    assert here.line.sent == []
    assert there.line.sent == [("d-1", PHONE, "Hello", True)]


async def test_where_the_line_is_here_nothing_is_left_for_others() -> None:
    store = MemoryStore()
    async with processes(True, False, store=store) as (here, _):
        assert await here.push(ask=False) is PushOutcome.SHOWN
    assert here.line.sent == [("d-1", PHONE, "Hello", False)]
    assert len(store) == 0


async def test_a_text_waits_for_a_line_that_is_moving() -> None:
    async with processes(False, False) as (here, heir):
        pushing = asyncio.create_task(here.push())
        await asyncio.sleep(0.05)
        heir.has_line = True

        assert await pushing is PushOutcome.SHOWN
    assert len(heir.line.sent) == 1


async def test_nobody_with_the_line_is_trouble_and_the_text_is_not_shown_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letterbox, "TAKEN_WITHIN_S", 0.05)
    monkeypatch.setattr(letterbox, "CLOCKS_APART_MAX_S", 0.05)
    async with processes(False, False) as (here, heir):
        assert await here.push() is PushOutcome.TROUBLE
        heir.has_line = True
        assert await here.push("Later") is PushOutcome.SHOWN
    assert [text for _, _, text, _ in heir.line.sent] == ["Later"]


async def test_each_of_many_texts_is_sent_once_even_where_two_take_themselves_for_the_one() -> None:
    async with processes(False, False, True, True) as (one, two, here, there):
        pushes = [process.push(str(number)) for number in range(40) for process in (one, two)]
        outcomes = await asyncio.gather(*pushes)

    texts = sorted(text for process in (here, there) for _, _, text, _ in process.line.sent)
    assert set(outcomes) == {PushOutcome.SHOWN}
    assert texts == sorted(str(number) for number in range(40) for _ in range(2))


async def test_a_full_box_takes_no_more_and_says_so_at_once() -> None:
    async with processes(False) as (here,):
        waiting = [asyncio.create_task(here.push()) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0.2)

        assert await here.push() is PushOutcome.TROUBLE
        assert not any(one.done() for one in waiting)
        for one in waiting:
            one.cancel()


async def test_a_line_that_fails_leaves_it_unknown_and_the_next_text_goes_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letterbox, "OUTCOME_WITHIN_S", 0.1)
    async with processes(False, True) as (here, there):
        there.line.fails = True
        assert await here.push() is PushOutcome.UNKNOWN
        there.line.fails = False
        assert await here.push() is PushOutcome.SHOWN


async def test_what_another_version_left_is_passed_over() -> None:
    store = MemoryStore()
    await store.save(WAITING, b'[{"to": 5}]', expect=None, ttl_s=60)
    async with processes(False, True, store=store) as (here, _):
        assert await here.push() is PushOutcome.SHOWN


class Lossy(MemoryStore):
    """A store that is out of reach now and then."""

    calls = 0

    async def load(self, key: str) -> Any:
        self._lose()
        return await super().load(key)

    def _lose(self) -> None:
        self.calls += 1
        if self.calls % 3 == 0:
            raise StoreError("lost", retryable=True)


async def test_a_store_that_is_away_now_and_then_ends_nothing() -> None:
    async with processes(False, True, store=Lossy()) as (here, there):
        outcomes = [await here.push(str(number)) for number in range(12)]

    assert set(outcomes) <= {PushOutcome.SHOWN, PushOutcome.UNKNOWN}
    assert outcomes.count(PushOutcome.SHOWN) >= 4
    assert len(there.line.sent) == len({text for _, _, text, _ in there.line.sent})
