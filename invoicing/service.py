"""The public face of the money domain: plain calls, each opening its own transactions, safe from any thread.

What a dialogue may expect and refuse comes back as a value. Exceptions are for what nobody planned:
`StorageBusy` (nothing was written, ask again) and `StorageFailed` (ask again under the same key).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar, cast

from sqlalchemy import Connection, Engine

from invoicing import cards, customers, invoices, merchants, payments, pins, requests
from invoicing.audit import Actor
from invoicing.customers import Checking, InHand, PinBusy, PinTry
from invoicing.limits import Limits
from invoicing.payments import PayAnswer, PayOrder
from invoicing.ports import CardProcessor, Clock, Outcome, PurchaseRequest, Unknown
from invoicing.registration import Registration
from invoicing.requests import CHECKING, RequestKey
from invoicing.results import (
    CardView,
    Done,
    Duplicate,
    InvoiceCancelled,
    InvoiceDeclined,
    InvoiceView,
    Issued,
    Kind,
    PaymentView,
    PinRight,
    Refusal,
    Refused,
    Role,
    Rows,
)
from invoicing.storage.connect import reading, write
from invoicing.storage.payments import Payment
from invoicing.storage.requests import Request

B = TypeVar("B")

log: Final = logging.getLogger(__name__)
_POLL: Final = timedelta(milliseconds=50)
_ID_DIGITS: Final = 18


class Invoicing(Registration):
    """Everything the menus, the cabinet and the command line ask of the money domain.

    Args:
        pepper: the key PINs are hashed under, at least 16 octets; kept outside the database.
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

    # --- who ---------------------------------------------------------------------------------------------

    def role(self, msisdn: str, *, channel: str = "ussd") -> Role:
        """Who a phone is; asking for a blocked one leaves an audit row (A2)."""
        with reading(self._engine) as conn:
            role = merchants.role(conn, msisdn)
        if role.kind is Kind.BLOCKED:
            now = self._clock.now()
            write(self._engine, lambda conn: merchants.note_blocked(conn, now, msisdn, channel))
        return role

    def set_language(self, msisdn: str, lang: str) -> Done | Refused:
        """`ru`, `uz`, `uz-Cyrl` or `en`, for the screens and the SMS of this phone."""
        return write(self._engine, lambda conn: merchants.set_language(conn, msisdn, lang))

    def cards(self, msisdn: str) -> tuple[CardView, ...]:
        """The customer's cards, oldest first."""
        with reading(self._engine) as conn:
            return cards.shown(conn, msisdn)

    # --- the merchant ------------------------------------------------------------------------------------

    def issue(
        self,
        key: RequestKey,
        merchant_msisdn: str,
        customer_msisdn: str,
        amount_tiyin: int,
        again: bool = False,
        channel: str = "ussd",
    ) -> Issued | Duplicate | Refused:
        """T1: issue an invoice and queue the customer's SMS."""
        now = self._clock.now()
        body = requests.body_hash("issue", merchant_msisdn, customer_msisdn, amount_tiyin, again, channel)
        return write(
            self._engine,
            lambda conn: requests.once(
                conn,
                key,
                body,
                now,
                lambda: invoices.issue(
                    conn,
                    now,
                    self._limits,
                    Actor(merchant_msisdn, channel),
                    customer=customer_msisdn,
                    amount_tiyin=amount_tiyin,
                    again=again,
                ),
            ),
        )

    def cancel(
        self, key: RequestKey, merchant_msisdn: str, invoice_id: str, channel: str = "ussd"
    ) -> InvoiceCancelled | Refused:
        """T8, by the merchant's owner or the cashier who issued it."""
        now, row_id = self._clock.now(), _row_id(invoice_id)
        body = requests.body_hash("cancel", merchant_msisdn, invoice_id)
        actor = Actor(merchant_msisdn, channel)
        return write(
            self._engine,
            lambda conn: requests.once(
                conn, key, body, now, lambda: invoices.cancel(conn, now, actor, row_id)
            ),
        )

    def merchant_invoices(
        self, msisdn: str, after: str | None = None, limit: int = 5
    ) -> Rows[InvoiceView] | Refused:
        """The merchant's invoices in every state, newest first (A13, A14); `after` is `Rows.after`."""
        return self._merchant_page(msisdn, None, after, limit)

    def merchant_check(
        self, msisdn: str, customer_msisdn: str, after: str | None = None, limit: int = 1
    ) -> Rows[InvoiceView] | Refused:
        """*880**3*phone#: the merchant's invoices to one customer, newest first (A28-A32).

        A paid one has `payment_number` and `paid_at`; for the others `at` is the time of issue.
        """
        return self._merchant_page(msisdn, customer_msisdn, after, limit)

    def _merchant_page(
        self, msisdn: str, customer: str | None, after: str | None, limit: int
    ) -> Rows[InvoiceView] | Refused:
        with reading(self._engine) as conn:
            return invoices.merchant_page(conn, msisdn, customer, _cursor(after), self._page_size(limit))

    def merchant_invoice(self, msisdn: str, invoice_id: str) -> InvoiceView | Refused:
        """One of the merchant's own invoices; another's is `NOT_FOUND` (S4)."""
        with reading(self._engine) as conn:
            return invoices.of_merchant(conn, msisdn, _row_id(invoice_id))

    # --- the customer ------------------------------------------------------------------------------------

    def open_invoices(
        self, customer_msisdn: str, after: str | None = None, limit: int = 5
    ) -> Rows[InvoiceView]:
        """What waits for this phone's decision or is being paid, newest first (A24); strangers too (A27)."""
        now = self._clock.now()
        with reading(self._engine) as conn:
            return invoices.customer_page(conn, customer_msisdn, now, _cursor(after), self._page_size(limit))

    def open_invoice(self, customer_msisdn: str, invoice_id: str) -> InvoiceView | Refused:
        """One of the phone's own invoices as it stands now, in any state; another's is `NOT_FOUND` (S5)."""
        with reading(self._engine) as conn:
            return invoices.of_customer(conn, customer_msisdn, _row_id(invoice_id))

    def decline(
        self, key: RequestKey, customer_msisdn: str, invoice_id: str, channel: str = "ussd"
    ) -> InvoiceDeclined | Refused:
        """T7, by the invoiced phone only."""
        now, row_id = self._clock.now(), _row_id(invoice_id)
        body = requests.body_hash("decline", customer_msisdn, invoice_id)
        actor = Actor(customer_msisdn, channel)
        return write(
            self._engine,
            lambda conn: requests.once(
                conn, key, body, now, lambda: invoices.decline(conn, now, actor, row_id)
            ),
        )

    def history(self, customer_msisdn: str, after: str | None = None, limit: int = 5) -> Rows[PaymentView]:
        """The phone's payments and attempts, newest first."""
        with reading(self._engine) as conn:
            return payments.history(conn, customer_msisdn, _cursor(after), self._page_size(limit))

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

    # --- paying ------------------------------------------------------------------------------------------

    def pay(
        self,
        key: RequestKey,
        customer_msisdn: str,
        invoice_id: str,
        card_id: str,
        pin: str,
        channel: str = "ussd",
    ) -> PayAnswer:
        """T2-T5: pay an invoice from a card. May take as long as the switch does (30 s); run it in a thread.

        The same key again gives the first answer; while the first copy is at work a repeat waits for it, up
        to `Limits.same_key_wait`, and then says `Pending`. A caller that goes away cancels nothing.
        """
        order = PayOrder(Actor(customer_msisdn, channel), _row_id(invoice_id), _row_id(card_id))
        # The PIN is left out: five digits would be guessed from the hash.
        body = requests.body_hash("pay", customer_msisdn, invoice_id, card_id)
        begun = self.begin_payment(key, body, order)
        if isinstance(begun, InHand):
            return self._answer_in_hand(begun.row, order)
        if not isinstance(begun, Checking):
            return begun
        payment = self.start_payment(begun, order, pin_right=self._is_right(begun.pin_try, pin))
        if payment is None:
            return self._answer_in_hand(begun.row, order)
        return self.run_payment(payment) if isinstance(payment, Payment) else payment

    def begin_payment(self, key: RequestKey, body: str, order: PayOrder) -> Checking | InHand | PayAnswer:
        """The first transaction of `pay`; a stage of its own so that tests can stop the world after it."""
        now, ready = self._clock.now(), self._processor.available()
        return self._in_turn(
            lambda conn: payments.begin(conn, now, self._limits, key, body, order, ready=ready)
        )

    def start_payment(
        self, checking: Checking, order: PayOrder, *, pin_right: bool
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
        request = write(self._engine, lambda conn: payments.mark_sent(conn, now, payment))
        if request is None:
            with reading(self._engine) as conn:
                return payments.answer_of(conn, payment)
        outcome = self._purchase(request)
        answered = self._clock.now()
        return write(self._engine, lambda conn: payments.conclude(conn, answered, payment.id, outcome))

    def _purchase(self, request: PurchaseRequest) -> Outcome:
        try:
            return self._processor.purchase(request)
        except Exception:
            # Nobody knows how far the request came: money may be gone (T5).
            log.exception("attempt %s: the card processor failed", request.rrn)
            return Unknown()

    def _is_right(self, pin_try: PinTry, pin: str) -> bool:
        return pins.is_right(self._pepper, pin_try.pin_hash, pin)

    # --- repeats of a request that has no answer yet -------------------------------------------------------

    def _answer_in_hand(self, row: Request, order: PayOrder) -> PayAnswer:
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

    def _page_size(self, limit: int) -> int:
        return max(1, min(limit, self._limits.page_rows_max))


def _row_id(opaque: str) -> int | None:
    """The row behind an id that was handed out; anything else names no row."""
    return int(opaque) if opaque.isascii() and opaque.isdigit() and len(opaque) <= _ID_DIGITS else None


def _cursor(after: str | None) -> int | None:
    return None if after is None else _row_id(after)
