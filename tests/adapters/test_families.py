"""What is peculiar to one family, beside what the suite plays for all."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.airtel.wire import Airtel
from adapters.airtel.wire import Options as AirtelOptions
from adapters.codec import Asked, Options
from adapters.exchange import Exchange
from adapters.hubtel.wire import Hubtel
from adapters.hubtel.wire import Options as HubtelOptions
from adapters.infobip.wire import REMEMBERED_MAX, Infobip
from adapters.infobip.wire import Options as InfobipOptions
from adapters.madapi.wire import Madapi
from adapters.madapi.wire import Options as MadapiOptions
from adapters.restcomm.wire import Options as RestCommOptions
from adapters.restcomm.wire import RestComm
from adapters.vumi.wire import Junebug
from adapters.vumi.wire import Options as VumiOptions
from adapters.yate.wire import Options as YateOptions
from tests.adapters.payloads import ALL
from tests.adapters.serving import Kiosk
from ussd_engine import Kind, Reply, WireError

JSON = "application/json"
PHONE = "998901234567"


def as_json(path: str = "", method: str = "POST", **fields: object) -> Asked:
    return Asked(method, path, "", JSON, json.dumps(fields).encode())


def test_airtel_may_ask_for_its_userid_and_password() -> None:
    airtel = Airtel("gw", AirtelOptions(service_code="*880#", userid="u", password="s3cret"))
    query = f"SessionID=D1&MSISDN={PHONE}&input=880"

    for wrong in ("", "&userid=u", "&userid=u&password=guess", "&userid=&password=s3cret"):
        with pytest.raises(WireError) as caught:
            airtel.decode(Asked("GET", "", query + wrong))
        assert caught.value.status == 401
    assert airtel.decode(Asked("GET", "", f"{query}&userid=u&password=s3cret")).turn is not None
    assert "s3cret" not in repr(airtel.options)


@pytest.mark.parametrize(
    ("typed", "kind", "text"),
    [
        ("880", Kind.BEGIN, "*880#"),
        ("880**0*901234567*5", Kind.BEGIN, "*880**0*901234567*5#"),
        ("8801", Kind.ANSWER, "8801"),
        ("", Kind.ANSWER, ""),
    ],
)
def test_airtel_begins_by_our_own_code_and_nothing_else(typed: str, kind: Kind, text: str) -> None:
    airtel = Airtel("gw", AirtelOptions(service_code="*880#"))
    turn = airtel.decode(Asked("GET", "", f"SessionID=D1&MSISDN={PHONE}&input={typed}")).turn

    assert turn is not None
    assert (turn.kind, turn.text) == (kind, text)


def test_infobip_answers_whether_a_session_is_active() -> None:
    infobip = Infobip("gw", InfobipOptions())

    def active() -> object:
        heard = infobip.decode(Asked("GET", "/session/D1/status"))
        return json.loads(infobip.encode(Reply("", open=False), heard).body)["sessionActive"]

    assert active() is False
    infobip.decode(as_json("/session/D1/start", msisdn=PHONE, shortCode="*880#"))
    assert active() is True
    infobip.decode(as_json("/session/D1/end", "PUT", exitCode=510, reason="Abort"))
    assert active() is False


def test_infobip_forgets_the_session_that_began_first() -> None:
    infobip = Infobip("gw", InfobipOptions(service_code="*880#"))
    for number in range(REMEMBERED_MAX + 1):
        infobip.decode(as_json(f"/session/D{number}/start", msisdn=PHONE))

    with pytest.raises(WireError) as caught:
        infobip.decode(as_json("/session/D0/response", text="1"))
    assert caught.value.status == 404
    assert infobip.decode(as_json("/session/D1/response", text="1")).turn is not None


def test_infobip_takes_the_number_that_a_response_does_name() -> None:
    turn = (
        Infobip("gw", InfobipOptions()).decode(as_json("/session/D1/response", text="1", msisdn=PHONE)).turn
    )

    assert turn is not None
    assert (turn.kind, turn.msisdn) == (Kind.ANSWER, PHONE)


def test_hubtel_gets_its_client_state_back_and_a_repeat_has_its_sequence() -> None:
    hubtel = Hubtel("gw", HubtelOptions())
    heard = hubtel.decode(
        as_json(Mobile=PHONE, SessionId="D1", Type="response", Message="1", Sequence=7, ClientState="page 2")
    )

    assert heard.turn is not None
    assert heard.turn.request_id == "7"
    assert json.loads(hubtel.encode(Reply("x", open=True), heard).body)["ClientState"] == "page 2"


def test_a_notification_of_madapi_is_no_turn() -> None:
    heard = Madapi("gw", MadapiOptions()).decode(
        as_json(sessionId="D1", messageType="3", msisdn=PHONE, ussdString="x")
    )

    assert heard.turn is None


@pytest.mark.parametrize(
    ("attributes", "inside", "kind"),
    [
        ('type="End"', "", Kind.ABORT),
        ('type="Continue" mapAbortProviderReason="x"', "", Kind.ABORT),
        ('type="Abort" mapRefuseReason="x"', "", Kind.ABORT),
        ('type="Continue" invokeTimedOut="6"', "", Kind.ABORT),
        ('type="Continue"', "<errComponents/>", Kind.ABORT),
        ('type="Continue" dialogTimedOut="true"', "", Kind.TIMEOUT),
    ],
)
def test_restcomm_tells_an_end_in_many_ways(attributes: str, inside: str, kind: Kind) -> None:
    body = f'<dialog {attributes} localId="1" remoteId="2">{inside}</dialog>'.encode()
    cookie = f"other=1; JSESSIONID={PHONE}-5"
    turn = RestComm("gw", RestCommOptions()).decode(Asked("POST", "", "", "text/xml", body, cookie)).turn

    assert turn is not None
    assert (turn.kind, turn.msisdn, turn.dialogue) == (kind, PHONE, "1-2")


@pytest.mark.parametrize("event", [None, ""])
def test_a_message_outside_a_session_is_no_turn(event: str | None) -> None:
    junebug = Junebug("gw", VumiOptions(url="http://127.0.0.1/"))
    message = as_json(message_id="M1", to="*880#", content="hi", channel_data={"session_event": event})

    assert junebug.decode(message).turn is None
    assert junebug.decode(as_json("/events", event_type="ack")).turn is None


@pytest.mark.parametrize("options", [VumiOptions, YateOptions])
@pytest.mark.parametrize("url", ["junebug", "ftp://a/", "http://"])
def test_an_address_that_is_none_is_refused_with_an_example(options: type, url: str) -> None:
    with pytest.raises(ValidationError, match="Write it as http://"):
        TypeAdapter(options).validate_python({"url": url})


@pytest.mark.parametrize("rate", ["often", "5", "5 per", "-1/second"])
def test_a_rate_that_is_none_is_refused_with_an_example(rate: str) -> None:
    with pytest.raises(ValidationError, match='Write it as "500/second"'):
        TypeAdapter(Options).validate_python({"rate": rate})


async def test_a_reply_that_a_gateway_does_not_take_is_counted_and_shown_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    form = next(form for form in ALL if form.name == "vumi/junebug")
    begin = form.step("begin")
    async with Kiosk("junebug", {**form.options, "url": "http://127.0.0.1:9/"}) as kiosk:
        begin_answer = await begin.play(kiosk)
        async with asyncio.timeout(5):
            while not kiosk.outcomes["unsent"]:
                await asyncio.sleep(0.01)

    assert begin_answer.status == 200
    assert PHONE not in caplog.text
    assert "s3cret" not in caplog.text


async def test_replies_on_their_way_are_bounded() -> None:
    form = next(form for form in ALL if form.name == "yate/async")
    begin, slow = form.step("begin"), form.step("slow")
    async with form.kiosk(in_flight_max=1, options={"deadline_s": 1.5}) as kiosk:
        assert isinstance(kiosk.gateway, Exchange)
        await begin.check(kiosk)
        await kiosk.gateway.close()
        assert (await slow.play(kiosk)).status == 200
        assert (await slow.play(kiosk)).status == 503
        assert kiosk.outcomes == {"busy": 1}
        await kiosk.gateway.close()
        slow.must_call(kiosk.received.get_nowait())
        await begin.check(kiosk)


async def test_a_reply_does_not_follow_a_gateway_elsewhere() -> None:
    form = next(form for form in ALL if form.name == "vumi/junebug")
    async with Kiosk("junebug", {**form.options, "url": "{peer}/moved"}) as kiosk:
        assert isinstance(kiosk.gateway, Exchange)
        await form.step("begin").play(kiosk)
        await kiosk.gateway.close()

        assert [(await kiosk.received.get()).path] == ["/moved"]
        assert kiosk.received.empty()
        assert kiosk.outcomes == {"unsent": 1}
