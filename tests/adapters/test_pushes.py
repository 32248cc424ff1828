"""Screens pushed by HTTP gateways, each played by a server of its own from the literal texts of its guide."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer
from pydantic import TypeAdapter

from adapters.codec import Asked
from adapters.credentials import Credentials
from adapters.http import Door
from adapters.yate.wire import Options, Yate
from app import plugins
from ussd_engine import Engine, Pusher, PushOutcome, Reply, compile_menus
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
  offer: {push: {}, text: Оплатить?, options: [{text: Да, goto: sum}]}
  done: {end: "Paid {sum}"}
  told: {push: {}, end: We close at nine}
"""


class Operator:
    """A gateway's own server: keeps what it is sent, answers as it is told."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers, self.got = answers, list[tuple[str, str, dict[str, str]]]()
        self.server: BaseTestServer

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append((request.method, await request.text(), dict(request.headers)))
        answer = self.answers[min(len(self.got), len(self.answers)) - 1]
        if callable(answer):
            await answer()
            return web.Response()
        status, kind, text, headers = answer
        return web.Response(status=status, content_type=kind, text=text, headers=headers)


class Kiosk:
    """An engine, one gateway of a family, and its operator's server."""

    def __init__(self, engine: Engine, pusher: Pusher, operator: Operator, ours: BaseTestServer) -> None:
        self.engine, self.pusher, self.operator, self.ours = engine, pusher, operator, ours

    async def push(self, state: str = "kiosk.offer") -> PushOutcome:
        return await self.engine.push("gw", self.pusher, PHONE, state, {})

    async def called_back(self, method: str, **given: Any) -> tuple[str, dict[str, str]]:
        """The gateway's request to us."""
        async with (
            ClientSession() as session,
            session.request(method, self.ours.make_url("/gateways/gw"), **given) as response,
        ):
            return await response.text(), dict(response.headers)


@asynccontextmanager
async def kiosk(kind: str, answers: list[Any], **options: Any) -> AsyncIterator[Kiosk]:
    service = compile_menus({"kiosk.yaml": MENU}, {})
    engine = Engine(service, store=MemoryStore(), actions={}, key=b"tests", clock=time.time)
    operator = Operator(answers)
    theirs = web.Application()
    theirs.router.add_route("*", "/push", operator.take)
    async with TestServer(theirs) as server:
        operator.server = server
        family: Any = plugins.adapter(kind)
        given = {"push_url": str(server.make_url("/push")), **options}
        made = TypeAdapter(family.options_type).validate_python(given)
        door = Door(
            engine=engine, credentials=Credentials(name="gw", clock=time.time), observe=lambda *_: None
        )
        app = web.Application()
        app.add_routes(family("gw", made, door).routes())
        pusher = family.pusher("gw", made, engine)
        async with TestServer(app) as ours:
            yield Kiosk(engine, pusher, operator, ours)
        if hasattr(pusher, "close"):
            await pusher.close()


# --- RestComm --------------------------------------------------------------------------------------------


def xml(text: str, status: int = 200, cookie: str = "1379BF8AF4DB8CACF444AEA6375AD85E") -> tuple[Any, ...]:
    return status, "text/xml", text, {"Set-Cookie": f"JSESSIONID={cookie}; Path=/mobicents"}


def typed(text: str) -> tuple[Any, ...]:
    return xml(
        '<?xml version="1.0" encoding="UTF-8" ?><dialog type="Continue" '
        'appCntx="networkUnstructuredSsContext_version2" networkId="0" localId="12" remoteId="13" '
        'mapMessagesSize="1" returnMessageOnError="false">'
        f'<unstructuredSSRequest_Response invokeId="0" dataCodingScheme="15" string="{text}"/></dialog>'
    )


SHOWN = xml(
    '<dialog type="Continue" localId="12" remoteId="13" mapMessagesSize="1">'
    '<unstructuredSSNotify_Response invokeId="0"/></dialog>'
)
ENDED = xml('<dialog type="End" localId="12" remoteId="13" mapMessagesSize="0"></dialog>')
ABSENT = xml(
    '<dialog type="End" networkId="0" localId="0" remoteId="0" mapMessagesSize="0" sriPart="true" '
    'emptyDialogHandshake="true" returnMessageOnError="false"><errComponents><invokeId value="1"/>'
    '<errorComponent type="MAPErrorMessageAbsentSubscriberSM" errorCode="6">'
    '<absentSubscriberDiagnosticSM value="IMSIDetached"/></errorComponent></errComponents></dialog>'
)
BUSY = xml(ABSENT[2].replace('errorCode="6"', 'errorCode="72"'))
ABORTED = xml(
    '<dialog type="Unknown" localId="12" remoteId="13" mapMessagesSize="0" '
    'mapUserAbortChoice="isUserSpecificReason" returnMessageOnError="false"><errComponents/></dialog>'
)
TIMED_OUT = xml(
    '<dialog type="Unknown" localId="12" remoteId="13" mapMessagesSize="0" dialogTimedOut="true" '
    'returnMessageOnError="false"><errComponents/></dialog>'
)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_restcomm_is_asked_for_the_whole_dialogue_and_told_when_it_ends() -> None:
    answers = [typed("1"), typed("700"), SHOWN, ENDED]
    async with kiosk("restcomm", answers, push_user="click", push_password="sesame") as opened:
        assert await opened.push() is PushOutcome.ANSWERED
        await until(lambda: len(opened.operator.got) == 4)

    bodies = [re.sub(r"^<\?xml.*?\?>", "", body) for _, body, _ in opened.operator.got]
    assert bodies == [
        (
            '<dialog mapMessagesSize="1" customInvokeTimeout="60000"><unstructuredSSRequest_Request '
            'dataCodingScheme="72" string="Оплатить?&#10;1.Да">'
            f'<msisdn nai="international_number" npi="ISDN" number="{PHONE}"/>'
            "</unstructuredSSRequest_Request></dialog>"
        ),
        (
            '<dialog mapMessagesSize="1" customInvokeTimeout="60000"><unstructuredSSRequest_Request '
            'dataCodingScheme="15" string="How much?&#10;00.Back"></unstructuredSSRequest_Request></dialog>'
        ),
        (
            '<dialog mapMessagesSize="1" customInvokeTimeout="60000"><unstructuredSSNotify_Request '
            'dataCodingScheme="15" string="Paid 700"></unstructuredSSNotify_Request></dialog>'
        ),
        '<dialog mapMessagesSize="0" prearrangedEnd="false"></dialog>',
    ]
    headers = [one for _, _, one in opened.operator.got]
    assert "Cookie" not in headers[0]
    assert {one["Cookie"] for one in headers[1:]} == {"JSESSIONID=1379BF8AF4DB8CACF444AEA6375AD85E"}
    assert {one["Authorization"] for one in headers} == {"Basic Y2xpY2s6c2VzYW1l"}


async def test_restcomm_shows_a_notice_and_is_told_that_the_dialogue_is_over() -> None:
    async with kiosk("restcomm", [SHOWN, ENDED]) as opened:
        assert await opened.push("kiosk.told") is PushOutcome.SHOWN

    assert "unstructuredSSNotify_Request" in opened.operator.got[0][1]
    assert 'mapMessagesSize="0"' in opened.operator.got[1][1]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ABSENT, PushOutcome.ABSENT),
        (BUSY, PushOutcome.BUSY),
        (ABORTED, PushOutcome.REFUSED),
        (TIMED_OUT, PushOutcome.TIMEOUT),
        (xml("", status=500), PushOutcome.REFUSED),
        (xml("<dialog"), PushOutcome.UNKNOWN),
        ((200, "text/plain", "moved", {}), PushOutcome.UNKNOWN),
    ],
)
async def test_what_restcomm_says_of_a_push_is_told(answer: tuple[Any, ...], outcome: PushOutcome) -> None:
    async with kiosk("restcomm", [answer]) as opened:
        assert await opened.push() is outcome


async def test_a_subscriber_of_restcomm_who_leaves_later_ends_the_dialogue() -> None:
    async with kiosk("restcomm", [typed("1"), ABORTED, typed("1"), SHOWN, ENDED]) as opened:
        assert await opened.push() is PushOutcome.ANSWERED
        await until(lambda: len(opened.operator.got) == 2)
        await asyncio.sleep(0.05)

        assert await opened.push() is PushOutcome.ANSWERED  # else it would be busy


async def test_a_cookie_of_restcomm_that_no_header_holds_is_not_sent_back() -> None:
    async with kiosk("restcomm", [xml(typed("1")[2], cookie='"a b"'), ENDED]) as opened:
        await opened.push()
        await until(lambda: len(opened.operator.got) == 2)

    assert "Cookie" not in opened.operator.got[1][2]


# --- YateUSGW --------------------------------------------------------------------------------------------


async def test_yate_takes_a_push_and_its_callbacks_go_on_with_it() -> None:
    async with kiosk("yate", [(200, "text/plain", "", {})]) as opened:
        assert await opened.push() is PushOutcome.ACCEPTED
        (method, body, _), *_ = opened.operator.got
        fields = {name: one for name, (one,) in parse_qs(body).items()}
        session = {"id": fields["id"], "msisdn": PHONE, "operation": "ussr", "code": ""}
        second, heads = await opened.called_back("GET", params={**session, "text": "1"})
        last, last_heads = await opened.called_back("GET", params={**session, "text": "700"})

    assert method == "POST"
    assert fields == {"id": fields["id"], "operation": "ussr", "msisdn": PHONE, "text": "Оплатить?\n1.Да"}
    assert (second, heads.get("operation")) == ("How much?\n00.Back", None)
    assert (last, last_heads.get("operation")) == ("Paid 700", "ussn")


def test_yate_that_replies_are_sent_to_ends_a_push_by_ussn() -> None:
    codec = Yate("gw", Options(url="http://gw/usgw/ussd.php"))

    for named, ends in (("push-1", "ussn"), ("gw-101", "pssr")):
        heard = codec.decode(Asked("GET", query=f"id={named}&operation=ussr&msisdn={PHONE}&text=1"))
        call = codec.call(Reply("Bye", open=False), heard)
        assert call is not None
        assert parse_qs(call.body.decode())["operation"] == [ends]


async def test_yate_shows_a_notice_by_ussn() -> None:
    async with kiosk("yate", [(200, "text/plain", "", {})]) as opened:
        assert await opened.push("kiosk.told") is PushOutcome.ACCEPTED

    assert parse_qs(opened.operator.got[0][1])["operation"] == ["ussn"]


async def test_a_yate_that_refuses_is_told() -> None:
    async with kiosk("yate", [(404, "text/plain", "no such subscriber", {})]) as opened:
        assert await opened.push() is PushOutcome.REFUSED


# --- MADAPI ----------------------------------------------------------------------------------------------


def madapi(status: int = 200, code: str = "0000") -> tuple[Any, ...]:
    told = {
        "statusCode": code,
        "statusMessage": "Successful",
        "transactionId": "2100",
        "data": {"outboundResponse": "", "sessionId": "push-1", "msisdn": PHONE},
    }
    return status, "application/json", json.dumps(told), {}


MADAPI = {"push_code": "880", "push_key": "a long key"}


async def test_madapi_takes_a_push_and_its_requests_go_on_with_it() -> None:
    async with kiosk("madapi", [madapi()], **MADAPI) as opened:
        assert await opened.push() is PushOutcome.ACCEPTED
        sent = json.loads(opened.operator.got[0][1])
        session = {"sessionId": sent["sessionId"], "messageType": "1", "msisdn": PHONE, "serviceCode": "880"}
        second, _ = await opened.called_back("POST", json={**session, "ussdString": "1"})
        last, _ = await opened.called_back("POST", json={**session, "ussdString": "700"})

    assert sent == {
        "sessionId": sent["sessionId"],
        "messageType": "0",
        "msisdn": PHONE,
        "serviceCode": "880",
        "ussdString": "Оплатить?\n1.Да",
    }
    assert opened.operator.got[0][2]["X-API-Key"] == "a long key"
    assert json.loads(second)["data"]["inboundResponse"] == "How much?\n00.Back"
    assert json.loads(last)["data"] | {"serviceCode": "", "msisdn": ""} == {
        "inboundResponse": "Paid 700",
        "userInputRequired": False,
        "messageType": 2,
        "serviceCode": "",
        "msisdn": "",
    }


async def test_madapi_is_proved_to_by_a_token_where_that_is_set() -> None:
    async with kiosk("madapi", [madapi()], push_code="880", push_token="t0ken") as opened:
        await opened.push("kiosk.told")

    assert opened.operator.got[0][2]["Authorization"] == "Bearer t0ken"
    assert json.loads(opened.operator.got[0][1])["messageType"] == "3"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (madapi(code="4001"), PushOutcome.REFUSED),
        (madapi(status=401), PushOutcome.REFUSED),
        ((200, "text/plain", "ok", {}), PushOutcome.UNKNOWN),
    ],
)
async def test_what_madapi_says_of_a_push_is_told(answer: tuple[Any, ...], outcome: PushOutcome) -> None:
    async with kiosk("madapi", [answer], **MADAPI) as opened:
        assert await opened.push() is outcome


# --- all of them -----------------------------------------------------------------------------------------

FAMILIES = [("restcomm", {}), ("yate", {}), ("madapi", MADAPI)]


@pytest.mark.parametrize(("kind", "options"), FAMILIES)
async def test_where_nobody_listens_nothing_was_shown(kind: str, options: dict[str, Any]) -> None:
    given = {"push_url": "http://127.0.0.1:1/push", **options}
    async with kiosk(kind, [], **given) as opened:
        assert await opened.push() is PushOutcome.TROUBLE


@pytest.mark.parametrize(("kind", "options"), FAMILIES)
async def test_a_gateway_that_does_not_answer_leaves_it_unknown(kind: str, options: dict[str, Any]) -> None:
    async def never() -> None:
        await asyncio.sleep(3)

    given = {"push_within_s": 0.2, **options} | ({"push_answer_s": 0.1} if kind == "restcomm" else {})
    async with kiosk(kind, [never], **given) as opened:
        assert await opened.push() is PushOutcome.UNKNOWN


@pytest.mark.parametrize(("kind", "options"), FAMILIES)
async def test_no_credential_is_in_any_text(kind: str, options: dict[str, Any]) -> None:
    family: Any = plugins.adapter(kind)
    given = {"push_url": "http://gw/push", "push_user": "click", "push_password": "sesame", **options}
    made = TypeAdapter(family.options_type).validate_python(given)

    assert "sesame" not in repr(made)
    assert "a long key" not in repr(made)


@pytest.mark.parametrize(("kind", "options"), FAMILIES)
def test_an_address_that_is_none_stops_the_start(kind: str, options: dict[str, Any]) -> None:
    family: Any = plugins.adapter(kind)
    with pytest.raises(ValueError, match="push_url"):
        family.options_type(**{"push_url": "gateway/push", **options})


@pytest.mark.parametrize(("kind", "options"), FAMILIES)
def test_without_an_address_a_gateway_does_not_push(kind: str, options: dict[str, Any]) -> None:
    family: Any = plugins.adapter(kind)
    assert family.pusher("gw", family.options_type(**options), None) is None
