"""Settings: language, password, signed-in devices; and for the owner, his cashiers."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from cabinet import sessions
from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages.invoice import proven
from cabinet.pages.shell import missing, page, said, to
from cabinet.pages.signing import signed_out
from cabinet.refusals import Said
from cabinet.sessions import signed_in
from invoicing import Refused


def routes() -> list[web.RouteDef]:
    return [
        web.get("/settings", show),
        web.post("/settings/password", change_password),
        web.post("/settings/devices/{id:[0-9]+}/end", end_device),
        web.post("/settings/devices/end", end_all),
        web.get("/staff", staff),
        web.post("/staff", add_cashier),
        web.post("/staff/{id:[0-9]+}", change_cashier),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    return await _shown(request)


async def _shown(request: web.Request, refused: Said | None = None, status: int = 200) -> web.Response:
    office, who = office_of(request), signed_in(request)
    devices = await office.in_thread(office.accounts.sessions, who)
    subscribed = await office.in_thread(office.subscriptions.list, who)
    return page(
        request,
        "settings.html",
        status=status,
        devices=devices,
        subscribed=subscribed,
        refused=refused,
        changed="changed" in request.query,
    )


async def change_password(request: web.Request) -> web.StreamResponse:
    """The old one, a new one; every other device is signed out."""
    office, who = office_of(request), signed_in(request)
    fields = await forms.typed(request)
    answer = await office.hashing(
        office.accounts.change_password,
        who,
        fields.get("old", ""),
        fields.get("password", ""),
        sessions.origin(request),
    )
    if isinstance(answer, Refused):
        return await _shown(request, said(request, answer), 422)
    response = to(request, "/settings", changed=1)
    sessions.begin(request, response, answer)
    return response


async def end_device(request: web.Request) -> web.StreamResponse:
    office, who = office_of(request), signed_in(request)
    ended = await office.in_thread(office.accounts.end_session, who, request.match_info["id"])
    if isinstance(ended, Refused):
        return missing(request)
    return signed_out(request) if request.match_info["id"] == who.session_id else to(request, "/settings")


async def end_all(request: web.Request) -> web.StreamResponse:
    """Sign out on every device, here too."""
    office, who = office_of(request), signed_in(request)
    await office.in_thread(office.accounts.sign_out_everywhere, who)
    return signed_out(request)


async def staff(request: web.Request) -> web.StreamResponse:
    return await _staff(request)


async def _staff(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    office, who = office_of(request), signed_in(request, owner=True)
    found = await office.in_thread(office.staff.cashiers, who)
    shown = () if isinstance(found, Refused) else found
    told = {"refused": None, "fields": {"phone": "", "name": ""}} | values
    return page(
        request, "staff.html", status=status, cashiers=shown, proved=office.accounts.is_proved(who), **told
    )


async def add_cashier(request: web.Request) -> web.StreamResponse:
    """Take a cashier on, with the owner's password; he chooses his own by a code to his phone."""
    office, who = office_of(request), signed_in(request, owner=True)
    fields = await forms.typed(request)
    kept = {name: fields.get(name, "") for name in ("phone", "name")}
    proof = await proven(request, office, who, fields.get("password", ""))
    number = forms.phone(kept["phone"])
    answer: object = proof if isinstance(proof, Refused) else number
    if not isinstance(proof, Refused) and not isinstance(number, Refused):
        answer = await office.in_thread(office.staff.add_cashier, proof, number, kept["name"])
    if isinstance(answer, Refused):
        return await _staff(request, 422, refused=said(request, answer), fields=kept)
    return to(request, "/staff")


async def change_cashier(request: web.Request) -> web.StreamResponse:
    """Shut a cashier out, at once and everywhere, or let him in again."""
    office, who = office_of(request), signed_in(request, owner=True)
    fields = await forms.typed(request)
    proof = await proven(request, office, who, fields.get("password", ""))
    answer: object = proof
    if not isinstance(proof, Refused):
        answer = await office.in_thread(
            office.staff.set_active, proof, request.match_info["id"], active=fields.get("active") == "1"
        )
    if isinstance(answer, Refused):
        return await _staff(request, 422, refused=said(request, answer))
    return to(request, "/staff")
