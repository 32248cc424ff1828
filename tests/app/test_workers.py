"""Chores: they come round, follow a nudge at once, survive failures, and end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.serving.workers import Chore, Workers


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def counting(done: list[float]) -> Callable[[], int]:
    """Work that never finds anything, and notes each round."""

    def work() -> int:
        done.append(0.0)
        return 0

    return work


async def until(done: list[float], count: int) -> None:
    async with asyncio.timeout(20):
        while len(done) < count:
            await asyncio.sleep(0.005)


async def test_a_chore_that_did_something_follows_at_once(pool: ThreadPoolExecutor) -> None:
    rounds: list[float] = []

    def work() -> int:
        rounds.append(time.monotonic())
        return 1 if len(rounds) < 4 else 0

    workers = Workers([Chore("busy", work, every_s=60)], pool)
    workers.start()
    await until(rounds, 4)
    await workers.stop()

    assert len(rounds) == 4


async def test_a_nudge_ends_the_pause_of_those_it_is_for(pool: ThreadPoolExecutor) -> None:
    nudged: list[float] = []
    resting: list[float] = []
    workers = Workers(
        [
            Chore("relay", counting(nudged), every_s=60, nudged=True),
            Chore("expiry", counting(resting), every_s=60),
        ],
        pool,
    )
    workers.start()
    await until(nudged, 1)
    await until(resting, 1)
    await asyncio.sleep(0.05)
    workers.nudge()
    await until(nudged, 2)
    await workers.stop()

    assert len(resting) == 1


async def test_a_failing_chore_is_tried_again_and_stops_no_other(pool: ThreadPoolExecutor) -> None:
    failed: list[float] = []
    fine: list[float] = []

    def fail() -> int:
        failed.append(0.0)
        raise OSError("out")

    workers = Workers([Chore("bad", fail, every_s=0.01), Chore("good", counting(fine), every_s=0.01)], pool)
    workers.start()
    await until(failed, 3)
    await until(fine, 3)
    await workers.stop()


async def test_stopping_waits_for_the_round_in_progress(pool: ThreadPoolExecutor) -> None:
    began: list[float] = []
    ended: list[float] = []

    def work() -> int:
        began.append(0.0)
        time.sleep(0.1)
        ended.append(0.0)
        return 0

    workers = Workers([Chore("slow", work, every_s=60)], pool)
    workers.start()
    await until(began, 1)
    await workers.stop()

    assert len(ended) == len(began)
