"""The handset as the operator's USSD centre and as an HLR: the service's own adapters connect to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.gsup.gateway import Gsup
from adapters.gsup.gateway import Options as GsupOptions
from adapters.smpp.gateway import Options as SmppOptions
from adapters.smpp.gateway import Smpp
from simulator.model import Message
from simulator.wires.gsup import GsupHlr, imsi
from simulator.wires.smpp import BUSY, SmppCentre
from simulator.wires.waiting import Waiting
from simulator.wires.wire import Call, Frames, Leaving, NoService, Pushed
from tests.adapters.serving import SERVICE, Counting
from tests.simulator.handset.kiosk import until
from ussd_engine import Engine, Kind, PushOutcome, Reply
from ussd_engine.stores.memory import MemoryStore

NUMBER = "998901234567"
MENU = Reply("Kiosk\n1.Note\n2.Wait\n3.Leave", open=True)
PROFILES = ("its", "its15", "umr", "plus", "none")


def engine() -> Counting:
    return Counting(
        Engine(SERVICE, store=MemoryStore(), actions={}, key=b"k" * 32, clock=lambda: 1_795_000_000.0)
    )


class Centre:
    """A centre, and a service that is bound to it."""

    def __init__(self, **settings: Any) -> None:
        self.engine = engine()
        self.texts: list[tuple[str, Message]] = []
        self.frames = Frames()
        self.settings = settings
        self.centre = SmppCentre(
            {"host": "127.0.0.1", "port": 0, **settings},
            self.frames,
            lambda number, message: self.texts.append((number, message)),
            Waiting(patience_s=3, line_within_s=3),
        )

    @asynccontextmanager
    async def bound(self, **others: Any) -> AsyncIterator[Smpp]:
        await self.centre.open()
        given = {"receipts": False, **self.settings, **others}
        service = Smpp("smsc1", SmppOptions("127.0.0.1", self.centre.port, **given), lambda *_: None)
        running = asyncio.create_task(service.run(self.engine))
        try:
            yield service
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await self.centre.close()


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_dialogue_goes_over_a_bind_of_every_profile(profile: str) -> None:
    table = Centre(profile=profile)
    async with table.bound():
        call = Call(NUMBER, "*880#")

        assert await table.centre.begin(call) == MENU
        assert await table.centre.answer(call, "1") == Reply("Note:\n00.Back", open=True)
        assert await table.centre.answer(call, "Қўқон") == Reply("Noted: Қўқон", open=False)
        assert table.engine.turns[0].msisdn == NUMBER


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("why", list(Leaving))
async def test_leaving_ends_the_dialogue_of_every_profile(profile: str, why: Leaving) -> None:
    table = Centre(profile=profile)
    async with table.bound():
        call = Call(NUMBER, "*880#")
        await table.centre.begin(call)
        await table.centre.leave(call, why)
        await until(lambda: len(table.engine.turns) == 2)

        assert table.engine.turns[1].kind is Kind.ABORT


async def test_a_dialled_string_that_is_an_address_and_a_dial_that_comes_twice() -> None:
    table = Centre(code_in="destination")
    async with table.bound():
        call = Call(NUMBER, "*880*1*coffee#")
        first = await table.centre.begin(call)

        assert first == Reply("Noted: coffee", open=False)
        assert await table.centre.again(call) == first


async def test_sms_come_to_the_phone_long_ones_in_one_piece() -> None:
    table = Centre()
    async with table.bound() as service:
        await until(lambda: table.centre.state.endswith("a service"))
        text = "Оплата по счету №1001. " * 6
        await service.send_sms(NUMBER, "Paid", 1)
        await service.send_sms(NUMBER, text, 2)

    assert [(number, one.text, one.parts) for number, one in table.texts] == [
        (NUMBER, "Paid", 1),
        (NUMBER, text, 3),
    ]


async def test_a_wrong_password_is_refused_and_the_phone_says_who_is_missing() -> None:
    table = Centre(system_id="ussd", password="right")
    table.centre.waiting = Waiting(line_within_s=0.3)
    async with table.bound(password="wrong"):
        with pytest.raises(NoService, match="no service has connected to smpp:"):
            await table.centre.begin(Call(NUMBER, "*880#"))

    assert any("status 0xe" in frame.head for frame in table.frames.kept)


async def test_a_bind_that_is_lost_ends_what_waits_for_a_screen() -> None:
    table = Centre()
    async with table.bound():
        call = Call(NUMBER, "*880#")
        await table.centre.begin(call)
        waiting = asyncio.create_task(table.centre.waiting.screen(call, lambda: None))
        await asyncio.sleep(0)
        assert table.centre._writer is not None
        table.centre._writer.transport.abort()
    with pytest.raises(NoService, match="the service has closed its bind"):
        await waiting


async def test_frames_of_smpp_are_named_and_dumped() -> None:
    table = Centre()
    async with table.bound():
        await table.centre.begin(Call(NUMBER, "*880#"))

    heads = [frame.head for frame in table.frames.kept]
    assert heads[0] == "bind_transceiver"
    assert any(head.startswith("deliver_sm #1 ussd_service_op 1") for head in heads)
    assert any("ussd_service_op 2" in head and head.startswith("submit_sm") for head in heads)
    dumped = next(frame.text for frame in table.frames.kept if frame.head.startswith("deliver_sm #1"))
    assert dumped.startswith("0000 00 00 00")
    assert "*880#" in dumped


async def test_a_taken_port_is_said() -> None:
    one, other = Centre(), Centre()
    await one.centre.open()
    try:
        other.centre._port = one.centre.port
        with pytest.raises(NoService, match="can't listen on"):
            await other.centre.open()
    finally:
        await one.centre.close()


SERVICES: dict[GsupHlr, Gsup] = {}


def home_service(home: GsupHlr) -> Gsup:
    """The service that is connected to it."""
    return SERVICES[home]


@asynccontextmanager
async def hlr(**settings: Any) -> AsyncIterator[tuple[GsupHlr, Counting, Frames]]:
    """An HLR, and a service that is connected to it."""
    handled, frames = engine(), Frames()
    home = GsupHlr(
        {"host": "127.0.0.1", "port": 0, **settings}, frames, Waiting(patience_s=3, line_within_s=3)
    )
    await home.open()
    if "ctrl_port" in settings:
        settings["ctrl_port"] = home.ctrl_port
    service = Gsup("hlr", GsupOptions("127.0.0.1", home.port, **settings), lambda *_: None)
    SERVICES[home] = service
    running = asyncio.create_task(service.run(handled))
    try:
        yield home, handled, frames
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await home.close()


@pytest.mark.parametrize("lengths", ["ber", "raw"])
async def test_a_dialogue_goes_over_gsup(lengths: str) -> None:
    async with hlr(lengths=lengths) as (home, handled, _):
        call = Call(NUMBER, "*880#")

        assert await home.begin(call) == MENU
        assert await home.answer(call, "1") == Reply("Note:\n00.Back", open=True)
        assert await home.answer(call, "Қўқон") == Reply("Noted: Қўқон", open=False)
        assert handled.turns[0].msisdn == NUMBER
        assert home.state.endswith("EUSE-ussd-engine")


async def test_leaving_ends_a_dialogue_over_gsup_and_its_frames_are_named() -> None:
    async with hlr() as (home, handled, frames):
        call = Call(NUMBER, "*880#")
        await home.begin(call)
        await home.leave(call, Leaving.USER)
        await until(lambda: len(handled.turns) == 2)

        assert handled.turns[1].kind is Kind.ABORT
        assert "REQUEST BEGIN session 0x20000001" in [frame.head for frame in frames.kept]


def taking(line: SmppCentre | GsupHlr, *, shown: bool) -> list[Pushed]:
    """What is pushed to the line's phones; all of them show it, or all are busy."""
    came: list[Pushed] = []

    def take(push: Pushed) -> None:
        came.append(push)
        push.taken(shown)

    line.waiting.pushed = take
    return came


async def test_a_screen_pushed_over_gsup_is_answered_in_its_own_dialogue_and_released() -> None:
    async with hlr(ctrl_port=0, push=True) as (home, handled, frames):
        await until(lambda: home.waiting.up.is_set())
        came = taking(home, shown=True)
        pushing = asyncio.create_task(home_service(home).push("d1", NUMBER, "Pay?", ask=True))
        await until(lambda: came)
        assert (came[0].call.number, came[0].text, came[0].waits) == (NUMBER, "Pay?", True)
        reply = await home.answer(came[0].call, "1")

        assert await pushing is PushOutcome.ANSWERED
        assert not reply.open  # this engine knows nothing of the push: it is over
        assert handled.turns[-1].kind is Kind.ANSWER
        await until(lambda: frames.kept[-1].head.startswith("RESULT END"))


async def test_a_notice_pushed_over_gsup_is_confirmed_and_a_busy_phone_says_so() -> None:
    async with hlr(ctrl_port=0, push=True) as (home, _, _frames):
        await until(lambda: home.waiting.up.is_set())
        taking(home, shown=True)
        assert await home_service(home).push("d1", NUMBER, "Paid", ask=False) is PushOutcome.SHOWN
        taking(home, shown=False)
        assert await home_service(home).push("d2", NUMBER, "Pay?", ask=True) is PushOutcome.BUSY


async def test_screens_and_notices_are_pushed_over_smpp() -> None:
    table = Centre(busy=(BUSY,))
    async with table.bound() as service:
        await until(lambda: table.centre.waiting.up.is_set())
        came = taking(table.centre, shown=True)
        assert await service.push("d0", NUMBER, "Paid", ask=False) is PushOutcome.SHOWN
        pushing = asyncio.create_task(service.push("d1", NUMBER, "Pay?", ask=True))
        await until(lambda: len(came) == 2)
        reply = await table.centre.answer(came[1].call, "1")

        assert await pushing is PushOutcome.ANSWERED
        assert not reply.open
        taking(table.centre, shown=False)
        assert await service.push("d2", NUMBER, "Pay?", ask=True) is PushOutcome.BUSY


async def test_without_a_service_on_the_line_the_phone_shows_nothing() -> None:
    home = GsupHlr({"host": "127.0.0.1", "port": 0}, Frames(), Waiting(line_within_s=0.05))
    await home.open()
    try:
        with pytest.raises(NoService, match="no service has connected to gsup://"):
            await home.begin(Call(NUMBER, "*880#"))
        with pytest.raises(NoService, match="no service is connected"):
            await home.leave(Call(NUMBER, "*880#"), Leaving.USER)
    finally:
        await home.close()


def test_an_imsi_is_the_number_in_disguise() -> None:
    assert imsi("998901234567") == "43998901234567"
    assert len(imsi("123456789012345")) == 15
