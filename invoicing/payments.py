"""Payments: the attempt's stages (domain.md 3.1: T2-T6, 3.2), each in one transaction of its own.

    begin      the key, the guards, the counted PIN try          (then: compare the PIN)
    start      T2: invoice -> paying, payment created            (then: commit)
    mark_sent  created -> sent                                   (then: ask the switch)
    conclude   T3, T4 or T5 by the switch's answer

A crash between any two leaves a row that the next stage, a repeat of the request, or recovery picks up:
`give_up` (T5 for an attempt nobody waits for any more), then `reversals` (T6).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import Connection

from invoicing import audit, customers, invoices, ledger, notices, requests
from invoicing.audit import SERVICE, Actor
from invoicing.cards import own
from invoicing.customers import Checking, InHand
from invoicing.invoices import tell_customer, tell_merchant
from invoicing.limits import Limits
from invoicing.merchants import language_of_customer
from invoicing.notices import Template
from invoicing.ports import Approved, Declined, Outcome, PurchaseRequest, Unknown
from invoicing.requests import CHECKING, PAYING, Begun, RequestKey
from invoicing.results import Paid, PaymentView, Pending, PinRight, Refusal, Refused, Rows, Status
from invoicing.states import PAYMENT_MOVES, InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as storage
from invoicing.storage import people
from invoicing.storage import requests as request_rows
from invoicing.storage.invoices import Invoice
from invoicing.storage.payments import Payment
from invoicing.storage.people import Card, Customer
from invoicing.storage.requests import Request
from invoicing.values import short_name, tashkent_day

log: Final = logging.getLogger(__name__)

PayAnswer = Paid | Pending | Refused

_STATUS: Final = {
    PaymentState.CREATED: Status.IN_PROGRESS,
    PaymentState.SENT: Status.IN_PROGRESS,
    PaymentState.UNKNOWN: Status.IN_PROGRESS,
    PaymentState.REVERSING: Status.IN_PROGRESS,
    PaymentState.APPROVED: Status.PAID,
    PaymentState.REFUNDING: Status.PAID,
    PaymentState.DECLINED: Status.DECLINED,
    PaymentState.REVERSED: Status.CANCELLED,
    PaymentState.REFUNDED: Status.REFUNDED,
}


@dataclass(frozen=True, slots=True)
class PayOrder:
    """What the customer wants: which invoice, from which card."""

    actor: Actor
    invoice_id: int | None
    card_id: int | None


def begin(
    conn: Connection,
    now: datetime,
    limits: Limits,
    key: RequestKey,
    body: str,
    order: PayOrder,
    *,
    ready: bool,
) -> Checking | InHand | PayAnswer:
    """Take the key, look at every guard of T2 but the PIN, and count the PIN try."""
    begun = requests.begin(conn, key, body, now, CHECKING)
    if not isinstance(begun, Begun):
        return cast(PayAnswer, begun)  # the body's hash names the action, so the answer is one of a payment
    if not begun.fresh:
        return InHand(begun.row)
    payable = _payable(conn, now, limits, order)
    if isinstance(payable, Refused):
        return requests.finish(conn, begun.row, payable)
    if not ready:
        return requests.finish(conn, begun.row, Refused(Refusal.UNAVAILABLE))
    pin_try = customers.count_try(conn, now, limits, payable.customer, order.actor)
    if isinstance(pin_try, Refused):
        return requests.finish(conn, begun.row, pin_try)
    return Checking(begun.row, pin_try)


@dataclass(frozen=True, slots=True)
class _Payable:
    """What a payment takes together, each read once: a second look might see another state."""

    customer: Customer
    invoice: Invoice
    card: Card


def _payable(conn: Connection, now: datetime, limits: Limits, order: PayOrder) -> _Payable | Refused:
    """Every guard of T2 but the PIN."""
    customer = customers.paying_customer(conn, order.actor.name)
    if isinstance(customer, Refused):
        return customer
    invoice = _own_invoice(conn, order)
    if invoice is None:
        return Refused(Refusal.NOT_FOUND)
    card = own(conn, customer.id, order.card_id)
    if card is None:
        return Refused(Refusal.NO_CARD)
    refused = invoices.not_open(now, invoice) or _paused(conn, now, limits, invoice)
    return refused or _Payable(customer, invoice, card)


def _own_invoice(conn: Connection, order: PayOrder) -> Invoice | None:
    if order.invoice_id is None:
        return None
    return invoice_rows.of_customer(conn, order.actor.name, order.invoice_id)


def _paused(conn: Connection, now: datetime, limits: Limits, invoice: Invoice) -> Refused | None:
    """T4: after five refused attempts the invoice is payable again only after a quarter of an hour."""
    count, last = storage.declines(conn, invoice.id)
    if last is None or count < limits.declines_before_pause:
        return None
    left = last + limits.pause_after_declines - now
    if left <= timedelta(0):
        return None
    return Refused(Refusal.PAUSED, {"minutes": -(-int(left.total_seconds()) // 60) or 1})


def start(
    conn: Connection,
    now: datetime,
    limits: Limits,
    checking: Checking,
    order: PayOrder,
    *,
    pin_right: bool,
    terminal: str,
) -> Payment | PayAnswer | None:
    """T2, after the PIN was compared; `None`: the request was closed meanwhile, its answer is in the log."""
    row = request_rows.find(conn, checking.row.scope, checking.row.key)
    if row != checking.row:
        return None
    customer = people.customer_of(conn, order.actor.name, lock=True)
    assert customer is not None  # it had a PIN to compare with
    judged = customers.judge_try(conn, now, limits, customer, order.actor, right=pin_right)
    if isinstance(judged, Refused):
        return requests.finish(conn, row, judged)
    payable = _payable(conn, now, limits, order)
    if isinstance(payable, Refused):
        return requests.finish(conn, row, payable)
    invoice = payable.invoice
    if not invoices.move(conn, now, invoice, InvoiceState.PAYING, order.actor):
        return requests.finish(conn, row, invoices.lost_race(conn, invoice.id))
    request_rows.advance(conn, row, PAYING)
    return storage.create(
        conn,
        invoice_id=invoice.id,
        card_id=payable.card.id,
        amount_tiyin=invoice.amount_tiyin,
        terminal=terminal,
        business_day=tashkent_day(now),
        at=now,
        request_scope=row.scope,
        request_key=row.key,
    )


def mark_sent(conn: Connection, now: datetime, payment: Payment) -> PurchaseRequest | None:
    """The last row before the switch is asked; `None`: recovery has the attempt, nothing may be sent."""
    if not _move(conn, payment, PaymentState.SENT, sent_at=now):
        return None
    return PurchaseRequest(
        payment.card_token, payment.amount_tiyin, payment.stan, payment.rrn, payment.terminal, now
    )


def conclude(conn: Connection, now: datetime, payment_id: int, outcome: Outcome) -> PayAnswer:
    """Apply the switch's answer: T3, T4 or T5, once; a repeat or a late answer changes nothing."""
    payment = storage.by_id(conn, payment_id, lock=True)
    invoice = invoice_rows.by_id(conn, payment.invoice_id)
    if payment.state != PaymentState.SENT:
        _note_late(conn, now, payment, outcome)
        return answer_of(conn, payment)
    if isinstance(outcome, Approved) and not _matches(outcome, payment):
        # S22, F7: money of another sum or attempt is no payment of this one; it is given back.
        log.error("payment %s: the switch approved something else; reversing", payment.number)
        audit.note(conn, now, SERVICE, "answer_mismatch", f"payment:{payment.id}")
        outcome = Unknown()
    if isinstance(outcome, Approved):
        answer: PayAnswer = _approve(conn, now, payment, invoice, outcome)
    elif isinstance(outcome, Declined):
        answer = _decline(conn, now, payment, invoice, outcome.code)
    else:
        answer = _unknown(conn, now, payment, invoice)
    _close_request(conn, payment, answer)
    return answer


def _matches(answer: Approved, payment: Payment) -> bool:
    told = (answer.stan, answer.rrn, answer.amount_tiyin)
    return told == (payment.stan, payment.rrn, payment.amount_tiyin)


def _approve(conn: Connection, now: datetime, payment: Payment, invoice: Invoice, answer: Approved) -> Paid:
    """T3."""
    must_move(
        conn,
        payment,
        PaymentState.APPROVED,
        answered_at=now,
        response_code="00",
        auth_code=answer.auth_code,
    )
    note = f"payment {payment.number} {payment.amount_tiyin}"
    if not invoices.move(conn, now, invoice, InvoiceState.PAID, SERVICE, note=note):
        raise RuntimeError("an invoice left `paying` while its payment was live")
    ledger.book_payment(
        conn,
        now,
        payment_id=payment.id,
        merchant_id=invoice.merchant_id,
        amount_tiyin=payment.amount_tiyin,
        fee_bp=people.merchant_user_by_id(conn, invoice.issued_by).fee_bp,
    )
    event_id = f"payment:{payment.id}:approved"
    tell_merchant(conn, now, invoice, Template.PAID_MERCHANT, event_id=event_id)
    tell_customer(conn, now, invoice, Template.PAID_CUSTOMER, event_id=event_id, payment=payment.number)
    return Paid(invoices.view(invoice_rows.by_id(conn, invoice.id)), payment.number)


def _decline(conn: Connection, now: datetime, payment: Payment, invoice: Invoice, code: str) -> Refused:
    """T4: the invoice waits on; an overdue one is closed by the next expiry run."""
    must_move(conn, payment, PaymentState.DECLINED, answered_at=now, response_code=code)
    if not invoices.move(conn, now, invoice, InvoiceState.ISSUED, SERVICE, note=f"code {code}"):
        raise RuntimeError("an invoice left `paying` while its payment was live")
    text = notices.reason_text(code, language_of_customer(conn, invoice.customer_msisdn))
    event_id = f"payment:{payment.id}:declined"
    tell_customer(conn, now, invoice, Template.REFUSED, event_id=event_id, reason=text)
    why = notices.decline_reason(code).value
    return Refused(Refusal.CARD_DECLINED, {"number": invoice.number, "code": code, "why": why, "text": text})


def _unknown(conn: Connection, now: datetime, payment: Payment, invoice: Invoice) -> Pending:
    """T5: the reversal is queued in the same transaction."""
    must_move(conn, payment, PaymentState.UNKNOWN, answered_at=now)
    storage.queue_reversal(conn, payment.id, now)
    audit.note(conn, now, SERVICE, "payment_unknown", f"payment:{payment.id}")
    tell_customer(conn, now, invoice, Template.UNKNOWN, event_id=f"payment:{payment.id}:unknown")
    return Pending(invoice.number, payment.number)


def give_up(conn: Connection, now: datetime, payment_id: int) -> bool:
    """T5 for an attempt whose time is over: its worker died, or the switch never answered (F2, F3)."""
    payment = storage.by_id(conn, payment_id, lock=True)
    if payment.state not in (PaymentState.CREATED, PaymentState.SENT):
        return False
    pending = _unknown(conn, now, payment, invoice_rows.by_id(conn, payment.invoice_id))
    _close_request(conn, payment, pending)
    return True


def answer_of(conn: Connection, payment: Payment) -> PayAnswer:
    """What a request is told whose attempt another party concluded: its kept answer, else `Pending`."""
    row = request_rows.find(conn, payment.request_scope, payment.request_key)
    if row is not None and row.answer is not None and row.created_at <= payment.created_at < row.valid_until:
        return cast(PayAnswer, requests.decode(row))
    return Pending(payment.invoice_number, payment.number)


def present_row(conn: Connection, row: Request) -> PayAnswer | PinRight | Request:
    """How far another copy of a request has come: its answer, or its row as it stands."""
    present = request_rows.find(conn, row.scope, row.key)
    if present is None or present.created_at != row.created_at:
        return Refused(Refusal.INTERRUPTED)  # the key was reused: whatever became of this request, it is over
    return present if present.answer is None else cast(PayAnswer | PinRight, requests.decode(present))


def close_interrupted(conn: Connection, row: Request, order: PayOrder) -> PayAnswer:
    """A PIN check that died took no money and never will: say so, unless it came alive after all."""
    refused = Refused(Refusal.INTERRUPTED)
    if request_rows.advance(conn, row, *requests.encode(refused)):
        return refused
    present = present_row(conn, row)
    return pending_of(conn, present, order) if isinstance(present, Request) else cast(PayAnswer, present)


def pending_of(conn: Connection, row: Request, order: PayOrder) -> Pending:
    """The honest answer while another copy of the request compares the PIN or waits for the switch."""
    payment = storage.of_request(conn, row.scope, row.key, row.created_at)
    if payment is not None:
        return Pending(payment.invoice_number, payment.number)
    invoice = _own_invoice(conn, order)
    assert invoice is not None  # the copy came past the guards with it
    return Pending(invoice.number, None)


def history(conn: Connection, number: str, after: int | None, limit: int) -> Rows[PaymentView]:
    """A customer's attempts, newest first."""
    found = storage.customer_page(conn, number, after, limit + 1)
    shown = found[:limit]
    rows = tuple(
        PaymentView(
            id=str(payment.id),
            number=payment.number,
            invoice_number=payment.invoice_number,
            merchant_name_sms=short_name(payment.merchant_name),
            amount_tiyin=payment.amount_tiyin,
            status=_STATUS[PaymentState(payment.state)],
            at=payment.answered_at or payment.created_at,
        )
        for payment in shown
    )
    return Rows(rows, rows[-1].id if len(found) > limit else None)


def _close_request(conn: Connection, payment: Payment, answer: PayAnswer) -> None:
    kind, text = requests.encode(answer)
    request_rows.close(conn, payment.request_scope, payment.request_key, payment.created_at, kind, text)


def _note_late(conn: Connection, now: datetime, payment: Payment, outcome: Outcome) -> None:
    """F6: an answer after the reversal was queued never makes the invoice paid.

    An approval does show that the bank has the money now. A reversal sent before may have met a bank that
    knew no such payment yet, so it is sent once more; reconciliation reads the audit row.
    """
    if payment.state not in (PaymentState.UNKNOWN, PaymentState.REVERSING, PaymentState.REVERSED):
        return
    told = type(outcome).__name__.lower()
    audit.note(conn, now, SERVICE, "answer_late", f"payment:{payment.id}", after=told)
    if isinstance(outcome, Approved):
        storage.requeue_reversal(conn, payment.id, now)


def _move(conn: Connection, payment: Payment, to: PaymentState, **values: datetime | str | None) -> bool:
    before = PaymentState(payment.state)
    if (before, to) not in PAYMENT_MOVES:
        raise ValueError(f"a payment never goes from {before} to {to}")
    return storage.move(conn, payment.id, before, to, **values)


def must_move(conn: Connection, payment: Payment, to: PaymentState, **values: datetime | str | None) -> None:
    """A move of a row that this transaction has locked."""
    if not _move(conn, payment, to, **values):
        raise RuntimeError("a payment was concluded twice at once")
