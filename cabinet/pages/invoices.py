"""The section Invoice: every invoice of the merchant, by any filter (A39, A43), and one line of it anew."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from cabinet.office import office_of
from cabinet.pages import filters
from cabinet.pages.filters import PRESETS
from cabinet.pages.shell import is_fragment, missing, page, said, url
from cabinet.sessions import signed_in
from invoicing import Refused


def routes() -> list[web.RouteDef]:
    return [
        web.get("/", listed),
        web.get("/invoices", listed),
        web.get("/invoices/sums", sums),
        web.get("/invoices/{id:[0-9]+}/row", row),
    ]


async def listed(request: web.Request) -> web.StreamResponse:
    """The list; to htmx only what changes: with a cursor the next rows, else rows and sums."""
    office, who = office_of(request), signed_in(request)
    seen = filters.read(request.query, office.reports.today())
    after = request.query.get("after")
    found = await office.in_thread(office.reports.listed, who, seen.what, after)
    values: dict[str, Any] = {
        "seen": seen,
        "presets": PRESETS,
        "after": after,
        "link": lambda **query: url(request, "/invoices", **query),
    }
    if isinstance(found, Refused):
        values |= {"listing": None, "refused": said(request, found)}
    else:
        values |= {"listing": found, "refused": None}
    if is_fragment(request) and request.headers.get("HX-Target") in ("more", "results"):
        template = "_rows.html" if request.headers.get("HX-Target") == "more" else "_results.html"
        return page(request, template, **values)
    return page(request, "invoices.html", **values)


async def sums(request: web.Request) -> web.StreamResponse:
    """Totals of what is filtered, where there was too much to count in passing."""
    office, who = office_of(request), signed_in(request)
    seen = filters.read(request.query, office.reports.today())
    found = await office.in_thread(office.reports.sums, who, seen.what)
    return page(request, "_sums.html", sums=None if isinstance(found, Refused) else found)


async def row(request: web.Request) -> web.StreamResponse:
    """One line as it is now, after something was told of it."""
    office, who = office_of(request), signed_in(request)
    found = await office.in_thread(office.reports.row, who, request.match_info["id"])
    if isinstance(found, Refused):
        return missing(request)
    return page(request, "_row.html", one=found)
