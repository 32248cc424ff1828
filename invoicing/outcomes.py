"""What the end of an attempt means for what it was for: the invoice, the books, and who is told (T3-T6).

Each function runs in the transaction that has locked the attempt and moved it. A refund's are in `refunds`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from invoicing import invoices, ledger, notices
from invoicing.audit import SERVICE
from invoicing.invoices import tell_customer, tell_expired, tell_merchant
from invoicing.merchants import language_of_customer
from invoicing.notices import Template
from invoicing.orders import TRANSFER
from invoicing.results import DirectPaid, Paid, PaymentView, Pending, Refunded, Refusal, Refused, Status
from invoicing.states import InvoiceState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import people
from invoicing.storage.invoices import Invoice
from invoicing.storage.payments import Payment
from invoicing.values import short_name

PayAnswer = Paid | DirectPaid | Refunded | Pending | Refused


class Outcome(Protocol):
    """The four ends of an attempt."""

    def approved(self, conn: Connection, now: datetime, payment: Payment) -> PayAnswer:
        """T3."""

    def declined(self, conn: Connection, now: datetime, payment: Payment, code: str) -> Refused:
        """T4."""

    def unknown(self, conn: Connection, now: datetime, payment: Payment) -> None:
        """T5: the reversal is queued already."""

    def reversed_(self, conn: Connection, now: datetime, payment: Payment, *, original_known: bool) -> None:
        """T6."""


class OfInvoice:
    """The invoice is paid, or waits on."""

    def approved(self, conn: Connection, now: datetime, payment: Payment) -> Paid:
        assert payment.invoice_id is not None  # the table holds it to its kind
        invoice, user = invoice_rows.with_issuer(conn, payment.invoice_id)
        note = f"payment {payment.number} {payment.amount_tiyin}"
        _must_leave_paying(conn, now, invoice, InvoiceState.PAID, note)
        ledger.book_shop(
            conn,
            now,
            payment_id=payment.id,
            merchant_id=invoice.merchant_id,
            amount_tiyin=payment.amount_tiyin,
            fee_bp=user.fee_bp,
        )
        event_id = f"payment:{payment.id}:approved"
        tell_merchant(conn, now, invoice, Template.PAID_MERCHANT, event_id=event_id, user=user)
        tell_customer(
            conn,
            now,
            invoice,
            Template.PAID_CUSTOMER,
            event_id=event_id,
            payment=payment.number,
            lang=payment.customer_lang,
        )
        paid = replace(invoice, state=InvoiceState.PAID, payment_number=payment.number, paid_at=now)
        return Paid(invoices.view(paid), payment.number)

    def declined(self, conn: Connection, now: datetime, payment: Payment, code: str) -> Refused:
        """An overdue invoice is closed by the next expiry run."""
        invoice = _invoice(conn, payment)
        _must_leave_paying(conn, now, invoice, InvoiceState.ISSUED, f"code {code}")
        text = notices.reason_text(code, payment.customer_lang)
        event_id = f"payment:{payment.id}:declined"
        tell_customer(conn, now, invoice, Template.REFUSED, event_id=event_id, reason=text)
        why = notices.decline_reason(code).value
        return Refused(
            Refusal.CARD_DECLINED, {"number": invoice.number, "code": code, "why": why, "text": text}
        )

    def unknown(self, conn: Connection, now: datetime, payment: Payment) -> None:
        event_id = f"payment:{payment.id}:unknown"
        tell_customer(conn, now, _invoice(conn, payment), Template.UNKNOWN, event_id=event_id)

    def reversed_(self, conn: Connection, now: datetime, payment: Payment, *, original_known: bool) -> None:
        """The invoice may be paid again, or is closed where its time is over."""
        invoice = _invoice(conn, payment)
        overdue = invoice.expires_at <= now
        to = InvoiceState.EXPIRED if overdue else InvoiceState.ISSUED
        note = "reversed" if original_known else "reversed, the bank knew no such payment"
        _must_leave_paying(conn, now, invoice, to, note)
        event_id = f"payment:{payment.id}:reversed"
        tell_customer(conn, now, invoice, Template.REVERSED, event_id=event_id, payment=payment.number)
        if overdue:
            tell_expired(conn, now, invoice)


class OfDirect:
    """A payment that stands for itself."""

    def approved(self, conn: Connection, now: datetime, payment: Payment) -> DirectPaid:
        event_id = f"payment:{payment.id}:approved"
        if payment.merchant_id is None:
            ledger.book_through(
                conn, now, payment_id=payment.id, kind=payment.kind, amount_tiyin=payment.amount_tiyin
            )
        else:
            owner = people.owner_of(conn, payment.merchant_id)
            ledger.book_shop(
                conn,
                now,
                payment_id=payment.id,
                merchant_id=payment.merchant_id,
                amount_tiyin=payment.amount_tiyin,
                fee_bp=owner.fee_bp,
            )
            notices.queue(
                conn,
                now,
                Template.SERVICE_PAID,
                event_id=event_id,
                recipient=owner.msisdn,
                lang=owner.lang,
                account=(payment.target or "").partition(":")[2],
                amount_tiyin=payment.amount_tiyin,
                payment=payment.number,
            )
        if payment.kind == TRANSFER and payment.payee is not None and not payment.payee.startswith("*"):
            notices.queue(
                conn,
                now,
                Template.TRANSFER_RECEIVED,
                event_id=event_id,
                recipient=payment.payee,
                lang=language_of_customer(conn, payment.payee),
                phone=payment.customer_msisdn,
                amount_tiyin=payment.amount_tiyin,
                payment=payment.number,
            )
        self._tell(conn, now, payment, Template.DIRECT_PAID, "approved")
        return DirectPaid(payment_view(payment, Status.PAID, now))

    def declined(self, conn: Connection, now: datetime, payment: Payment, code: str) -> Refused:
        text = notices.reason_text(code, payment.customer_lang)
        self._tell(conn, now, payment, Template.DIRECT_REFUSED, "declined", reason=text)
        why = notices.decline_reason(code).value
        return Refused(
            Refusal.CARD_DECLINED, {"number": payment.number, "code": code, "why": why, "text": text}
        )

    def unknown(self, conn: Connection, now: datetime, payment: Payment) -> None:
        self._tell(conn, now, payment, Template.DIRECT_UNKNOWN, "unknown")

    def reversed_(self, conn: Connection, now: datetime, payment: Payment, *, original_known: bool) -> None:
        self._tell(conn, now, payment, Template.DIRECT_REVERSED, "reversed")

    @staticmethod
    def _tell(
        conn: Connection,
        now: datetime,
        payment: Payment,
        template: Template,
        what: str,
        *,
        reason: str | None = None,
    ) -> None:
        notices.queue(
            conn,
            now,
            template,
            event_id=f"payment:{payment.id}:{what}",
            recipient=payment.customer_msisdn,
            lang=payment.customer_lang,
            name=payment.payee,
            amount_tiyin=payment.amount_tiyin,
            payment=payment.number,
            reason=reason,
        )


def payment_view(payment: Payment, status: Status, at: datetime) -> PaymentView:
    return PaymentView(
        id=str(payment.id),
        number=payment.number,
        invoice_number=payment.invoice_number,
        merchant_name_sms=payment.payee or short_name(payment.merchant_name or ""),
        amount_tiyin=payment.amount_tiyin,
        status=status,
        at=at,
        kind=payment.kind,
    )


def _invoice(conn: Connection, payment: Payment) -> Invoice:
    assert payment.invoice_id is not None  # the table holds it to its kind
    return invoice_rows.by_id(conn, payment.invoice_id)


def _must_leave_paying(
    conn: Connection, now: datetime, invoice: Invoice, to: InvoiceState, note: str
) -> None:
    if not invoices.move(conn, now, invoice, to, SERVICE, note=note):
        raise RuntimeError("an invoice left `paying` while its payment was live")
