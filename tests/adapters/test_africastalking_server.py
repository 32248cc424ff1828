"""The HTTP face over a tiny engine: what is refused never reaches it."""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from ipaddress import ip_network
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from adapters import http
from adapters.africastalking.server import AfricasTalking, Options
from adapters.credentials import Credentials
from adapters.form import FORM
from adapters.http import BODY_MAX, Door
from ussd_engine import Kind, Reply, Turn

FIELDS = {"sessionId": "d1", "serviceCode": "*880#", "phoneNumber": "+998901112233", "text": ""}


class EchoEngine:
    """Remembers its turns; says how many there were, or does as told."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Reply(f"Ход {len(self.turns)}", open=True)


class Face:
    """One gateway served on a spare port, and a caller."""

    def __init__(
        self,
        *,
        secret: str | None = None,
        allow: str | None = None,
        in_flight_max: int = 10,
        deadline_s: float = 10.0,
    ) -> None:
        self.engine = EchoEngine()
        self.outcomes: Counter[str] = Counter()
        networks = (ip_network(allow),) if allow else ()
        door = Door(
            engine=self.engine,
            credentials=Credentials(name="at", clock=lambda: 0.0, secret=secret, allow=networks),
            observe=lambda _gateway, outcome: self.outcomes.update([outcome]),
            in_flight_max=in_flight_max,
            busy="Занято",
        )
        app = web.Application(client_max_size=BODY_MAX)
        app.add_routes(AfricasTalking("at", Options(deadline_s=deadline_s), door).routes())
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        self._session = ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._server.close()

    async def post(
        self,
        fields: dict[str, str] | bytes | AsyncIterator[bytes] = b"",
        *,
        path: str = "",
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> tuple[int, str]:
        body = urlencode(fields).encode() if isinstance(fields, dict) else fields
        url = self._server.make_url(f"/gateways/at{path}")
        sent = {"Content-Type": FORM, **(headers or {})}
        async with self._session.request(method, url, data=body, headers=sent) as response:
            return response.status, await response.text()


async def test_a_request_becomes_a_turn_and_its_reply_plain_text() -> None:
    async with Face() as face:
        assert await face.post(FIELDS) == (200, "CON Ход 1")
        assert face.engine.turns[0].msisdn == "998901112233"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"sessionId=1", {}, 400),
        (urlencode(FIELDS).encode() + b"%ff", {}, 400),
        (urlencode({**FIELDS, "text": "1" * 10_000}).encode(), {}, 400),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"text=" + b"1" * (BODY_MAX + 1), {}, 413),
    ],
)
async def test_what_cannot_be_read_gets_one_short_sentence(
    body: bytes, headers: dict[str, str], status: int
) -> None:
    async with Face() as face:
        got, text = await face.post(body, headers=headers)

        assert got == status
        assert text.count("\n") == 1
        assert len(text) < 100
        assert face.engine.turns == []
        assert face.outcomes == {"malformed": 1}


async def test_a_body_without_a_stated_length_is_bounded_too() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_MAX // 1024 + 1):
            yield b"a" * 1024

    async with Face() as face:
        status, text = await face.post(endless())

    assert (status, text) == (413, f"the body is longer than {BODY_MAX} octets\n")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_method_is_405(method: str) -> None:
    async with Face() as face:
        status, _ = await face.post(FIELDS, method=method)

    assert status == 405


async def test_without_the_secret_nothing_reaches_the_engine() -> None:
    right = {"Authorization": "Basic " + b64encode(b"at:s3cret").decode()}
    async with Face(secret="s3cret") as face:
        assert (await face.post(FIELDS))[0] == 401
        assert (await face.post(FIELDS, headers={"Authorization": "Basic eA=="}))[0] == 401
        assert (await face.post({"status": "Failed"}, path="/events"))[0] == 401
        assert face.engine.turns == []
        assert (await face.post(FIELDS, headers=right))[0] == 200


async def test_an_address_off_the_list_is_403() -> None:
    async with Face(allow="192.0.2.0/24") as face:
        assert (await face.post(FIELDS))[0] == 403
        assert face.engine.turns == []
    async with Face(allow="127.0.0.0/8") as face:
        assert (await face.post(FIELDS))[0] == 200


async def test_one_turn_too_many_is_told_at_once_that_the_service_is_busy() -> None:
    async with Face(in_flight_max=1) as face:
        face.engine.gate = asyncio.Event()
        first = asyncio.create_task(face.post(FIELDS))
        while not face.engine.turns:
            await asyncio.sleep(0.01)

        assert await face.post(FIELDS) == (200, "END Занято")
        face.engine.gate.set()
        assert (await first) == (200, "CON Ход 1")
        assert (await face.post(FIELDS)) == (200, "CON Ход 2")


async def test_an_engine_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "GRACE_S", 0.02)
    async with Face(deadline_s=0.05) as face:
        face.engine.gate = asyncio.Event()

        assert await face.post(FIELDS) == (200, "END Занято")
        assert face.outcomes == {"late": 1}


async def test_a_failing_engine_shows_no_traceback() -> None:
    async with Face() as face:
        face.engine.error = RuntimeError("a PIN 24680 in a message")

        assert await face.post(FIELDS) == (200, "END Занято")
        assert face.outcomes == {"failed": 1}


async def test_the_end_of_a_dialogue_reaches_the_session() -> None:
    async with Face() as face:
        status, text = await face.post({**FIELDS, "status": "Incomplete"}, path="/events")

        assert (status, text) == (200, "")
        assert [turn.kind for turn in face.engine.turns] == [Kind.ABORT]
        assert (await face.post({**FIELDS, "status": "Success"}, path="/events"))[0] == 200
        assert len(face.engine.turns) == 1
