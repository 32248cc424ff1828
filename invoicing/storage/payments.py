"""Rows of payments (attempts) and of their reversals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Sequence, String, Update, bindparam, cast, func, insert, select, update
from sqlalchemy.sql.dml import ReturningInsert

from invoicing.states import TAKEN, UNDECIDED, PaymentState
from invoicing.storage.invoices import Invoice
from invoicing.storage.people import Customer
from invoicing.storage.requests import Request
from invoicing.storage.rows import add, change, changed, many, next_number, one
from invoicing.storage.tables import card, invoice, merchant, payment, reversal
from invoicing.storage.tables import customer as customers

_STANS: Final = 999_999


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt, with what is needed to tell people about it.

    `kind` is `invoice`, `service`, `transfer`, `topup`, or `refund` (of the payment `refund_of`). Only the
    first has an invoice; only the first two and a refund have a merchant.
    """

    id: int
    number: int
    kind: str
    customer_id: int
    customer_msisdn: str
    customer_lang: str
    invoice_id: int | None
    invoice_number: int | None
    merchant_id: int | None
    merchant_name: str | None
    refund_of: int | None
    target: str | None
    payee: str | None
    card_id: int
    card_token: str
    amount_tiyin: int
    state: str
    stan: str
    rrn: str
    terminal: str
    created_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    response_code: str | None
    request_scope: str
    request_key: str
    request_at: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """What an attempt is for; `target` tells apart what may not be paid twice at once."""

    kind: str
    amount_tiyin: int
    invoice: Invoice | None = None
    merchant_id: int | None = None
    refund_of: int | None = None
    target: str | None = None
    payee: str | None = None

    @property
    def invoice_id(self) -> int | None:
        return None if self.invoice is None else self.invoice.id


@dataclass(frozen=True, slots=True)
class Reversal:
    id: int
    payment_id: int
    seq: int
    state: str
    tries: int
    next_at: datetime


_merchant_id = func.coalesce(payment.c.merchant_id, invoice.c.merchant_id)
_payments = (
    select(
        payment.c.id,
        payment.c.number,
        payment.c.kind,
        payment.c.customer_id,
        customers.c.msisdn.label("customer_msisdn"),
        customers.c.lang.label("customer_lang"),
        payment.c.invoice_id,
        invoice.c.number.label("invoice_number"),
        _merchant_id.label("merchant_id"),
        merchant.c.name.label("merchant_name"),
        payment.c.refund_of,
        payment.c.target,
        payment.c.payee,
        payment.c.card_id,
        card.c.token.label("card_token"),
        payment.c.amount_tiyin,
        payment.c.state,
        payment.c.stan,
        payment.c.rrn,
        payment.c.terminal,
        payment.c.created_at,
        payment.c.sent_at,
        payment.c.answered_at,
        payment.c.response_code,
        payment.c.request_scope,
        payment.c.request_key,
        payment.c.request_at,
    )
    .join(customers, customers.c.id == payment.c.customer_id)
    .outerjoin(invoice, invoice.c.id == payment.c.invoice_id)
    .outerjoin(merchant, merchant.c.id == _merchant_id)
    .join(card, card.c.id == payment.c.card_id)
)


def create(
    conn: Connection,
    subject: Subject,
    *,
    customer: Customer,
    card_id: int,
    card_token: str,
    terminal: str,
    business_day: date,
    at: datetime,
    request: Request,
) -> Payment:
    """T2's row, stored with its STAN and RRN before anything is sent.

    Its age counts from `at`, its answer goes to the `request`: where the clock went back, the one is earlier
    than the other.
    """
    values = {
        "kind": subject.kind,
        "customer_id": customer.id,
        "invoice_id": subject.invoice_id,
        "merchant_id": subject.merchant_id,
        "refund_of": subject.refund_of,
        "target": subject.target,
        "payee": subject.payee,
        "card_id": card_id,
        "amount_tiyin": subject.amount_tiyin,
        "state": PaymentState.CREATED,
        "terminal": terminal,
        "business_day": business_day,
        "created_at": at,
        "request_scope": request.scope,
        "request_key": request.key,
        "request_at": request.created_at,
    }
    id_, number, stan, rrn = _add(conn, values)
    return Payment(
        id=id_,
        number=number,
        kind=subject.kind,
        customer_id=customer.id,
        customer_msisdn=customer.msisdn,
        customer_lang=customer.lang,
        invoice_id=subject.invoice_id,
        invoice_number=subject.invoice.number if subject.invoice else None,
        merchant_id=subject.invoice.merchant_id if subject.invoice else subject.merchant_id,
        merchant_name=subject.invoice.merchant_name if subject.invoice else None,
        refund_of=subject.refund_of,
        target=subject.target,
        payee=subject.payee,
        card_id=card_id,
        card_token=card_token,
        amount_tiyin=subject.amount_tiyin,
        state=PaymentState.CREATED,
        stan=stan,
        rrn=rrn,
        terminal=terminal,
        created_at=at,
        sent_at=None,
        answered_at=None,
        response_code=None,
        request_scope=request.scope,
        request_key=request.key,
        request_at=request.created_at,
    )


def _add(conn: Connection, values: Mapping[str, Any]) -> tuple[int, int, str, str]:
    """Insert an attempt; its id, number, STAN and RRN.

    The last two are made of the payment's own number: unique for ever (RRN) and for 999 999 attempts a day
    (STAN).
    """
    if conn.dialect.name == "postgresql":
        id_, number, stan, rrn = conn.execute(_insert_numbered(tuple(values)), values).one()
        return int(id_), int(number), str(stan), str(rrn)
    number = next_number(conn, "payment")
    stan, rrn = f"{number % _STANS + 1:06d}", f"{number:012d}"
    return add(conn, payment, {**values, "number": number, "stan": stan, "rrn": rrn}), number, stan, rrn


@cache
def _insert_numbered(names: tuple[str, ...]) -> ReturningInsert[Any]:
    """On PostgreSQL one statement draws the number and stores the row under it."""
    number = select(Sequence("payment_number").next_value().label("number")).subquery().c.number
    made = {
        "number": number,
        "stan": func.lpad(cast(number % _STANS + 1, String), 6, "0"),
        "rrn": func.lpad(cast(number, String), 12, "0"),
    }
    given = [cast(bindparam(name, type_=payment.c[name].type), payment.c[name].type) for name in names]
    new = insert(payment).from_select([*names, *made], select(*given, *made.values()))
    return new.returning(payment.c.id, payment.c.number, payment.c.stan, payment.c.rrn)


def move(
    conn: Connection,
    payment_id: int,
    before: PaymentState,
    after: PaymentState,
    **values: datetime | str | None,
) -> bool:
    """Change the state only from `before`, writing `values` with it; `False`: another was first."""
    step = _moves(frozenset(values))
    return changed(conn, step, payment_id=payment_id, before=before, after=after, **_with(values))


@cache
def _moves(names: frozenset[str]) -> Update:
    """The UPDATE that writes these columns with the state."""
    values: dict[str, Any] = {"state": bindparam("after")} | {
        name: bindparam(f"with_{name}") for name in sorted(names)
    }
    own = (payment.c.id == bindparam("payment_id"), payment.c.state == bindparam("before"))
    return update(payment).where(*own).values(values)


def _with(values: Mapping[str, object]) -> dict[str, object]:
    return {f"with_{name}": value for name, value in values.items()}


_BY_ID = _payments.where(payment.c.id == bindparam("payment_id"))
_HELD_BY_ID = _BY_ID.with_for_update(of=payment)


def by_id(conn: Connection, payment_id: int, *, lock: bool = False) -> Payment:
    """The attempt; `lock` holds its row until the transaction ends (on SQLite every writer is alone)."""
    found = one(conn, _HELD_BY_ID if lock else _BY_ID, Payment, payment_id=payment_id)
    assert found is not None
    return found


def by_rrn(conn: Connection, rrn: str) -> Payment | None:
    """The attempt that a switch names."""
    return one(conn, _payments.where(payment.c.rrn == rrn), Payment)


def of_request(conn: Connection, scope: str, key: str, at: datetime) -> Payment | None:
    """The attempt that a request made, if it came that far; keys are reused after their time."""
    query = _payments.where(
        payment.c.request_scope == scope, payment.c.request_key == key, payment.c.request_at == at
    )
    return one(conn, query, Payment)


def customer_page(conn: Connection, msisdn: str, after: int | None, limit: int) -> tuple[Payment, ...]:
    """A customer's attempts, newest first, from below the id `after`."""
    query = _payments.where(customers.c.msisdn == msisdn, payment.c.kind != "refund")
    if after is not None:
        query = query.where(payment.c.id < after)
    return many(conn, query.order_by(payment.c.id.desc()).limit(limit), Payment)


def of_invoice(conn: Connection, invoice_id: int) -> Payment | None:
    """The payment that paid the invoice, whether its money is still there or went back; its row is held."""
    query = _payments.where(payment.c.invoice_id == invoice_id, payment.c.state.in_(TAKEN))
    return one(conn, query.with_for_update(of=payment), Payment)


def undecided(conn: Connection, customer_id: int, kind: str, target: str) -> bool:
    """Whether such a payment is on its way, so that an equal one must wait for its end."""
    query = select(payment.c.id).where(
        payment.c.customer_id == customer_id,
        payment.c.kind == kind,
        payment.c.target == target,
        payment.c.state.in_(UNDECIDED),
    )
    return conn.execute(query.limit(1)).first() is not None


def declines(conn: Connection, invoice_id: int) -> tuple[int, datetime | None]:
    """How often the invoice's payment was declined, and when last."""
    query = select(func.count(), func.max(payment.c.answered_at)).where(
        payment.c.invoice_id == invoice_id, payment.c.state == PaymentState.DECLINED
    )
    count, last = conn.execute(query).one()
    return count, last


def in_flight(conn: Connection, before: datetime, limit: int) -> tuple[Payment, ...]:
    """Attempts made before a moment that nobody has answered: their worker died or waits in vain."""
    query = _payments.where(
        payment.c.state.in_((PaymentState.CREATED, PaymentState.SENT)), payment.c.created_at <= before
    )
    return many(conn, query.order_by(payment.c.id).limit(limit), Payment)


def queue_reversal(conn: Connection, payment_id: int, next_at: datetime) -> None:
    values = {
        "payment_id": payment_id,
        "seq": next_number(conn, "reversal"),
        "state": "queued",
        "tries": 0,
        "next_at": next_at,
    }
    add(conn, reversal, values)


def first_reversal(conn: Connection) -> Reversal | None:
    """The oldest reversal not done: they go out strictly in order, a blocked one blocks those behind it."""
    query = select(reversal).where(reversal.c.state.in_(("queued", "sent"))).order_by(reversal.c.seq).limit(1)
    return one(conn, query, Reversal)


def send_reversal(conn: Connection, taken: Reversal, next_at: datetime) -> bool:
    """Mark the reversal sent once more; `False`: another sender has it."""
    where = [reversal.c.id == taken.id, reversal.c.tries == taken.tries, reversal.c.state == taken.state]
    return change(conn, reversal, where, {"state": "sent", "tries": taken.tries + 1, "next_at": next_at})


def finish_reversal(conn: Connection, reversal_id: int) -> bool:
    """`False` where it is done already, or was queued anew after this sending."""
    return change(
        conn, reversal, [reversal.c.id == reversal_id, reversal.c.state == "sent"], {"state": "done"}
    )


def leave_reversal(conn: Connection, taken: Reversal) -> bool:
    """Take a reversal that was never acknowledged out of the queue, for people to see to."""
    where = [reversal.c.id == taken.id, reversal.c.tries == taken.tries, reversal.c.state == taken.state]
    return change(conn, reversal, where, {"state": "manual"})


def manual_reversal(conn: Connection, number: int) -> Reversal | None:
    """The reversal of this payment that waits for people."""
    query = select(reversal).join(payment, payment.c.id == reversal.c.payment_id)
    return one(conn, query.where(payment.c.number == number, reversal.c.state == "manual"), Reversal)


def resume_reversal(conn: Connection, reversal_id: int) -> bool:
    """Back among those that were sent, so that it can be finished."""
    where = [reversal.c.id == reversal_id, reversal.c.state == "manual"]
    return change(conn, reversal, where, {"state": "sent"})


def requeue_reversal(conn: Connection, payment_id: int, next_at: datetime) -> None:
    """Have the reversal sent at least once more."""
    change(conn, reversal, [reversal.c.payment_id == payment_id], {"state": "queued", "next_at": next_at})
