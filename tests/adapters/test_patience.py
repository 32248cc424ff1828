"""One timer for all turns of a gateway: who is late is cut, nobody else, and nothing stays behind."""

import asyncio

import pytest

from adapters.patience import Patience

LOOK_S = 0.02


async def answer(after_s: float) -> str:
    await asyncio.sleep(after_s)
    return "answered"


async def test_what_is_in_time_is_answered_and_what_is_late_is_cut() -> None:
    patience = Patience(LOOK_S)
    quick, slow = await asyncio.gather(
        patience.wait(answer(0.05), 5.0), patience.wait(answer(5.0), 0.05), return_exceptions=True
    )

    assert quick == "answered"
    assert isinstance(slow, TimeoutError)


async def test_a_task_goes_on_after_a_late_turn_as_after_any_other() -> None:
    patience = Patience(LOOK_S)
    with pytest.raises(TimeoutError):
        await patience.wait(answer(5.0), 0.01)

    assert await patience.wait(answer(3 * LOOK_S), 5.0) == "answered"


async def test_a_gateway_that_hangs_up_is_no_timeout() -> None:
    patience = Patience(LOOK_S)
    waiting = asyncio.create_task(patience.wait(answer(5.0), 5.0))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_errors_of_the_work_come_through() -> None:
    async def fail() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Patience(LOOK_S).wait(fail(), 5.0)
