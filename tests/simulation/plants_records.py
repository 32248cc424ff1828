"""Mistakes that somebody could make about books, SMS, requests and PINs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from invoicing import (
    Approved,
    Refusal,
    Refused,
    RequestKey,
    Sender,
    SendLater,
    SendNever,
    customers,
    ledger,
    moves,
    notices,
    outbox,
    payments,
    requests,
    reversals,
)
from invoicing.ports import Outcome
from invoicing.states import PAYMENT_MOVES, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import ledger as ledger_rows
from invoicing.storage import outbox as outbox_rows
from invoicing.storage import payments as payment_rows
from invoicing.storage import people, tables
from invoicing.storage import reports as report_rows
from invoicing.storage import requests as request_rows
from invoicing.storage.connect import write
from invoicing.storage.payments import Payment
from tests.simulation.planting import Patch, plant

T = TypeVar("T")


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

    def conclude(conn: Connection, now: datetime, asked: Payment, outcome: Outcome) -> Any:
        payment = payment_rows.by_id(conn, asked.id)
        if payment.state == PaymentState.APPROVED and isinstance(outcome, Approved):
            amount = payment.amount_tiyin
            lines = (
                ledger_rows.Line("acquirer_receivable", 0, ledger_rows.DEBIT, amount),
                ledger_rows.Line("fee_income", 0, ledger_rows.CREDIT, amount),
            )
            ledger_rows.add_transfer(
                conn, kind="refund", payment_id=payment.id, settlement_id=None, at=now, lines=lines
            )
        return right(conn, now, asked, outcome)

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


@plant
def refunded_still_counts(patch: Patch) -> None:
    """A report's days keep what was given back since."""
    counted = (tables.invoice.c.state.in_(("paid", "refunded")),)
    patch.setattr(report_rows, "_paid_invoices", counted)


@plant
def left_to_people_is_done(patch: Patch) -> None:
    """A reversal that nobody acknowledged is taken for one that was, when its tries are over."""

    def leave(conn: Connection, now: datetime, reversal: payment_rows.Reversal) -> bool:
        return reversals.finish(conn, now, reversal, original_known=True)

    patch.setattr(reversals, "leave", leave)
