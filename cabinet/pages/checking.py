"""Where a receipt's QR leads: anybody who holds the receipt sees whether it is real, and nothing more."""

from __future__ import annotations

import hmac
import re
from typing import Final

from aiohttp import web

from cabinet.office import office_of
from cabinet.pages.shell import missing, page

_TOKEN: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9a-f]{32})", re.ASCII)


def routes() -> list[web.RouteDef]:
    return [web.get("/check/{token}", check)]


async def check(request: web.Request) -> web.StreamResponse:
    """The payment as this service knows it, for a token that this service made."""
    office = office_of(request)
    found = _TOKEN.fullmatch(request.match_info["token"])
    if found is None:
        return missing(request)
    merchant, invoice, seal = found.groups()
    expected = office.derived("receipt", f"{merchant}-{invoice}")[:32]
    if not hmac.compare_digest(expected, seal):
        return missing(request)
    checked = await office.in_thread(office.reports.checked, int(merchant), int(invoice))
    return missing(request) if checked is None else page(request, "check_receipt.html", checked=checked)
