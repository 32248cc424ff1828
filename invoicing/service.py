"""The public face of the money domain: plain calls, each opening its own transactions, safe from any thread.

What a dialogue may expect and refuse comes back as a value. Exceptions are for what nobody planned:
`StorageBusy` (nothing was written, ask again) and `StorageFailed` (ask again under the same key).
"""

from __future__ import annotations

from invoicing import cards, invoices, merchants, payments, requests
from invoicing.audit import Actor
from invoicing.paying import cursor, row_id
from invoicing.requests import RequestKey
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
    Refused,
    Role,
    Rows,
)
from invoicing.selfservice import SelfService
from invoicing.storage.connect import reading, write


class Invoicing(SelfService):
    """Everything the menus, the cabinet and the command line ask of the money domain."""

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
        return requests.once(
            self._engine,
            key,
            body,
            now,
            lambda conn: invoices.issue(
                conn,
                now,
                self._limits,
                Actor(merchant_msisdn, channel),
                customer=customer_msisdn,
                amount_tiyin=amount_tiyin,
                again=again,
            ),
        )

    def could_issue(
        self, merchant_msisdn: str, customer_msisdn: str, amount_tiyin: int
    ) -> Done | Duplicate | Refused:
        """Whether `issue` would do it now; nothing is done. `Done.name` is the phone in its normal form."""
        now = self._clock.now()
        with reading(self._engine) as conn:
            return invoices.could_issue(
                conn,
                now,
                self._limits,
                Actor(merchant_msisdn, "web"),
                customer=customer_msisdn,
                amount_tiyin=amount_tiyin,
            )

    def cancel(
        self, key: RequestKey, merchant_msisdn: str, invoice_id: str, channel: str = "ussd"
    ) -> InvoiceCancelled | Refused:
        """T8, by the merchant's owner or the cashier who issued it."""
        now, invoice = self._clock.now(), row_id(invoice_id)
        body = requests.body_hash("cancel", merchant_msisdn, invoice_id)
        actor = Actor(merchant_msisdn, channel)
        return requests.once(
            self._engine, key, body, now, lambda conn: invoices.cancel(conn, now, actor, invoice)
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
            return invoices.merchant_page(conn, msisdn, customer, cursor(after), self._page_size(limit))

    def merchant_invoice(self, msisdn: str, invoice_id: str) -> InvoiceView | Refused:
        """One of the merchant's own invoices; another's is `NOT_FOUND` (S4)."""
        with reading(self._engine) as conn:
            return invoices.of_merchant(conn, msisdn, row_id(invoice_id))

    # --- the customer ------------------------------------------------------------------------------------

    def open_invoices(
        self, customer_msisdn: str, after: str | None = None, limit: int = 5
    ) -> Rows[InvoiceView]:
        """What waits for this phone's decision or is being paid, newest first (A24); strangers too (A27)."""
        now = self._clock.now()
        with reading(self._engine) as conn:
            return invoices.customer_page(conn, customer_msisdn, now, cursor(after), self._page_size(limit))

    def open_invoice(self, customer_msisdn: str, invoice_id: str) -> InvoiceView | Refused:
        """One of the phone's own invoices as it stands now, in any state; another's is `NOT_FOUND` (S5)."""
        with reading(self._engine) as conn:
            return invoices.of_customer(conn, customer_msisdn, row_id(invoice_id))

    def decline(
        self, key: RequestKey, customer_msisdn: str, invoice_id: str, channel: str = "ussd"
    ) -> InvoiceDeclined | Refused:
        """T7, by the invoiced phone only."""
        now, invoice = self._clock.now(), row_id(invoice_id)
        body = requests.body_hash("decline", customer_msisdn, invoice_id)
        actor = Actor(customer_msisdn, channel)
        return requests.once(
            self._engine, key, body, now, lambda conn: invoices.decline(conn, now, actor, invoice)
        )

    def block_merchant_of(
        self, key: RequestKey, customer_msisdn: str, invoice_id: str, channel: str = "ussd"
    ) -> Done | Refused:
        """S25: after a decline, refuse every further invoice of its merchant; `Done.name` says whose."""
        now, invoice = self._clock.now(), row_id(invoice_id)
        body = requests.body_hash("block", customer_msisdn, invoice_id)
        actor = Actor(customer_msisdn, channel)
        return requests.once(
            self._engine, key, body, now, lambda conn: invoices.block_pair(conn, now, actor, invoice)
        )

    def history(self, customer_msisdn: str, after: str | None = None, limit: int = 5) -> Rows[PaymentView]:
        """The phone's payments and attempts, newest first."""
        with reading(self._engine) as conn:
            return payments.history(conn, customer_msisdn, cursor(after), self._page_size(limit))

    def _page_size(self, limit: int) -> int:
        return max(1, min(limit, self._limits.page_rows_max))
