"""Signing in as an operator: a name and a password that the command line gave (`ussd operator add`).

What is said, and how long it takes, is the same for names that nobody has; wrong tries are counted by name
and by address, and a merchant's session opens nothing here.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from cabinet import sessions
from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages import signing as pages
from cabinet.pages.shell import page, said, to, words
from cabinet.refusals import Said
from invoicing import Refusal, Refused, SessionKind


def routes() -> list[web.RouteDef]:
    return [
        web.get("/signin", show),
        web.post("/signin", sign_in),
        web.post("/signout", pages.sign_out),
        web.post("/language", pages.choose_language),
        web.get("/alive", alive_for_operators),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    """Name and password; an operator who is signed in already is led on."""
    found = sessions.who(request)
    if found is not None and found.kind is SessionKind.ADMIN:
        return to(request, "/")
    return _form(request, led=pages.next_of(request, request.query.get("next", "")))


async def sign_in(request: web.Request) -> web.StreamResponse:
    fields, office = await forms.typed(request), office_of(request)
    name, led = fields.get("name", "").strip(), pages.next_of(request, fields.get("next", ""))
    answer = await office.hashing(
        office.accounts.sign_in_operator, name, fields.get("password", ""), sessions.origin(request)
    )
    if isinstance(answer, Refused):
        often = answer.reason is Refusal.TOO_MANY_TRIES
        return _form(request, name, led, _told(request, answer), 429 if often else 422)
    response = to(request, "/")
    if led:
        response.headers[hdrs.LOCATION] = led
    sessions.begin(request, response, answer)
    return response


async def alive_for_operators(request: web.Request) -> web.StreamResponse:
    """Somebody is still there: the session's idle time begins anew."""
    sessions.operator(request)
    return web.Response(status=204)


def _form(
    request: web.Request, name: str = "", led: str = "", refused: Said | None = None, status: int = 200
) -> web.Response:
    return page(request, "admin/signin.html", status=status, name=name, next=led, refused=refused)


def _told(request: web.Request, refused: Refused) -> Said:
    told = words(request)
    if refused.reason is Refusal.WRONG_SIGN_IN:
        return Said(
            told("The name or the password is wrong"), told("Whoever runs the service can set a new one")
        )
    if refused.reason is Refusal.BLOCKED:
        return Said(told("You are shut out"), told("Whoever runs the service can let you in again"))
    return said(request, refused)
