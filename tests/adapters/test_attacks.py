"""Attacks on a gateway's door, by the numbers of domain.md section 6."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import quoteattr

import pytest

from adapters import binding, http
from adapters.binding import BOUND_MAX, BOUND_S, Bindings
from adapters.credentials import signature
from adapters.form import FORM
from tests.adapters.payloads import ALL, Payloads, Step
from tests.adapters.serving import Kiosk
from tests.adapters.test_conformance import http_forms
from ussd_engine import Kind

OWNER, STRANGER = "998901234567", "998977654321"
SECRET = "s3cret-of-the-gateway"
HEADERS = {"Content-Type": FORM}
AFRICAS_TALKING = next(form for form in ALL if form.name == "africastalking/deep_in_text")
UNNAMED = ("imimobile", "junebug", "vumi", "sads")
"""Kinds whose dialogues are the phone's; a form of Kannel's is so, too."""
BOUND = [form for form in ALL if form.kind not in UNNAMED and form.name != "declared/kannel"]


def turn(text: str = "", *, dialogue: str = "D1", phone: str = OWNER) -> bytes:
    fields = {"sessionId": dialogue, "serviceCode": "*880#", "phoneNumber": phone, "text": text}
    return urlencode(fields).encode()


async def post(kiosk: Kiosk, body: bytes, **headers: str) -> tuple[int, str]:
    got = await kiosk.ask("POST", body=body, headers={**HEADERS, **headers})
    return got.status, got.text


def signed(kiosk: Kiosk, body: bytes, *, nonce: str, age_s: int = 0) -> dict[str, str]:
    stamp = str(int(kiosk.now) - age_s)
    made = signature(SECRET, "POST", "/gateways/gw", stamp, nonce, body)
    return {"X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": made}


async def test_s1_only_a_listed_address_reaches_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "adapters.http")
    async with AFRICAS_TALKING.kiosk(allow="192.0.2.0/24") as kiosk:
        assert (await post(kiosk, turn()))[0] == 403
        # What a caller says of itself is no address: nobody named this peer a proxy.
        assert (await post(kiosk, turn(), **{"X-Forwarded-For": "192.0.2.1"}))[0] == 403
        assert kiosk.engine.turns == []
        assert kiosk.outcomes == {"denied": 2}
    refused = [record for record in caplog.records if record.name == "adapters.http"]
    assert [record.__dict__["status"] for record in refused] == [403, 403]


async def test_s1_a_signature_that_is_missing_wrong_old_or_used_is_refused() -> None:
    body = turn()
    async with AFRICAS_TALKING.kiosk(secret=SECRET) as kiosk:
        right = signed(kiosk, body, nonce="n1")
        assert (await post(kiosk, body))[0] == 401
        assert (await post(kiosk, turn("1"), **right))[0] == 401
        assert (await post(kiosk, body, **signed(kiosk, body, nonce="n2", age_s=600)))[0] == 401
        assert kiosk.engine.turns == []

        assert (await post(kiosk, body, **right))[0] == 200
        assert (await post(kiosk, body, **right))[0] == 401
        assert len(kiosk.engine.turns) == 1


async def test_s2_another_phone_in_an_open_dialogue_is_refused_and_closes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with AFRICAS_TALKING.kiosk() as kiosk:
        await post(kiosk, turn())
        await post(kiosk, turn("1"))

        assert await post(kiosk, turn("1*coffee", phone=STRANGER)) == (200, "END Busy, try later")
        assert kiosk.outcomes == {"hijack": 1}
        assert [(each.kind, each.msisdn) for each in kiosk.engine.turns[2:]] == [(Kind.ABORT, OWNER)]
        assert await post(kiosk, turn("1*coffee")) == (200, "END The session is over. Dial *880#")
    alarm = next(record for record in caplog.records if record.levelno == logging.WARNING)
    assert "another phone" in alarm.getMessage()
    assert STRANGER not in str(alarm.__dict__)
    assert OWNER not in str(alarm.__dict__)


@pytest.mark.parametrize("form", BOUND, ids=lambda form: form.name)
async def test_s2_holds_in_every_form_that_names_its_dialogues(form: Payloads) -> None:
    """The stranger begins under the same id; where an answer names the phone, so it is with answers."""
    step = form.step("begin")
    async with form.kiosk() as kiosk:
        await step.check(kiosk)
        assert OWNER in step.send
        await step.play(kiosk, send=step.send.replace(OWNER, STRANGER))
        async with asyncio.timeout(5):
            while not kiosk.outcomes["hijack"]:
                await asyncio.sleep(0.01)
        assert {each.msisdn for each in kiosk.engine.turns} == {OWNER}
        got = await form.step("answer").play(kiosk)
        assert "Note:" not in got.text


async def test_s2_a_stranger_does_not_end_a_dialogue_of_another_id() -> None:
    async with AFRICAS_TALKING.kiosk() as kiosk:
        await post(kiosk, turn())
        await post(kiosk, turn(dialogue="D2", phone=STRANGER))

        assert await post(kiosk, turn("1")) == (200, "CON Note:\n00.Back")
        assert await post(kiosk, turn("1", dialogue="D2", phone=STRANGER)) == (200, "CON Note:\n00.Back")


async def test_s3_the_id_of_an_ended_dialogue_serves_another_phone() -> None:
    async with AFRICAS_TALKING.kiosk() as kiosk:
        for text in ("", "1", "1*coffee"):
            await post(kiosk, turn(text))

        status, shown = await post(kiosk, turn(phone=STRANGER))
        assert (status, shown[:9]) == (200, "CON Kiosk")
        assert await post(kiosk, turn("1", phone=STRANGER)) == (200, "CON Note:\n00.Back")


def test_s3_the_id_of_a_forgotten_dialogue_is_free_the_next_day() -> None:
    bindings = Bindings()
    assert bindings.owner("D1", OWNER, 1000.0) == OWNER
    assert bindings.owner("D1", STRANGER, 1000.0 + BOUND_S - 1) == OWNER
    assert bindings.owner("D1", STRANGER, 1000.0 + 86_400) == STRANGER


def test_s3_the_end_frees_an_id_whatever_its_age() -> None:
    for asked_again_at in (1000.0, 1000.0 + BOUND_S + 1):
        bindings = Bindings()
        bindings.owner("D1", OWNER, 1000.0)
        bindings.owner("D2", OWNER, asked_again_at)
        bindings.owner("D1", OWNER, asked_again_at)
        bindings.end("D1")
        assert bindings.owner("D1", STRANGER, asked_again_at) == STRANGER


def test_s2_what_is_remembered_is_bounded_and_lasts_a_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    bindings = Bindings()
    for number in range(3 * BOUND_MAX):
        bindings.owner(f"D{number}", OWNER, 1000.0)
        assert len(bindings) <= BOUND_MAX
    assert bindings.owner(f"D{3 * BOUND_MAX - BOUND_MAX // 2}", STRANGER, 1000.0) == OWNER

    monkeypatch.setattr(binding, "BOUND_S", 10.0)
    late = Bindings()
    for second in range(100):
        late.owner(f"D{second}", OWNER, float(second))
        assert late.owner(f"D{max(0, second - 10)}", STRANGER, float(second)) == OWNER


@pytest.mark.parametrize(
    "typed", ["a*2#*50000", "*1*2*3", "**0*901234567*50000#", "#", "*", "**", "1*", "98*1"]
)
@pytest.mark.parametrize("name", ["africastalking/deep_in_text", "declared/safaricom", "declared/advanta"])
async def test_s14_stars_typed_into_a_field_stay_in_it(name: str, typed: str) -> None:
    form = next(form for form in ALL if form.name == name)
    async with form.kiosk() as kiosk:
        for case in ("begin", "answer"):
            await form.step(case).check(kiosk)
        end = form.step("end")
        got = await end.play(kiosk, send=end.send.replace("coffee", quote(typed, safe="")))

        assert got.text == f"END Noted: {typed}"
        assert len(kiosk.engine.turns) == 3


WEIRD = [
    "\x1b",
    "a\x1bb",
    "😀" * 30,
    "Ў😀",
    "{}[]~€^|\\",
    "x" * 60,
    "Ж" * 60,
    "\u200e\u202e",
    "\ufffe",
    "]]>",
    "\r\n",
    "&lt;",
]


@http_forms
async def test_s15_edges_of_the_alphabets_give_whole_answers(form: Payloads) -> None:
    end = form.step("end")
    for typed in WEIRD:
        async with form.kiosk() as kiosk:
            for case in ("begin", "answer"):
                await form.step(case).check(kiosk)
            got = await end.play(kiosk, send=end.send.replace("coffee", written(typed, end)))
            assert got.status in (200, 400), typed
            if end.calls is not None:
                continue
            if got.status == 200 and "xml" in end.answers:
                fromstring(got.text)
            elif got.status == 200 and "json" in end.answers:
                json.loads(got.text)
            got.text.encode()


def written(typed: str, step: Step) -> str:
    """A text as a form writes it."""
    if "json" in step.content_type:
        return json.dumps(typed)[1:-1]
    return quoteattr(typed)[1:-1] if "xml" in step.content_type else quote(typed, safe="")


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ud83d\\ud83d"])
@pytest.mark.parametrize(
    "form", [form for form in ALL if "json" in form.content_type], ids=lambda form: form.name
)
async def test_s15_half_a_character_is_refused(form: Payloads, half: str) -> None:
    end = form.step("end")
    async with form.kiosk() as kiosk:
        for case in ("begin", "answer"):
            await form.step(case).check(kiosk)
        assert (await end.play(kiosk, send=end.send.replace("coffee", half))).status == 400
        await end.check(kiosk)


async def test_s23_a_flood_is_shed_at_once_and_the_next_request_is_served() -> None:
    for deadline_s in (1.0, 5.0, 25.0):
        if await shed(deadline_s):
            return
    raise AssertionError("two hundred requests took longer than the longest turn")


async def shed(deadline_s: float) -> bool:
    """A flood while five turns last; whether it was over before they were, as on an idle machine."""
    async with AFRICAS_TALKING.kiosk(in_flight_max=5, options={"deadline_s": deadline_s}) as kiosk:
        for number in range(5):
            await post(kiosk, turn(dialogue=f"D{number}", phone=f"99890000000{number}"))
        slow = [
            asyncio.create_task(post(kiosk, turn("2", dialogue=f"D{number}", phone=f"99890000000{number}")))
            for number in range(5)
        ]
        while len(kiosk.engine.turns) < 10:
            await asyncio.sleep(0.01)
        flood = await asyncio.gather(
            *(post(kiosk, turn(dialogue=f"F{number}", phone=f"9989{number:08}")) for number in range(200))
        )
        if any(one.done() for one in slow):
            return False

        assert set(flood) == {(200, "END Busy, try later")}
        assert kiosk.outcomes == {"busy": 200}
        assert len(kiosk.engine.turns) == 10
        assert set(await asyncio.gather(*slow)) == {(200, "END It took too long")}
        assert (await post(kiosk, turn(dialogue="after")))[1].startswith("CON ")
    return True


async def test_s23_a_body_that_trickles_in_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_S", 0.05)
    monkeypatch.setattr(http, "GRACE_S", 0.05)

    async def trickle() -> AsyncIterator[bytes]:
        for octet in turn():
            await asyncio.sleep(0.05)
            yield bytes((octet,))

    async with AFRICAS_TALKING.kiosk() as kiosk:
        got = await kiosk.ask("POST", body=trickle(), headers=HEADERS)
        assert got.status == 408
        assert kiosk.engine.turns == []


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_s23_a_body_that_is_not_compressed_as_it_says_is_malformed(coding: str) -> None:
    async with AFRICAS_TALKING.kiosk(secret=SECRET) as kiosk:
        assert (await post(kiosk, turn(), **{"Content-Encoding": coding}))[0] == 400
        assert kiosk.outcomes == {"malformed": 1}


async def test_s23_a_megabyte_is_refused_by_its_stated_length() -> None:
    async with AFRICAS_TALKING.kiosk() as kiosk:
        status, text = await post(kiosk, b"text=" + b"1" * 1_000_000)
        assert (status, text) == (413, f"the body is longer than {http.BODY_MAX} octets\n")
