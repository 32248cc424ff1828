"""One dialogue turn by turn, one invoice with all that became of it; who looked is written down first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from cabinet.admin.back import back_of
from cabinet.admin.causes import CAUSES, NO_CAUSE
from cabinet.admin.trail import trail
from cabinet.office import office_of
from cabinet.pages.shell import missing, page
from cabinet.sessions import operator, origin
from invoicing import Refused


def routes() -> list[web.RouteDef]:
    return [
        web.get("/dialogues/{id:[0-9a-f]{16}}", dialogue),
        web.get("/invoices/{id:[0-9]+}", invoice),
    ]


async def dialogue(request: web.Request) -> web.StreamResponse:
    """Screens, choices, times; what was secret is in no journal."""
    office, back, who = office_of(request), back_of(request), operator(request)
    name, near = request.match_info["id"], _moment(request.query.get("at", ""))
    await office.in_thread(back.invoices.opened_dialogue, who, name, origin(request))
    story = await office.in_thread(back.running.dialogues.one, name, near)
    if story is None and near is not None:
        story = await office.in_thread(back.running.dialogues.one, name, None)
    if story is None:
        return missing(request)
    return page(request, "admin/dialogue.html", story=story, cause=CAUSES.get(story.summary.cause, NO_CAUSE))


async def invoice(request: web.Request) -> web.StreamResponse:
    """States, attempts, reversals, notices and the audit trail, in one line of time."""
    office, back, who = office_of(request), back_of(request), operator(request)
    found = await office.in_thread(back.invoices.open_invoice, who, request.match_info["id"], origin(request))
    if isinstance(found, Refused):
        return missing(request)
    return page(request, "admin/invoice.html", dossier=found, paper=found.paper, events=trail(found))


def _moment(text: str) -> datetime | None:
    """Unix seconds, as lists link to a dialogue with its begin."""
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text))
