"""Issuing an invoice: two fields, a look at them, one press (A35-A37, A44).

What was looked at goes from the second step to the third as a draft that this service signed for this user,
with the key of the request in it: pressing twice, or again after the line was lost, gives one invoice, and
nobody can change the sum on the way (domain.md S21).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from cabinet import sessions
from cabinet.office import office_of
from cabinet.pages import forms
from cabinet.pages.shell import page, said, shell_of, to, to_sign_in, url, words
from cabinet.refusals import Said
from cabinet.sessions import signed_in
from invoicing import Duplicate, Issued, Refusal, Refused, RequestKey, SignedIn

_OF_PHONE = frozenset(
    (Refusal.BAD_PHONE, Refusal.NOT_MOBILE, Refusal.OWN_NUMBER, Refusal.CANNOT_SEND, Refusal.SMS_LIMIT)
)


_TYPED_MAX: Final = 40
"""Characters of a phone or a sum that an address may bring."""


def routes() -> list[web.RouteDef]:
    return [
        web.get("/invoices/new", form),
        web.post("/invoices/new", back),
        web.post("/invoices/review", review),
        web.post("/invoices", confirm),
    ]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is about to be issued, signed for one user."""

    phone: str
    amount_tiyin: int
    key: str
    seal: str

    @classmethod
    def made(cls, request: web.Request, who: SignedIn, phone: str, amount_tiyin: int) -> Draft:
        key = secrets.token_urlsafe(18)
        return cls(phone, amount_tiyin, key, _seal(request, who, phone, amount_tiyin, key))

    @classmethod
    def of(cls, request: web.Request, who: SignedIn, fields: Mapping[str, str]) -> Draft | None:
        """The draft of a form, if it is as it was made."""
        phone, amount, key = fields.get("phone", ""), fields.get("tiyin", ""), fields.get("key", "")
        if not (amount.isascii() and amount.isdigit()):
            return None
        expected = _seal(request, who, phone, int(amount), key)
        if not hmac.compare_digest(expected.encode(), fields.get("seal", "").encode()):
            return None
        return cls(phone, int(amount), key, expected)


def _seal(request: web.Request, who: SignedIn, phone: str, amount_tiyin: int, key: str) -> str:
    told = f"{who.user_id}:{phone}:{amount_tiyin}:{key}"
    return office_of(request).derived("draft", told)


async def form(request: web.Request) -> web.StreamResponse:
    """Step 1; a phone and a sum may come with the address, to issue the like of an invoice again."""
    signed_in(request)
    fields = {name: request.query.get(name, "")[:_TYPED_MAX] for name in ("phone", "amount")}
    return page(request, "new.html", fields=fields, problems={})


async def back(request: web.Request) -> web.StreamResponse:
    """Step 1 again from step 2, with what was typed (A36)."""
    signed_in(request)
    fields = await forms.typed(request)
    kept = {name: fields.get(f"typed_{name}", "") for name in ("phone", "amount")}
    return page(request, "new.html", fields=kept, problems={}, place=_form(request, kept))


async def review(request: web.Request) -> web.StreamResponse:
    """Step 2: everything is checked as it will be when it is issued, and nothing is done."""
    fields = await forms.typed(request)
    typed = {name: fields.get(name, "") for name in ("phone", "amount")}
    if sessions.who(request) is None:
        return to_sign_in(request, _form(request, typed))
    office, who = office_of(request), signed_in(request)
    problems: dict[str, Said] = {}
    phone, amount = forms.phone(typed["phone"]), forms.amount(typed["amount"])
    if isinstance(phone, Refused):
        problems["phone"] = said(request, phone)
    if amount is None:
        problems["amount"] = _no_sum(request)
    if isinstance(phone, Refused) or amount is None:
        return page(
            request, "new.html", status=422, fields=typed, problems=problems, place=_form(request, typed)
        )
    answer = await office.in_thread(office.invoicing.could_issue, who.msisdn, phone, amount)
    if isinstance(answer, Refused):
        return _refused(request, answer, typed)
    draft = Draft.made(request, who, phone, amount)
    earlier = answer.number if isinstance(answer, Duplicate) else None
    return page(
        request, "review.html", draft=draft, typed=typed, earlier=earlier, place=_form(request, typed)
    )


async def confirm(request: web.Request) -> web.StreamResponse:
    """Step 3: it is issued, once for each draft."""
    fields = await forms.typed(request)
    typed = {name: fields.get(f"typed_{name}", "") for name in ("phone", "amount")}
    if sessions.who(request) is None:
        return to_sign_in(request, _form(request, typed))
    office, who, shell = office_of(request), signed_in(request), shell_of(request)
    draft = Draft.of(request, who, fields)
    if draft is None:
        return page(request, "new.html", status=422, fields=typed, problems={"all": _changed(request)})
    again = fields.get("again") == "1"
    answer = await office.in_thread(
        office.invoicing.issue,
        # An equal invoice is asked about under one key and issued under another: each has its own answer.
        RequestKey.api(f"{shell.channel}:user:{who.user_id}", draft.key + ("+" if again else "")),
        who.msisdn,
        draft.phone,
        draft.amount_tiyin,
        again,
        shell.channel,
    )
    office.nudge()
    if isinstance(answer, Duplicate):
        return page(
            request,
            "review.html",
            draft=draft,
            typed=typed,
            earlier=answer.number,
            place=_form(request, typed),
        )
    if isinstance(answer, Issued):
        return to(request, f"/invoices/{answer.invoice.id}", issued=1)
    return _refused(request, answer, typed)


def _refused(request: web.Request, refused: Refused, typed: Mapping[str, Any]) -> web.Response:
    """Step 1 with the reason beside the field that it is about."""
    place = "all"
    if refused.reason in _OF_PHONE:
        place = "phone"
    elif refused.reason is Refusal.AMOUNT_RANGE:
        place = "amount"
    problems = {place: said(request, refused)}
    return page(request, "new.html", status=422, fields=typed, problems=problems, place=_form(request, typed))


def _form(request: web.Request, typed: Mapping[str, str]) -> str:
    """Step 1 with what was typed, as an address."""
    return url(request, "/invoices/new", **{name: typed[name][:_TYPED_MAX] for name in ("phone", "amount")})


def _no_sum(request: web.Request) -> Said:
    spoken = words(request)
    return Said(spoken("This is no sum"), spoken("Give soums in digits: 50000 or 50000,50"))


def _changed(request: web.Request) -> Said:
    spoken = words(request)
    return Said(spoken("The form was changed on its way"), spoken("Check the phone and the sum once more"))
