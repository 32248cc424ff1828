"""The web over a small world: an office, people who sign in, and a client of the API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from cabinet.courier import Courier, PushKey
from cabinet.mount import mount
from cabinet.office import Hashing, Office, Options
from invoicing import Accounts, CodeSent, Grant, NewSession, Origin, SessionKind
from invoicing.dispatch import Dispatch
from invoicing.papers import Papers
from invoicing.reports import Reports
from invoicing.staff import Staff
from invoicing.subscriptions import Subscriptions
from invoicing.webhooks import Webhooks
from tests.invoicing.world import SHOP, World

P = ParamSpec("P")
R = TypeVar("R")

PEPPER = b"pepper-of-the-tests!"
PASSWORD = "correct horse battery"
HERE = Origin("192.0.2.1", "a browser")
EVERYTHING_GOES = Options(secure=True, calls_a_minute=1_000_000, private_webhooks=True)


class People:
    """Signing in, as it is done by people: by the code on their phone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = Accounts(world.engine, clock=world.clock, pepper=PEPPER, limits=world.limits)
        self.papers = Papers(world.engine, clock=world.clock)
        self.reports = Reports(world.engine, clock=world.clock)
        self.staff = Staff(world.engine, clock=world.clock)
        self.webhooks = Webhooks(world.engine, clock=world.clock, pepper=PEPPER)
        self.subscriptions = Subscriptions(world.engine, clock=world.clock)
        self.dispatch = Dispatch(world.engine, clock=world.clock, pepper=PEPPER, limits=world.limits)

    def ask(self, phone: str = SHOP, origin: Origin = HERE) -> str:
        """Ask for a code; the reference it is named by."""
        sent = self.accounts.ask_code(phone, origin)
        assert isinstance(sent, CodeSent), sent
        return sent.request_ref

    def code(self, phone: str = SHOP) -> str:
        """The code of the newest SMS."""
        found = re.search(r"\d{6}", self.world.texts(phone)[-1])
        assert found
        return found[0]

    def grant(self, phone: str = SHOP) -> str:
        ref = self.ask(phone)
        given = self.accounts.check_code(phone, ref, self.code(phone), HERE)
        assert isinstance(given, Grant), given
        return given.token

    def sign_up(
        self, phone: str = SHOP, *, kind: SessionKind = SessionKind.WEB, password: str = PASSWORD
    ) -> NewSession:
        """A first password, and the session that comes with it."""
        new = self.accounts.choose_password(self.grant(phone), password, HERE, kind)
        assert isinstance(new, NewSession), new
        return new

    def sign_in(
        self, phone: str = SHOP, *, origin: Origin = HERE, kind: SessionKind = SessionKind.WEB
    ) -> NewSession:
        new = self.accounts.sign_in(phone, PASSWORD, origin, kind)
        assert isinstance(new, NewSession), new
        return new

    def courier(self, *, private: bool = True) -> Courier:
        return Courier(self.dispatch, PushKey(PEPPER), contact="mailto:ops@example.com", private=private)


def in_pool(pool: ThreadPoolExecutor) -> Callable[..., Awaitable[Any]]:
    import asyncio

    def in_thread(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        return asyncio.get_running_loop().run_in_executor(pool, partial(call, *args, **kwargs))

    return in_thread


def office_over(people: People, pool: ThreadPoolExecutor, options: Options = EVERYTHING_GOES) -> Office:
    return Office(
        invoicing=people.world.service,
        accounts=people.accounts,
        papers=people.papers,
        reports=people.reports,
        webhooks=people.webhooks,
        subscriptions=people.subscriptions,
        staff=people.staff,
        in_thread=in_pool(pool),
        hashing=Hashing(pool),
        key=b"web-key-of-the-tests",
        push_key=PushKey(PEPPER).public,
        options=options,
    )


class Api:
    """A client of the API; `token` is whose it speaks as."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], office: Office, people: People
    ) -> None:
        self.client = client
        self.office = office
        self.people = people
        self.token = ""

    def as_(self, new: NewSession) -> Api:
        """The same, speaking as somebody."""
        other = Api(self.client, self.office, self.people)
        other.token = new.token
        return other

    async def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        async with self.client.request(method, f"/api/v1{path}", json=body, headers=sent) as response:
            return await Answer.of(response)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        return await self.send("POST", path, body, key=key, **headers)


class Answer:
    """Status, headers and JSON of an answer."""

    def __init__(self, status: int, headers: Any, octets: bytes, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.octets = octets
        self.body = body

    @classmethod
    async def of(cls, response: ClientResponse) -> Answer:
        octets = await response.read()
        body = await response.json(content_type=None) if octets else None
        return cls(response.status, response.headers, octets, body)

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.body["code"])


async def at_once(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """In place of a thread: for thousands of requests, of which none waits for another."""
    return call(*args, **kwargs)


@asynccontextmanager
async def api_over(
    world: World, options: Options = EVERYTHING_GOES, *, threads: bool = True
) -> AsyncIterator[Api]:
    people = People(world)
    with ThreadPoolExecutor(4) as pool:
        office = office_over(people, pool, options)
        if not threads:
            office = replace(office, in_thread=at_once)
        served = web.Application()
        mount(served, office)
        async with TestClient(TestServer(served)) as client:
            yield Api(client, office, people)


def with_options(office: Office, **changes: Any) -> Office:
    return replace(office, options=replace(office.options, **changes))
