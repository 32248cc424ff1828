"""Who may send now."""

from __future__ import annotations

import asyncio

import pytest

from adapters.smpp.pace import Pace


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_place_given_back_goes_to_the_urgent_first() -> None:
    pace, order = Pace(1, None), list[str]()

    async def one(name: str, *, urgent: bool) -> None:
        assert await pace.take(soon(5), urgent=urgent)
        order.append(name)
        pace.give_back()

    assert await pace.take(soon(5), urgent=False)
    waiting = [
        asyncio.create_task(one("first", urgent=False)),
        asyncio.create_task(one("second", urgent=False)),
        asyncio.create_task(one("urgent", urgent=True)),
    ]
    await asyncio.sleep(0)
    assert pace.waiting == 3
    pace.give_back()
    await asyncio.gather(*waiting)

    assert order == ["urgent", "first", "second"]


async def test_one_that_waits_too_long_is_turned_away_and_takes_no_place() -> None:
    pace = Pace(1, None)
    assert await pace.take(soon(5), urgent=False)

    assert not await pace.take(soon(0.02), urgent=False)
    pace.give_back()
    assert await pace.take(soon(0.02), urgent=False)
    assert pace.waiting == 0


async def test_one_that_is_cancelled_takes_no_place() -> None:
    pace = Pace(1, None)
    assert await pace.take(soon(5), urgent=False)
    waiting = asyncio.create_task(pace.take(soon(5), urgent=False))
    await asyncio.sleep(0)
    pace.give_back()  # it has the place now, and hears at the same moment that it is cancelled
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await pace.take(soon(0.02), urgent=False)


async def test_a_pause_follows_throttling_and_grows_while_that_goes_on() -> None:
    pace, loop = Pace(1, None), asyncio.get_running_loop()
    pauses = []
    for _ in range(3):
        pace.throttled()
        begun = loop.time()
        assert await pace.take(soon(5), urgent=True)
        pace.give_back()
        pauses.append(loop.time() - begun)

    assert pauses[0] >= 0.07
    assert pauses[2] > 1.5 * pauses[0]


async def test_refusals_of_one_burst_make_one_pause() -> None:
    pace = Pace(10, None)
    for _ in range(8):
        pace.throttled()
    begun = asyncio.get_running_loop().time()
    assert await pace.take(soon(5), urgent=True)

    assert asyncio.get_running_loop().time() - begun < 1.0
