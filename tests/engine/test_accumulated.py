"""Gateways that send all answers so far, joined by stars."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.kiosk import Phone
from tests.core.test_step import AMOUNT, CLIENT, HOME
from tests.engine.conftest import Joined, World
from ussd_engine import Reply

OVER = Reply("The session is over. Dial *880#", open=False)


async def test_each_request_carries_all_answers_and_only_the_new_one_counts(world: World) -> None:
    phone = Joined(world.engine)

    assert (await phone.send("")).text == HOME
    assert (await phone.send("1")).text == CLIENT
    assert (await phone.send("1*901234567")).text == AMOUNT
    assert (await phone.send("1*901234567*50000")).text.startswith("No 1001")


async def test_a_repeat_gets_the_stored_answer_and_an_older_text_is_refused(world: World) -> None:
    phone = Joined(world.engine)
    await phone.send("")
    await phone.send("1")
    amount = await phone.send("1*901234567")
    world.clock.now += 60

    assert await phone.send("1*901234567") == amount
    assert await phone.send("1") == OVER
    assert (await phone.send("1*901234567*50000")).text.startswith("No 1001")


async def test_an_empty_answer_is_an_answer(world: World) -> None:
    phone = Joined(world.engine)
    await phone.send("")
    await phone.send("1")

    assert (await phone.send("1*")).text == f"Not a phone number\n{CLIENT}"
    assert (await phone.send("1**901234567")).text == AMOUNT


async def test_an_empty_first_answer_cannot_be_told_from_the_beginning(world: World) -> None:
    phone = Joined(world.engine)

    assert await phone.send("") == await phone.send("")
    assert (await phone.send("*1")).text == CLIENT


async def test_a_star_inside_an_answer_stays_in_it(world: World) -> None:
    """domain.md S14: no step can be jumped over, no amount slipped in."""
    phone = Joined(world.engine)
    await phone.send("")
    await phone.send("1")

    assert (await phone.send("1*901234567*50000")).text == f"Not a phone number\n{CLIENT}"
    assert (await phone.send("1*901234567*50000*901234567")).text == AMOUNT
    assert world.shop.issued == []


async def test_a_text_that_does_not_go_on_from_what_was_taken_is_refused(world: World) -> None:
    phone = Joined(world.engine)
    await phone.send("")
    await phone.send("1")

    assert await phone.send("2*901234567") == OVER
    assert await phone.send("19*1") == OVER
    assert (await phone.send("1*901234567")).text == AMOUNT


async def test_a_deep_dial_comes_with_a_leading_star(world: World) -> None:
    assert (await Joined(world.engine).send("*0*901234567*50000")).text.startswith("No 1001")


async def test_a_deep_dial_goes_on_with_its_refused_field(world: World) -> None:
    phone = Joined(world.engine)

    assert (await phone.send("*0*901234567*5")).text == f"From 1 000 to 10 000 000\n{AMOUNT}"
    assert (await phone.send("*0*901234567*5*50000")).text.startswith("No 1001")


async def test_text_in_an_unseen_dialogue_is_typed_ahead(world: World) -> None:
    assert (await Joined(world.engine).send("1*901234567")).text == AMOUNT


async def test_a_late_answer_of_an_older_dialogue_is_refused_and_the_open_one_goes_on(world: World) -> None:
    older, newer = Joined(world.engine, "at1"), Joined(world.engine, "at2")
    await older.send("")
    await older.send("1")
    await newer.send("")
    await newer.send("1")

    assert await older.send("1*901234567") == OVER
    assert (await newer.send("1*901234567")).text == AMOUNT


async def test_a_late_answer_to_a_deep_dial_is_refused_too_though_it_looks_like_a_new_one(
    world: World,
) -> None:
    older, newer = Joined(world.engine, "at1"), Joined(world.engine, "at2")
    await older.send("*0*901234567*5")
    await newer.send("")
    await newer.send("1")

    assert await older.send("*0*901234567*5*50000") == OVER
    assert (await newer.send("1*901234567")).text == AMOUNT
    assert world.shop.issued == []


async def test_a_late_answer_is_refused_after_the_newer_dialogue_has_ended_as_well(world: World) -> None:
    older, newer = Joined(world.engine, "at1"), Joined(world.engine, "at2")
    await older.send("")
    await newer.send("*0*901234567*50000")

    assert await older.send("1") == OVER
    assert len(world.shop.issued) == 1


async def test_text_typed_ahead_in_an_unseen_dialogue_does_not_end_the_open_one(world: World) -> None:
    open_one = Joined(world.engine, "at1")
    await open_one.send("1")

    assert await Joined(world.engine, "at2").send("1*901234567") == OVER
    assert (await open_one.send("1*901234567")).text == AMOUNT


async def test_a_new_deep_dial_replaces_the_open_dialogue(world: World) -> None:
    await Joined(world.engine, "at1").send("1")

    assert (await Joined(world.engine, "at2").send("*0*901234567*50000")).text.startswith("No 1001")


async def test_what_was_typed_is_stored_as_a_hash_only(world: World) -> None:
    phone = Joined(world.engine)
    await phone.send("")
    await phone.send("3*24680")

    held = await world.store.load("{gw:998901112233}")
    assert held is not None
    assert b"24680" not in held[1]


@given(st.lists(st.sampled_from(["1", "2", "9", "901234567", "5000", "a*b"]), min_size=1, max_size=6))
@settings(deadline=None, max_examples=40)
async def test_joined_answers_lead_where_single_ones_do(answers: list[str]) -> None:
    world, phone = World(), Phone()
    joined = Joined(world.engine)
    reply = await joined.send("")
    assert reply.text == phone.dial()

    for count in range(1, len(answers) + 1):
        if not reply.open:
            break
        reply = await joined.send("*".join(answers[:count]))
        assert reply == Reply(phone.type(answers[count - 1]), phone.open)


@pytest.mark.parametrize("text", ["1", "*0*1*2", "9" * 4000, "\ud800"])
async def test_any_text_gets_a_screen(world: World, text: str) -> None:
    assert (await Joined(world.engine).send(text)).text
