"""The work beside the turns goes on, whatever has failed in it and however often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from app.serving.workers import BACK_OFF_MAX_S, Chore, Workers


class Work:
    """Fails so often; then it is done."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> int:
        self.left -= 1
        if self.left >= 0:
            raise OSError("the database is away")
        self._loop.call_soon_threadsafe(self.done.set)
        return 0


@asynccontextmanager
async def running(*chores: Chore) -> AsyncIterator[Workers]:
    with ThreadPoolExecutor(2) as pool:
        workers = Workers(chores, pool)
        workers.start()
        try:
            async with asyncio.timeout(30):
                yield workers
        finally:
            await workers.stop()


def pauses(records: Sequence[logging.LogRecord]) -> list[float]:
    return [vars(record)["again_in_s"] for record in records if record.message == "a chore failed"]


async def test_a_chore_that_failed_thousands_of_times_still_comes_round() -> None:
    work = Work(failures=3_000)
    async with running(Chore("relay", work, every_s=0.0)):
        await work.done.wait()


async def test_a_nudge_ends_the_pause_of_a_chore_that_fails() -> None:
    work = Work(failures=2_000)
    async with running(Chore("relay", work, every_s=60.0, nudged=True)) as workers:
        while not work.done.is_set():
            workers.nudge()
            await asyncio.sleep(0)


async def test_what_fails_comes_round_less_and_less_often_and_at_least_twice_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work(failures=12)
    async with running(Chore("relay", work, every_s=0.1, nudged=True)) as workers:
        while not work.done.is_set():
            workers.nudge()
            await asyncio.sleep(0.001)

    told = pauses(caplog.records)
    assert told[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert told[-1] == BACK_OFF_MAX_S


async def test_the_lease_is_asked_for_again_at_its_own_pace_and_the_way_it_failed_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work(failures=9)
    async with running(Chore("lease", work, every_s=0.01, backs_off=False)):
        await work.done.wait()

    assert pauses(caplog.records) == [0.01] * 9
    assert [bool(record.exc_info) for record in caplog.records] == [True] + [False] * 8
