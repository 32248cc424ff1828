"""Kannel, which shares no code with us, between both our ends: it binds to our units, and asks over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulator.model import Message
from simulator.wires.smpp import SmppCentre
from simulator.wires.wire import Call, Frames, Leaving
from tests.adapters.serving import Kiosk
from tests.adapters.smpp.conftest import until
from tests.peers.kannel import Kannel, kannel
from ussd_engine import Kind

PHONE = "998901234567"
SETTINGS = {"port": 0, "system_id": "ussd", "password": "sesame", "profile": "none"}


class House:
    """A centre of our own units, a gateway over HTTP, and Kannel between them."""

    def __init__(
        self, centre: SmppCentre, kiosk: Kiosk, boxes: Kannel, texts: list[tuple[str, Message]]
    ) -> None:
        self.centre, self.kiosk, self.boxes, self.texts = centre, kiosk, boxes, texts


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    texts: list[tuple[str, Message]] = []
    centre = SmppCentre(SETTINGS, Frames(), lambda *told: texts.append(told))
    await centre.open()
    try:
        async with (
            Kiosk("declared", {"form": "kannel"}) as kiosk,
            kannel(folder, centre.port, kiosk.url) as boxes,
        ):
            await asyncio.wait_for(centre.waiting.up.wait(), 15)
            yield House(centre, kiosk, boxes, texts)
    finally:
        await centre.close()


async def test_kannel_binds_to_our_units_and_plays_a_dialogue_over_our_http(tmp_path: Path) -> None:
    async with house(tmp_path) as opened:
        call = Call(PHONE, "*880#")
        home = await opened.centre.begin(call)
        note = await opened.centre.answer(call, "1")
        last = await opened.centre.answer(call, "coffee")
        turns = opened.kiosk.engine.turns

    assert (home.text, home.open) == ("Kiosk\n1.Note\n2.Wait\n3.Leave", True)
    assert (note.text, note.open) == ("Note:\n00.Back", True)
    assert (last.text, last.open) == ("Noted: coffee", False)
    assert [(turn.kind, turn.msisdn, turn.text) for turn in turns] == [
        (Kind.BEGIN, PHONE, "*880#"), (Kind.ANSWER, PHONE, "1"), (Kind.ANSWER, PHONE, "coffee")
    ]  # fmt: skip


async def test_cyrillic_passes_kannel_both_ways(tmp_path: Path) -> None:
    async with house(tmp_path) as opened:
        call = Call(PHONE, "*880#")
        await opened.centre.begin(call)
        await opened.centre.answer(call, "1")
        last = await opened.centre.answer(call, "Қўқон")

    assert (last.text, last.open) == ("Noted: Қўқон", False)


async def test_a_deep_dial_and_a_hang_up_pass_kannel(tmp_path: Path) -> None:
    async with house(tmp_path) as opened:
        shown = await opened.centre.begin(Call(PHONE, "*880**0*901234567*50000#"))
        call = Call(PHONE, "*880#")
        await opened.centre.begin(call)
        await opened.centre.leave(call, Leaving.USER)
        await until(lambda: opened.kiosk.engine.turns[-1].kind is Kind.ABORT)

    assert (shown.text, shown.open) == ("Invoice 998901234567 50000", False)


@pytest.mark.parametrize("text", ["Paid 50000", "Счёт оплачен. " * 12, "A" * 200])
async def test_messages_that_kannel_cuts_and_codes_are_read_whole(tmp_path: Path, text: str) -> None:
    async with house(tmp_path) as opened:
        await opened.boxes.sms(PHONE, text)
        await until(lambda: opened.texts)

    assert (opened.texts[0][0], opened.texts[0][1].text) == (PHONE, text)
