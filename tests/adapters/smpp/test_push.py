"""Screens on phones that have not dialled, by a centre that is not ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.smpp.profiles import PROFILES
from tests.adapters.smpp.conftest import House, house, quickly, until
from tests.peers.smpp import Centre
from ussd_engine import Engine, PushOutcome, compile_menus
from ussd_engine.stores.memory import MemoryStore

PHONE = "998901234567"
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


class Kiosk:
    """A gateway, and an engine that pushes by it."""

    def __init__(self, engine: Engine, opened: House) -> None:
        self.engine = engine
        self.gateway = opened.gateway
        self.told = opened.told

    def push(self, state: str = "kiosk.offer") -> asyncio.Task[PushOutcome]:
        return asyncio.create_task(self.engine.push("smsc1", self.gateway, PHONE, state, {}))


@asynccontextmanager
async def kiosk(centre: Centre, **options: Any) -> AsyncIterator[Kiosk]:
    service = compile_menus({"kiosk.yaml": MENU}, {})
    engine = Engine(service, store=MemoryStore(), actions={}, key=b"tests", clock=time.time)
    async with house(centre, engine, **options) as opened:
        yield Kiosk(engine, opened)


@pytest.mark.parametrize("style", list(PROFILES))
async def test_a_pushed_question_is_a_dialogue_from_its_first_answer_on(centre: Centre, style: str) -> None:
    async with kiosk(centre, profile=style) as opened:
        pushing = opened.push()
        shown = await centre.event("pushed")
        centre.order("answer", msisdn=PHONE, text="1", op=146 if style == "plus" else 18)
        second = await centre.event("screen")
        centre.order("answer", msisdn=PHONE, text="700", op=18)
        last = await centre.event("screen")
        outcome = await quickly(pushing)

    assert (shown["text"], shown["op"]) == ("Оплатить счёт?\n1.Да\n2.Нет", 2)
    assert (second["text"], second["open"]) == ("How much?\n00.Back", True)
    assert (last["text"], last["open"], last["op"]) == ("Paid 700", False, 131 if style == "plus" else 17)
    assert last["bit"] == (1 if style.startswith("its") else None)
    assert outcome is PushOutcome.ANSWERED


async def test_the_operation_of_the_last_screen_is_a_setting(centre: Centre) -> None:
    async with kiosk(centre, profile="umr", push_end_op=3) as opened:
        opened.push()
        await centre.event("pushed")
        centre.order("answer", msisdn=PHONE, text="2")
        last = await centre.event("contradiction")  # this centre takes 17 only

    assert last["op"] == 3


async def test_a_notice_that_the_phone_confirms_was_shown(centre: Centre) -> None:
    async with kiosk(centre) as opened:
        pushing = opened.push("kiosk.told")
        shown = await centre.event("pushed")
        centre.order("answer", msisdn=PHONE, text="", op=19)

        assert await quickly(pushing) is PushOutcome.SHOWN
    assert (shown["text"], shown["op"]) == ("We close at nine", 3)


async def test_a_notice_that_nobody_confirms_was_accepted_and_that_is_all_one_knows(centre: Centre) -> None:
    async with kiosk(centre, push_confirm_s=0.1) as opened:
        assert await quickly(opened.push("kiosk.told")) is PushOutcome.ACCEPTED


async def test_a_question_that_is_turned_away_is_refused_and_nothing_stays_open(centre: Centre) -> None:
    async with kiosk(centre) as opened:
        pushing = opened.push()
        await centre.event("pushed")
        centre.order("hangup", msisdn=PHONE, by="op")

        assert await quickly(pushing) is PushOutcome.REFUSED
        again = opened.push()
        assert (await centre.event("pushed"))["op"] == 2
        centre.order("answer", msisdn=PHONE, text="2")
        assert await quickly(again) is PushOutcome.ANSWERED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0x500, PushOutcome.BUSY), (0x501, PushOutcome.ABSENT), (0x45, PushOutcome.REFUSED)],
)
async def test_what_the_centre_says_of_a_push_is_told(
    centre: Centre, status: int, outcome: PushOutcome
) -> None:
    centre.order("rule", statuses=[status])
    async with kiosk(centre, busy=(0x500,), absent=(0x501,)) as opened:
        assert await quickly(opened.push()) is outcome


async def test_a_push_while_a_dialogue_is_open_is_refused_as_busy_and_the_open_dialogue_goes_on(
    centre: Centre,
) -> None:
    async with kiosk(centre) as opened:
        centre.order("dial", msisdn=PHONE, text="*880#")
        await centre.event("screen")

        assert await quickly(opened.push()) is PushOutcome.BUSY
        centre.order("answer", msisdn=PHONE, text="1")
        screen = await centre.event("screen")

    assert screen["text"] == "How much?\n00.Back"


async def test_a_question_without_an_answer_times_out_and_the_phone_may_dial(centre: Centre) -> None:
    async with kiosk(centre, push_answer_s=0.2) as opened:
        assert await quickly(opened.push()) is PushOutcome.TIMEOUT
        centre.order("dial", msisdn=PHONE, text="*880#")
        screen = await centre.event("screen")

    assert screen["text"] == "Kiosk\n1.Sum"


async def test_an_answer_after_the_time_is_told_that_it_is_over(centre: Centre) -> None:
    async with kiosk(centre, push_answer_s=0.2) as opened:
        await quickly(opened.push())
        centre.order("answer", msisdn=PHONE, text="1")
        screen = await centre.event("screen")

    assert not screen["open"]
    assert "How much" not in screen["text"]


async def test_an_answer_that_the_centre_brings_twice_is_taken_once(centre: Centre) -> None:
    async with kiosk(centre) as opened:
        pushing = opened.push()
        await centre.event("pushed")
        centre.order("answer", msisdn=PHONE, text="1")
        centre.order("answer", msisdn=PHONE, text="1")
        screens = [await centre.event("screen")]
        await quickly(pushing)
        centre.order("answer", msisdn=PHONE, text="700")
        while screens[-1]["open"]:
            screens.append(await centre.event("screen"))

    assert screens[-1]["text"] == "Paid 700"
    assert {one["text"] for one in screens[:-1]} == {"How much?\n00.Back"}


async def test_who_dials_while_a_question_waits_is_busy_with_that(centre: Centre) -> None:
    async with kiosk(centre) as opened:
        pushing = opened.push()
        await centre.event("pushed")
        centre.order("dial", msisdn=PHONE, text="*880#", id=77)
        screen = await centre.event("screen")

        assert await quickly(pushing) is PushOutcome.BUSY
        centre.order("answer", msisdn=PHONE, text="1")
        after = await centre.event("screen")

    assert screen["text"] == "Kiosk\n1.Sum"
    assert after["text"] == "How much?\n00.Back"


async def test_without_a_line_nothing_is_shown(centre: Centre) -> None:
    async with kiosk(centre) as opened:
        centre.order("drop")
        await until(lambda: not opened.gateway.state.up)

        assert await quickly(opened.push()) is PushOutcome.TROUBLE
