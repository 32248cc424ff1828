"""Reversals: giving back the money of an attempt whose outcome nobody knows (domain.md 3.1: T6).

    take       the oldest due reversal, marked sent; the payment is `reversing`    (then: ask the switch)
    finish     the switch has it: the payment is `reversed`, the invoice free again

They go out strictly in order. One that got no answer is sent again; one whose answer crossed a late approval
was queued anew meanwhile, so its answer finishes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from invoicing import audit, invoices
from invoicing.audit import SERVICE
from invoicing.invoices import tell_customer, tell_expired
from invoicing.notices import Template
from invoicing.payments import must_move
from invoicing.ports import ReversalRequest
from invoicing.states import InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as storage
from invoicing.storage.payments import Reversal


def take(conn: Connection, now: datetime, pause: timedelta) -> tuple[Reversal, ReversalRequest] | None:
    """The oldest reversal, if its time has come, marked sent before it goes out (0420; 0421 from then on)."""
    reversal = storage.first_reversal(conn)
    if reversal is None or reversal.next_at > now or not storage.send_reversal(conn, reversal, now + pause):
        return None
    payment = storage.by_id(conn, reversal.payment_id, lock=True)
    if payment.state == PaymentState.UNKNOWN:
        must_move(conn, payment, PaymentState.REVERSING)
    request = ReversalRequest(
        token=payment.card_token,
        amount_tiyin=payment.amount_tiyin,
        stan=payment.stan,
        rrn=payment.rrn,
        terminal=payment.terminal,
        sent_at=payment.sent_at or payment.created_at,
        repeat=reversal.tries > 0,
    )
    return reversal, request


def finish(conn: Connection, now: datetime, reversal: Reversal, *, original_known: bool) -> bool:
    """T6: the invoice may be paid again, or is closed where its time is over; `False`: already done."""
    if not storage.finish_reversal(conn, reversal.id):
        return False
    payment = storage.by_id(conn, reversal.payment_id, lock=True)
    if payment.state == PaymentState.REVERSED:  # sent once more after a late approval
        audit.note(conn, now, SERVICE, "reversed_again", f"payment:{payment.id}")
        return True
    must_move(conn, payment, PaymentState.REVERSED)
    invoice = invoice_rows.by_id(conn, payment.invoice_id)
    overdue = invoice.expires_at <= now
    to = InvoiceState.EXPIRED if overdue else InvoiceState.ISSUED
    note = "reversed" if original_known else "reversed, the bank knew no such payment"
    if not invoices.move(conn, now, invoice, to, SERVICE, note=note):
        raise RuntimeError("an invoice left `paying` while its payment was live")
    event_id = f"payment:{payment.id}:reversed"
    tell_customer(conn, now, invoice, Template.REVERSED, event_id=event_id, payment=payment.number)
    if overdue:
        tell_expired(conn, now, invoice)
    return True
