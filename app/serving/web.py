"""The web on the one port: the JSON API, the cabinet and the app, over the money domain."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from app.money import Money
from app.serving.workers import Chore
from app.settings import Settings
from cabinet.admin.back import Back
from cabinet.courier import Courier, PushKey
from cabinet.mount import mount as mount_office
from cabinet.office import HASHING_THREADS, Hashing, InThread, Office, Options
from cabinet.running import Running
from invoicing.backoffice import BackOffice
from invoicing.dispatch import Dispatch
from invoicing.papers import Papers
from invoicing.reports import Reports
from invoicing.staff import Staff
from invoicing.subscriptions import Subscriptions
from invoicing.webhooks import Webhooks


def mount(
    served: web.Application,
    settings: Settings,
    money: Money,
    key: bytes,
    in_thread: InThread,
    nudge: Callable[[], None],
    running: Running,
    *,
    demo: bool,
) -> None:
    """Serve `/api/v1`, `/cabinet/`, `/app/` and `/admin/`; the threads that hash passwords end with it."""
    pool = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing")

    async def end(_served: web.Application) -> None:
        pool.shutdown(wait=True, cancel_futures=True)

    served.on_cleanup.append(end)
    given, pepper = settings.cabinet, _pepper(key)
    office = Office(
        invoicing=money.invoicing,
        accounts=money.accounts,
        papers=Papers(money.engine, clock=money.clock),
        reports=Reports(money.engine, clock=money.clock),
        webhooks=Webhooks(money.engine, clock=money.clock, pepper=pepper),
        subscriptions=Subscriptions(money.engine, clock=money.clock),
        staff=Staff(money.engine, clock=money.clock),
        in_thread=in_thread,
        hashing=Hashing(pool),
        key=hmac.digest(key, b"web", "sha256"),
        push_key=PushKey(key).public,
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
    mount_office(served, office, Back(BackOffice(money.engine, clock=money.clock), running))


def chores(settings: Settings, money: Money, key: bytes) -> tuple[Chore, ...]:
    """Carry webhooks and push messages, drop sessions that are over: by the process that holds the lease."""
    given, pepper = settings.cabinet, _pepper(key)
    dispatch = Dispatch(money.engine, clock=money.clock, pepper=pepper, limits=settings.limits)
    private = given.private_webhooks
    courier = Courier(dispatch, PushKey(key), contact=given.push_contact, private=private)

    def owned(work: Callable[[], int]) -> Callable[[], int]:
        return lambda: work() if money.lease.held else 0

    return (
        Chore("courier", owned(courier.run_once), every_s=1.0, nudged=True),
        Chore("sessions", owned(money.accounts.forget), every_s=600.0),
    )


def _pepper(key: bytes) -> bytes:
    """As `Money` makes it: codes are sealed here and opened by its relay."""
    return hmac.digest(key, b"pins", "sha256")
