"""Bugs to plant into the domain, each a mistake that somebody could make: the simulation finds them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import Connection, Engine, select, update

from invoicing import (
    Approved,
    Declined,
    PurchaseRequest,
    Refusal,
    Refused,
    RequestKey,
    Reversed,
    Sender,
    SendLater,
    SendNever,
    Unknown,
    customers,
    invoices,
    ledger,
    moves,
    notices,
    orders,
    outbox,
    payments,
    requests,
    workers,
)
from invoicing.audit import SERVICE
from invoicing.paying import Paying
from invoicing.ports import Outcome
from invoicing.states import INVOICE_MOVES, PAYMENT_MOVES, InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import ledger as ledger_rows
from invoicing.storage import outbox as outbox_rows
from invoicing.storage import payments as payment_rows
from invoicing.storage import people, tables
from invoicing.storage import requests as request_rows
from invoicing.storage.connect import write

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]
T = TypeVar("T")
PLANTS: dict[str, Plant] = {}


def plant(function: Plant) -> Plant:
    PLANTS[function.__name__] = function
    return function


@contextmanager
def planted(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name](patch)
        yield


# --- the invoice's guards -------------------------------------------------------------------------------


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


# --- the switch -----------------------------------------------------------------------------------------


@plant
def late_answer_applied(patch: Patch) -> None:
    """An approval that comes after the reversal was queued makes the invoice paid."""
    right = payments.conclude

    def conclude(conn: Connection, now: datetime, payment_id: int, outcome: Outcome) -> Any:
        payment = payment_rows.by_id(conn, payment_id)
        if isinstance(outcome, Approved) and payment.state in ("unknown", "reversing"):
            conn.execute(update(tables.payment).where(tables.payment.c.id == payment_id).values(state="sent"))
        return right(conn, now, payment_id, outcome)

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
def recovery_forgets_created(patch: Patch) -> None:
    """Attempts whose process died before they were marked sent are never picked up."""
    right = payment_rows.in_flight

    def in_flight(conn: Connection, before: datetime, limit: int) -> Any:
        return [row for row in right(conn, before, limit) if row.state != PaymentState.CREATED]

    patch.setattr(payment_rows, "in_flight", in_flight)


# --- books and notices ----------------------------------------------------------------------------------


@plant
def state_and_books_apart(patch: Patch) -> None:
    """The money is booked by a transaction after the one that approves."""
    waiting: list[dict[str, Any]] = []
    book, start = ledger.book_shop, payments.start

    def later(_conn: Connection, now: datetime, **words: Any) -> None:
        waiting.append(words | {"now": now})

    def start_after(conn: Connection, *arguments: Any, **words: Any) -> Any:
        while waiting:
            book(conn, **waiting.pop())
        return start(conn, *arguments, **words)

    patch.setattr(ledger, "book_shop", later)
    patch.setattr(payments, "start", start_after)


@plant
def fees_are_cut_off(patch: Patch) -> None:
    """Half a tiyin is lost instead of rounded."""
    patch.setattr(ledger, "fee_tiyin", lambda amount_tiyin, fee_bp: amount_tiyin * fee_bp // 10_000)


@plant
def second_answer_books_twice(patch: Patch) -> None:
    """A second 0210 books the money once more."""
    right = payments.conclude

    def conclude(conn: Connection, now: datetime, payment_id: int, outcome: Outcome) -> Any:
        payment = payment_rows.by_id(conn, payment_id)
        if payment.state == PaymentState.APPROVED and isinstance(outcome, Approved):
            amount = payment.amount_tiyin
            lines = (
                ledger_rows.Line("acquirer_receivable", 0, ledger_rows.DEBIT, amount),
                ledger_rows.Line("fee_income", 0, ledger_rows.CREDIT, amount),
            )
            ledger_rows.add_transfer(
                conn, kind="refund", payment_id=payment_id, settlement_id=None, at=now, lines=lines
            )
        return right(conn, now, payment_id, outcome)

    patch.setattr(payments, "conclude", conclude)


@plant
def commit_before_the_notice(patch: Patch) -> None:
    """The change commits, its SMS is queued by the next transaction of the process."""
    waiting: list[tuple[Any, dict[str, Any]]] = []
    queue = notices.queue
    patch.setattr(notices, "queue", lambda _conn, *arguments, **words: waiting.append((arguments, words)))
    find = people.customer_of

    def customer_of(conn: Connection, msisdn: str, *, lock: bool = False) -> Any:
        while waiting:
            arguments, words = waiting.pop(0)
            queue(conn, *arguments, **words)
        return find(conn, msisdn, lock=lock)

    patch.setattr(people, "customer_of", customer_of)


@plant
def relay_marks_before_sending(patch: Patch) -> None:
    """A crash after the mark loses the message."""

    def run_once(self: outbox.Relay, sender: Sender, limit: int = 100) -> outbox.Relayed:
        due = self.due(self._clock.now(), limit)
        for notice in due:
            self.mark_sent(notice.id, "?")
            with suppress(SendLater, SendNever):
                sender.send(notice)
        return outbox.Relayed(sent=len(due))

    patch.setattr(outbox.Relay, "run_once", run_once)


@plant
def relay_takes_any_that_is_due(patch: Patch) -> None:
    """A message that was put off lets the next one to the same phone overtake it."""

    def due(now: datetime, limit: int) -> Any:
        table = tables.outbox
        where = (table.c.state == "queued") & (table.c.next_at <= now)
        return outbox_rows._rows.where(where).order_by(table.c.id).limit(limit)

    patch.setattr(outbox_rows, "_due", due)


@plant
def refund_of_unpaid(patch: Patch) -> None:
    """Whatever payment an invoice had last may be given back."""
    payment = tables.payment

    def of_invoice(conn: Connection, invoice_id: int) -> Any:
        query = select(payment.c.id).where(payment.c.invoice_id == invoice_id).order_by(payment.c.id.desc())
        id_ = conn.execute(query.limit(1)).scalar_one_or_none()
        found = None if id_ is None else payment_rows.by_id(conn, id_)
        return found and replace(found, answered_at=found.answered_at or found.created_at)

    patch.setattr(payment_rows, "of_invoice", of_invoice)
    anything = {(state, PaymentState.REFUNDING) for state in PaymentState}
    patch.setattr(moves, "PAYMENT_MOVES", PAYMENT_MOVES | anything)


@plant
def refund_keeps_the_fee(patch: Patch) -> None:
    """The merchant pays the whole sum back, and the fee of the sale stays with us."""

    def book_refund(conn: Connection, now: datetime, *, payment_id: int) -> None:
        lines = [line.turned() for line in ledger_rows.lines_of(conn, "payment", payment_id)]
        total = sum(line.amount_tiyin for line in lines if line.side == ledger_rows.CREDIT)
        shop = next(line for line in lines if line.kind == "merchant_payable")
        back = [replace(shop, amount_tiyin=total), *(one for one in lines if one.side == ledger_rows.CREDIT)]
        ledger._book(conn, now, "refund", back, payment_id=payment_id)

    patch.setattr(ledger, "book_refund", book_refund)


# --- requests and PINs ----------------------------------------------------------------------------------


@plant
def key_after_the_guards(patch: Patch) -> None:
    """The request's key is looked for only once the work is done: a copy meets the first one's effect."""

    def once(engine: Engine, key: Any, body: str, now: datetime, work: Callable[[Connection], T]) -> Any:
        def act(conn: Connection) -> Any:
            answer: Any = work(conn)
            begun = requests.begin(conn, key, body, now)
            return requests.finish(conn, begun.row, answer) if isinstance(begun, requests.Begun) else answer

        return write(engine, act)

    patch.setattr(requests, "once", once)


@plant
def pin_counted_after_comparing(patch: Patch) -> None:
    """A try is counted when it turns out wrong: parallel and killed tries are free."""

    def count_try(_conn: Connection, _now: Any, _limits: Any, customer: Any, _actor: Any) -> Any:
        if customer.pin_locked:
            return Refused(Refusal.PIN_LOCKED)
        return customers.PinTry(customer.id, customer.pin_hash)

    judge = customers.judge_try

    def judge_try(
        conn: Connection, now: datetime, limits: Any, customer: Any, actor: Any, *, right: bool
    ) -> Any:
        if not right:
            people.count_pin_try(conn, customer.id, limits.pin_tries, now)
            customer = replace(customer, pin_failed=customer.pin_failed + 1)
        return judge(conn, now, limits, customer, actor, right=right)

    patch.setattr(customers, "count_try", count_try)
    patch.setattr(customers, "judge_try", judge_try)


@plant
def another_body_gets_the_answer(patch: Patch) -> None:
    """A key that comes with another request is answered as if it were the same one."""
    begin = requests.begin

    def blind(conn: Connection, key: RequestKey, body: str, now: datetime, *status: str) -> Any:
        kept = request_rows.find(conn, key.scope, key.key)
        return begin(conn, key, body if kept is None else kept.body_hash, now, *status)

    patch.setattr(requests, "begin", blind)


@plant
def a_right_pin_unlocks(patch: Patch) -> None:
    """The try that was compared while others locked the PIN opens it again."""

    def clear(conn: Connection, customer_id: int) -> bool:
        people.unlock_pin(conn, customer_id)
        return True

    patch.setattr(people, "clear_pin_tries", clear)


@plant
def another_customers_invoice(patch: Patch) -> None:
    """An invoice is found by its id, whoever asks."""
    patch.setattr(invoice_rows, "of_customer", lambda conn, _phone, id_: invoice_rows.by_id(conn, id_))


NAMES: Final = tuple(PLANTS)
