"""The JSON API `/api/v1`: one call a function, errors as problem documents, OpenAPI from the code."""

from __future__ import annotations

import json
import logging
import re
import secrets
from functools import cache
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cabinet import security, sessions
from cabinet.api import selling, signing, telling
from cabinet.api.problems import MEDIA_TYPE, Problem, all_of_them
from cabinet.api.registry import served
from cabinet.office import Office, TooBusy
from cabinet.refusals import LANGUAGES
from cabinet.sessions import Forbidden, Forged, NotSignedIn, who
from invoicing import SessionKind, StorageError

log: Final = logging.getLogger(__name__)

GROUPS: Final = (signing.routes, selling.routes, telling.webhooks, telling.push, telling.staff)
_OF_STATUS: Final = {404: "no_such_path", 405: "method", 413: "too_large"}


def application(office: Office) -> web.Application:
    """Everything below `/api/v1`."""
    app = web.Application(
        middlewares=[
            _problems,
            sessions.middleware(SessionKind.WEB, pages=False),
            security.limited(office.options.calls_a_minute),
        ]
    )
    app.on_response_prepare.append(security.headers(security.CSP_OF_DATA))
    app.add_routes(served(route) for group in GROUPS for route in group.listed)

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=_described(), content_type="application/json")

    async def problems(request: web.Request) -> web.Response:
        listed = {"problems": all_of_them(language_of(request))}
        return web.json_response(listed, dumps=lambda value: json.dumps(value, ensure_ascii=False))

    app.router.add_get("/openapi.json", openapi)
    app.router.add_get("/problems", problems)
    return app


@cache
def _described() -> bytes:
    """Made when it is first asked for: its library takes long to import, and most starts need none."""
    from cabinet.api.openapi import document

    return json.dumps(document(GROUPS), ensure_ascii=False).encode()


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every way to be refused with a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return _answer(request, problem)
    except NotSignedIn:
        return _answer(request, Problem("not_signed_in"))
    except Forbidden:
        return _answer(request, Problem("not_allowed"))
    except Forged:
        return _answer(request, Problem("forged"))
    except security.TooOften as often:
        return _answer(request, Problem("too_often", {"seconds": often.seconds}))
    except TooBusy:
        return _answer(request, Problem("busy"))
    except StorageError as error:
        log.warning("the database is out of reach", extra={"why": repr(error)})
        return _answer(request, Problem("busy"))
    except web.HTTPException as error:
        if error.status not in _OF_STATUS:
            raise
        allowed = error.headers.get(hdrs.ALLOW)
        return _answer(
            request, Problem(_OF_STATUS[error.status], headers={hdrs.ALLOW: allowed} if allowed else {})
        )
    except Exception:
        # Closed, not open (ASVS 16.5.3): nothing of the error is shown, its number leads to the log.
        instance = _instance()
        log.exception("a call of the API failed", extra={"instance": instance, "path": request.path})
        return _answer(request, Problem("trouble"), instance)


def _instance() -> str:
    return secrets.token_hex(8)


def _answer(request: web.Request, problem: Problem, instance: str = "") -> web.Response:
    headers = dict(problem.headers)
    after = problem.retry_after_s
    if after is not None and problem.status in (429, 503):
        headers[hdrs.RETRY_AFTER] = str(after)
    if problem.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    language = language_of(request)
    return web.json_response(
        problem.document(language, instance or _instance()),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers={**headers, hdrs.CONTENT_LANGUAGE: language},
        dumps=lambda value: json.dumps(value, ensure_ascii=False),
    )


def language_of(request: web.Request) -> str:
    """The reader's language: what the client asks for, else the account's, else Russian."""
    asked: list[tuple[float, str]] = []
    for part in request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:200].split(","):
        name, _, weight = part.strip().partition(";q=")
        known = _known(name)
        if known is not None:
            asked.append((float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 1.0, known))
    if asked:
        return max(asked, key=lambda one: one[0])[1]
    found = who(request)
    return "ru" if found is None else found.language


def _known(name: str) -> str | None:
    lower = name.lower()
    if lower.startswith("uz-cyrl"):
        return "uz-Cyrl"
    base = lower.partition("-")[0]
    return base if base in LANGUAGES else None
