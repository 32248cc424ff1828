"""The section Reports (A46-A50): successful payments of a period with their total, a chart, and as files."""

from __future__ import annotations

import asyncio
import weakref
from datetime import date
from typing import Any, Final

from aiohttp import hdrs, web

from cabinet import exports
from cabinet.office import office_of
from cabinet.pages import filters
from cabinet.pages.filters import PRESETS
from cabinet.pages.shell import is_fragment, page, said, trouble, url, words
from cabinet.refusals import Said
from cabinet.sessions import signed_in
from invoicing import Refusal, Refused
from invoicing.papers import PERIOD_DAYS_MAX

_EXPORTS_AT_ONCE: Final = 2
"""Each keeps a thread and a connection for some seconds; the next ones wait."""
_DEFAULT: Final = "30"

_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


def routes() -> list[web.RouteDef]:
    return [
        web.get("/reports", report),
        web.get("/reports/payments.{suffix:xls|xlsx|csv}", export),
    ]


async def report(request: web.Request) -> web.StreamResponse:
    """Total, chart and payments; a period that is none is told of, and nothing is asked for it (A47)."""
    office, who = office_of(request), signed_in(request)
    today = office.reports.today()
    typed = {name: request.query.get(name, "").strip()[:20] for name in ("period", "since", "until")}
    typed = {name: value for name, value in typed.items() if value}
    unread: list[str] = []
    asked = dict(typed) or {"period": _DEFAULT}
    since, until = filters.days(asked, today, unread)
    values: dict[str, Any] = {
        "typed": asked,
        "presets": PRESETS,
        "since": since,
        "until": until,
        "totals": None,
        "rows": (),
        "more": None,
        "after": request.query.get("after"),
        "link": lambda **query: url(request, "/reports", **query),
        "file": lambda suffix, **query: url(request, f"/reports/payments.{suffix}", **query),
        "refused": _no_period(request, since, until, unread),
    }
    if values["refused"] is not None or since is None or until is None:
        return page(request, "reports.html", status=422, **values)
    found = await office.in_thread(office.reports.paid, who, since, until, values["after"])
    if isinstance(found, Refused):
        values["refused"] = said(request, found)
        return page(request, "reports.html", status=422, **values)
    values["rows"], values["more"] = found
    if is_fragment(request) and request.headers.get("HX-Target") == "more":
        return page(request, "_payments.html", **values)
    totals = await office.in_thread(office.reports.totals, who, since, until)
    values["totals"] = None if isinstance(totals, Refused) else totals
    return page(request, "reports.html", **values)


def _no_period(
    request: web.Request, since: date | None, until: date | None, unread: list[str]
) -> Said | None:
    if since is not None and until is not None and not unread:
        wrong = since > until or (until - since).days >= PERIOD_DAYS_MAX
        return said(request, Refused(Refusal.BAD_PERIOD, {"max": PERIOD_DAYS_MAX})) if wrong else None
    told = words(request)
    return Said(told("The period is not given"), told("Give its first and its last day"))


async def export(request: web.Request) -> web.StreamResponse:
    """The payments as a file, of a period or of all time; it is written to the disk, then sent in pieces."""
    office, who = office_of(request), signed_in(request)
    today, unread = office.reports.today(), list[str]()
    typed = {name: request.query.get(name, "") for name in ("period", "since", "until")}
    typed = {name: value for name, value in typed.items() if value}
    since, until = filters.days(typed, today, unread)
    if unread or (since is not None and until is not None and since > until):
        return trouble(request, 404)
    suffix = request.match_info["suffix"]
    sheet = exports.Sheet(
        who.merchant_name or "", words(request), since, until, whole_phones=request.query.get("phones") == "1"
    )
    async with _turn():
        file = await asyncio.to_thread(
            exports.written, suffix, sheet, office.reports.all_paid(who, since, until)
        )
    try:
        response = web.StreamResponse()
        response.headers[hdrs.CONTENT_TYPE] = exports.FORMATS[suffix][1]
        response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{sheet.filename(suffix)}"'
        await response.prepare(request)
        for piece in exports.chunks(file):
            await response.write(piece)
        await response.write_eof()
    finally:
        file.close()
    return response


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    return _turns.setdefault(loop, asyncio.Semaphore(_EXPORTS_AT_ONCE))
