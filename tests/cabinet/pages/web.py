"""A browser without a screen: follows redirects, keeps cookies, sends what forms hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from cabinet.admin.back import Back
from cabinet.mount import mount
from cabinet.office import Options
from tests.cabinet.web import PASSWORD, People, office_over
from tests.invoicing.world import SHOP, World

OPTIONS = Options(secure=False, calls_a_minute=1_000_000, private_webhooks=True)


class Page(HTMLParser):
    """An answer read as a page: its words, its forms' hidden fields, its links."""

    def __init__(self, response: ClientResponse, octets: bytes) -> None:
        super().__init__()
        self.response = response
        self.status = response.status
        self.octets = octets
        self.hidden: dict[str, str] = {}
        self.links: list[str] = []
        self.words: list[str] = []
        self.ids: set[str] = set()
        if response.content_type == "text/html":
            self.feed(octets.decode())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())

    @property
    def path(self) -> str:
        return self.response.url.path

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[given["name"]] = given.get("value", "")
        elif tag == "input" and given.get("value"):
            self.words.append(given["value"])
        if tag == "a":
            self.links.append(given.get("href", ""))
        if "id" in given:
            self.ids.add(given["id"])

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Browser:
    """Somebody at a front: `base` is `/cabinet`, `/app` or `/admin`."""

    def __init__(self, client: TestClient[web.Request, web.Application], base: str) -> None:
        self.client = client
        self.base = base
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> Page:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._page("GET", path, headers=sent)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Page:
        """As the page's own form sends it, with its token."""
        sent = {"Sec-Fetch-Site": "same-origin"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._page("POST", path, data={"csrf": self.csrf} | dict(fields or {}), headers=sent)

    async def _page(self, method: str, path: str, **given: Any) -> Page:
        async with self.client.request(method, self.base + path, **given) as response:
            page = Page(response, await response.read())
        self.csrf = page.hidden.get("csrf", self.csrf)
        return page

    async def sign_in(self, phone: str = SHOP) -> Page:
        return await self.post("/signin", {"phone": phone, "password": PASSWORD})


class Here:
    """A served world, and who stands at it."""

    def __init__(self, world: World, people: People, server: TestServer) -> None:
        self.world = world
        self.people = people
        self._server = server
        self._clients: list[TestClient[web.Request, web.Application]] = []

    async def browser(self, base: str = "/cabinet") -> Browser:
        client = TestClient(self._server, cookie_jar=CookieJar(unsafe=True))
        self._clients.append(client)
        return Browser(client, base)

    async def owner(self, base: str = "/cabinet", phone: str = SHOP) -> Browser:
        """A browser of a merchant who has signed in."""
        self.people.sign_up(phone)
        browser = await self.browser(base)
        page = await browser.sign_in(phone)
        assert page.status == 200, page.text
        return browser

    async def left_alone(self) -> None:
        """Wait until nobody is connected any more."""
        while any(one.transport is not None for one in serving(self._server).connections):
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        for client in self._clients:
            await client.session.close()


def serving(server: TestServer) -> web.Server:
    assert server.runner is not None
    assert server.runner.server is not None
    return server.runner.server


@asynccontextmanager
async def here_over(
    world: World, back: Back | None = None, options: Options = OPTIONS
) -> AsyncIterator[Here]:
    people = People(world)
    with ThreadPoolExecutor(4) as pool:
        served = web.Application()
        mount(served, office_over(people, pool, options), back)
        server = TestServer(served)
        await server.start_server()
        serving(server).handler_cancellation = False  # as the service is served
        here = Here(world, people, server)
        yield here
        await here.close()
        await server.close()
