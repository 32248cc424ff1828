"""SMS against node-smpp: what arrives there, what its receipts say, what it refuses."""

from __future__ import annotations

import asyncio

import pytest

from adapters.smpp.receipts import State
from adapters.sms import SmsNotTaken
from tests.adapters.smpp.conftest import house, until
from tests.peers.smpp import Centre

PHONE = "998901234567"


async def test_a_message_arrives_and_its_id_is_returned(centre: Centre) -> None:
    async with house(centre) as opened:
        provider_id = await opened.gateway.send_sms(PHONE, "Paid [50] €", 7)
        told = await centre.event("submit")

    assert provider_id == told["id"]
    assert (told["source"], told["source_ton"], told["destination"]) == ("CLICK", 5, PHONE)
    assert (told["coding"], told["registered"], told["esm_class"]) == (0, 1, 0)
    assert bytes.fromhex(told["octets"]) == b"Paid \x1b<50\x1b> \x1be"


async def test_cyrillic_goes_as_ucs2(centre: Centre) -> None:
    async with house(centre) as opened:
        await opened.gateway.send_sms(PHONE, "Оплачено", 7)
        told = await centre.event("submit")

    assert told["coding"] == 8
    assert bytes.fromhex(told["octets"]).decode("utf-16-be") == "Оплачено"


async def test_a_long_message_is_cut_with_a_header_and_joins_again(centre: Centre) -> None:
    text = "0123456789" * 40
    async with house(centre) as opened:
        provider_id = await opened.gateway.send_sms(PHONE, text, 300)
        told = [await centre.event("submit") for _ in range(3)]

    octets = [bytes.fromhex(one["octets"]) for one in told]
    assert provider_id == ",".join(one["id"] for one in told)
    assert [one["esm_class"] for one in told] == [0x40] * 3
    assert [one[:6].hex() for one in octets] == ["0500032c0301", "0500032c0302", "0500032c0303"]
    assert b"".join(one[6:] for one in octets).decode() == text


async def test_a_long_message_may_be_cut_with_sar_parameters(centre: Centre) -> None:
    text = "я" * 100
    async with house(centre, joining="sar") as opened:
        await opened.gateway.send_sms(PHONE, text, 0x1234)
        told = [await centre.event("submit") for _ in range(2)]

    assert [one["tlvs"] for one in told] == [
        {"sar_msg_ref_num": "1234", "sar_total_segments": "02", "sar_segment_seqnum": f"{number:02x}"}
        for number in (1, 2)
    ]
    assert "".join(bytes.fromhex(one["octets"]).decode("utf-16-be") for one in told) == text


async def test_a_long_message_may_go_whole_as_payload(centre: Centre) -> None:
    text = "0123456789" * 40
    async with house(centre, joining="payload") as opened:
        await opened.gateway.send_sms(PHONE, text, 7)
        told = await centre.event("submit")

    assert bytes.fromhex(told["tlvs"]["message_payload"]).decode() == text


async def test_a_latin1_link_gets_latin1(centre: Centre) -> None:
    async with house(centre, alphabet="latin1") as opened:
        await opened.gateway.send_sms(PHONE, "$ @ §", 7)
        told = await centre.event("submit")

    assert (told["coding"], bytes.fromhex(told["octets"])) == (0, "$ @ §".encode("latin-1"))


@pytest.mark.parametrize("kind", ["hex", "decimal", "tlv", "early"])
async def test_a_receipt_finds_its_message_however_its_id_is_written(centre: Centre, kind: str) -> None:
    centre.order("rule", receipts=kind)
    async with house(centre) as opened:
        provider_id = await opened.gateway.send_sms(PHONE, "Paid", 42)
        await until(lambda: any(report.reference for report in opened.reports))

    report = opened.reports[-1]
    assert (report.provider_id, report.reference) == (provider_id, 42)
    assert report.receipt.state is State.DELIVERED


async def test_a_receipt_of_a_strangers_message_is_reported_without_one(centre: Centre) -> None:
    fields = {"source_addr": PHONE, "destination_addr": "CLICK", "esm_class": 4}
    octets = b"id:99 sub:001 dlvrd:000 submit date:2611240507 done date:2611240508 stat:UNDELIV err:034 text:"
    async with house(centre) as opened:
        centre.order("deliver", fields=fields, octets=octets.hex())
        await until(lambda: opened.reports or opened.told)

    (report,) = opened.reports
    assert (report.reference, report.receipt.state, report.receipt.error) == (
        None,
        State.UNDELIVERABLE,
        "034",
    )


@pytest.mark.parametrize(
    ("status", "again"),
    [(0x08, True), (0x45, False), (0x0B, False), (0x400, False), (0x401, True)],
)
async def test_a_refusal_says_whether_to_try_again(centre: Centre, status: int, again: bool) -> None:
    centre.order("rule", statuses=[status])
    async with house(centre, retry=(0x401,)) as opened:
        with pytest.raises(SmsNotTaken) as refused:
            await opened.gateway.send_sms(PHONE, "Paid", 7)

    assert refused.value.again is again
    assert "Paid" not in str(refused.value)
    assert PHONE not in str(refused.value)


async def test_a_throttled_message_is_sent_again_by_itself(centre: Centre) -> None:
    centre.order("rule", statuses=[0x58, 0x58, 0x14])
    async with house(centre) as opened:
        provider_id = await opened.gateway.send_sms(PHONE, "Paid", 7)
        statuses = [(await centre.event("submit"))["status"] for _ in range(4)]

    assert statuses == [0x58, 0x58, 0x14, 0]
    assert provider_id


async def test_only_the_parts_that_were_not_taken_are_sent_again(centre: Centre) -> None:
    text = "0123456789" * 40
    centre.order("rule", statuses=[0, 0x08, 0])
    async with house(centre) as opened:
        with pytest.raises(SmsNotTaken):
            await opened.gateway.send_sms(PHONE, text, 7)
        provider_id = await opened.gateway.send_sms(PHONE, text, 7)
        told = [await centre.event("submit") for _ in range(4)]

    taken = {bytes.fromhex(one["octets"])[5]: one["id"] for one in told if one["status"] == 0}
    assert [bytes.fromhex(one["octets"])[5] for one in told] == [1, 2, 3, 2]
    assert provider_id == ",".join(taken[number] for number in (1, 2, 3))


async def test_an_unanswered_message_may_have_arrived(centre: Centre) -> None:
    centre.order("rule", hold=True)
    async with house(centre, response_s=0.3) as opened:
        with pytest.raises(SmsNotTaken, match="no answer") as refused:
            await opened.gateway.send_sms(PHONE, "Paid", 7)

    assert refused.value.again


async def test_without_a_line_a_message_is_refused_at_once(centre: Centre) -> None:
    async with house(centre) as opened:
        centre.order("drop")
        await until(lambda: not opened.gateway.state.up)
        with pytest.raises(SmsNotTaken, match="not sent"):
            await asyncio.wait_for(opened.gateway.send_sms(PHONE, "Paid", 7), 0.3)


@pytest.mark.parametrize(
    ("msisdn", "text"), [("9" * 21, "Paid"), (PHONE, "0" * 40_000)]
)  # fmt: skip
async def test_what_cannot_be_sent_is_refused_for_ever(centre: Centre, msisdn: str, text: str) -> None:
    async with house(centre) as opened:
        with pytest.raises(SmsNotTaken) as refused:
            await opened.gateway.send_sms(msisdn, text, 7)

    assert not refused.value.again


async def test_a_gateway_without_sms_sends_none(centre: Centre) -> None:
    async with house(centre, carries=("ussd",)) as opened:
        with pytest.raises(SmsNotTaken, match="carries no SMS"):
            await opened.gateway.send_sms(PHONE, "Paid", 7)
