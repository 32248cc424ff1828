"""Dialogues through the real osmo-hlr, dialled by a switch of our own beside it."""

from __future__ import annotations

import asyncio

import pytest

from tests.adapters.gsup.conftest import (
    GUARD_S,
    NAMELESS,
    NUMBER,
    PHONE,
    STRANGER,
    Kept,
    house,
    kiosk,
    until,
)
from tests.peers.gsup_hlr import Hlr
from tests.peers.gsup_msc import Msc, elements, switch, tlv
from ussd_engine import Kind, Reply, Turn
from ussd_engine.stores.memory import MemoryStore

HOME = "Kiosk [1]\n1.Bill\n2.Amount"
CYRILLIC = "Сумма счёта\n1.Назад\n0.Back"
AMOUNT = "How much?\n00.Back"
NO_ROUTE = 0x22


class Playing:
    """An engine that shows one text, perhaps after a while, and keeps the turns."""

    def __init__(self, text: str, *, open: bool = True, takes_s: float = 0.0) -> None:  # noqa: A002
        self.reply, self.takes_s = Reply(text, open=open), takes_s
        self.turns: list[Turn] = []

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        await asyncio.sleep(self.takes_s)
        return self.reply


async def test_a_dialogue_is_played_to_its_end(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address) as opened:
        call = msc.dial(PHONE, "*880#", invoke=7)
        first = await call.screen()
        second = await call.answer("2")
        last = await call.answer("500")
        await until(lambda: opened.gateway.open == 0)

    assert (first.text, first.open, first.operation, first.dcs) == (HOME, True, 60, 0x0F)
    assert (second.text, second.open) == (AMOUNT, True)
    assert (last.text, last.open, last.operation, last.invoke) == ("Paid 500", False, 59, 7)
    assert {entry.msisdn for entry in opened.kept.entries} == {NUMBER}
    assert opened.told == []


async def test_a_deep_dial_arrives_whole(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address):
        shown = await msc.dial(PHONE, "*880*2*500#").screen()

    assert (shown.text, shown.open, shown.operation) == ("Paid 500", False, 59)


async def test_cyrillic_travels_as_ucs2_both_ways(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address):
        call = msc.dial(PHONE, "*880#")
        await call.screen()
        shown = await call.answer("1", ucs2=True)

    assert (shown.text, shown.dcs) == (CYRILLIC, 0x48)


async def test_a_code_in_eight_bit_octets_is_read_too(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address):
        shown = await msc.dial(PHONE, "*880#", dcs=0x44).screen()

    assert shown.text == HOME


@pytest.mark.parametrize("lengths", ["ber", "raw"])
@pytest.mark.parametrize("letter", ["x", "Ж"])
@pytest.mark.parametrize("is_open", [True, False])
async def test_the_longest_screen_passes_the_hlr(
    hlr: Hlr, msc: Msc, lengths: str, letter: str, is_open: bool
) -> None:
    engine = Playing(letter * 400, open=is_open)
    async with house(hlr.address, engine, lengths=lengths):
        shown = await msc.dial(PHONE, "*880#").screen()

    octets = {"ber": 112, "raw": 160}[lengths]
    assert engine.turns[0].screen_octets == octets
    assert shown.text == letter * (8 * octets // 7 if letter == "x" else octets // 2)
    assert shown.open is is_open
    if lengths == "ber" and not is_open:  # what a real phone reads
        ((_, body),) = elements(shown.raw, raw=False)
        assert [tag for tag, _ in elements(body, raw=False)] == [0x02, 0x30]


async def test_one_octet_more_by_ber_is_why_112_is_the_limit(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address, Playing("Ж" * 60, open=False), screen_octets=120):
        call = msc.dial(PHONE, "*880#")

        assert await call.nothing_comes(0.5)


async def test_a_phone_without_a_number_is_refused_politely(hlr: Hlr, msc: Msc) -> None:
    engine = Playing("never shown")
    async with house(hlr.address, engine) as opened:
        shown = [await msc.dial(imsi, "*880#").screen() for imsi in (NAMELESS, STRANGER)]

    assert [(one.text, one.open, one.operation) for one in shown] == [
        ("Номер не определён. Raqam aniqlanmadi", False, 59)
    ] * 2
    assert engine.turns == []
    assert opened.told == [("hlr", "unknown")] * 2


async def test_a_phone_is_told_of_trouble_where_numbers_cannot_be_looked_up(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address, ctrl_port=1):
        shown = await msc.dial(PHONE, "*880#").screen()

    assert (shown.text, shown.open) == ("Trouble", False)


async def test_a_number_is_asked_for_once_in_its_time(hlr: Hlr, msc: Msc) -> None:
    engine = Playing("Bye", open=False)
    async with house(hlr.address, engine, number_kept_s=2.0):
        await msc.dial(PHONE, "*880#").screen()
        await hlr.type("enable", f"subscriber imsi {PHONE} update msisdn 998933334455")
        await msc.dial(PHONE, "*880#").screen()
        await asyncio.sleep(2.1)
        await msc.dial(PHONE, "*880#").screen()

    assert [turn.msisdn for turn in engine.turns] == [NUMBER, NUMBER, "998933334455"]


async def test_a_phone_that_says_it_left_ends_the_dialogue(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address) as opened:
        call = msc.dial(PHONE, "*880#")
        await call.screen()
        result = tlv(0x30, tlv(2, b"\x3c") + tlv(0x30, tlv(4, b"\x0f") + tlv(4, b"\x31")))
        call.leave(tlv(0xA2, tlv(2, bytes([call.asked])) + result))
        await until(lambda: len(opened.kept.entries) == 2)

        assert await call.nothing_comes(0.2)
        assert opened.gateway.open == 0

    assert opened.kept.events == ["Begin", "Aborted"]


async def test_a_phone_that_left_in_silence_times_out_before_the_guard_time(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address, idle_s=0.4) as opened:
        call = msc.dial(PHONE, "*880#")
        await call.screen()
        call.leave()
        await until(lambda: len(opened.kept.entries) == 2, within_s=GUARD_S)

    assert opened.kept.events == ["Begin", "TimedOut"]
    assert call.came.empty()


async def test_a_subscriber_who_thinks_too_long_reads_that_time_is_up(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address, idle_s=0.4) as opened:
        call = msc.dial(PHONE, "*880#", invoke=3)
        await call.screen()
        shown = await call.screen()

    assert (shown.text, shown.open, shown.invoke) == ("Время вышло. Vaqt tugadi", False, 3)
    assert opened.kept.events == ["Begin", "TimedOut"]


async def test_the_hlr_forgets_a_dialogue_at_its_guard_time_and_the_next_screen_ends_it_here(
    hlr: Hlr, msc: Msc
) -> None:
    engine = Playing("Menu", takes_s=GUARD_S + 0.5)
    async with house(hlr.address, engine, idle_s=60) as opened:
        call = msc.dial(PHONE, "*880#")
        await until(lambda: opened.gateway.open == 1)
        await until(lambda: opened.gateway.open == 0)
        await until(lambda: len(engine.turns) == 2)

        assert await call.nothing_comes(0.1)

    assert [turn.kind for turn in engine.turns] == [Kind.BEGIN, Kind.ABORT]


async def test_a_turn_past_its_deadline_ends_with_an_excuse(hlr: Hlr, msc: Msc) -> None:
    async with house(hlr.address, Playing("late", takes_s=30), deadline_s=0.2) as opened:
        shown = await msc.dial(PHONE, "*880#").screen()

    assert (shown.text, shown.open, shown.operation) == ("Trouble", False, 59)
    assert opened.told == [("hlr", "late")]


async def test_the_line_comes_back_after_the_hlr(hlr: Hlr) -> None:
    async with house(hlr.address) as opened:
        async with switch(hlr.address) as before:
            await before.dial(PHONE, "*880#").screen()
        await hlr.stop()
        await until(lambda: not opened.gateway.state.up)
        await hlr.start()
        await until(lambda: opened.gateway.state.up, within_s=30)
        async with switch(hlr.address) as after:
            call = after.dial(PHONE, "*880*2#")
            first = await call.screen()
            last = await call.answer("7")

    assert (first.text, last.text) == (AMOUNT, "Paid 7")
    assert opened.gateway.state.losses == 1


async def test_a_dialogue_goes_on_after_a_restart_of_the_gateway(hlr: Hlr, msc: Msc) -> None:
    kept, store = Kept(), MemoryStore()
    async with house(hlr.address, kiosk(kept, store)):
        call = msc.dial(PHONE, "*880#", invoke=5)
        await call.screen()
    await asyncio.sleep(0.3)
    async with house(hlr.address, kiosk(kept, store)):
        second = await call.answer("2")
        last = await call.answer("500")

    assert second.text == AMOUNT
    assert (last.text, last.open, last.invoke) == ("Paid 500", False, 5)


async def test_fifty_dialogues_at_once_all_end_well(hlr: Hlr, msc: Msc) -> None:
    phones = {f"9017000001{number:05}": f"99890200{number:04}" for number in range(50)}
    await hlr.add(phones)

    async def play(imsi: str, amount: int) -> str:
        call = msc.dial(imsi, "*880#")
        assert (await call.screen()).text == HOME
        assert (await call.answer("2")).text == AMOUNT
        return (await call.answer(str(amount))).text

    async with house(hlr.address) as opened:
        ends = await asyncio.gather(*(play(imsi, 1 + number) for number, imsi in enumerate(phones)))
        await until(lambda: opened.gateway.open == 0)

    assert ends == [f"Paid {1 + number}" for number in range(50)]
    assert {entry.msisdn for entry in opened.kept.entries} == set(phones.values())
    assert opened.told == []


async def test_a_second_line_of_one_name_is_given_up_when_it_stays_silent(hlr: Hlr, msc: Msc) -> None:
    """The HLR routes nothing to it, even after the first is gone; made anew it is routed to."""
    first = house(hlr.address, Playing("first", open=False))
    await first.__aenter__()
    async with house(hlr.address, Playing("second", open=False), silent_s=2.0, ping_every_s=1.0):
        held = (await msc.dial(PHONE, "*880#").screen()).text
        await first.__aexit__(None, None, None)
        lost, again = "", 0.0
        while lost != "second" and again < 30:
            again += 0.2
            await asyncio.sleep(0.2)
            try:
                async with asyncio.timeout(3):
                    shown = await msc.dial(PHONE, "*880#").screen()
            except TimeoutError:  # given to a line that was made anew meanwhile: nobody answers
                continue
            lost = shown.text
            assert shown.text or shown.error == NO_ROUTE

    assert (held, lost) == ("first", "second")
