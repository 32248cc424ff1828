"""Cookies and bearer tokens: who is signed in, and whether a change was meant (domain.md S17, S18).

A cookie is `__Host-`, `Secure`, `HttpOnly` and `SameSite=Lax`; it counts for a changing request only together
with a token that the page carries (`csrf`) and with the browser's own word that the page is ours. Bearer
tokens are never sent by a browser on its own, so they need neither.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiDictProxy

from cabinet.office import Office, office_of
from cabinet.origins import address_of, is_ours, label_of
from invoicing import NewSession, Origin, SessionKind, SignedIn

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_BROWSER_LIFE_S: Final = 365 * 24 * 3600
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")

_WHO: Final = web.RequestKey("who", SignedIn)
_TOKEN: Final = web.RequestKey("token", str)


class NotSignedIn(Exception):
    """Nobody is signed in, or no longer: a page leads to the sign-in, the API says 401."""


class Forbidden(Exception):
    """Somebody is signed in who may not do this."""


class Forged(Exception):
    """A changing request that no page of ours sent."""


def who(request: web.Request) -> SignedIn | None:
    """Who is signed in, if anybody."""
    return request.get(_WHO)


def lapsed(request: web.Request, kind: SessionKind) -> bool:
    """Whether the browser still brings a session of this kind that is over."""
    return who(request) is None and _name(office_of(request), _cookie_of(kind)) in request.cookies


def signed_in(request: web.Request, *, owner: bool = False) -> SignedIn:
    """The merchant's user who asks; `owner`: only an owner will do.

    Raises:
        NotSignedIn, Forbidden.
    """
    found = who(request)
    if found is None:
        raise NotSignedIn
    if found.kind is SessionKind.ADMIN or (owner and not found.owns):
        raise Forbidden
    return found


def operator(request: web.Request) -> SignedIn:
    """The operator who asks.

    Raises:
        NotSignedIn, Forbidden.
    """
    found = who(request)
    if found is None:
        raise NotSignedIn
    if found.kind is not SessionKind.ADMIN:
        raise Forbidden
    return found


def origin(request: web.Request) -> Origin:
    """Where the request comes from, as `Accounts` wants to know it."""
    mark = request.cookies.get(_name(office_of(request), "browser")) or None
    return Origin(address_of(request), label_of(request), mark)


def csrf(request: web.Request) -> str:
    """The anti-forgery token of this session, for a form's hidden `csrf` or the header `X-CSRF-Token`.

    Empty while nobody is signed in: sign-in forms carry none, and are held to come from a page of ours.
    """
    token = request.get(_TOKEN)
    return "" if token is None else office_of(request).derived("csrf", token)


def begin(request: web.Request, response: web.StreamResponse, new: NewSession) -> None:
    """Give the browser its new session; whatever token it had before is replaced (domain.md S18)."""
    office = office_of(request)
    life_s = int((new.who.absolute_until - new.who.since).total_seconds())
    _set(office, response, _cookie_of(new.who.kind), new.token, life_s)
    if new.browser is not None:
        _set(office, response, "browser", new.browser, _BROWSER_LIFE_S)


def end(request: web.Request, response: web.StreamResponse, kind: SessionKind = SessionKind.WEB) -> None:
    """Take the session's cookie away, and what pages left in the browser."""
    office = office_of(request)
    name = _name(office, _cookie_of(kind))
    response.del_cookie(name, path="/", secure=office.options.secure, httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def middleware(kind: SessionKind, *, pages: bool = True, quiet: frozenset[str] = frozenset()) -> Middleware:
    """Find out who asks, by the cookie of `kind`.

    `WEB` is for merchants' pages, `APP` for their app, `ADMIN` for operators; each has a cookie of its own.

    Raises `Forged` before the handler where a changing request was not meant.

    Args:
        pages: forms that nobody needs to be signed in for, the sign-in itself, must come from a page of ours.
            An API takes JSON only, which no strange page can send, and is called by what is no browser.
        quiet: paths that pages ask for by themselves: they keep no session from idling out.
    """

    @web.middleware
    async def sessions(request: web.Request, handler: Handler) -> web.StreamResponse:
        office = office_of(request)
        bearer = _bearer(request)
        token = bearer or request.cookies.get(_name(office, _cookie_of(kind)), "")
        used = request.path not in quiet
        found = await office.in_thread(office.accounts.session, token, used=used) if token else None
        by_cookie = bearer is None
        fits = (kind,) if by_cookie else (SessionKind.APP, SessionKind.API)
        if found is not None and found.kind in fits:
            request[_WHO] = found
            request[_TOKEN] = token
        if by_cookie and request.method not in SAFE and (pages or who(request) is not None):
            await _meant(request)
        return await handler(request)

    return sessions


async def form_of(request: web.Request) -> MultiDictProxy[Any]:
    """What a form sent.

    Raises:
        web.HTTPBadRequest: it is no form, whatever it calls itself.
    """
    try:
        return await request.post()
    except (ValueError, LookupError, AssertionError) as error:  # aiohttp has no error of its own for it
        raise web.HTTPBadRequest from error


async def _meant(request: web.Request) -> None:
    """Raise `Forged` unless a page of ours sent this, with the session's own token if there is one."""
    if not is_ours(request):
        raise Forged
    if who(request) is None:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.content_type in _FORMS:
        field = (await form_of(request)).get(CSRF_FIELD, "")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), csrf(request).encode()):
        raise Forged


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


_COOKIES: Final = {SessionKind.ADMIN: "admin", SessionKind.APP: "app"}


def _cookie_of(kind: SessionKind) -> str:
    return _COOKIES.get(kind, "session")


def _name(office: Office, name: str) -> str:
    return f"__Host-{name}" if office.options.secure else name


def _set(office: Office, response: web.StreamResponse, name: str, value: str, life_s: int) -> None:
    response.set_cookie(
        _name(office, name),
        value,
        max_age=life_s,
        path="/",
        secure=office.options.secure,
        httponly=True,
        samesite="Lax",
    )
