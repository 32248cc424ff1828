"""HTTP actions declared in a menu, against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from ussd_engine import Call, Engine, Kind, MenuError, Turn, compile_menus
from ussd_engine.http import HttpCaller
from ussd_engine.stores.memory import MemoryStore

MENU = """
menu: weather
service_code: "*123#"
start: city
actions:
  weather.now:
    http: http://127.0.0.1:{port}/now
    send: {{city: text}}
    timeout: 0.3
    retry: 1
    returns:
      found: {{where: {{ok: true}}, set: {{
        temperature: {{from: current.temp, type: integer, max: 60}},
        sky: {{from: current.sky, max: 10}},
        wind: {{from: current.wind, max: 10, optional: true}}}}}}
      unknown: {{status: 404}}
states:
  city: {{ask: City, as: city, type: {{text: {{max: 20}}}}, goto: look}}
  look: {{do: weather.now, with: {{city: city}}, on: {{found: show, unknown: nowhere}}}}
  show: {{end: "{{city}}: {{temperature}}, {{sky}}[, {{wind}}]"}}
  nowhere: {{end: No such city}}
"""

Answer = Callable[[web.Request], Awaitable[web.Response]]


class Service:
    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answer: Answer = self.plain

    async def plain(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "current": {"temp": 21, "sky": "clear"}})

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return await self.answer(request)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, int]]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/now", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield service, port
    await runner.cleanup()


async def ask(port: int, city: str, allow: bool = True, menu: str = MENU) -> str:
    caller = HttpCaller([f"127.0.0.1:{port}"] if allow else [])
    engine = Engine(
        compile_menus({"weather.yaml": menu.format(port=port)}, {}),
        store=MemoryStore(time.time),
        actions={},
        key=b"k" * 16,
        clock=time.time,
        http=caller,
    )
    await engine.handle(Turn("g", "d", "998901234567", Kind.BEGIN, "*123#"))
    reply = await engine.handle(Turn("g", "d", "998901234567", Kind.ANSWER, city))
    await caller.close()
    return reply.text


async def test_an_answer_sets_the_declared_variables(service: tuple[Service, int]) -> None:
    fake, port = service

    assert await ask(port, "Tashkent") == "Tashkent: 21, clear"
    assert fake.asked[0].query == {"city": "Tashkent"}


async def test_a_status_is_a_result(service: tuple[Service, int]) -> None:
    fake, port = service

    async def missing(request: web.Request) -> web.Response:
        return web.json_response({}, status=404)

    fake.answer = missing

    assert await ask(port, "Atlantis") == "No such city"


@pytest.mark.parametrize(
    "body",
    [
        b'{"ok": false, "current": {"temp": 1, "sky": "x"}}',
        b'{"ok": true, "current": {"temp": 61, "sky": "x"}}',
        b'{"ok": true, "current": {"temp": "21", "sky": "x"}}',
        b'{"ok": true, "current": {"sky": "x"}}',
        b'{"ok": true, "current": []}',
        b"not json",
        b"\xff\xfe",
        b"[" * 20_000,
        b'{"ok": true, "filler": "' + b"x" * 70_000 + b'"}',
    ],
)
async def test_an_answer_that_breaks_its_declaration_is_a_failure(
    service: tuple[Service, int], body: bytes
) -> None:
    fake, port = service

    async def broken(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    fake.answer = broken

    assert "not available" in await ask(port, "Tashkent")


async def test_a_text_longer_than_declared_is_cut(service: tuple[Service, int]) -> None:
    fake, port = service

    async def long(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "current": {"temp": 1, "sky": "very very cloudy", "wind": "w"}})

    fake.answer = long

    assert await ask(port, "X") == "X: 1, very very., w"


async def test_half_a_character_in_a_text_is_left_out(service: tuple[Service, int]) -> None:
    """What counts in UTF-16 units cuts an emoji in two; no store or journal can hold the half of it."""
    fake, port = service

    async def cut(request: web.Request) -> web.Response:
        body = b'{"ok": true, "current": {"temp": 1, "sky": "fine\\ud83d"}}'
        return web.Response(body=body, content_type="application/json")

    fake.answer = cut
    goes_on = MENU.replace("show: {{end:", "show: {{options: [{{text: Bye, goto: nowhere}}], text:")

    assert await ask(port, "Rome", menu=goes_on) == "Rome: 1, fine\n1.Bye\n0.Back"


async def test_flags_and_nothing_are_written_as_json_writes_them(service: tuple[Service, int]) -> None:
    fake, port = service
    sends = MENU.replace("{{city: text}}", "{{city: text, metric: flag}}").replace(
        "{{city: city}}", "{{city: city, metric: true}}"
    )
    asks_null = sends.replace("where: {{ok: true}}", "where: {{error: null}}")

    async def no_error(request: web.Request) -> web.Response:
        return web.json_response({"error": None, "current": {"temp": 21, "sky": "clear"}})

    fake.answer = no_error

    assert await ask(port, "Rome", menu=asks_null) == "Rome: 21, clear"
    assert fake.asked[0].query == {"city": "Rome", "metric": "true"}


async def test_a_slow_service_is_asked_once_more_and_then_given_up(service: tuple[Service, int]) -> None:
    fake, port = service

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    fake.answer = slow

    assert "not available" in await ask(port, "Tashkent")
    assert len(fake.asked) == 2


async def test_a_host_that_is_not_allowed_is_never_called(service: tuple[Service, int]) -> None:
    fake, port = service

    assert "not available" in await ask(port, "Tashkent", allow=False)
    assert fake.asked == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [("http://LocalHost:{port}/now", "LocalHost:{port}"), ("http://[::1]:{port}/now", "[::1]:{port}")],
)
async def test_a_host_is_allowed_as_it_is_written_in_the_menu(
    service: tuple[Service, int], url: str, allowed: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, port = service
    menu = MENU.replace("http://127.0.0.1:{port}/now", json.dumps(url))
    action = compile_menus({"weather.yaml": menu.format(port=port)}, {}).http["weather.now"]
    caller = HttpCaller([allowed.format(port=port)])
    await caller.run(action, Call("g", "d", "998901234567", "en", "key", 0.0), {"city": "Rome"}, 0.0)
    await caller.close()

    assert "allow-list" not in caplog.text


async def test_a_redirect_is_not_followed(service: tuple[Service, int]) -> None:
    fake, port = service

    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    fake.answer = elsewhere

    assert "not available" in await ask(port, "Tashkent")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/now", "in the open"),
        ("https://user:word@example.org/now", "no URL of one fixed host"),
        ("https://example.org/now?key=1", "no URL of one fixed host"),
        ("ftp://example.org/now", "no URL of one fixed host"),
        ("https://example.org/{city}", "variables"),
        ("https://[::/now", "no URL"),
    ],
)
def test_a_url_that_is_not_one_safe_fixed_place_is_a_problem(url: str, said: str) -> None:
    text = MENU.format(port=1).replace("http://127.0.0.1:1/now", json.dumps(url))

    with pytest.raises(MenuError) as refused:
        compile_menus({"weather.yaml": text}, {})

    assert refused.value.problems[0].rule == "http-url"
    assert said in str(refused.value)
