"""Signing in (A33, A34, A40-A42): phone and password; first a code by SMS opens the choice of one."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from cabinet import sessions
from cabinet.office import office_of
from cabinet.pages import forms, languages
from cabinet.pages.shell import APP, language, page, remember_language, said, shell_of, to
from invoicing import CodeSent, NewSession, Refusal, Refused


def routes() -> list[web.RouteDef]:
    return [
        web.get("/signin", show),
        web.post("/signin", sign_in),
        web.get("/signin/code", show_code),
        web.post("/signin/code", ask_code),
        web.post("/signin/check", check_code),
        web.post("/signin/password", choose_password),
        web.post("/signout", sign_out),
        web.post("/language", choose_language),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    """Phone and password; whoever is signed in already is led to the list."""
    if sessions.who(request) is not None:
        return to(request, "/")
    led = next_of(request, request.query.get("next", ""))
    over = sessions.lapsed(request, shell_of(request).kind)
    return page(request, "signin.html", phone="", next=led, lapsed=over)


async def sign_in(request: web.Request) -> web.StreamResponse:
    fields = await forms.typed(request)
    typed, led = fields.get("phone", ""), next_of(request, fields.get("next", ""))
    office = office_of(request)
    number = forms.phone(typed)
    answer: NewSession | Refused = (
        number
        if isinstance(number, Refused)
        else await office.hashing(
            office.accounts.sign_in,
            number,
            fields.get("password", ""),
            sessions.origin(request),
            shell_of(request).kind,
        )
    )
    if isinstance(answer, Refused):
        return page(
            request,
            "signin.html",
            status=_status(answer),
            phone=typed,
            next=led,
            refused=said(request, answer),
            field=_field(answer),
        )
    return _begun(request, answer, led)


async def show_code(request: web.Request) -> web.StreamResponse:
    """The first visit, and the forgotten password: the phone that a code is sent to."""
    return page(request, "code.html", phone=request.query.get("phone", "")[:20])


async def ask_code(request: web.Request) -> web.StreamResponse:
    fields = await forms.typed(request)
    typed, office = fields.get("phone", ""), office_of(request)
    number = forms.phone(typed)
    answer = (
        number
        if isinstance(number, Refused)
        else await office.in_thread(office.accounts.ask_code, number, sessions.origin(request))
    )
    office.nudge()
    if isinstance(answer, CodeSent):
        return page(
            request, "check.html", phone=number, ref=answer.request_ref, limits=office.accounts.limits
        )
    return page(
        request,
        "code.html",
        status=_status(answer),
        phone=typed,
        refused=said(request, answer),
        field="phone",
    )


async def check_code(request: web.Request) -> web.StreamResponse:
    """The code from the SMS; a right one opens the choice of a password."""
    fields = await forms.typed(request)
    phone, ref = fields.get("phone", ""), fields.get("ref", "")
    office = office_of(request)
    code = re.sub(r"\D", "", fields.get("code", ""), flags=re.ASCII)
    answer = await office.in_thread(office.accounts.check_code, phone, ref, code, sessions.origin(request))
    if not isinstance(answer, Refused):
        return page(request, "password.html", phone=phone, grant=answer.token)
    over = answer.reason is Refusal.CODE_OVER
    return page(
        request,
        "check.html",
        status=_status(answer),
        phone=phone,
        ref=ref,
        limits=office.accounts.limits,
        refused=said(request, answer),
        over=over,
    )


async def choose_password(request: web.Request) -> web.StreamResponse:
    """The new password, and straight in with it."""
    fields = await forms.typed(request)
    grant, phone, office = fields.get("grant", ""), fields.get("phone", ""), office_of(request)
    answer = await office.hashing(
        office.accounts.choose_password,
        grant,
        fields.get("password", ""),
        sessions.origin(request),
        shell_of(request).kind,
    )
    if not isinstance(answer, Refused):
        return _begun(request, answer, "")
    over = answer.reason is Refusal.GRANT_OVER
    return page(
        request,
        "password.html",
        status=_status(answer),
        phone=phone,
        grant=grant,
        refused=said(request, answer),
        over=over,
    )


async def sign_out(request: web.Request) -> web.StreamResponse:
    """The session is worth nothing from now on; what the app kept in this browser goes too."""
    office, found = office_of(request), sessions.who(request)
    if found is not None:
        await office.in_thread(office.accounts.sign_out, found)
    return signed_out(request)


def signed_out(request: web.Request) -> web.Response:
    """Lead to the sign-in without a session."""
    response, shell = to(request, "/signin"), shell_of(request)
    sessions.end(request, response, shell.kind)
    if shell is not APP:
        # The app of the same browser keeps its push subscription, which lives with its storage.
        response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def choose_language(request: web.Request) -> web.StreamResponse:
    """A language for this browser, and for the account of whoever is signed in; then the same page again."""
    fields, office = await forms.typed(request), office_of(request)
    chosen, found = fields.get("language", ""), sessions.who(request)
    if chosen not in languages.LANGUAGES:
        chosen = language(request)
    if found is not None and found.merchant_id is not None:
        await office.in_thread(office.invoicing.set_language, found.msisdn, chosen)
    response = web.Response(status=303, headers={hdrs.LOCATION: _back(request, fields.get("next", ""))})
    remember_language(request, response, chosen)
    return response


def _begun(request: web.Request, new: NewSession, led: str) -> web.Response:
    response = to(request, "/")
    if led:
        response.headers[hdrs.LOCATION] = led
    sessions.begin(request, response, new)
    remember_language(request, response, new.who.language)
    return response


def next_of(request: web.Request, wanted: str) -> str:
    """An address of this front only, so that nobody is led astray after signing in."""
    base = shell_of(request).base
    fits = wanted.startswith(base + "/") and wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if fits and "//" not in wanted and "/sign" not in wanted else ""


def _back(request: web.Request, wanted: str) -> str:
    base = shell_of(request).base
    if wanted.startswith(base + "/") and "//" not in wanted and "\\" not in wanted and wanted.isprintable():
        return wanted
    return base + "/"


def _field(refused: Refused) -> str:
    return "phone" if refused.reason in (Refusal.BAD_PHONE, Refusal.NOT_MOBILE) else ""


def _status(refused: Refused) -> int:
    often = (Refusal.TOO_MANY_TRIES, Refusal.CODE_MINUTE_LIMIT, Refusal.CODE_DAY_LIMIT)
    return 429 if refused.reason in often else 422
