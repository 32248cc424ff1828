"""A small menu behind any gateway, over a real HTTP server and the real engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer
from pydantic import TypeAdapter

from adapters.credentials import Credentials
from adapters.http import BODY_MAX, Door
from app import plugins
from ussd_engine import Call, Engine, Reply, Turn, action, compile_menus
from ussd_engine.stores.memory import MemoryStore

MENU = """\
menu: kiosk
service_code: "*880#"
languages: [en]
start: home
shortcuts:
  - {dial: "**0*{client}*{amount}", goto: issued, wrong: "Dial *880**0*phone*sum#"}
states:
  home:
    text: Kiosk
    options:
      - {text: Note, goto: note}
      - {text: Wait, goto: wait}
      - {text: Leave, goto: left}
  note:
    ask: "Note:"
    as: note
    type: {text: {min: 0, max: 60}}
    goto: noted
  noted: {end: "Noted: {note}"}
  wait:
    do: kiosk.wait
    on: {waited: left, failed: gave_up}
  gave_up: {end: It took too long}
  left: {end: Bye}
  client: {ask: "Phone:", as: client, type: {msisdn: {region: UZ}}, goto: amount}
  amount: {ask: "Sum:", as: amount, type: {integer: {min: 1, max: 1000000}}, goto: issued}
  issued: {end: "Invoice {client} {amount}"}
"""


@dataclass(frozen=True)
class Waited:
    """The action ended."""


@action("kiosk.wait")
async def wait(_call: Call) -> Waited:
    """Outlast any deadline of these tests."""
    await asyncio.sleep(30)
    return Waited()


SERVICE = compile_menus({"kiosk.yaml": MENU}, {"kiosk.wait": wait})


@dataclass(frozen=True)
class Got:
    """An answer as received."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Counting:
    """The engine, and every turn it was given."""

    engine: Engine
    turns: list[Turn] = field(default_factory=list)

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        return await self.engine.handle(turn)


@dataclass(frozen=True)
class Received:
    """A request of ours, as a gateway received it."""

    method: str
    path: str
    content_type: str
    authorization: str
    body: str


class Kiosk:
    """One gateway named `gw` on a spare port, a caller, and the gateway's own server for replies sent later.

    `{peer}` in a text option is that server's address; what is sent to its `/moved` is told to go elsewhere.
    """

    def __init__(
        self,
        kind: str,
        options: Mapping[str, Any] | None = None,
        *,
        secret: str | None = None,
        allow: str | None = None,
        in_flight_max: int = 100,
    ) -> None:
        self._family = cast(type[plugins.HttpFamily], plugins.adapter(kind))
        self._given = dict(options or {})
        self.outcomes: Counter[str] = Counter()
        self.received: asyncio.Queue[Received] = asyncio.Queue()
        self.now = 1_795_000_000.0
        engine = Engine(
            SERVICE,
            store=MemoryStore(),
            actions={"kiosk.wait": wait},
            key=b"k" * 32,
            clock=lambda: self.now,
        )
        self.engine = Counting(engine)
        self._door = Door(
            engine=self.engine,
            credentials=Credentials(
                name="gw",
                clock=lambda: self.now,
                secret=secret,
                allow=(ip_network(allow),) if allow else (),
            ),
            observe=lambda _gateway, outcome: self.outcomes.update([outcome]),
            in_flight_max=in_flight_max,
            busy="Busy, try later",
        )

    async def __aenter__(self) -> Self:
        peer = web.Application()
        peer.router.add_route("*", "/{path:.*}", self._receive)
        self._peer = TestServer(peer)
        await self._peer.start_server()
        address = str(self._peer.make_url("/"))[:-1]
        given = {
            name: value.replace("{peer}", address) if isinstance(value, str) else value
            for name, value in self._given.items()
        }
        options = TypeAdapter(self._family.options_type).validate_python(given)
        app = web.Application(client_max_size=BODY_MAX)
        self.gateway = self._family("gw", options, self._door)
        app.add_routes(self.gateway.routes())
        self._server = TestServer(app)
        await self._server.start_server()
        self._session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._server.close()
        await self._peer.close()

    @property
    def url(self) -> str:
        """The gateway's address."""
        return str(self._server.make_url("/gateways/gw"))

    async def ask(
        self,
        method: str,
        path: str = "",
        *,
        query: str = "",
        body: bytes | AsyncIterator[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        """Send one request, its query and body as they are."""
        url = self._server.make_url("/").with_path(f"/gateways/gw{path}", encoded=True)
        target = type(url)(f"{url}?{query}" if query else str(url), encoded=True)
        async with self._session.request(
            method, target, data=body or None, headers=dict(headers or {}), skip_auto_headers=["Content-Type"]
        ) as response:
            return Got(response.status, await response.text(), response.headers)

    async def _receive(self, request: web.Request) -> web.Response:
        headers = request.headers
        self.received.put_nowait(
            Received(
                request.method,
                request.path,
                headers.get("Content-Type", ""),
                headers.get("Authorization", ""),
                await request.text(),
            )
        )
        moved = {"Location": "/elsewhere"} if request.path == "/moved" else {}
        return web.Response(status=307 if moved else 200, headers=moved)
