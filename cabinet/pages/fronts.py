"""The two fronts as applications: the cabinet for browsers, the app for phones; most pages are the same."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from cabinet import security, sessions
from cabinet.office import Office
from cabinet.pages import (
    checking,
    invoice,
    invoices,
    issuing,
    live,
    mobile,
    reporting,
    settings,
    shell,
    signing,
    static,
    tokens,
    webhooks,
)
from cabinet.pages.shell import APP, CABINET, SHELL, Shell


def mount(served: web.Application, office: Office) -> None:
    """Put the pages on the application that serves the port."""
    watch = live.Watch(office)

    async def stop(_served: web.Application) -> None:
        await watch.stop()

    served[live.WATCH] = watch
    served.on_shutdown.append(stop)
    for front in (CABINET, APP):
        served.router.add_get(front.base, _with_slash(front))
    served.add_subapp("/cabinet/static", static.application())
    served.add_subapp("/cabinet", _front(office, CABINET))
    served.add_subapp("/app", _front(office, APP))


def _front(office: Office, front: Shell) -> web.Application:
    app = web.Application(
        middlewares=[
            shell.errors,
            sessions.middleware(front.kind),
            security.limited(office.options.calls_a_minute),
        ]
    )
    app[SHELL] = front
    app.on_response_prepare.append(security.headers())
    parts = [signing, issuing, invoices, invoice, reporting, settings, live]
    parts += [mobile] if front is APP else [checking, webhooks, tokens]
    for part in parts:
        app.add_routes(part.routes())
    return app


def _with_slash(front: Shell) -> Handler:
    async def lead(_request: web.Request) -> web.Response:
        return web.Response(status=308, headers={"Location": front.base + "/"})

    return lead
