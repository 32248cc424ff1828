"""The line itself: binding, staying alive, window, rate, losses, the end; against node-smpp and smpp34."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.smpp import wire
from adapters.smpp.gateway import Options, Smpp
from adapters.smpp.link import Link, LinkOptions
from adapters.smpp.wire import Pdu
from adapters.sms import SmsNotTaken
from tests.adapters.smpp.conftest import house, until
from tests.adapters.smpp.drops import drop
from tests.peers.smpp import Centre, node_centre, rust_centre
from ussd_engine import Reply, Turn

PHONE = "998901234567"


class Slow:
    """An engine that is in no hurry."""

    async def handle(self, turn: Turn) -> Reply:
        await asyncio.sleep(0.3)
        return Reply("at last", open=False)


@pytest.mark.parametrize(("bind", "carries"), [("transceiver", ("sms", "ussd")), ("transmitter", ("sms",)),
                                               ("receiver", ())])  # fmt: skip
async def test_each_kind_of_bind_is_made_and_unbound_in_order(
    centre: Centre, bind: str, carries: tuple[str, ...]
) -> None:
    async with house(centre, bind=bind, carries=carries):
        bound = await centre.event("bound")
    await centre.event("unbound")

    assert (bound["command"], bound["version"]) == (f"bind_{bind}", 0x34)


async def test_a_refused_bind_is_tried_again_and_never_shows_the_password(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    link = Link(
        "smsc1", LinkOptions("127.0.0.1", centre.port, "ussd", "wrong", backoff_first_s=0.02), lambda _: 0
    )
    running = asyncio.create_task(link.run())
    for _ in range(3):
        await centre.event("refused")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert any("ESME_RINVPASWD" in record.__dict__.get("why", "") for record in caplog.records)
    assert not any("wrong" in str(record.__dict__) for record in caplog.records)
    assert "wrong" not in repr(link.__dict__["_options"])


async def test_both_ends_ask_whether_the_other_is_alive(centre: Centre) -> None:
    async with house(centre, enquire_every_s=0.1) as opened:
        for _ in range(3):
            await centre.event("enquired")
        centre.order("raw", octets="00000010000000150000000000000009")
        await centre.event("enquired")

        assert opened.gateway.state.losses == 0


async def test_a_unit_right_behind_the_answer_to_the_bind_is_taken() -> None:
    answers = list[Pdu]()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = wire.Frames()
        while octets := await reader.read(1 << 16):
            for pdu in map(wire.decode, frames.feed(octets)):
                if pdu.is_response:
                    answers.append(pdu)
                else:
                    writer.write(wire.answer(pdu) + wire.encode(Pdu(wire.DELIVER_SM, 77)))
        writer.close()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    options = LinkOptions("127.0.0.1", server.sockets[0].getsockname()[1], "ussd", "sesame")
    running = asyncio.create_task(Link("smsc1", options, lambda _: 0).run())
    await until(lambda: answers)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.close()

    assert answers[0] == Pdu(wire.DELIVER_SM | wire.RESPONSE, 77, 0, {"message_id": ""})


async def test_a_centre_that_is_silent_is_left_and_bound_again() -> None:
    binds = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal binds
        head = await reader.readexactly(16)
        await reader.readexactly(int.from_bytes(head[:4], "big") - 16)
        binds += 1
        writer.write(bytes.fromhex("000000118000000900000000") + head[12:] + b"\0")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = replace(
        LinkOptions("127.0.0.1", port, "ussd", "sesame"),
        response_s=0.1,
        enquire_every_s=0.05,
        backoff_first_s=0.01,
    )
    running = asyncio.create_task(Link("smsc1", options, lambda _: 0).run())
    await until(lambda: binds >= 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.close()


async def test_a_centre_that_unbinds_is_answered_and_bound_again(centre: Centre) -> None:
    async with house(centre) as opened:
        await centre.event("bound")
        centre.order("unbind")
        await centre.event("bound")

        assert opened.gateway.state.losses == 1


async def test_a_request_nobody_knows_is_refused_and_the_line_stays(centre: Centre) -> None:
    async with house(centre) as opened:
        for octets in ("00000010000000080000000000000007", "00000014000000050000000000000008ffffffff"):
            centre.order("raw", octets=octets)
        provider_id = await opened.gateway.send_sms(PHONE, "Paid", 7)

        assert provider_id
        assert opened.gateway.state.losses == 0


async def test_noise_on_the_line_costs_the_line_only(centre: Centre) -> None:
    async with house(centre) as opened:
        await centre.event("bound")
        centre.order("raw", octets="ffffffff" * 8)
        await centre.event("bound")
        await until(lambda: opened.gateway.state.up)

        assert await opened.gateway.send_sms(PHONE, "Paid", 7)


async def test_no_more_requests_are_unanswered_than_the_window_holds(centre: Centre) -> None:
    centre.order("rule", hold=True)
    async with house(centre, window=3, response_s=0.3) as opened:
        sending = [asyncio.create_task(opened.gateway.send_sms(PHONE, "Paid", n)) for n in range(5)]
        for _ in range(3):
            await centre.event("held")
        state = opened.gateway.state
        await asyncio.gather(*sending, return_exceptions=True)

    assert (state.unanswered, state.waiting) == (3, 2)


async def test_the_rate_is_kept(centre: Centre) -> None:
    async with house(centre, rate_per_s=50) as opened:
        began = time.monotonic()
        await asyncio.gather(*(opened.gateway.send_sms(PHONE, "Paid", n) for n in range(30)))
        took = time.monotonic() - began

    assert took >= 0.5, "30 at 50 a second, the first few at once"


async def test_a_screen_goes_before_waiting_sms(centre: Centre) -> None:
    async with house(centre, window=1, rate_per_s=20) as opened:
        sending = [asyncio.create_task(opened.gateway.send_sms(PHONE, "Paid", n)) for n in range(20)]
        await asyncio.sleep(0)
        centre.order("dial", msisdn="998901112233", text="*880#")
        await centre.event("screen")
        left = sum(not one.done() for one in sending)
        await asyncio.gather(*sending)

    assert left > 10


async def test_the_end_lets_the_screen_under_way_out_and_takes_nothing_new(centre: Centre) -> None:
    async with house(centre, Slow()) as opened:
        centre.order("dial", msisdn=PHONE, text="*880#")
        await centre.event("delivered", status=0)
    screen = await centre.event("screen")
    await centre.event("unbound")

    assert screen["text"] == "at last"
    with pytest.raises(SmsNotTaken):
        await opened.gateway.send_sms(PHONE, "Paid", 7)


async def test_a_line_may_be_given_up_and_taken_again(centre: Centre) -> None:
    options = Options("127.0.0.1", centre.port, "ussd", "sesame")
    gateway = Smpp("smsc1", options, lambda *_: None)
    for _ in range(2):
        running = asyncio.create_task(gateway.run(Slow()))
        await until(lambda: gateway.state.up)
        provider_id = await gateway.send_sms(PHONE, "Paid", 7)
        centre.order("dial", msisdn=PHONE, text="*880#")
        await centre.event("screen")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await centre.event("unbound")

        assert provider_id
        assert not gateway.state.up


async def test_a_line_dropped_twenty_times_under_load_loses_no_accepted_message() -> None:
    sent = await drop(20)

    assert sent.losses >= 20
    assert sent.lost == set()


@pytest.fixture
def own_certificate(tmp_path: Path) -> tuple[str, str]:
    """Key and certificate of this machine, signed by itself."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    asked = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=centre -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *asked.split(), "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate


async def test_a_line_may_be_encrypted(own_certificate: tuple[str, str]) -> None:
    key, certificate = own_certificate
    async with (
        node_centre(0, key, certificate) as centre,
        house(centre, tls=True, tls_ca=certificate) as opened,
    ):
        assert await opened.gateway.send_sms(PHONE, "Paid", 7)


async def test_a_certificate_nobody_vouches_for_is_no_line(
    own_certificate: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with node_centre(0, *own_certificate) as centre:
        options = Options("127.0.0.1", centre.port, "ussd", "sesame", tls=True)
        gateway = Smpp("smsc1", options, lambda *_: None)
        running = asyncio.create_task(gateway.run(Slow()))
        await until(lambda: "SSLCertVerificationError" in [one.__dict__.get("why") for one in caplog.records])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        assert await centre.has_no("bound", 0.1)


# --- another centre, of another make ------------------------------------------------------------------------


async def test_a_centre_of_another_make_plays_a_dialogue_and_takes_sms() -> None:
    async with rust_centre() as centre, house(centre, profile="plus") as opened:
        await centre.event("bound")
        tlvs = {"0501": "01", "1501": "00000007"}
        phone = {"msisdn": "998901112233", "code": "880"}
        centre.order("deliver", **phone, octets=b"*880#".hex(), tlvs=tlvs)
        first = await centre.event("submit")
        centre.order(
            "deliver", msisdn="998901112233", code="880", octets=b"1".hex(), tlvs=tlvs | {"0501": "12"}
        )
        second = await centre.event("submit")
        centre.order("rule", statuses=[0x58])
        provider_id = await opened.gateway.send_sms(PHONE, "Оплачено" * 10, 7)
        told = [await centre.event("submit") for _ in range(3)]

    assert bytes.fromhex(first["octets"]).startswith(b"Kiosk \x1b<1\x1b>")
    assert first["tlvs"] == {"0501": "02", "1501": "00000007"}
    assert bytes.fromhex(second["octets"]).decode("utf-16-be").startswith("Сумма счёта")
    assert sorted(one["status"] for one in told) == [0, 0, 0x58]
    assert sorted(provider_id.split(",")) == sorted(one["id"] for one in told if not one["status"])
