"""The invoice's and the payment's state machines as data (domain.md 3.1, 3.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class InvoiceState(StrEnum):
    ISSUED = "issued"
    PAYING = "paying"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class PaymentState(StrEnum):
    CREATED = "created"
    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    REVERSING = "reversing"
    REVERSED = "reversed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


_I, _P = InvoiceState, PaymentState

INVOICE_MOVES: Final = {
    (_I.ISSUED, _I.PAYING): "T2",
    (_I.PAYING, _I.PAID): "T3",
    (_I.PAYING, _I.ISSUED): "T4 and T6",
    (_I.PAYING, _I.EXPIRED): "T6, past due",
    (_I.ISSUED, _I.DECLINED): "T7",
    (_I.ISSUED, _I.CANCELLED): "T8",
    (_I.ISSUED, _I.EXPIRED): "T9",
    (_I.PAID, _I.REFUNDED): "T10",
}
"""Allowed invoice moves. T1 makes the row; T5 leaves the invoice in `paying`."""

PAYMENT_MOVES: Final = {
    (_P.CREATED, _P.SENT),
    (_P.CREATED, _P.DECLINED),
    (_P.CREATED, _P.UNKNOWN),
    (_P.SENT, _P.APPROVED),
    (_P.SENT, _P.DECLINED),
    (_P.SENT, _P.UNKNOWN),
    (_P.UNKNOWN, _P.REVERSING),
    (_P.REVERSING, _P.REVERSED),
    (_P.APPROVED, _P.REFUNDING),
    (_P.REFUNDING, _P.REFUNDED),
    (_P.REFUNDING, _P.APPROVED),
}

OPEN: Final = (_I.ISSUED, _I.PAYING)
FINAL: Final = (_I.DECLINED, _I.CANCELLED, _I.EXPIRED, _I.REFUNDED)
LIVE: Final = (_P.CREATED, _P.SENT, _P.UNKNOWN, _P.REVERSING, _P.APPROVED, _P.REFUNDING)
"""Payments that hold their invoice: the partial unique index allows one per invoice."""
TAKEN: Final = (_P.APPROVED, _P.REFUNDING, _P.REFUNDED)
"""Payments whose money reached the merchant at some time."""
UNDECIDED: Final = (_P.CREATED, _P.SENT, _P.UNKNOWN, _P.REVERSING)
"""Payments of which nobody knows yet whether they are one."""
