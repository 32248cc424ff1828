"""Looking for a dialogue or an invoice: one field for whatever the caller at the desk can name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from cabinet.admin.back import back_of
from cabinet.admin.sealing import sealed, unsealed
from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages.shell import page, to
from cabinet.pages.statuses import N_
from cabinet.sessions import operator
from invoicing import Refused
from invoicing.backoffice import Sought

SPANS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": (N_("The last hour"), timedelta(hours=1)),
    "24h": (N_("24 hours"), timedelta(hours=24)),
    "7d": (N_("7 days"), timedelta(days=7)),
    "31d": (N_("31 days"), timedelta(days=31)),
}
"""How far back dialogues are looked for; the journal is kept for 31 days unless the settings say else."""
SPAN: Final = "24h"
_DIALOGUE: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_PUNCTUATION: Final = re.compile(r"[\s()№#+-]")


def routes() -> list[web.RouteDef]:
    return [web.get("/", show), web.post("/search", search)]


async def search(request: web.Request) -> web.StreamResponse:
    """Lead to the result, under an address that tells nobody what was typed."""
    operator(request)
    fields = await forms.typed(request)
    typed, span = fields.get("q", "").strip()[:60], fields.get("span", SPAN)
    if _DIALOGUE.fullmatch(typed.lower()) and not typed.isdigit():
        return to(request, f"/dialogues/{typed.lower()}")
    word = sealed(request, {"q": typed, "span": span}) if typed else None
    return to(request, "/", of=word)


async def show(request: web.Request) -> web.StreamResponse:
    """The field, and what was found."""
    office, back, who = office_of(request), back_of(request), operator(request)
    asked = unsealed(request, request.query.get("of", ""))
    typed, span = asked.get("q", ""), asked.get("span", SPAN)
    span = span if span in SPANS else SPAN
    values: dict[str, Any] = {"typed": typed, "span": span, "spans": SPANS, "dialogues": None}
    if not typed:
        return page(request, "admin/search.html", invoices=None, caller=None, **values)
    sought, caller = read(typed)
    invoices = await office.in_thread(back.invoices.find, who, sought)
    if caller is not None:
        since = office.reports.now() - SPANS[span][1]
        values["dialogues"] = await office.in_thread(back.running.dialogues.find, caller, since)
    return page(request, "admin/search.html", invoices=invoices, caller=caller, **values)


def read(typed: str) -> tuple[Sought, str | None]:
    """What to look for among invoices, and whose dialogues."""
    packed = _PUNCTUATION.sub("", typed)
    if not _DIGITS.fullmatch(packed):
        return Sought(name=typed), None
    number = forms.phone(packed)
    if isinstance(number, Refused):
        return Sought(number=int(packed)), None
    # Nine digits may be a phone without its country, or a number.
    return Sought(number=int(packed), phone=number), number
