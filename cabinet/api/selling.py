"""Calls about invoices, payments, receipts and reports."""

from __future__ import annotations

from typing import Final

from cabinet.api.problems import Problem
from cabinet.api.registry import Call, Needs, Routes
from cabinet.api.shapes import (
    Invoice,
    InvoiceQuery,
    Invoices,
    NewInvoice,
    Payment,
    PaymentQuery,
    Payments,
    Receipt,
    Refund,
    Report,
    ReportQuery,
    status_of,
)
from cabinet.api.signing import done
from invoicing import Duplicate, Refunded, Refusal, Refused
from invoicing.papers import InvoiceFilter
from invoicing.values import masked, msisdn

routes: Final = Routes("invoices and payments")
CHANNEL: Final = "api"
_PHONE: Final = ("bad_phone", "not_mobile")


@routes.post(
    "/invoices",
    status=201,
    key=True,
    reasons=(
        *(*_PHONE, "own_number", "amount_range", "duplicate", "key_reused"),
        *("minute_limit", "day_limit", "open_limit", "sms_limit", "cannot_send", "blocked"),
    ),
)
async def issue(call: Call, body: NewInvoice) -> Invoice:
    """Issue an invoice; its customer gets an SMS.

    The same Idempotency-Key again gives the first answer, for 30 days; with other values it is refused.
    """
    answer = await call.office.in_thread(
        call.office.invoicing.issue,
        call.key,
        call.who.msisdn,
        body.phone,
        body.amount_tiyin,
        body.again,
        CHANNEL,
    )
    call.office.nudge()
    if isinstance(answer, Duplicate):
        raise Problem("duplicate", {"number": answer.number})
    return Invoice.of(done(answer).invoice)


@routes.get("/invoices", reasons=(*_PHONE, "bad_period"))
async def invoices(call: Call, query: InvoiceQuery) -> Invoices:
    """List the merchant's invoices, newest first, a page at a time."""
    customer = None if query.phone is None else msisdn(query.phone)
    if query.phone is not None and customer is None:
        raise Problem.of(Refused(Refusal.BAD_PHONE))
    what = InvoiceFilter(status_of(query.status), customer, query.number, query.since, query.until)
    found = done(
        await call.office.in_thread(call.office.papers.invoices, call.who, what, query.cursor, query.limit)
    )
    return Invoices(invoices=[Invoice.of(paper) for paper in found.rows], next=found.after)


@routes.get("/invoices/{id}", reasons=("not_found",))
async def invoice(call: Call) -> Invoice:
    """Read one invoice."""
    return Invoice.of(done(await call.office.in_thread(call.office.papers.invoice, call.who, call.id)))


_CLOSED: Final = (
    *("being_paid", "already_paid", "already_declined", "already_cancelled"),
    *("already_expired", "already_refunded"),
)


@routes.post(
    "/invoices/{id}/cancel", key=True, reasons=("not_found", "not_allowed", "key_reused", "blocked", *_CLOSED)
)
async def cancel(call: Call) -> Invoice:
    """Cancel an invoice that waits for payment: its owner may, and the cashier who issued it."""
    answer = await call.office.in_thread(
        call.office.invoicing.cancel, call.key, call.who.msisdn, call.id, CHANNEL
    )
    call.office.nudge()
    return Invoice.of(done(answer).invoice)


@routes.post(
    "/invoices/{id}/refund",
    key=True,
    needs=Needs.OWNER,
    reasons=(
        *("not_found", "not_allowed", "not_authenticated", "not_paid", "already_refunded", "being_refunded"),
        *("refund_too_late", "card_declined", "unavailable", "interrupted", "key_reused", "blocked"),
    ),
)
async def refund(call: Call) -> Refund:
    """Give the whole sum of a paid invoice back, after `POST /session/proof`; in the month of the payment.

    A token made by `POST /tokens` cannot: it has no password to prove.
    """
    proved = call.office.accounts.is_proved(call.who)
    if not proved:
        # Not kept under the key: after the proof the same request may be sent again.
        found = await call.office.in_thread(call.office.papers.invoice, call.who, call.id)
        raise Problem.of(found if isinstance(found, Refused) else Refused(Refusal.NOT_AUTHENTICATED))
    answer = done(
        await call.office.in_thread(
            call.office.invoicing.refund,
            call.key,
            call.who.msisdn,
            call.id,
            reauthenticated=proved,
            channel=CHANNEL,
        )
    )
    call.office.nudge()
    if isinstance(answer, Refunded):
        return Refund(done=True, invoice=Invoice.of(answer.invoice))
    return Refund(done=False)


@routes.get("/invoices/{id}/receipt", reasons=("not_found", "not_paid"))
async def receipt(call: Call) -> Receipt:
    """What the receipt of a paid invoice says."""
    paper = done(await call.office.in_thread(call.office.papers.invoice, call.who, call.id))
    if paper.payment_number is None or paper.paid_at is None:
        raise Problem("not_paid", {"number": paper.number})
    return Receipt.model_validate(
        {
            "merchant": paper.merchant_name,
            "invoice_number": paper.number,
            "payment_number": paper.payment_number,
            "paid_at": paper.paid_at,
            "amount_tiyin": paper.amount_tiyin,
            "card": f"*{paper.card_last4}",
            "phone": masked(paper.customer_msisdn),
            "status": paper.status.value,
        }
    )


@routes.get("/payments", reasons=("bad_period",))
async def payments(call: Call, query: PaymentQuery) -> Payments:
    """List the payments that reached the merchant, newest first, refunded ones too."""
    found = done(
        await call.office.in_thread(
            call.office.papers.payments, call.who, query.since, query.until, query.cursor, query.limit
        )
    )
    rows = [Payment.of(paper, masked(paper.customer_msisdn)) for paper in found.rows]
    return Payments(payments=rows, next=found.after)


@routes.get("/payments/{id}", reasons=("not_found",))
async def payment(call: Call) -> Payment:
    """Read one payment."""
    paper = done(await call.office.in_thread(call.office.papers.payment, call.who, call.id))
    return Payment.of(paper, masked(paper.customer_msisdn))


@routes.get("/report", reasons=("bad_period",))
async def report(call: Call, query: ReportQuery) -> Report:
    """Totals of the successful payments of a period, day by day; at most 366 days."""
    return Report.of(
        done(await call.office.in_thread(call.office.papers.totals, call.who, query.since, query.until))
    )
