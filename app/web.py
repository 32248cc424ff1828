"""The web on the one port: the JSON API, the cabinet and the app, over the money domain."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from app.money import Money
from app.settings import Settings
from cabinet.mount import mount as mount_office
from cabinet.office import HASHING_THREADS, Hashing, InThread, Office, Options
from invoicing import Accounts
from invoicing.papers import Papers


def mount(
    served: web.Application,
    settings: Settings,
    money: Money,
    key: bytes,
    in_thread: InThread,
    nudge: Callable[[], None],
    *,
    demo: bool,
) -> None:
    """Serve `/api/v1`, `/cabinet/` and `/app/`; the threads that hash passwords end with the application."""
    pool = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing")

    async def end(_served: web.Application) -> None:
        pool.shutdown(wait=True, cancel_futures=True)

    served.on_cleanup.append(end)
    given, pepper = settings.cabinet, hmac.digest(key, b"pins", "sha256")  # as Money makes it
    office = Office(
        invoicing=money.invoicing,
        accounts=Accounts(money.engine, clock=money.clock, pepper=pepper, limits=settings.limits),
        papers=Papers(money.engine, clock=money.clock),
        in_thread=in_thread,
        hashing=Hashing(pool),
        key=hmac.digest(key, b"web", "sha256"),
        options=Options(
            secure=given.secure,
            proxies=settings.http.trusted_proxies,
            calls_a_minute=given.calls_a_minute,
            private_webhooks=given.private_webhooks,
            push_contact=given.push_contact,
            demo=demo,
        ),
        nudge=nudge,
    )
    mount_office(served, office)
