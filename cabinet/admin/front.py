"""The operators' front as an application: nothing of it but the sign-in is shown to anybody else."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from cabinet import security, sessions
from cabinet.admin import opened, searching, signing, watching
from cabinet.admin.back import BACK, Back
from cabinet.office import Office
from cabinet.pages import shell
from cabinet.pages.shell import ADMIN, SHELL

_OPEN: Final = frozenset({f"{ADMIN.base}/signin", f"{ADMIN.base}/language"})
"""What is answered without a session; everything else fails closed, whatever its handler forgets."""


def mount(served: web.Application, office: Office, back: Back) -> None:
    """Put the pages on the application that serves the port."""
    served.router.add_get(ADMIN.base, _with_slash)
    served.add_subapp(ADMIN.base, _front(office, back))


def _front(office: Office, back: Back) -> web.Application:
    app = web.Application(
        middlewares=[
            shell.errors,
            sessions.middleware(ADMIN.kind, quiet=watching.QUIET),
            security.limited(office.options.calls_a_minute),
            _operators_only,
        ]
    )
    app[SHELL] = ADMIN
    app[BACK] = back
    app.on_response_prepare.append(security.headers())
    for part in (signing, searching, opened, watching):
        app.add_routes(part.routes())
    return app


@web.middleware
async def _operators_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path not in _OPEN:
        sessions.operator(request)
    return await handler(request)


async def _with_slash(_request: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": f"{ADMIN.base}/"})
