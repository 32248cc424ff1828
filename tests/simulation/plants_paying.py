"""Mistakes that somebody could make about invoices, attempts and the switch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, update

from invoicing import (
    Approved,
    Declined,
    PurchaseRequest,
    Refusal,
    Reversed,
    Unknown,
    invoices,
    orders,
    payments,
    workers,
)
from invoicing.audit import SERVICE
from invoicing.paying import Paying
from invoicing.ports import Outcome
from invoicing.states import INVOICE_MOVES, InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as payment_rows
from invoicing.storage import tables
from invoicing.storage.payments import Payment
from tests.simulation.planting import Patch, plant


@plant
def no_unique_guard(patch: Patch) -> None:
    """A payment begins on what was read before the PIN was compared, with no index to stop a second one."""
    claim = orders.PayOrder.claim

    def unguarded(self: orders.PayOrder, conn: Connection, now: datetime, subject: Any) -> Any:
        conn.exec_driver_sql("DROP INDEX IF EXISTS uq_payment_live")
        assert subject.invoice_id is not None
        paying = invoice_rows.by_id(conn, subject.invoice_id).state == InvoiceState.PAYING
        return None if paying else claim(self, conn, now, subject)

    against, start = orders.PayOrder.against, payments.start

    def against_less(self: orders.PayOrder, *arguments: Any) -> Any:
        refused = against(self, *arguments)
        return None if refused is not None and refused.reason is Refusal.BEING_PAID else refused

    def start_on_what_was_read(conn: Connection, *arguments: Any, **words: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(orders.PayOrder, "against", against_less)
            return start(conn, *arguments, **words)

    patch.setattr(payments, "start", start_on_what_was_read)
    patch.setattr(orders.PayOrder, "claim", unguarded)


@plant
def expiry_touches_paying(patch: Patch) -> None:
    """An overdue invoice is closed although its payment is on the way."""
    patch.setitem(INVOICE_MOVES, (InvoiceState.PAYING, InvoiceState.EXPIRED), "expiry")

    def expire(conn: Connection, now: datetime, _limit: int) -> int:
        table = tables.invoice
        overdue = table.c.state.in_(("issued", "paying")) & (table.c.expires_at <= now)
        ids = conn.execute(table.select().with_only_columns(table.c.id).where(overdue)).scalars().all()
        for id_ in ids:
            invoice = invoice_rows.by_id(conn, id_)
            invoices.move(conn, now, invoice, InvoiceState.EXPIRED, SERVICE)
            invoices.tell_expired(conn, now, invoice)
        return len(ids)

    patch.setattr(invoices, "expire", expire)
    patch.setattr(invoice_rows, "any_due", lambda _conn, _now: True)


@plant
def cancel_while_paying(patch: Patch) -> None:
    """A merchant may cancel an invoice whose payment is on the way."""
    patch.setitem(INVOICE_MOVES, (InvoiceState.PAYING, InvoiceState.CANCELLED), "cancel")
    right = invoices.not_open

    def not_open(now: datetime, invoice: Any) -> Any:
        return right(now, replace(invoice, state="issued") if invoice.state == "paying" else invoice)

    cancel = invoices.cancel

    def careless(*arguments: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(invoices, "not_open", not_open)
            return cancel(*arguments)

    patch.setattr(invoices, "cancel", careless)


@plant
def late_answer_applied(patch: Patch) -> None:
    """An approval that comes after the reversal was queued makes the invoice paid."""
    right = payments.conclude

    def conclude(conn: Connection, now: datetime, payment: Payment, outcome: Outcome) -> Any:
        state = payment_rows.by_id(conn, payment.id).state
        if isinstance(outcome, Approved) and state in ("unknown", "reversing"):
            conn.execute(update(tables.payment).where(tables.payment.c.id == payment.id).values(state="sent"))
        return right(conn, now, payment, outcome)

    patch.setattr(payments, "conclude", conclude)


@plant
def retry_under_a_new_stan(patch: Patch) -> None:
    """An attempt without an answer is sent once more as a new one."""
    ask = Paying._ask_bank

    def ask_twice(self: Paying, kind: str, request: PurchaseRequest) -> Outcome:
        outcome = ask(self, kind, request)
        if isinstance(outcome, Unknown):
            again = replace(request, stan=f"{int(request.stan) ^ 1:06d}", rrn=f"9{request.rrn[1:]}")
            outcome = ask(self, kind, again)
            if isinstance(outcome, Approved):
                outcome = replace(outcome, stan=request.stan, rrn=request.rrn)
        return outcome

    patch.setattr(Paying, "_ask_bank", ask_twice)


@plant
def another_sum_is_accepted(patch: Patch) -> None:
    """Whatever the switch approves is taken for this payment's sum."""
    patch.setattr(payments, "_matches", lambda _answer, _payment: True)


@plant
def silence_is_a_refusal(patch: Patch) -> None:
    """No answer is read as a decline: the customer may pay again, though the bank may have the money."""
    ask = Paying._ask_bank

    def refused(self: Paying, kind: str, request: PurchaseRequest) -> Outcome:
        outcome = ask(self, kind, request)
        return Declined("91") if isinstance(outcome, Unknown) else outcome

    patch.setattr(Paying, "_ask_bank", refused)


@plant
def reversal_in_a_transaction_of_its_own(patch: Patch) -> None:
    """The attempt is declared unknown in one transaction; its reversal is queued by a later one."""
    waiting: list[int] = []
    queue = payment_rows.queue_reversal
    patch.setattr(payment_rows, "queue_reversal", lambda _conn, payment_id, _now: waiting.append(payment_id))
    first = payment_rows.first_reversal

    def first_reversal(conn: Connection) -> Any:
        while waiting:
            queue(conn, waiting.pop(), datetime.now().astimezone())
        return first(conn)

    patch.setattr(payment_rows, "first_reversal", first_reversal)


@plant
def reversal_done_without_an_answer(patch: Patch) -> None:
    """A reversal counts as done once it was sent."""
    right = workers.Workers._ask

    def ask(self: workers.Workers, request: Any) -> Any:
        outcome = right(self, request)
        return outcome if isinstance(outcome, Reversed) else Reversed(original_known=True)

    patch.setattr(workers.Workers, "_ask", ask)


@plant
def a_transfer_is_taken_and_not_given(patch: Patch) -> None:
    """The bank is not told whom the money is for, and keeps it for us."""
    patch.setattr(payments, "credit_of", lambda _payment: None)


@plant
def recovery_forgets_created(patch: Patch) -> None:
    """Attempts whose process died before they were marked sent are never picked up."""
    right = payment_rows.in_flight

    def in_flight(conn: Connection, before: datetime, limit: int) -> Any:
        return [row for row in right(conn, before, limit) if row.state != PaymentState.CREATED]

    patch.setattr(payment_rows, "in_flight", in_flight)
