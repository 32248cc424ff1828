"""Reversals: giving back the money of an attempt whose outcome nobody knows (domain.md 3.1: T6).

    take       the oldest due reversal, marked sent; the payment is `reversing`    (then: ask the switch)
    finish     the switch has it: the payment is `reversed`, the invoice free again

They go out strictly in order. One that got no answer is sent again; one whose answer crossed a late approval
was queued anew meanwhile, so its answer finishes nothing. After a limit of tries it is left to people.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from invoicing import audit, payments
from invoicing.audit import SERVICE, Actor
from invoicing.moves import must_move
from invoicing.orders import REFUND
from invoicing.ports import ReversalRequest
from invoicing.results import Done, Refusal, Refused
from invoicing.states import PaymentState
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
        refund=payment.kind == REFUND,
        credit=payments.credit_of(payment),
    )
    return reversal, request


def leave(conn: Connection, now: datetime, reversal: Reversal) -> bool:
    """Give a reversal that nobody acknowledges to people: those behind it may go on (`manual`)."""
    if not storage.leave_reversal(conn, reversal):
        return False
    audit.note(conn, now, SERVICE, "reversal_manual", f"payment:{reversal.payment_id}")
    return True


def finish(conn: Connection, now: datetime, reversal: Reversal, *, original_known: bool) -> bool:
    """T6: the invoice may be paid again, or is closed where its time is over; `False`: already done."""
    if not storage.finish_reversal(conn, reversal.id):
        return False
    payment = storage.by_id(conn, reversal.payment_id, lock=True)
    if payment.state == PaymentState.REVERSED:  # sent once more after a late approval
        audit.note(conn, now, SERVICE, "reversed_again", f"payment:{payment.id}")
        return True
    payments.reversed_(conn, now, payment, original_known=original_known)
    return True


def close_by_hand(
    conn: Connection, now: datetime, by: Actor, number: int, reason: str = ""
) -> Done | Refused:
    """T6 by reconciliation: people have seen at the bank that the money of this payment is back."""
    reversal = storage.manual_reversal(conn, number)
    if reversal is None or not storage.resume_reversal(conn, reversal.id):
        return Refused(Refusal.NOT_FOUND)
    what = f"payment:{reversal.payment_id}"
    audit.note(conn, now, by, "reversal_closed_by_hand", what, after=reason or None)
    finish(conn, now, reversal, original_known=True)
    return Done()
