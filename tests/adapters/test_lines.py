"""What the suite asks of lines in words of their own: copies, noise, a peer that refuses us."""

from __future__ import annotations

import asyncio

import pytest

from tests.adapters.lines import LINES, SILENCE_S, LineKiosk, LinePayloads, SmppCentre
from ussd_engine import Kind

all_lines = pytest.mark.parametrize("form", LINES, ids=lambda form: form.name)
NEVER = 0x65
"""ESME_RX_P_APPN: it will be refused again."""


async def played(form: LinePayloads, kiosk: LineKiosk, *cases: str) -> None:
    for case in cases:
        await form.step(case).check(kiosk)


@all_lines
async def test_copies_in_flight_make_one_turn_and_one_screen(form: LinePayloads) -> None:
    begin = form.step("begin")
    async with form.kiosk() as kiosk:
        kiosk.far.write(bytes.fromhex(begin.send) * 5)
        unit = await asyncio.wait_for(kiosk.far.came.get(), 8)
        await asyncio.sleep(SILENCE_S)

        assert kiosk.far.shown(unit) == begin.shows
        assert kiosk.far.came.empty()
        assert len(kiosk.engine.turns) == 1
        await played(form, kiosk, "answer")


@all_lines
async def test_a_text_longer_than_a_ussd_string_becomes_no_note(form: LinePayloads) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer", "overlong", "end")
        if isinstance(kiosk.far, SmppCentre):
            answered = [kiosk.far.answered.get_nowait() for _ in range(kiosk.far.answered.qsize())]
            assert answered == [0, 0, NEVER, 0]


@all_lines
async def test_garbage_reaches_nothing_and_the_next_subscriber_is_served(form: LinePayloads) -> None:
    async with form.kiosk() as kiosk:
        for octets in form.garbage:
            await kiosk.until(lambda: kiosk.gateway.state.up)
            kiosk.far.write(bytes.fromhex(octets))
            await asyncio.sleep(0.05)
        await asyncio.sleep(SILENCE_S)
        assert kiosk.engine.turns == []
        await kiosk.until(lambda: kiosk.gateway.state.up)
        while not kiosk.far.came.empty():  # a dialogue that can't go on is ended
            assert kiosk.far.shown(kiosk.far.came.get_nowait()) == "Busy, try later"
        await played(form, kiosk, "begin", "answer", "end")


@all_lines
async def test_a_peer_that_does_not_take_us_in_reaches_nothing(form: LinePayloads) -> None:
    """Wrong credentials: the bind is refused, our name is not acknowledged."""
    async with form.kiosk(takes=False) as kiosk:
        kiosk.far.write(bytes.fromhex(form.step("begin").send))
        await asyncio.sleep(SILENCE_S)

        assert kiosk.engine.turns == []
        assert kiosk.far.came.empty()
        assert not kiosk.gateway.state.up


@pytest.mark.parametrize(
    "form", [form for form in LINES if form.has("another_phone")], ids=lambda form: form.name
)
async def test_s2_another_phone_in_an_open_dialogue_is_refused_and_disturbs_nobody(
    form: LinePayloads,
) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer")
        stranger = await form.step("another_phone").play(kiosk)
        assert stranger.text == "The session is over. Dial *880#"
        await played(form, kiosk, "end")


@all_lines
async def test_s3_the_name_of_an_ended_dialogue_serves_the_next(form: LinePayloads) -> None:
    async with form.kiosk() as kiosk:
        for _ in range(2):
            await played(form, kiosk, "begin", "answer", "end")

        first, second = [turn for turn in kiosk.engine.turns if turn.kind is Kind.BEGIN]
        assert first.dialogue != second.dialogue or second.ids_recur  # else an action would pass for done
