"""What must be in the tables, worked out from the specification (domain.md 3.1-3.4), not from the code.

States, moves, entries and SMS are written down here once more: an edit of the domain's own tables must not
loosen the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from invoicing import Credit, CreditKind
from tests.simulation.database import PaymentRow, Snapshot

LIVE: Final = {"created", "sent", "unknown", "reversing", "approved", "refunding"}
IN_DOUBT: Final = {"created", "sent", "unknown", "reversing"}
TAKEN: Final = {"approved", "refunding", "refunded"}
AT_REST: Final = {"approved", "declined", "reversed", "refunded"}

INVOICE_MOVES: Final = {
    "issued": {"paying", "declined", "cancelled", "expired"},
    "paying": {"paid", "issued", "expired"},
    "paid": {"refunded"},
}
PAYMENT_MOVES: Final = {
    "created": {"sent", "declined", "unknown"},
    "sent": {"approved", "declined", "unknown"},
    "unknown": {"reversing"},
    "reversing": {"reversed"},
    "approved": {"refunding"},
    "refunding": {"refunded", "approved"},
}
PAYABLES: Final = {"transfer": "transfer_payable", "topup": "topup_payable"}
INVOICE_NOTICES: Final = {
    "declined": "declined_merchant",
    "cancelled": "cancelled_customer",
    "expired": "expired_merchant",
}
PAID: Final = ("approved", "paid_merchant"), ("approved", "paid_customer")
PAYMENT_NOTICES: Final = {
    "approved": PAID,
    "refunding": PAID,
    "refunded": PAID,
    "declined": (("declined", "refused_customer"),),
    "unknown": (("unknown", "unknown_customer"),),
    "reversing": (("unknown", "unknown_customer"),),
    "reversed": (("unknown", "unknown_customer"), ("reversed", "reversed_customer")),
}
"""Events and templates of an invoice's payment, by its state."""
DIRECT_NOTICES: Final = {
    "approved": (("approved", "direct_paid_customer"),),
    "declined": (("declined", "direct_refused_customer"),),
    "unknown": (("unknown", "direct_unknown_customer"),),
    "reversing": (("unknown", "direct_unknown_customer"),),
    "reversed": (("unknown", "direct_unknown_customer"), ("reversed", "direct_reversed_customer")),
}
REFUND_NOTICES: Final = {
    "approved": (("refunded", "refunded_merchant"), ("refunded", "refunded_customer")),
    "declined": (("declined", "refund_refused_merchant"),),
    "reversed": (("reversed", "refund_refused_merchant"),),
}
Line = tuple[str, int, str, int]
"""Account, its owner, side, tiyin."""


Told = tuple[str, str, str]
"""An event, the template of its SMS, and who gets it."""


def lines(new: Snapshot, payment: PaymentRow, fees_bp: Mapping[int, int]) -> list[Line]:
    """The entries of a payment that was taken; `fees_bp` are the merchants' fees."""
    amount = payment.amount_tiyin
    if payment.kind in PAYABLES:
        return [(PAYABLES[payment.kind], 0, side, amount) for side in "CD"]
    merchant = merchant_of(new, payment)
    fee = (amount * fees_bp[merchant] + 5_000) // 10_000
    lines = [
        ("acquirer_receivable", 0, "D", amount),
        ("merchant_payable", merchant, "C", amount - fee),
        ("fee_income", 0, "C", fee),
    ]
    return [line for line in lines if line[3]]


def notices(new: Snapshot, issuers: Mapping[int, str]) -> Counter[Told]:
    """Every SMS that the rows as they stand must have queued; `issuers` are the merchants' phones."""
    expected = Counter[Told]()
    for id_, invoice in new.invoices.items():
        customer, shop = invoice.customer_msisdn, issuers[invoice.merchant_id]
        expected[f"invoice:{id_}:issued", "issued_customer", customer] += 1
        if invoice.state in INVOICE_NOTICES:
            template = INVOICE_NOTICES[invoice.state]
            to = shop if template.endswith("merchant") else customer
            expected[f"invoice:{id_}:{invoice.state}", template, to] += 1
    for payment in new.payments.values():
        expected.update(_of_payment(new, payment, issuers))
    return expected


def _of_payment(new: Snapshot, payment: PaymentRow, issuers: Mapping[int, str]) -> Iterator[Told]:
    by_kind = {"invoice": PAYMENT_NOTICES, "refund": REFUND_NOTICES}.get(payment.kind, DIRECT_NOTICES)
    customer = new.pins[payment.customer_id].msisdn
    told: list[Told] = []
    for event, template in by_kind.get(payment.state, ()):
        to = customer
        if template.endswith("merchant"):
            to = issuers[merchant_of(new, payment)]
        told.append((event, template, to))
    if payment.state == "approved" and payment.kind == "service":
        told.append(("approved", "service_paid_merchant", issuers[merchant_of(new, payment)]))
    if payment.state == "approved" and payment.kind == "transfer":
        assert payment.payee is not None
        told.append(("approved", "transfer_received", payment.payee))
    for event, template, to in told:
        yield f"payment:{payment.id}:{event}", template, to


def credited(new: Snapshot, payment: PaymentRow) -> tuple[Credit | None, ...]:
    """To whom the bank may have given a payment's money: `None` is us, on behalf of a shop."""
    if payment.kind == "topup":
        assert payment.payee is not None
        return (Credit(CreditKind.PHONE, payment.payee),)
    if payment.kind == "transfer":
        cards = (card for card in new.cards.values() if new.pins[card.customer_id].msisdn == payment.payee)
        return tuple(Credit(CreditKind.CARD, card.token) for card in cards)
    return (None,)


def amount_due(new: Snapshot, payment: PaymentRow) -> int:
    """What an attempt must be about: the invoice's sum, or the refunded payment's; else its own."""
    if payment.invoice_id is not None:
        return new.invoices[payment.invoice_id].amount_tiyin
    return payment.amount_tiyin if payment.refund_of is None else new.payments[payment.refund_of].amount_tiyin


def merchant_of(new: Snapshot, payment: PaymentRow) -> int:
    if payment.merchant_id is not None:
        return payment.merchant_id
    assert payment.invoice_id is not None
    return new.invoices[payment.invoice_id].merchant_id


def turned(line: Line) -> Line:
    account, owner, side, amount = line
    return account, owner, "C" if side == "D" else "D", amount
