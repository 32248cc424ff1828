"""Refunds: the whole sum of a paid invoice goes back to the card it came from (domain.md 3.1: T10).

A refund is an attempt of its own kind: STAN and RRN stored before it is sent (0200, processing code 20), an
unknown outcome reversed (the refund is taken back), recovery as for payments. While it is at work the payment
is `refunding` and the invoice stays paid.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from invoicing import audit, invoices, ledger, notices
from invoicing.audit import SERVICE, Actor
from invoicing.invoices import tell_customer, tell_merchant, told_of
from invoicing.merchants import acting_user
from invoicing.moves import must_move
from invoicing.notices import Template
from invoicing.orders import REFUND
from invoicing.outcomes import PayAnswer
from invoicing.requests import PAYING, Begun, RequestKey, begin, finish
from invoicing.results import Pending, Refunded, Refusal, Refused
from invoicing.states import InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as storage
from invoicing.storage import people
from invoicing.storage.invoices import Invoice
from invoicing.storage.payments import Payment, Subject
from invoicing.values import TASHKENT, tashkent_day


def start(
    conn: Connection,
    now: datetime,
    key: RequestKey,
    body: str,
    actor: Actor,
    invoice_id: int | None,
    *,
    reauthenticated: bool,
    ready: bool,
    terminal: str,
) -> Payment | Refunded | Pending | Refused:
    """Take the key, look at every guard, and store the attempt; then it is sent."""
    begun = begin(conn, key, body, now, PAYING)
    if not isinstance(begun, Begun):
        assert isinstance(begun, Refunded | Pending | Refused)  # the body's hash names the action
        return begun
    if not begun.fresh:
        return pending_of(conn, actor, invoice_id)
    found = _refundable(conn, now, actor, invoice_id, reauthenticated=reauthenticated)
    if isinstance(found, Refused):
        return finish(conn, begun.row, found)
    if not ready:
        return finish(conn, begun.row, Refused(Refusal.UNAVAILABLE))
    must_move(conn, found, PaymentState.REFUNDING)
    audit.note(conn, now, actor, "refund_begun", f"payment:{found.id}", after=str(found.amount_tiyin))
    return storage.create(
        conn,
        Subject(REFUND, found.amount_tiyin, merchant_id=found.merchant_id, refund_of=found.id),
        customer=people.customer_by_id(conn, found.customer_id),
        card_id=found.card_id,
        card_token=found.card_token,
        terminal=terminal,
        business_day=tashkent_day(now),
        at=now,
        request=begun.row,
    )


def _refundable(
    conn: Connection, now: datetime, actor: Actor, invoice_id: int | None, *, reauthenticated: bool
) -> Payment | Refused:
    """The payment to give back, its row held; or why not."""
    user = acting_user(conn, now, actor.name, actor.channel)
    if isinstance(user, Refused):
        return user
    found = None if invoice_id is None else invoice_rows.of_merchant(conn, user.merchant_id, invoice_id)
    if found is None:
        audit.note(conn, now, actor, "refused_foreign", f"invoice:{invoice_id}")
        return Refused(Refusal.NOT_FOUND)
    if user.role != "owner":
        return Refused(Refusal.NOT_ALLOWED)
    if not reauthenticated:
        return Refused(Refusal.NOT_AUTHENTICATED)
    payment = storage.of_invoice(conn, found.id)
    if payment is None:
        return Refused(Refusal.NOT_PAID, {"number": found.number})
    if payment.state == PaymentState.REFUNDED:
        return Refused(Refusal.ALREADY_REFUNDED, {"number": found.number})
    if payment.state == PaymentState.REFUNDING:
        return Refused(Refusal.BEING_REFUNDED, {"number": found.number})
    paid_at = payment.answered_at
    assert paid_at is not None  # an approval is an answer
    # The scheme takes money back within the calendar month of the payment (domain.md 1.2).
    if paid_at.astimezone(TASHKENT).strftime("%Y%m") != now.astimezone(TASHKENT).strftime("%Y%m"):
        return Refused(Refusal.REFUND_TOO_LATE, {"number": found.number})
    return payment


def pending_of(conn: Connection, actor: Actor, invoice_id: int | None) -> Pending | Refused:
    """The honest answer while another copy of the request waits for the bank."""
    user = people.merchant_user_of(conn, actor.name)
    if user is None or invoice_id is None:
        return Refused(Refusal.NOT_FOUND)
    invoice = invoice_rows.of_merchant(conn, user.merchant_id, invoice_id)
    return Refused(Refusal.NOT_FOUND) if invoice is None else Pending(invoice.number, None)


class OfRefund:
    """The money is back with the customer, or the payment stands as it was."""

    def approved(self, conn: Connection, now: datetime, payment: Payment) -> PayAnswer:
        original, invoice = _original(conn, payment)
        must_move(conn, original, PaymentState.REFUNDED)
        note = f"refund {payment.number} {payment.amount_tiyin}"
        if not invoices.move(conn, now, invoice, InvoiceState.REFUNDED, SERVICE, note=note):
            raise RuntimeError("an invoice left `paid` while its refund was live")
        ledger.book_refund(conn, now, payment_id=original.id)
        event_id = f"payment:{payment.id}:refunded"
        tell_customer(conn, now, invoice, Template.REFUNDED_CUSTOMER, event_id=event_id)
        tell_merchant(conn, now, invoice, Template.REFUNDED_MERCHANT, event_id=event_id)
        return Refunded(invoices.view(invoice_rows.by_id(conn, invoice.id)))

    def declined(self, conn: Connection, now: datetime, payment: Payment, code: str) -> Refused:
        original, invoice = _original(conn, payment)
        must_move(conn, original, PaymentState.APPROVED)
        user = told_of(conn, invoice)
        text = notices.reason_text(code, user.lang)
        event_id = f"payment:{payment.id}:declined"
        tell_merchant(conn, now, invoice, Template.REFUND_REFUSED, event_id=event_id, user=user, reason=text)
        why = notices.decline_reason(code).value
        return Refused(
            Refusal.CARD_DECLINED, {"number": invoice.number, "code": code, "why": why, "text": text}
        )

    def unknown(self, conn: Connection, now: datetime, payment: Payment) -> None:
        """Nobody is told yet: the merchant reads "being refunded" until the reversal's end."""

    def reversed_(self, conn: Connection, now: datetime, payment: Payment, *, original_known: bool) -> None:
        original, invoice = _original(conn, payment)
        must_move(conn, original, PaymentState.APPROVED)
        user = told_of(conn, invoice)
        event_id = f"payment:{payment.id}:reversed"
        text = notices.reason_text("91", user.lang)
        tell_merchant(conn, now, invoice, Template.REFUND_REFUSED, event_id=event_id, user=user, reason=text)


def _original(conn: Connection, payment: Payment) -> tuple[Payment, Invoice]:
    assert payment.refund_of is not None  # the table holds it to its kind
    original = storage.by_id(conn, payment.refund_of, lock=True)
    assert original.invoice_id is not None  # only invoices' payments are refunded
    return original, invoice_rows.by_id(conn, original.invoice_id)
