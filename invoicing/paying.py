"""Paying: PIN tries, payments, refunds: chains of transactions with the hash and the bank in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar, cast

from sqlalchemy import Connection, Engine

from invoicing import customers, payments, pins, refunds, requests
from invoicing.audit import Actor
from invoicing.customers import Checking, InHand, PinBusy, PinTry
from invoicing.limits import Limits
from invoicing.orders import REFUND, Direct, DirectOrder, Order, PayOrder
from invoicing.outcomes import PayAnswer
from invoicing.ports import CardProcessor, Clock, Outcome, PurchaseRequest, Unknown
from invoicing.registration import Registration
from invoicing.requests import CHECKING, RequestKey
from invoicing.results import DirectPaid, Paid, Pending, PinRight, Refunded, Refusal, Refused
from invoicing.storage.connect import reading, write
from invoicing.storage.payments import Payment
from invoicing.storage.requests import Request

B = TypeVar("B")

log: Final = logging.getLogger(__name__)
_POLL: Final = timedelta(milliseconds=50)
_ID_DIGITS: Final = 18


class Paying(Registration):
    """Thread-safe. A call may take as long as the switch does (30 s); a caller who goes away cancels nothing.

    The same key again gives the first answer; while the first copy is at work a repeat waits for it, up to
    `Limits.same_key_wait`, and then says `Pending`.

    Args:
        pepper: the key PINs and codes are hashed under, at least 16 octets; kept outside the database.
        sleep: how a repeated request waits for its first copy; the simulation passes its own.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        processor: CardProcessor,
        pepper: bytes,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(engine, clock=clock, processor=processor, pepper=pepper, limits=limits)
        self._sleep = sleep

    def pay(
        self,
        key: RequestKey,
        customer_msisdn: str,
        invoice_id: str,
        card_id: str,
        pin: str,
        channel: str = "ussd",
    ) -> Paid | Pending | Refused:
        """T2-T5: pay an invoice from a card."""
        order = PayOrder(Actor(customer_msisdn, channel), row_id(invoice_id), row_id(card_id))
        # The PIN is left out: five digits would be guessed from the hash.
        body = requests.body_hash("pay", customer_msisdn, invoice_id, card_id)
        return cast(Paid | Pending | Refused, self._pay(key, body, order, pin))

    def pay_direct(
        self,
        key: RequestKey,
        customer_msisdn: str,
        what: Direct,
        card_id: str,
        pin: str,
        channel: str = "ussd",
    ) -> DirectPaid | Pending | Refused:
        """Pay a shop by its code, send money to a phone or a card, or top up a phone; as `pay` otherwise."""
        order = DirectOrder(Actor(customer_msisdn, channel), what, row_id(card_id))
        body = requests.body_hash("pay_direct", customer_msisdn, what, card_id)
        return cast(DirectPaid | Pending | Refused, self._pay(key, body, order, pin))

    def refund(
        self,
        key: RequestKey,
        merchant_msisdn: str,
        invoice_id: str,
        *,
        reauthenticated: bool,
        channel: str = "web",
    ) -> Refunded | Pending | Refused:
        """T10: the whole sum back to the card, by the merchant's owner, within the payment's month.

        Args:
            reauthenticated: the caller has just asked the owner for the password again.
        """
        now, actor, invoice = self._clock.now(), Actor(merchant_msisdn, channel), row_id(invoice_id)
        body = requests.body_hash("refund", merchant_msisdn, invoice_id)
        ready, terminal = self._processor.available(), self._processor.terminal
        begun = write(
            self._engine,
            lambda conn: refunds.start(
                conn,
                now,
                key,
                body,
                actor,
                invoice,
                reauthenticated=reauthenticated,
                ready=ready,
                terminal=terminal,
            ),
        )
        if not isinstance(begun, Payment):
            return begun
        return cast(Refunded | Pending | Refused, self.run_payment(begun))

    def check_pin(self, key: RequestKey, msisdn: str, pin: str, channel: str = "ussd") -> PinRight | Refused:
        """Whether this is the customer's PIN. Takes about 30 ms; a wrong one counts (S6)."""
        now, actor = self._clock.now(), Actor(msisdn, channel)
        body = requests.body_hash("check_pin", msisdn)
        begun = self._in_turn(lambda conn: customers.begin_check(conn, now, self._limits, key, body, actor))
        if isinstance(begun, InHand):
            present = self._wait(begun.row)
            return present if isinstance(present, PinRight | Refused) else Refused(Refusal.INTERRUPTED)
        if not isinstance(begun, Checking):
            return begun
        right = self._is_right(begun.pin_try, pin)
        return write(
            self._engine,
            lambda conn: customers.finish_check(
                conn, self._clock.now(), self._limits, begun, actor, right=right
            ),
        )

    # --- the stages ----------------------------------------------------------------------------------------

    def _pay(self, key: RequestKey, body: str, order: Order, pin: str) -> PayAnswer:
        begun = self.begin_payment(key, body, order)
        if isinstance(begun, InHand):
            return self._answer_in_hand(begun.row, order)
        if not isinstance(begun, Checking):
            return begun
        payment = self.start_payment(begun, order, pin_right=self._is_right(begun.pin_try, pin))
        if payment is None:
            return self._answer_in_hand(begun.row, order)
        return self.run_payment(payment) if isinstance(payment, Payment) else payment

    def begin_payment(self, key: RequestKey, body: str, order: Order) -> Checking | InHand | PayAnswer:
        """The first transaction of `pay`; a stage of its own so that tests can stop the world after it."""
        now, ready = self._clock.now(), self._processor.available()
        return self._in_turn(
            lambda conn: payments.begin(conn, now, self._limits, key, body, order, ready=ready)
        )

    def start_payment(
        self, checking: Checking, order: Order, *, pin_right: bool
    ) -> Payment | PayAnswer | None:
        """The second: T2."""
        now, terminal = self._clock.now(), self._processor.terminal
        return write(
            self._engine,
            lambda conn: payments.start(
                conn, now, self._limits, checking, order, pin_right=pin_right, terminal=terminal
            ),
        )

    def run_payment(self, payment: Payment) -> PayAnswer:
        """The rest: mark the attempt sent, ask the switch, apply its answer."""
        now = self._clock.now()
        request = write(self._engine, lambda conn: payments.mark_sent(conn, now, payment), alone=True)
        if request is None:
            with reading(self._engine) as conn:
                return payments.answer_of(conn, payment)
        outcome = self._ask_bank(payment.kind, request)
        answered = self._clock.now()
        return write(self._engine, lambda conn: payments.conclude(conn, answered, payment, outcome))

    def _ask_bank(self, kind: str, request: PurchaseRequest) -> Outcome:
        try:
            return (self._processor.refund if kind == REFUND else self._processor.purchase)(request)
        except Exception:
            # Nobody knows how far the request came: money may be gone (T5).
            log.exception("attempt %s: the card processor failed", request.rrn)
            return Unknown()

    def _is_right(self, pin_try: PinTry, pin: str) -> bool:
        return pins.is_right(self._pepper, pin_try.pin_hash, pin)

    # --- repeats of a request that has no answer yet -------------------------------------------------------

    def _answer_in_hand(self, row: Request, order: Order) -> PayAnswer:
        """Wait for the copy that has the key; then say honestly how far it came."""
        present = self._wait(row)
        if not isinstance(present, Request):
            return cast(PayAnswer, present)
        age = self._clock.now() - present.created_at
        if present.status == CHECKING and age >= self._limits.pin_check_max:
            return write(self._engine, lambda conn: payments.close_interrupted(conn, present, order))
        with reading(self._engine) as conn:
            return payments.pending_of(conn, present, order)

    def _wait(self, row: Request) -> PayAnswer | PinRight | Request:
        """The answer as soon as it is there, else the request's row after the longest wait."""
        for _ in range(int(self._limits.same_key_wait / _POLL)):
            with reading(self._engine) as conn:
                present = payments.present_row(conn, row)
            if not isinstance(present, Request):
                return present
            self._sleep(_POLL.total_seconds())
        return present

    def _in_turn(self, begin: Callable[[Connection], B]) -> B | Refused:
        """Begin something that needs a PIN try; where others hold the last ones, after them.

        A refusal for their sake is not kept with the key: the same request may come again.
        """
        for _ in range(int(self._limits.same_key_wait / _POLL)):
            try:
                return write(self._engine, begin)
            except PinBusy:
                self._sleep(_POLL.total_seconds())
        return Refused(Refusal.UNAVAILABLE)


def row_id(opaque: str) -> int | None:
    """The row behind an id that was handed out; anything else names no row."""
    return int(opaque) if opaque.isascii() and opaque.isdigit() and len(opaque) <= _ID_DIGITS else None


def cursor(after: str | None) -> int | None:
    return None if after is None else row_id(after)
