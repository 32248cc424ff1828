"""One invoice: its story, its QR, cancelling and refunding it, and the receipt once it is paid (A48)."""

from __future__ import annotations

import secrets
from typing import Final

import segno
from aiohttp import hdrs, web

from cabinet import receipts
from cabinet.office import Office, office_of
from cabinet.pages import forms
from cabinet.pages.shell import language, missing, page, said, shell_of, to, words
from cabinet.pages.timeline import timeline
from cabinet.refusals import Said
from cabinet.sessions import origin, signed_in
from invoicing import Pending, Refusal, Refused, RequestKey, SignedIn, Status
from invoicing.papers import InvoicePaper

_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")
_QR_DIALS: Final = "tel:*880%23"
"""What a customer's camera makes of the QR: the call that opens the menu with his invoices."""


def routes() -> list[web.RouteDef]:
    return [
        web.get("/invoices/{id:[0-9]+}", show),
        web.post("/invoices/{id:[0-9]+}/cancel", cancel),
        web.post("/invoices/{id:[0-9]+}/refund", refund),
        web.get("/invoices/{id:[0-9]+}/receipt", receipt),
        web.get("/invoices/{id:[0-9]+}/receipt.pdf", receipt_pdf),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    return await _shown(request)


async def _shown(request: web.Request, refused: Said | None = None, status: int = 200) -> web.Response:
    office, who = office_of(request), signed_in(request)
    found = await office.in_thread(office.reports.invoice, who, request.match_info["id"])
    if isinstance(found, Refused):
        return missing(request)
    paper, story = found
    mine = who.owns or story.issuer.msisdn == who.msisdn
    return page(
        request,
        "invoice.html",
        status=status,
        paper=paper,
        events=timeline(paper, story),
        issued="issued" in request.query,
        can_cancel=paper.status is Status.AWAITING and mine,
        can_refund=paper.status is Status.PAID and who.owns,
        proved=office.accounts.is_proved(who),
        refused=refused,
        key=secrets.token_urlsafe(12),
        qr=qr(_QR_DIALS) if paper.status is Status.AWAITING else None,
        told=_told(request, paper),
    )


async def cancel(request: web.Request) -> web.StreamResponse:
    """T8, once for each time that the form was shown: pressing twice gives the first answer again."""
    office, who, shell = office_of(request), signed_in(request), shell_of(request)
    invoice, fields = request.match_info["id"], await forms.typed(request)
    pressed = f"cancel:{invoice}:{fields.get('key', '')}"
    key = RequestKey.action(f"{shell.channel}:user:{who.user_id}", pressed)
    answer = await office.in_thread(office.invoicing.cancel, key, who.msisdn, invoice, shell.channel)
    office.nudge()
    return await _answered(request, answer)


async def refund(request: web.Request) -> web.StreamResponse:
    """T10, by the owner with his password: once for each time that the form was shown."""
    office, who, shell = office_of(request), signed_in(request, owner=True), shell_of(request)
    fields = await forms.typed(request)
    proof = await proven(request, office, who, fields.get("password", ""))
    if isinstance(proof, Refused):
        return await _shown(request, said(request, proof), 422)
    invoice = request.match_info["id"]
    answer = await office.in_thread(
        office.invoicing.refund,
        RequestKey.api(f"{shell.channel}:user:{who.user_id}", f"refund:{invoice}:{fields.get('key', '')}"),
        proof.msisdn,
        invoice,
        reauthenticated=True,
        channel=shell.channel,
    )
    office.nudge()
    if isinstance(answer, Pending):
        told = words(request)
        waits = Said(told("The bank has not answered yet"), told("The result will be shown here"))
        return await _shown(request, waits)
    return await _answered(request, answer)


async def _answered(request: web.Request, answer: object) -> web.StreamResponse:
    if not isinstance(answer, Refused):
        return to(request, f"/invoices/{request.match_info['id']}")
    if answer.reason is Refusal.NOT_FOUND:
        return missing(request)
    return await _shown(request, said(request, answer), 422)


async def proven(request: web.Request, office: Office, who: SignedIn, password: str) -> SignedIn | Refused:
    """The session with its password given lately: given now, or some minutes ago."""
    if not password and office.accounts.is_proved(who):
        return who
    answer = await office.hashing(office.accounts.prove, who, password, origin(request))
    if isinstance(answer, Refused):
        return answer
    return await office.in_thread(office.accounts.again, who) or Refused(Refusal.NOT_AUTHENTICATED)


async def receipt(request: web.Request) -> web.StreamResponse:
    """The receipt as a page that prints well."""
    made = await _receipt(request)
    if made is None:
        return missing(request)
    return page(request, "receipt.html", receipt=made, qr=qr(made.address), invoice=request.match_info["id"])


async def receipt_pdf(request: web.Request) -> web.StreamResponse:
    made, office = await _receipt(request), office_of(request)
    if made is None:
        return missing(request)
    octets = await office.in_thread(receipts.pdf, made, words(request))
    return web.Response(
        body=octets,
        content_type="application/pdf",
        headers={hdrs.CONTENT_DISPOSITION: f'inline; filename="receipt-{made.payment_number}.pdf"'},
    )


async def _receipt(request: web.Request) -> receipts.Receipt | None:
    office, who = office_of(request), signed_in(request)
    paper = await office.in_thread(office.papers.invoice, who, request.match_info["id"])
    if isinstance(paper, Refused) or paper.paid_at is None or paper.payment_number is None:
        return None
    return receipts.Receipt.of(paper, check_address(request, who, paper), language(request))


def check_address(request: web.Request, who: SignedIn, paper: InvoicePaper) -> str:
    """Where anybody who holds the receipt can see that it is real."""
    named = f"{who.merchant_id}-{paper.id}"
    seal = office_of(request).derived("receipt", named)[:32]
    # Who is signed in by a `Secure` cookie came over TLS, though it may have ended at a proxy before us.
    by_tls = office_of(request).options.secure and (request.url.host or "") not in _THIS_MACHINE
    return f"{'https' if by_tls else request.scheme}://{request.host}/cabinet/check/{named}-{seal}"


def qr(text: str) -> str:
    """A QR as an SVG to be put into a page."""
    made: str = segno.make(text, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return made


def _told(request: web.Request, paper: InvoicePaper) -> str:
    """What the merchant may send his customer by himself."""
    spoken = words(request)
    return spoken(
        "Invoice No %(number)s from %(merchant)s, %(sum)s. To pay or decline, dial *880#",
        number=paper.number,
        merchant=paper.merchant_name,
        sum=spoken.money(paper.amount_tiyin),
    )
