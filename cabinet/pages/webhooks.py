"""The owner's webhooks: where events of his invoices are sent, with which key, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages.shell import is_fragment, missing, page, said, to, url
from cabinet.pages.statuses import N_
from cabinet.sessions import form_of, signed_in
from invoicing import Refused
from invoicing.events import EVENTS

EVENT_NAMES: Final[Mapping[str, str]] = {
    "invoice.issued": N_("Issued"),
    "invoice.paid": N_("Paid"),
    "invoice.declined": N_("Declined"),
    "invoice.cancelled": N_("Cancelled"),
    "invoice.expired": N_("Expired"),
    "invoice.refunded": N_("Refunded"),
    "ping": N_("A trial"),
}
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (N_("on its way"), "work"),
    "sent": (N_("delivered"), "good"),
    "failed": (N_("not delivered"), "bad"),
}
FAILURES: Final[Mapping[str, str]] = {
    "private address": N_("the address is in a private network"),
    "no answer in time": N_("no answer in 10 seconds"),
    "ClientConnectorDNSError": N_("there is no server of that name"),
    "ClientConnectorCertificateError": N_("its certificate is not trusted"),
    "ClientConnectorSSLError": N_("no TLS could be agreed on"),
    "ClientConnectorError": N_("nobody answers at that address"),
    "ServerDisconnectedError": N_("the server hung up without an answer"),
}
"""What the courier names in its own words or aiohttp's; anything rarer is shown as it is."""
LOG_PAGE: Final = 20


def routes() -> list[web.RouteDef]:
    return [
        web.get("/webhooks", show),
        web.post("/webhooks", add),
        web.get("/webhooks/{id:[0-9]+}", one),
        web.post("/webhooks/{id:[0-9]+}/active", change),
        web.post("/webhooks/{id:[0-9]+}/remove", remove),
        web.post("/webhooks/{id:[0-9]+}/ping", ping),
        web.post("/webhooks/{id:[0-9]+}/deliveries/{delivery:[0-9]+}/again", again),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    return await _listed(request)


async def _listed(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    office, who = office_of(request), signed_in(request, owner=True)
    listed = await office.in_thread(office.webhooks.list, who)
    told = {"refused": None, "typed": "", "chosen": (), "made": None} | values
    return page(
        request, "webhooks.html", status=status, webhooks=listed, events=EVENTS, names=EVENT_NAMES, **told
    )


async def add(request: web.Request) -> web.StreamResponse:
    """A new one; its key is in this answer and never again."""
    office, who = office_of(request), signed_in(request, owner=True)
    form = await form_of(request)
    address = form.get("url", "")
    typed = address.strip()[:500] if isinstance(address, str) else ""
    chosen = tuple(event for event in form.getall("event", []) if isinstance(event, str))
    made = await office.in_thread(
        office.webhooks.add, who, typed, chosen, plain=office.options.private_webhooks
    )
    if isinstance(made, Refused):
        return await _listed(request, 422, refused=said(request, made), typed=typed, chosen=chosen)
    return await _listed(request, 201, made=made)


async def one(request: web.Request) -> web.StreamResponse:
    """One webhook and its log, newest first; to htmx the next rows of it."""
    office, who = office_of(request), signed_in(request, owner=True)
    known, after = request.match_info["id"], request.query.get("after")
    webhook = await office.in_thread(office.webhooks.one, who, known)
    log = await office.in_thread(office.webhooks.log, who, known, after, LOG_PAGE)
    if isinstance(webhook, Refused) or isinstance(log, Refused):
        return missing(request)
    more = is_fragment(request) and request.headers.get("HX-Target") == "more"
    return page(
        request,
        "_deliveries.html" if more else "webhook.html",
        webhook=webhook,
        log=log,
        names=EVENT_NAMES,
        states=STATES,
        failures=FAILURES,
        more=None if log.after is None else url(request, f"/webhooks/{known}", after=log.after),
        done=request.query.get("done", ""),
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Pause it, or let it go on."""
    office, who = office_of(request), signed_in(request, owner=True)
    fields = await forms.typed(request)
    answer = await office.in_thread(
        office.webhooks.change, who, request.match_info["id"], active=fields.get("active") == "1"
    )
    return _changed(request, answer)


async def remove(request: web.Request) -> web.StreamResponse:
    office, who = office_of(request), signed_in(request, owner=True)
    answer = await office.in_thread(office.webhooks.remove, who, request.match_info["id"])
    return missing(request) if isinstance(answer, Refused) else to(request, "/webhooks")


async def ping(request: web.Request) -> web.StreamResponse:
    """Send a trial event; the log shows what became of it."""
    office, who = office_of(request), signed_in(request, owner=True)
    answer = await office.in_thread(office.webhooks.ping, who, request.match_info["id"])
    office.nudge()
    return _changed(request, answer, done="ping")


async def again(request: web.Request) -> web.StreamResponse:
    """Send one delivery once more, at once."""
    office, who = office_of(request), signed_in(request, owner=True)
    known, delivery = request.match_info["id"], request.match_info["delivery"]
    answer = await office.in_thread(office.webhooks.send_again, who, known, delivery)
    office.nudge()
    return _changed(request, answer, done="again")


def _changed(request: web.Request, answer: object, done: str = "") -> web.Response:
    if isinstance(answer, Refused):
        return missing(request)
    return to(request, f"/webhooks/{request.match_info['id']}", done=done)
