"""Headers of every answer, and the bound on how often anybody may call (ASVS 3.4, 14.3.2; domain.md S19)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from cabinet.office import office_of
from cabinet.origins import address_of
from cabinet.sessions import who

CSP: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; manifest-src 'self'; "
    "worker-src 'self'"
)
"""Everything from here, nothing inline: a script that got into a name does not run."""
CSP_OF_DATA: Final = "default-src 'none'; frame-ancestors 'none'"

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TLS_ONLY: Final = "max-age=31536000; includeSubDomains"


class TooOften(Exception):
    """More calls than the limit; `seconds` until the next may be made."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


def headers(csp: str = CSP) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal for `Application.on_response_prepare`; a handler's own header of a name stays."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.SERVER] = "click"  # no versions (ASVS 13.4.6)
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", csp)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        if office_of(request).options.secure:
            response.headers.setdefault("Strict-Transport-Security", _TLS_ONLY)

    return prepare


def limited(calls_a_minute: int) -> Middleware:
    """Let so many requests a minute through, by whoever is signed in, else by the address.

    Per process: with several workers the bound is as many times higher. Signing in has its own limits.
    """
    limiter, rate = SlidingWindowCounterRateLimiter(MemoryStorage()), parse(f"{calls_a_minute}/minute")

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        found = who(request)
        key = f"address:{address_of(request)}" if found is None else f"session:{found.session_id}"
        if not await limiter.hit(rate, key):
            raise TooOften(60)
        return await handler(request)

    return limit
