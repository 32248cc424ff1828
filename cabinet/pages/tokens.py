"""The owner's API tokens: made after his password, shown once, revoked at once."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from cabinet import sessions
from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages.invoice import proven
from cabinet.pages.shell import missing, page, said, to
from cabinet.sessions import signed_in
from invoicing import Refusal, Refused, SessionKind

_NAME_MAX: Final = 60


def routes() -> list[web.RouteDef]:
    return [
        web.get("/tokens", show),
        web.post("/tokens", make),
        web.post("/tokens/{id:[0-9]+}/end", revoke),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    return await _listed(request)


async def _listed(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    office, who = office_of(request), signed_in(request, owner=True)
    found = await office.in_thread(office.accounts.sessions, who)
    told = {"refused": None, "typed": "", "token": None} | values
    return page(
        request,
        "tokens.html",
        status=status,
        tokens=[one for one in found if one.kind is SessionKind.API],
        proved=office.accounts.is_proved(told.pop("as_", who)),
        **told,
    )


async def make(request: web.Request) -> web.StreamResponse:
    """A new token, with the owner's password; it is in this answer and never again."""
    office, who = office_of(request), signed_in(request, owner=True)
    fields = await forms.typed(request)
    typed = fields.get("name", "")
    name = "".join(one for one in typed if one.isprintable()).strip()[:_NAME_MAX]
    if not name:
        return await _listed(request, 422, refused=said(request, Refused(Refusal.BAD_NAME)), typed=typed)
    proof = await proven(request, office, who, fields.get("password", ""))
    answer = (
        proof
        if isinstance(proof, Refused)
        else await office.in_thread(office.accounts.make_token, proof, name, sessions.origin(request))
    )
    if isinstance(answer, Refused):
        return await _listed(request, 422, refused=said(request, answer), typed=typed)
    return await _listed(request, 201, token=answer.token, as_=proof)


async def revoke(request: web.Request) -> web.StreamResponse:
    """The token is worth nothing from now on."""
    office, who = office_of(request), signed_in(request, owner=True)
    wanted = request.match_info["id"]
    mine = await office.in_thread(office.accounts.sessions, who)
    if not any(one.id == wanted and one.kind is SessionKind.API for one in mine):
        return missing(request)
    await office.in_thread(office.accounts.end_session, who, wanted)
    return to(request, "/tokens")
