"""Screens on phones that have not dialled, over an HLR of ours; and what osmo-hlr does with them."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.gsup.gateway import Options
from tests.adapters.gsup.conftest import NUMBER, PHONE, House, house, until
from tests.peers.gsup_hlr import Hlr
from tests.peers.gsup_msc import Call, Msc, switch
from tests.peers.gsup_relay import relay
from ussd_engine import Engine, PushOutcome, compile_menus
from ussd_engine.stores.memory import MemoryStore

MENU = """\
menu: kiosk
service_code: "*880#"
languages: [en]
start: home
states:
  home: {text: Kiosk, options: [{text: Sum, goto: sum}]}
  sum: {ask: How much?, as: sum, type: {integer: {min: 1, max: 1000}}, goto: done}
  offer: {push: {}, text: Оплатить счёт?, options: [{text: Да, goto: sum}, {text: Нет, goto: declined}]}
  declined: {end: Declined}
  done: {end: "Paid {sum}"}
  told: {push: {}, end: We close at nine}
"""
OFFER = "Оплатить счёт?\n1.Да\n2.Нет"


class Kiosk:
    """A gateway, an engine that pushes by it, and the phones' switch."""

    def __init__(self, engine: Engine, opened: House, msc: Msc) -> None:
        self.engine, self.gateway, self.msc = engine, opened.gateway, msc

    def push(self, state: str = "kiosk.offer", number: str = NUMBER) -> asyncio.Task[PushOutcome]:
        return asyncio.create_task(self.engine.push("hlr", self.gateway, number, state, {}))

    async def shown(self) -> Call:
        return await asyncio.wait_for(self.msc.pushed.get(), 15)


@asynccontextmanager
async def kiosk(address: str, msc: Msc, **options: Any) -> AsyncIterator[Kiosk]:
    service = compile_menus({"kiosk.yaml": MENU}, {})
    engine = Engine(service, store=MemoryStore(), actions={}, key=b"tests", clock=time.time)
    async with house(address, engine, push=True, **options) as opened:
        yield Kiosk(engine, opened, msc)


@asynccontextmanager
async def table(**options: Any) -> AsyncIterator[Kiosk]:
    """Over the HLR of ours."""
    async with (
        relay({PHONE: NUMBER}) as hlr,
        switch(hlr.address) as msc,
        kiosk(hlr.address, msc, **options) as opened,
    ):
        yield opened


async def test_a_pushed_question_is_a_dialogue_from_its_first_answer_on() -> None:
    async with table() as opened:
        pushing = opened.push()
        call = await opened.shown()
        first = await call.screen()
        second = await call.answer("1")
        last = await call.answer("700")
        assert not call.released.is_set()
        call.confirm()
        await asyncio.wait_for(call.released.wait(), 5)

        assert await pushing is PushOutcome.ANSWERED
        assert opened.gateway.open == 0
    assert (first.text, first.operation, first.open) == (OFFER, 60, True)
    assert (second.text, second.operation) == ("How much?\n00.Back", 60)
    assert (last.text, last.operation, last.open) == ("Paid 700", 61, True)


@pytest.mark.parametrize("bare", [False, True])
async def test_a_notice_that_the_phone_confirms_was_shown_and_is_released(bare: bool) -> None:
    async with table() as opened:
        pushing = opened.push("kiosk.told")
        call = await opened.shown()
        shown = await call.screen()
        call.confirm(bare=bare)

        assert await pushing is PushOutcome.SHOWN
        await asyncio.wait_for(call.released.wait(), 5)
    assert (shown.text, shown.operation) == ("We close at nine", 61)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(72, PushOutcome.BUSY), (27, PushOutcome.ABSENT), (1, PushOutcome.ABSENT), (34, PushOutcome.REFUSED)],
)
async def test_what_the_network_says_of_a_push_is_told(error: int, outcome: PushOutcome) -> None:
    async with table() as opened:
        pushing = opened.push()
        call = await opened.shown()
        await call.screen()
        call.refuse(error)

        assert await pushing is outcome
        assert opened.gateway.open == 0


async def test_a_number_that_the_hlr_does_not_know_is_absent() -> None:
    async with table() as opened:
        assert await opened.push(number="998977654321") is PushOutcome.ABSENT


async def test_a_push_while_a_dialogue_is_open_is_refused_as_busy_and_the_open_dialogue_goes_on() -> None:
    async with table() as opened:
        call = opened.msc.dial(PHONE, "*880#")
        await call.screen()

        assert await opened.push() is PushOutcome.BUSY
        assert (await call.answer("1")).text == "How much?\n00.Back"


async def test_a_question_without_an_answer_times_out_and_is_released() -> None:
    async with table(idle_s=0.3) as opened:
        pushing = opened.push()
        call = await opened.shown()
        await call.screen()

        assert await pushing is PushOutcome.TIMEOUT
        await asyncio.wait_for(call.released.wait(), 5)
        assert (await opened.msc.dial(PHONE, "*880#").screen()).text == "Kiosk\n1.Sum"


async def test_one_who_puts_the_phone_away_has_refused() -> None:
    async with table() as opened:
        pushing = opened.push()
        call = await opened.shown()
        await call.screen()
        call.leave()

        assert await pushing is PushOutcome.REFUSED
        assert opened.gateway.open == 0


async def test_an_answer_after_the_time_is_told_that_it_is_over() -> None:
    async with table(idle_s=0.3) as opened:
        pushing = opened.push()
        call = await opened.shown()
        await call.screen()
        await pushing
        late = await call.answer("1")

    assert not late.open
    assert "How much" not in late.text


async def test_without_a_line_nothing_is_shown() -> None:
    async with relay({PHONE: NUMBER}) as hlr, switch(hlr.address) as msc:
        async with kiosk(hlr.address, msc) as opened:
            pass
        assert await opened.push() is PushOutcome.TROUBLE


def test_pushing_needs_somebody_to_ask_for_an_imsi() -> None:
    with pytest.raises(ValueError, match="ctrl_port"):
        Options("127.0.0.1", push=True)


# --- Debian's osmo-hlr -----------------------------------------------------------------------------------


async def attached(msc: Msc, imsi: str) -> None:
    """Let the HLR know that this switch has the phone: update location, take its data."""
    call = Call(msc, imsi, 0)
    padded = imsi + "F" * (len(imsi) % 2)
    octets = bytes.fromhex("".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True)))

    def send(kind: int, more: bytes = b"") -> None:
        message = bytes([kind, 1, len(octets)]) + octets + more
        call.msc._writer.write(struct.pack(">HBB", len(message) + 1, 0xEE, 5) + message)

    send(0x04, b"\x28\x01\x02")
    await asyncio.wait_for(msc.asked_to_insert.wait(), 5)
    send(0x12)
    await asyncio.wait_for(msc.attached.wait(), 5)


async def test_osmo_hlr_brings_a_push_to_the_phone_and_keeps_its_release_to_itself(
    hlr: Hlr, msc: Msc
) -> None:
    await attached(msc, PHONE)
    async with kiosk(hlr.address, msc, idle_s=0.5) as opened:
        pushing = opened.push()
        call = await opened.shown()
        shown = await call.screen()

        assert await pushing is PushOutcome.TIMEOUT
        assert await call.nothing_comes(0.3)
        assert not call.released.is_set()
        # It lives, and dialogues go on as ever.
        assert (await msc.dial(PHONE, "*880#").screen()).text == "Kiosk\n1.Sum"
    assert (shown.text, shown.operation) == (OFFER, 60)


async def test_osmo_hlr_says_nothing_of_a_phone_that_is_not_attached(hlr: Hlr, msc: Msc) -> None:
    async with kiosk(hlr.address, msc, idle_s=0.3) as opened:
        assert await opened.push() is PushOutcome.TIMEOUT
        assert msc.pushed.empty()


async def test_osmo_hlr_dies_when_a_phone_answers_a_push_which_is_why_it_is_off(hlr: Hlr, msc: Msc) -> None:
    await attached(msc, PHONE)
    async with kiosk(hlr.address, msc) as opened:
        pushing = opened.push()
        call = await opened.shown()
        await call.screen()
        call.type("1")
        await until(lambda: not opened.gateway.state.up)

        assert await hlr.died()
        pushing.cancel()
