"""What every page and every call of the API needs: the domain, threads to ask it in, the web's options."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Final, ParamSpec, Protocol, TypeVar

from aiohttp import web

from invoicing import Accounts, Invoicing
from invoicing.papers import Papers
from invoicing.reports import Reports
from invoicing.staff import Staff
from invoicing.subscriptions import Subscriptions
from invoicing.webhooks import Webhooks

P = ParamSpec("P")
R = TypeVar("R")

HASHING_THREADS: Final = 2
HASHING_WAITING_MAX: Final = 40
"""Passwords that wait for a thread: at 30 ms each with two threads, some 0.6 s."""


class InThread(Protocol):
    """Runs a synchronous call in a thread and awaits its result."""

    def __call__(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]: ...


class TooBusy(Exception):
    """More passwords wait to be checked than would be answered in time; the same call may be made again."""


class Hashing:
    """The few threads in which passwords are hashed: 19 MiB and 30 ms each, so memory does not run out.

    Raises:
        TooBusy: too many wait already.
    """

    def __init__(self, pool: Executor, waiting_max: int = HASHING_WAITING_MAX) -> None:
        self._pool = pool
        self._waiting_max = waiting_max
        self._waiting = 0

    async def __call__(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._waiting >= self._waiting_max:
            raise TooBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, partial(call, *args, **kwargs)
            )
        finally:
            self._waiting -= 1


@dataclass(frozen=True)
class Options:
    """How the web is set up.

    Attributes:
        secure: cookies are `__Host-` and `Secure`, and browsers are told to keep to TLS.
        proxies: peers whose `X-Forwarded-For` counts.
        calls_a_minute: of the API, by one token or one address.
        private_webhooks: webhooks may go to private addresses and plain HTTP, as in the demo.
        push_contact: whom a push service may write to about our messages, `mailto:` or `https:`.
        demo: says so on pages.
    """

    secure: bool = True
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    calls_a_minute: int = 600
    private_webhooks: bool = False
    push_contact: str = "mailto:support@click.uz"
    demo: bool = False


@dataclass(frozen=True)
class Office:
    """The domain as the web asks it.

    Attributes:
        in_thread: for calls of the domain.
        hashing: for those that hash a password: all of `Accounts` that take one.
        key: what anti-forgery tokens are made with.
        push_key: the service's public key for push services, as a browser subscribes with it.
        nudge: tells the relay that there may be something to send.
    """

    invoicing: Invoicing
    accounts: Accounts
    papers: Papers
    reports: Reports
    webhooks: Webhooks
    subscriptions: Subscriptions
    staff: Staff
    in_thread: InThread
    hashing: Hashing
    key: bytes = field(repr=False)
    push_key: str
    options: Options = Options()
    nudge: Callable[[], None] = lambda: None

    def derived(self, purpose: str, value: str) -> str:
        """A keyed digest that only this service can make."""
        return hmac.digest(self.key, f"{purpose}:{value}".encode(), "sha256").hex()


OFFICE: Final = web.AppKey("office", Office)


def office_of(request: web.Request) -> Office:
    """The office that serves this request."""
    return request.config_dict[OFFICE]
