"""The attempt's stages (domain.md 3.1: T2-T6, 3.2), each in one transaction of its own.

    begin      the key, the guards, the counted PIN try          (then: compare the PIN)
    start      T2: the subject is claimed, payment created       (then: commit)
    mark_sent  created -> sent                                   (then: ask the switch)
    conclude   T3, T4 or T5 by the switch's answer

A crash between any two leaves a row that the next stage, a repeat of the request, or recovery picks up:
`give_up` (T5 for an attempt nobody waits for any more), then `reversals` (T6). What is paid is an order's
business (`orders`), what an end means an outcome's (`outcomes`, `refunds`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection

from invoicing import audit, customers, requests
from invoicing.audit import SERVICE
from invoicing.customers import Checking, InHand
from invoicing.limits import Limits
from invoicing.moves import move, must_move
from invoicing.orders import INVOICE, REFUND, TOPUP, TRANSFER, Order, PayOrder
from invoicing.orders import SERVICE as SHOP
from invoicing.outcomes import OfDirect, OfInvoice, Outcome, PayAnswer, payment_view
from invoicing.ports import Approved, Credit, CreditKind, Declined, PurchaseRequest, Unknown
from invoicing.ports import Outcome as Told
from invoicing.refunds import OfRefund
from invoicing.requests import CHECKING, PAYING, Begun, RequestKey
from invoicing.results import PaymentView, Pending, PinRight, Refusal, Refused, Rows, Status
from invoicing.states import PaymentState
from invoicing.storage import payments as storage
from invoicing.storage import requests as request_rows
from invoicing.storage.payments import Payment, Subject
from invoicing.storage.people import Card, Customer
from invoicing.storage.requests import Request
from invoicing.storage.rows import gathered
from invoicing.values import tashkent_day

__all__ = ["PayAnswer", "PayOrder", "begin", "conclude", "give_up", "mark_sent", "start"]

log: Final = logging.getLogger(__name__)

_OUTCOMES: Final[dict[str, Outcome]] = {
    INVOICE: OfInvoice(),
    SHOP: OfDirect(),
    TRANSFER: OfDirect(),
    TOPUP: OfDirect(),
    REFUND: OfRefund(),
}
_CREDITS: Final = {TRANSFER: CreditKind.CARD, TOPUP: CreditKind.PHONE}
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


def begin(
    conn: Connection,
    now: datetime,
    limits: Limits,
    key: RequestKey,
    body: str,
    order: Order,
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
    subject: Subject
    card: Card


def _payable(
    conn: Connection, now: datetime, limits: Limits, order: Order, held: Customer | None = None
) -> _Payable | Refused:
    """Every guard of T2 but the PIN; the customer's row is held, by this or by the caller."""
    customer = customers.may_pay(held) if held else customers.paying_customer(conn, order.actor.name)
    if isinstance(customer, Refused):
        return customer
    found = order.find(conn, limits, customer)
    if isinstance(found, Refused):
        return found
    if found.card is None:
        return Refused(Refusal.NO_CARD)
    refused = order.against(conn, now, limits, customer, found.subject)
    return refused or _Payable(customer, found.subject, found.card)


def start(
    conn: Connection,
    now: datetime,
    limits: Limits,
    checking: Checking,
    order: Order,
    *,
    pin_right: bool,
    terminal: str,
) -> Payment | PayAnswer | None:
    """T2, after the PIN was compared; `None`: the request was closed meanwhile, its answer is in the log."""
    if not request_rows.advance(conn, checking.row, PAYING):
        return None
    row = replace(checking.row, status=PAYING)
    customer = customers.judge_and_hold(conn, now, limits, order.actor, right=pin_right)
    if isinstance(customer, Refused):
        return requests.finish(conn, row, customer)
    payable = _payable(conn, now, limits, order, customer)
    if isinstance(payable, Refused):
        return requests.finish(conn, row, payable)
    lost = order.claim(conn, now, payable.subject)
    if lost is not None:
        return requests.finish(conn, row, lost)
    return storage.create(
        conn,
        payable.subject,
        customer=payable.customer,
        card_id=payable.card.id,
        card_token=payable.card.token,
        terminal=terminal,
        business_day=tashkent_day(now),
        at=now,
        request=row,
    )


def mark_sent(conn: Connection, now: datetime, payment: Payment) -> PurchaseRequest | None:
    """The last row before the switch is asked; `None`: recovery has the attempt, nothing may be sent."""
    if not move(conn, payment, PaymentState.SENT, sent_at=now):
        return None
    return PurchaseRequest(
        payment.card_token,
        payment.amount_tiyin,
        payment.stan,
        payment.rrn,
        payment.terminal,
        now,
        credit_of(payment),
    )


def credit_of(payment: Payment) -> Credit | None:
    """Whom the bank is to give the sum, where it is not for a merchant."""
    kind = _CREDITS.get(payment.kind)
    if kind is None:
        return None
    assert payment.target is not None  # the order put it there
    return Credit(kind, payment.target)


def conclude(conn: Connection, now: datetime, payment: Payment, outcome: Told) -> PayAnswer:
    """Apply the switch's answer: T3, T4 or T5, once; a repeat or a late answer changes nothing.

    Nothing of an attempt but its state and its answer ever changes: `payment` may have been read long ago.
    """
    mismatch = isinstance(outcome, Approved) and not _matches(outcome, payment)
    believed = Unknown() if mismatch else outcome
    if not _answered(conn, now, payment, believed):
        present = storage.by_id(conn, payment.id, lock=True)
        _note_late(conn, now, present, outcome)
        return answer_of(conn, present)
    end = _OUTCOMES[payment.kind]
    with gathered(conn):
        if mismatch:
            # S22, F7: money of another sum or attempt is no payment of this one; it is given back.
            log.error("payment %s: the switch approved something else; reversing", payment.number)
            audit.note(conn, now, SERVICE, "answer_mismatch", f"payment:{payment.id}")
        if isinstance(believed, Approved):
            answer: PayAnswer = end.approved(conn, now, payment)
        elif isinstance(believed, Declined):
            answer = end.declined(conn, now, payment, believed.code)
        else:
            answer = _unknown(conn, now, payment)
    _close_request(conn, payment, answer)
    return answer


def _answered(conn: Connection, now: datetime, payment: Payment, outcome: Told) -> bool:
    """Move the attempt on by its answer; `False`: it is past that, recovery or another answer was first."""
    sent = replace(payment, state=PaymentState.SENT)
    if isinstance(outcome, Approved):
        told = {"response_code": "00", "auth_code": outcome.auth_code}
        return move(conn, sent, PaymentState.APPROVED, answered_at=now, **told)
    if isinstance(outcome, Declined):
        return move(conn, sent, PaymentState.DECLINED, answered_at=now, response_code=outcome.code)
    return move(conn, sent, PaymentState.UNKNOWN, answered_at=now)


def _matches(answer: Approved, payment: Payment) -> bool:
    told = (answer.stan, answer.rrn, answer.amount_tiyin)
    return told == (payment.stan, payment.rrn, payment.amount_tiyin)


def _unknown(conn: Connection, now: datetime, payment: Payment) -> Pending:
    """T5: the reversal is queued in the same transaction as the move."""
    storage.queue_reversal(conn, payment.id, now)
    audit.note(conn, now, SERVICE, "payment_unknown", f"payment:{payment.id}")
    _OUTCOMES[payment.kind].unknown(conn, now, payment)
    return Pending(payment.invoice_number, payment.number)


def give_up(conn: Connection, now: datetime, payment_id: int) -> bool:
    """T5 for an attempt whose time is over: its worker died, or the switch never answered (F2, F3)."""
    payment = storage.by_id(conn, payment_id, lock=True)
    if payment.state not in (PaymentState.CREATED, PaymentState.SENT):
        return False
    must_move(conn, payment, PaymentState.UNKNOWN, answered_at=now)
    _close_request(conn, payment, _unknown(conn, now, payment))
    return True


def reversed_(conn: Connection, now: datetime, payment: Payment, *, original_known: bool) -> None:
    """T6 for an attempt that the caller has locked."""
    must_move(conn, payment, PaymentState.REVERSED)
    _OUTCOMES[payment.kind].reversed_(conn, now, payment, original_known=original_known)


def answer_of(conn: Connection, payment: Payment) -> PayAnswer:
    """What a request is told whose attempt another party concluded: its kept answer, else `Pending`."""
    row = request_rows.find(conn, payment.request_scope, payment.request_key)
    if row is not None and row.answer is not None and row.created_at == payment.request_at:
        return cast(PayAnswer, requests.decode(row))
    return Pending(payment.invoice_number, payment.number)


def present_row(conn: Connection, row: Request) -> PayAnswer | PinRight | Request:
    """How far another copy of a request has come: its answer, or its row as it stands."""
    present = request_rows.find(conn, row.scope, row.key)
    if present is None or present.created_at != row.created_at:
        return Refused(Refusal.INTERRUPTED)  # the key was reused: whatever became of this request, it is over
    return present if present.answer is None else cast(PayAnswer | PinRight, requests.decode(present))


def close_interrupted(conn: Connection, row: Request, order: Order) -> PayAnswer:
    """A PIN check that died took no money and never will: say so, unless it came alive after all."""
    refused = Refused(Refusal.INTERRUPTED)
    if request_rows.advance(conn, row, *requests.encode(refused)):
        return refused
    present = present_row(conn, row)
    return pending_of(conn, present, order) if isinstance(present, Request) else cast(PayAnswer, present)


def pending_of(conn: Connection, row: Request, order: Order) -> Pending:
    """The honest answer while another copy of the request compares the PIN or waits for the switch."""
    payment = storage.of_request(conn, row.scope, row.key, row.created_at)
    if payment is not None:
        return Pending(payment.invoice_number, payment.number)
    return order.pending(conn)


def history(conn: Connection, number: str, after: int | None, limit: int) -> Rows[PaymentView]:
    """A customer's attempts, newest first."""
    found = storage.customer_page(conn, number, after, limit + 1)
    shown = found[:limit]
    rows = tuple(
        payment_view(payment, _STATUS[PaymentState(payment.state)], payment.answered_at or payment.created_at)
        for payment in shown
    )
    return Rows(rows, rows[-1].id if len(found) > limit else None)


def _close_request(conn: Connection, payment: Payment, answer: PayAnswer) -> None:
    kind, text = requests.encode(answer)
    request_rows.close(conn, payment.request_scope, payment.request_key, payment.request_at, kind, text)


def _note_late(conn: Connection, now: datetime, payment: Payment, outcome: Told) -> None:
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
