"""A phone in its network: turns, faults, time, messages, pushes, and what is recorded of it."""

from __future__ import annotations

import asyncio

from simulator.faults import Fault
from simulator.model import Cause, Mode
from simulator.script import transcript
from simulator.script_file import scenario
from simulator.wires.awaited import Awaited
from simulator.wires.wire import Call, Leaving, Pushed, Wire
from tests.simulator.handset.kiosk import CUSTOMER, PIN, SHOP, Kiosk, until
from ussd_engine import Kind


async def test_a_dialogue_is_played_and_the_panel_knows_where_it_stands() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    await kiosk.type("*880#")
    assert phone.handset.text == "Kiosk\n1.Note\n2.Pay\n3.Long\n4.Leave"
    assert phone.standing is not None
    assert (phone.standing.state, phone.standing.open) == ("kiosk.home", True)
    await kiosk.type("1")
    await kiosk.type("coffee")

    assert (phone.handset.mode, phone.handset.cause) == (Mode.ENDED, Cause.SERVICE)
    assert phone.standing.variables == {}
    assert phone.turns == 3


async def test_a_pin_is_dots_and_is_in_no_recording_and_no_frame_that_is_shown() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    await kiosk.type("*880#")
    await kiosk.type("2")
    assert phone.handset.secret
    await kiosk.type(PIN)

    assert phone.handset.text == "Тўланди: 50 000 сўм"
    assert PIN not in transcript(kiosk.recorder.moments) + scenario(kiosk.recorder, "Paid")
    assert [frame.text for frame in kiosk.frames.kept if PIN in frame.text and not frame.secret] == []
    assert any(frame.secret for frame in kiosk.frames.kept)
    await kiosk.type("*880#")
    assert not kiosk.frames.kept[-1].secret


async def test_a_lost_request_is_sent_again_by_the_green_key_and_recorded_once() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    phone.carrier.arm(Fault.LOST_REQUEST)
    await kiosk.type("*880#")
    assert phone.handset.cause is Cause.LOST
    assert kiosk.engine.turns == []
    task = phone.press_call()
    assert task is not None
    await task

    assert phone.handset.mode is Mode.OPEN
    assert len(kiosk.engine.turns) == 1
    assert transcript(kiosk.recorder.moments).count("> *880#") == 1


async def test_after_a_lost_reply_the_same_turn_goes_again_and_is_not_played_twice() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    await kiosk.type("*880#")
    await kiosk.type("1")
    phone.carrier.arm(Fault.LOST_REPLY)
    await kiosk.type("coffee")
    task = phone.press_call()
    assert task is not None
    await task

    assert phone.handset.text == "Noted: coffee"
    assert kiosk.engine.turns[-1] == kiosk.engine.turns[-2]


async def test_what_is_sent_again_may_be_doubled_too() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    phone.carrier.arm(Fault.LOST_REPLY)
    await kiosk.type("*880#")
    phone.carrier.arm(Fault.DUPLICATE)
    task = phone.press_call()
    assert task is not None
    await task

    assert phone.told == "sent twice, one reply"
    assert len(kiosk.engine.turns) == 3


async def test_a_duplicate_is_of_this_turn_even_where_the_wire_waits_before_it_sends() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones

    async def start() -> tuple[Wire, None]:
        await asyncio.sleep(0.02)
        return kiosk.network.wire, None

    slow = Awaited(start, "starting")
    await slow.open()
    phone.wire = slow
    for keys in ("*880#", "1", "tea"):
        phone.carrier.arm(Fault.DUPLICATE)
        await kiosk.type(keys)
        assert phone.told == "sent twice, one reply"

    assert [turn.text for turn in kiosk.engine.turns] == ["*880#", "*880#", "1", "1", "tea", "tea"]
    await slow.close()


async def test_a_lost_turn_that_is_given_up_is_recorded_as_nothing_came() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    phone.carrier.arm(Fault.LOST_REPLY)
    await kiosk.type("*880#")
    phone.press_end()
    await kiosk.type("*880#")

    assert transcript(kiosk.recorder.moments).startswith("> *880#\n(nothing came)\n")


async def test_hanging_up_is_told_to_the_service_and_a_late_screen_is_not_shown() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    phone.carrier.arm(Fault.DELAY)
    phone.handset.press("*880#")
    task = phone.press_call()
    await until(lambda: kiosk.engine.turns)
    phone.press_end()
    assert task is not None
    await task
    await phone.settle()

    assert (phone.handset.mode, phone.handset.text) == (Mode.IDLE, "")
    assert [turn.kind for turn in kiosk.engine.turns] == [Kind.BEGIN, Kind.ABORT]


async def test_the_network_aborts_and_times_out_dialogues() -> None:
    for why, cause, kind in (
        (Leaving.NETWORK, Cause.NETWORK, Kind.ABORT),
        (Leaving.TIMEOUT, Cause.TIMEOUT, Kind.TIMEOUT),
    ):
        kiosk = Kiosk()
        (phone,) = kiosk.phones
        assert not phone.abort(why)
        await kiosk.type("*880#")
        assert phone.abort(why)
        await phone.settle()

        assert phone.handset.cause is cause
        assert kiosk.engine.turns[-1].kind is kind


async def test_a_dialogue_that_lasts_too_long_times_out_by_itself() -> None:
    kiosk = Kiosk(session_s=1.0)
    (phone,) = kiosk.phones
    await kiosk.type("*880#")
    phone.tick()
    assert phone.handset.mode is Mode.OPEN
    async with asyncio.timeout(20):
        while phone.handset.cause is not Cause.TIMEOUT:
            await asyncio.sleep(0.05)
            phone.tick()
            await phone.settle()

    assert kiosk.engine.turns[-1].kind is Kind.TIMEOUT
    assert phone.left_s is None


async def test_messages_that_were_there_are_old_and_those_that_come_are_recorded() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    kiosk.text_to(SHOP, "old")
    assert await phone.look_for_sms() == 0
    assert phone.handset.unread == 0
    kiosk.text_to(SHOP, "new")

    assert await phone.look_for_sms() == 1
    assert phone.handset.unread == 1
    assert [moment.text for moment in kiosk.recorder.moments] == ["new"]


async def test_after_a_turn_all_phones_look_for_messages() -> None:
    kiosk = Kiosk(SHOP, CUSTOMER)
    await kiosk.network.open()
    watching = asyncio.create_task(kiosk.network.watch())
    await asyncio.sleep(0.02)
    kiosk.text_to(CUSTOMER, "invoice")
    await kiosk.type("*880#")
    await until(lambda: kiosk.phones[1].handset.unread, within_s=1)
    watching.cancel()
    await kiosk.network.close()


async def test_a_pushed_screen_pops_up_and_is_answered_where_it_came_from() -> None:
    kiosk = Kiosk()
    (phone,) = kiosk.phones
    await kiosk.network.open()
    taken: list[bool] = []
    call = Call(SHOP, "*880#")
    await kiosk.network.wire.begin(call)  # the service's side of a dialogue that it began
    kiosk.told.takers[SHOP](Pushed(call, "Kiosk", waits=True, taken=taken.append))
    assert (phone.handset.text, phone.handset.pushed, taken) == ("Kiosk", True, [True])
    await kiosk.type("4")

    assert phone.handset.text == "Bye"
    await kiosk.network.close()


async def test_a_phone_in_a_dialogue_is_busy_and_one_that_is_not_here_away() -> None:
    kiosk = Kiosk()
    await kiosk.type("*880#")
    taken: list[bool] = []
    kiosk.network.pushed(Pushed(Call(SHOP, ""), "Pay?", waits=True, taken=taken.append))
    kiosk.network.pushed(Pushed(Call(CUSTOMER, ""), "Pay?", waits=True, taken=taken.append))

    assert taken == [False, False]
    assert kiosk.phones[0].handset.text.startswith("Kiosk")


async def test_a_gateway_that_is_down_is_down_for_all_phones_new_ones_too() -> None:
    kiosk = Kiosk(SHOP, CUSTOMER)
    kiosk.network.cut(down=True)
    added = kiosk.network.add("998977654321")
    await kiosk.type("*880#", on=1)

    assert added.carrier.down
    assert kiosk.phones[1].handset.notice == "the gateway is down"
    assert kiosk.phones[1].handset.cause is Cause.REFUSED
    kiosk.network.cut(down=False)
    assert not kiosk.network.down
