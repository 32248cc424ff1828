"""USSD dialogues against node-smpp's phones, in every vendor's style."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.smpp import ussd, wire
from adapters.smpp.profiles import PROFILES
from tests.adapters.smpp.conftest import house, until
from tests.peers.smpp import Centre
from ussd_engine import Kind, Reply, Turn

PHONE, OTHER = "998901112233", "998933334455"
HOME = "Kiosk [1]\n1.Bill\n2.Amount"
CYRILLIC = "Сумма счёта\n1.Назад\n0.Back"
AMOUNT = "How much?\n00.Back"


async def dial(centre: Centre, text: str = "*880#", **how: object) -> dict[str, Any]:
    centre.order("dial", msisdn=PHONE, text=text, **how)
    return await centre.event("screen")


async def answer(centre: Centre, text: str, **how: object) -> dict[str, Any]:
    centre.order("answer", msisdn=PHONE, text=text, **how)
    return await centre.event("screen")


@pytest.mark.parametrize("style", list(PROFILES))
async def test_a_dialogue_is_played_to_its_end_in_every_style(centre: Centre, style: str) -> None:
    async with house(centre, profile=style):
        first = await dial(centre, style=style)
        second = await answer(centre, "2")
        last = await answer(centre, "500")

    assert (first["text"], first["open"], first["source"]) == (HOME, True, "880")
    assert (second["text"], second["open"]) == (AMOUNT, True)
    assert (last["text"], last["open"]) == ("Paid 500", False)


@pytest.mark.parametrize("coding", [8, 72])
async def test_cyrillic_travels_as_ucs2_in_the_links_coding(centre: Centre, coding: int) -> None:
    async with house(centre, ussd_ucs2=coding):
        first = await dial(centre)
        second = await answer(centre, "1")

    assert (first["coding"], second["coding"]) == (0, coding)
    assert second["text"] == CYRILLIC


async def test_data_sm_carries_dialogues_both_ways(centre: Centre) -> None:
    async with house(centre, submit="data_sm"):
        first = await dial(centre, by="data_sm")
        second = await answer(centre, "2")

    assert (first["command"], first["text"]) == ("data_sm", HOME)
    assert second["text"] == AMOUNT


@pytest.mark.parametrize("code", ["*880#", "*880", "880"])
async def test_the_code_is_taken_from_the_destination_where_it_is_there(centre: Centre, code: str) -> None:
    async with house(centre, code_in="destination"):
        screen = await dial(centre, text="", code=code)

    assert screen["text"] == HOME


async def test_a_dialled_string_longer_than_an_address_is_answered_from_its_code(centre: Centre) -> None:
    async with house(centre, code_in="destination"):
        screen = await dial(centre, text="", code="*880*2*0000000000000000000500#")

    assert (screen["open"], screen["source"]) == (True, "880")


async def test_a_deep_dial_arrives_whole(centre: Centre) -> None:
    async with house(centre):
        screen = await dial(centre, "*880*2*500#")

    assert (screen["text"], screen["open"]) == ("Paid 500", False)


async def test_another_end_value_is_a_setting(centre: Centre) -> None:
    async with house(centre, end_op=23, profile="umr"):
        screen = await dial(centre, "*880*2*500#", endOp=23, style="umr")

    assert screen["open"] is False


@pytest.mark.parametrize("by", ["op", "bit"])
async def test_a_subscriber_who_hangs_up_ends_the_dialogue(centre: Centre, by: str) -> None:
    async with house(centre) as opened:
        await dial(centre)
        centre.order("hangup", msisdn=PHONE, by=by)
        await until(lambda: len(opened.kept.entries) == 2)
        entry = opened.kept.entries[-1]
        assert await centre.has_no("submit", 0.1)

    assert (type(entry.event).__name__, entry.open) == ("Aborted", False)


async def test_a_dialogue_nobody_goes_on_with_times_out(centre: Centre) -> None:
    async with house(centre, idle_s=0.2) as opened:
        await dial(centre)
        await until(lambda: len(opened.kept.entries) == 2)

    assert type(opened.kept.entries[-1].event).__name__ == "TimedOut"


async def test_an_answer_after_the_end_hears_that_the_dialogue_is_over(centre: Centre) -> None:
    async with house(centre):
        await dial(centre, id=5)
        centre.order("hangup", msisdn=PHONE, by="op")
        centre.order("deliver", **unit("1", op=18, info="0502"))
        over = await centre.event("submit")

    assert over["tlvs"] == {"ussd_service_op": "11", "its_session_info": "0503"}


async def test_an_answer_of_another_dialogue_does_not_disturb_the_open_one(centre: Centre) -> None:
    async with house(centre):
        await dial(centre, id=5)
        centre.order("deliver", **unit("2", op=18, info="0702"))
        await centre.event("misnamed")
        screen = await answer(centre, "2")

    assert screen["text"] == AMOUNT


async def test_a_repeated_begin_gets_the_same_screen_again_and_begins_nothing(centre: Centre) -> None:
    async with house(centre) as opened:
        await dial(centre, id=5)
        again = await dial(centre, id=5)

    assert again["text"] == HOME
    assert len(opened.kept.entries) == 1


@pytest.mark.parametrize("style", ["its", "none"])
async def test_a_repeated_dial_whose_first_screen_was_the_last_does_nothing_twice(
    centre: Centre, style: str
) -> None:
    async with house(centre, profile=style) as opened:
        first = await dial(centre, "*880*2*500#", id=5, style=style)
        again = await dial(centre, "*880*2*500#", id=5, style=style)

    assert (first["text"], again["text"]) == ("Paid 500", "Paid 500")
    assert len(opened.kept.entries) == 1


async def test_a_dialogue_that_is_over_is_forgotten(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.smpp.dialogues.DUPLICATE_NAMED_S", 0.05)
    async with house(centre, idle_s=0.2) as opened:
        await dial(centre, "*880*2*500#")
        dialogues = opened.gateway._dialogues
        assert dialogues is not None
        await until(lambda: not dialogues._open)

    assert len(opened.kept.entries) == 1


async def test_the_same_name_used_again_later_is_another_dialogue(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.smpp.dialogues.DUPLICATE_NAMED_S", 0.0)
    async with house(centre) as opened:
        await dial(centre, id=5)
        await dial(centre, id=5)

    begun = [entry for entry in opened.kept.entries if entry.event is not None]
    assert len({entry.dialogue for entry in begun}) == 2


class Slow:
    """An engine that takes its time; keeps the turns."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.turns: list[Turn] = []

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        if turn.kind in (Kind.BEGIN, Kind.ANSWER):
            await asyncio.sleep(self.takes_s)
        return Reply(f"screen {len(self.turns)}", open=True)


async def test_a_repeat_while_the_screen_is_being_made_is_one_turn(centre: Centre) -> None:
    engine = Slow(0.2)
    async with house(centre, engine):
        centre.order("dial", msisdn=PHONE, text="*880#", id=5)
        centre.order("dial", msisdn=PHONE, text="*880#", id=5)
        await centre.event("screen")
        assert await centre.has_no("screen", 0.3)

    assert [turn.kind for turn in engine.turns] == [Kind.BEGIN]


async def test_a_screen_made_after_the_subscriber_has_left_is_not_sent(centre: Centre) -> None:
    engine = Slow(0.2)
    async with house(centre, engine):
        centre.order("dial", msisdn=PHONE, text="*880#")
        await until(lambda: engine.turns)
        centre.order("hangup", msisdn=PHONE, by="op")
        assert await centre.has_no("submit", 0.4)

    assert [turn.kind for turn in engine.turns] == [Kind.BEGIN, Kind.ABORT]


async def test_a_turn_past_the_deadline_ends_with_an_honest_screen(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.smpp.dialogues._GRACE_S", 0.05)
    async with house(centre, Slow(30.0), deadline_s=0.2) as opened:
        screen = await dial(centre)

    assert (screen["text"], screen["open"]) == ("Trouble", False)
    assert ("smsc1", "late") in opened.told


async def test_a_refused_screen_ends_the_dialogue(centre: Centre) -> None:
    centre.order("rule", statuses=[0x45])
    async with house(centre) as opened:
        centre.order("dial", msisdn=PHONE, text="*880#")
        await until(lambda: len(opened.kept.entries) == 2)

    assert ("smsc1", "undelivered") in opened.told


async def test_a_throttled_screen_is_sent_again_in_time(centre: Centre) -> None:
    centre.order("rule", statuses=[0x58, 0x14])
    async with house(centre):
        screen = await dial(centre)

    assert screen["text"] == HOME


async def test_one_turn_too_many_is_asked_for_later(centre: Centre) -> None:
    async with house(centre, Slow(0.3), in_flight_max=1) as opened:
        centre.order("dial", msisdn=PHONE, text="*880#")
        centre.order("dial", msisdn=OTHER, text="*880#")
        statuses = [(await centre.event("delivered"))["status"] for _ in range(2)]

    assert statuses == [0, 0x64]
    assert ("smsc1", "busy") in opened.told


async def test_a_turn_over_the_agreed_rate_is_throttled(centre: Centre) -> None:
    async with house(centre, rate="1/minute") as opened:
        centre.order("dial", msisdn=PHONE, text="*880#")
        first = await centre.event("delivered")
        centre.order("dial", msisdn=OTHER, text="*880#")
        second = await centre.event("delivered")

    assert (first["status"], second["status"]) == (0, 0x58)
    assert ("smsc1", "flooded") in opened.told


def test_a_text_longer_than_short_message_holds_travels_as_payload() -> None:
    pdu = ussd.write("0" * 255, op=2, ends=ussd.Ends({}), named={}, options=ussd.UssdOptions())

    assert pdu.tlvs[wire.PAYLOAD] == b"0" * 255
    assert "short_message" not in pdu.fields


def unit(text: str, *, op: int | None, info: str | None = None, **fields: object) -> dict[str, object]:
    given: dict[str, object] = {
        "source_addr": PHONE, "destination_addr": "880", "service_type": "USSD"
    } | fields  # fmt: skip
    tlvs = {} if op is None else {"ussd_service_op": f"{op:02x}"}
    if info is not None:
        tlvs["its_session_info"] = info
    return {"fields": given, "octets": text.encode("latin-1").hex(), "tlvs": tlvs}


@pytest.mark.parametrize(
    "order",
    [
        unit("1", op=35),
        unit("1", op=18, source_addr="CLICK"),
        unit("\xff", op=18, data_coding=1),
        unit("\x04", op=18, data_coding=4),
        unit("odd", op=18, data_coding=8),
    ],
)
async def test_a_unit_that_makes_no_sense_is_refused(centre: Centre, order: dict[str, object]) -> None:
    async with house(centre) as opened:
        centre.order("deliver", **order)
        delivered = await centre.event("delivered")

    assert delivered["status"] == 0x65
    assert opened.told == [("smsc1", "malformed")]


async def test_who_leaves_may_bring_along_what_is_no_text(centre: Centre) -> None:
    async with house(centre) as opened:
        await dial(centre)
        centre.order("deliver", **unit("\xff", op=129, data_coding=1))
        assert (await centre.event("delivered"))["status"] == 0
        await until(lambda: len(opened.kept.entries) == 2)

    assert type(opened.kept.entries[-1].event).__name__ == "Aborted"
    assert opened.told == []


@pytest.mark.parametrize("given", ["+998901112233", "00998901112233"])
async def test_a_number_is_its_own_however_it_is_prefixed(centre: Centre, given: str) -> None:
    async with house(centre, profile="none") as opened:
        centre.order("deliver", **unit("*880#", op=1, source_addr=given))
        screen = await centre.event("pushed")  # this centre has seen nobody dial

    assert opened.kept.entries[0].msisdn == PHONE
    assert screen["msisdn"] == given


async def test_a_unit_without_operation_begins_or_goes_on_by_its_text(centre: Centre) -> None:
    async with house(centre, profile="none"):
        centre.order("deliver", **unit("*880#", op=None))
        first = await centre.event("pushed")  # this centre has seen nobody dial
        centre.order("deliver", **unit("2", op=None))
        second = await centre.event("screen")
        centre.order("deliver", **unit("", op=None))
        await centre.event("delivered")

    assert (first["text"], first["op"]) == (HOME, 2)
    assert (second["text"], second["open"]) == (AMOUNT, True)
