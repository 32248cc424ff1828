"""The one port: gateways, health, metrics, and in the demo the inbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

from adapters.form import msisdn
from adapters.http import BODY_MAX
from app.watching import readiness
from app.watching.metrics import Metrics
from app.watching.readiness import Dependency
from ussd_engine import WireError

log = logging.getLogger(__name__)
_dumps = partial(json.dumps, ensure_ascii=False)

Page = Callable[[str], Awaitable[Any]]
"""What the demo shows about a phone, as JSON."""


@dataclass(frozen=True)
class Front:
    """What the port serves.

    Attributes:
        stands_on: the dependencies of `/readyz`, by name.
        demo: pages under `/demo/<name>/<msisdn>`; none outside the demo.
    """

    routes: Sequence[web.RouteDef]
    metrics: Metrics
    stands_on: Mapping[str, Dependency]
    demo: Mapping[str, Page] = field(default_factory=dict)


def application(front: Front) -> web.Application:
    """The aiohttp application of `front`."""
    app = web.Application(client_max_size=BODY_MAX, logger=log)
    app.add_routes(front.routes)
    app.add_routes(_own_routes(front))
    return app


def _own_routes(front: Front) -> Iterable[web.RouteDef]:
    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_request: web.Request) -> web.Response:
        answers, told = await readiness.look(front.stands_on)
        return web.json_response(told, status=200 if answers else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=front.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    yield web.get("/healthz", alive)
    yield web.get("/readyz", ready)
    yield web.get("/metrics", metrics)
    for name, page in front.demo.items():
        yield web.get(f"/demo/{name}/{{msisdn}}", _demo_page(page))


def _demo_page(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        try:
            number = msisdn(request.match_info["msisdn"], "the phone")
        except WireError as error:
            return web.Response(status=error.status, text=f"{error}\n")
        return web.json_response(await page(number), dumps=_dumps)

    return show
