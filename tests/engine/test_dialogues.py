"""Which dialogue a request belongs to: late, foreign, ended, cut, unseen."""

from __future__ import annotations

import pytest

from tests.core.test_step import AMOUNT, CLIENT, HOME
from tests.engine.conftest import World
from ussd_engine import Kind, Reply
from ussd_engine.engine import RECORD_TTL_S

OVER = Reply("The session is over. Dial *880#", open=False)


async def test_an_answer_to_nothing_is_told_that_the_session_is_over(world: World) -> None:
    assert await world.phone().type("1") == OVER


async def test_a_step_of_a_closed_dialogue_is_refused(world: World) -> None:
    """domain.md F18."""
    phone = world.phone()
    await phone.dial("1", "901234567", "50000")

    assert await phone.type("1") == OVER
    assert len(world.shop.issued) == 1


async def test_the_last_answer_of_a_closed_dialogue_can_still_be_repeated(world: World) -> None:
    phone = world.phone()
    await phone.dial("1", "901234567")
    end = await phone.type("50000", request_id="r9")

    assert await phone.type("50000", request_id="r9") == end
    assert len(world.shop.issued) == 1


async def test_an_answer_of_another_dialogue_touches_nothing(world: World) -> None:
    """domain.md S2."""
    await world.phone("d2").dial("1")
    before = await world.record()

    assert await world.phone("d1").type("1") == OVER
    assert await world.record() == before
    assert (await world.phone("d2").type("901234567")).text == AMOUNT


@pytest.mark.parametrize("kind", [Kind.ABORT, Kind.TIMEOUT])
async def test_a_cut_of_another_dialogue_touches_nothing(world: World, kind: Kind) -> None:
    await world.phone("d2").dial("1")

    await world.phone("d1").hang_up(kind)

    assert (await world.phone("d2").type("901234567")).text == AMOUNT


async def test_a_new_dialogue_replaces_the_open_one(world: World) -> None:
    await world.phone("d1").dial("1")

    assert (await world.phone("d2").dial()).text == HOME
    assert await world.phone("d1").type("901234567") == OVER


async def test_after_a_cut_the_dialogue_is_over_even_for_a_repeat(world: World) -> None:
    phone = world.phone()
    await phone.dial("1")
    await phone.hang_up()

    assert await phone.type("1") == OVER
    assert await phone.type("901234567") == OVER


async def test_a_cut_dialogue_keeps_nothing_of_what_was_typed(world: World) -> None:
    phone = world.phone()
    await phone.dial("1", "901234567")
    await phone.hang_up(Kind.TIMEOUT)

    assert (await world.record()).session.variables == {}


async def test_a_dialogue_is_forgotten_when_its_time_is_over(world: World) -> None:
    phone = world.phone()
    await phone.dial("1")

    world.clock.now += RECORD_TTL_S - 1
    assert (await phone.type("901234567")).text == AMOUNT
    world.clock.now += RECORD_TTL_S + 1
    assert await phone.type("50000") == OVER


async def test_a_dialogue_id_used_by_another_phone_is_another_dialogue(world: World) -> None:
    """domain.md S3."""
    await world.phone("d1").dial("1", "901234567")

    other = world.phone("d1", msisdn="998933334455")
    assert await other.type("50000") == OVER
    assert (await other.dial("1")).text == CLIENT
    assert (await world.phone("d1").type("50000")).text.startswith("No 1001")


async def test_a_gateway_without_dialogue_ids_has_one_dialogue_for_each_phone(world: World) -> None:
    phone = world.phone("")
    await phone.dial()

    assert (await phone.type("1")).text == CLIENT
    world.clock.now += 2
    assert (await phone.dial()).text == HOME


@pytest.mark.parametrize("code", ["*881#", "", "*880", "8801", "*880*" + "1*" * 40 + "#"])
async def test_what_is_no_code_of_ours_is_no_command_and_leaves_no_trace(world: World, code: str) -> None:
    reply = await world.phone().dial(code=code)

    if code == "*880":
        assert reply.text == HOME
    else:
        assert reply == Reply("No such command. Dial *880#", open=False)
        assert len(world.store) == 0
