"""Putting the service together: settings in, an application that answers out."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from adapters.credentials import Credentials
from adapters.http import Door
from adapters.lines import LineState
from app import domain, plugins
from app.actions import invoices as actions
from app.actions.push import invoices_shown
from app.handset.demo import Demo
from app.handset.handsets import Handsets
from app.lines import gateways
from app.lines.control import Control
from app.lines.letterbox import Letterbox
from app.lines.links import Links
from app.lines.pushing import Pushes, pushers
from app.menusets import files as menufiles
from app.menusets.reload import Reloader
from app.menusets.versions import MenuVersions
from app.money import Money
from app.planning import Plan, actions_over, compiled, declared_actions, domains_actions
from app.serving.chores import chores
from app.serving.server import Front, application
from app.serving.web import chores as web_chores
from app.serving.web import mount
from app.serving.workers import Workers
from app.settings import Settings
from app.watching import journaling, readiness
from app.watching.backoffice import BackOffice
from app.watching.figures import Counted, Watched
from app.watching.journaling import Opened, journal, sweeping
from app.watching.live import Live
from app.watching.metrics import Metrics
from app.watching.pulse import pulse
from app.watching.readiness import Dependency
from app.watching.spans import Spans
from ussd_engine import Engine, Service, SessionStore
from ussd_engine.http import HttpCaller

P = ParamSpec("P")
R = TypeVar("R")

CHORE_THREADS = 12  # one for each: a slow bank must not keep the lease from being renewed
DRAIN_MAX_S = 5.0
"""How long an action that outlasted its turn may hold up the end."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class House:
    """A service put together.

    Attributes:
        reload: reads the menus again; bad ones change nothing.
        look: whether turns can be played, and what `/readyz` tells.
    """

    application: web.Application
    reload: Callable[[], None]
    look: Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]


@asynccontextmanager
async def open_house(plan: Plan) -> AsyncIterator[House]:
    """Build everything for one worker, and close it in order: turns first, then chores, then stores."""
    settings, metrics = plan.settings, Metrics()
    watched = Watched(metrics.registry)
    store = _store(settings)
    with (
        Money.open(settings, plan.folder, plan.key, line=plan.line) as money,
        _pool(settings.database.threads) as pool,
        _pool(CHORE_THREADS) as chore_pool,
        journal(settings, plan.folder) as kept,
    ):
        if not plan.keeps_money:
            money.upgrade()  # a database in memory is new in each process
        spans = _spans(plan)
        spans.database(money.engine)
        in_thread = spans.in_thread(partial(_in_thread, pool))
        opened = Opened()
        sweep = sweeping(
            settings, plan.folder, metrics, watched, lambda: engine.service.version.hex(), opened
        )
        links = Links(settings, metrics.refuse, _trouble(plan.service), metrics.line, plan.board)
        sender = spans.sender(links.sender(asyncio.get_running_loop(), money.inbox))
        own = (*chores(money, metrics, watched, sender), *web_chores(settings, money, plan.key), *sweep)
        work = own if plan.does_chores else ()
        workers = Workers(work, chore_pool)
        versions = MenuVersions(store, declared_actions)
        caller = _http_caller(settings)
        pushes = Pushes(metrics.push, preferred=settings.push.gateway)
        letters = Letterbox(store, lambda: plan.does_chores and money.lease.held)
        engine = spans.engine_type(
            plan.service,
            store=store,
            actions=actions_over(money, in_thread, pushes),
            key=_derived(plan.key, "fingerprints"),
            clock=time.time,
            watch=_Watch(metrics, workers),
            journal=Counted(watched, kept),
            http=caller,
            older=versions.older,
        )
        pushes.over(engine, pushers(settings, engine, links.by_name, letters))
        if (tell := invoices_shown(pushes, settings.push, asyncio.get_running_loop())) is not None:
            money.invoicing.tell = tell
        compiles = compiled if plan.keeps_money else domain.without(compiled, domains_actions())
        reloader = Reloader(menufiles.folder(settings.menus.path), plan.texts, engine, versions, compiles)
        doors: tuple[plugins.HttpFamily, ...] = ()
        workers.start()
        if plan.does_chores:
            links.start(engine, lambda: money.lease.held)
            letters.start()
        try:
            stands_on = _stands_on(plan, store, money, links, reloader, in_thread)
            doors = tuple(_doors(settings, engine, metrics))
            front = _front(plan, engine, store, money, metrics, in_thread, stands_on, doors)
            live = Live(metrics, plan.live, opened if sweep else None)
            async with (
                reloader.running(watching=settings.menus.reload),
                live.running(plan.does_chores),
                pulse(metrics.registry, plan.worker),
            ):
                served = application(front)
                served.add_routes(_push_routes(plan, engine, pushes, store))
                if plan.keeps_money:
                    kept_at = _journal_folder(plan)
                    back = BackOffice(settings, engine, reloader, metrics, plan.board, plan.live, kept_at)
                    mount(served, settings, money, plan.key, in_thread, workers.nudge, back, demo=plan.demo)
                yield House(served, reloader, partial(readiness.look, stands_on))
        finally:
            await asyncio.gather(*(door.close() for door in doors), return_exceptions=True)
            await pushes.stop()
            await letters.stop()
            await links.stop()
            await engine.drain(DRAIN_MAX_S)
            metrics.add_up()
            await workers.stop()
            await caller.close()
            await store.close()
            await asyncio.to_thread(spans.close)


class _Watch:
    """The engine's watch: figures, and a nudge to the relay, since an action may have queued a notice."""

    def __init__(self, metrics: Metrics, workers: Workers) -> None:
        self.turn = metrics.turn
        self._action = metrics.action
        self._workers = workers

    def action(self, name: str, result: str, seconds: float) -> None:
        self._action(name, result, seconds)
        self._workers.nudge()


def _front(
    plan: Plan,
    engine: Engine,
    store: SessionStore,
    money: Money,
    metrics: Metrics,
    in_thread: actions.InThread,
    stands_on: Mapping[str, Dependency],
    doors: Sequence[plugins.HttpFamily],
) -> Front:
    pages = Demo(engine, store, money.inbox, money.relay, plan.settings.gateways.values(), in_thread)
    return Front(
        routes=(
            *(route for door in doors for route in door.routes()),
            gateways.route(plan.settings, plan.key, plan.board, metrics),
        ),
        metrics=metrics,
        stands_on=stands_on,
        demo={"inbox": pages.inbox, "session": pages.session} if plan.demo else {},
    )


def _stands_on(
    plan: Plan,
    store: SessionStore,
    money: Money,
    links: Links,
    reloader: Reloader,
    in_thread: actions.InThread,
) -> dict[str, Dependency]:
    async def sessions() -> str:
        await store.load("{readyz}")
        return ""

    async def database() -> str:
        await in_thread(money.probe)
        return ""

    async def menus() -> str:
        return reloader.told

    async def taken() -> bool:
        return await in_thread(money.lease.taken)

    def states() -> dict[str, LineState]:
        return {name: link.state for name, link in links.by_name.items()}

    def held() -> bool:
        return money.lease.held

    return {
        "sessions": Dependency(sessions),
        "database": Dependency(database),
        "menus": Dependency(menus),
        "lines": Dependency(readiness.lines(states, held), needed=False),
        "lease": Dependency(readiness.lease(held, taken), needed=False),
        "journal": Dependency(readiness.journal(_journal_folder(plan)), needed=False),
    }


def _journal_folder(plan: Plan) -> Path | None:
    return journaling.folder(plan.settings, plan.folder) if plan.settings.journal.keep_days else None


def _doors(settings: Settings, engine: Engine, metrics: Metrics) -> Iterator[plugins.HttpFamily]:
    """The gateways that are called over HTTP."""
    for gateway in settings.gateways.values():
        family = plugins.adapter(gateway.kind)
        if not plugins.is_http(family):
            continue
        secret = gateway.secret
        credentials = Credentials(
            name=gateway.name,
            clock=time.time,
            secret=secret.get_secret_value() if secret else None,
            allow=gateway.allow,
            certificates=frozenset(gateway.certificates),
            certificate_header=settings.http.certificate_header,
            proxies=settings.http.trusted_proxies,
        )
        door = Door(
            engine=engine,
            credentials=credentials,
            observe=metrics.refuse,
            in_flight_max=settings.http.in_flight_max,
            busy=_trouble(engine.service),
        )
        yield family(gateway.name, gateway.options, door)


def _push_routes(plan: Plan, engine: Engine, pushes: Pushes, store: SessionStore) -> Iterator[web.RouteDef]:
    """What `ussd push` asks, and in the demo the phones that are pushed to."""
    yield from Control(pushes, plan.key, store).routes()
    dialled_by = next((one for one in plan.settings.gateways.values() if one.kind == "africastalking"), None)
    if plan.demo and dialled_by is not None:
        handsets = Handsets(engine, dialled_by.name)
        pushes.over(engine, {dialled_by.name: handsets})
        yield from handsets.routes()


def _trouble(service: Service) -> str:
    return service.say("trouble", service.languages[0])


def _store(settings: Settings) -> SessionStore:
    url = settings.redis.url
    store: SessionStore = plugins.store("redis")(url.get_secret_value()) if url else plugins.store("memory")()
    return store


def _spans(plan: Plan) -> Spans:
    traces = plan.settings.traces
    if traces.endpoint is None:
        return Spans()
    from app.watching.tracing import Tracing

    return Tracing.to(traces.endpoint, traces.share, plan.worker)


def _http_caller(settings: Settings) -> HttpCaller:
    headers = {
        host: {name: value.get_secret_value() for name, value in named.items()}
        for host, named in settings.http_actions.headers.items()
    }
    return HttpCaller(settings.http_actions.allow, headers)


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), "sha256")


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_thread(
    pool: ThreadPoolExecutor, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> Awaitable[R]:
    return asyncio.get_running_loop().run_in_executor(pool, partial(call, *args, **kwargs))
