"""What goes past the router, and what must not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from app.serving.straight import shorten


async def _named(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["name"])


async def _routed(request: web.BaseRequest) -> web.Response:
    """Whether the router has seen the request."""
    assert isinstance(request, web.Request)
    return web.Response(text=str(request._match_info is not None))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes(
        (
            web.post("/gateways/one", _routed),
            web.get("/gateways/one", _routed),
            web.get("/gateways/{name}/state", _named),
            web.get("/page", _routed),
        )
    )
    runner = web.AppRunner(application)
    await runner.setup()
    assert runner.server is not None
    shorten(runner.server, application)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_gateways_plain_path_is_not_routed_whatever_its_query_says(url: str) -> None:
    async with ClientSession() as client:
        for method, path in (("POST", "/gateways/one"), ("GET", "/gateways/one?text=%2A880%23")):
            async with client.request(method, url + path) as answer:
                assert (answer.status, await answer.text()) == (200, "False")


async def test_pages_and_paths_with_names_in_them_are_routed(url: str) -> None:
    async with ClientSession() as client:
        async with client.get(f"{url}/page") as answer:
            assert await answer.text() == "True"
        async with client.get(f"{url}/gateways/two/state") as answer:
            assert await answer.text() == "two"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/gateways/one", 405), ("POST", "/gateways/none", 404), ("POST", "/gateways/one/", 404)],
)
async def test_what_is_not_served_is_refused_as_ever(url: str, method: str, path: str, status: int) -> None:
    async with ClientSession() as client, client.request(method, url + path) as answer:
        assert answer.status == status


async def test_who_waits_to_be_told_to_continue_is_told(url: str) -> None:
    async with (
        ClientSession() as client,
        client.post(f"{url}/gateways/one", data=b"x", expect100=True) as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "True")
