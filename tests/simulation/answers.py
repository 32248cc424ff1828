"""What people are told: compared with what the key was answered before, and with what is in the database."""

from __future__ import annotations

from typing import Final

from invoicing import (
    DirectPaid,
    InvoiceCancelled,
    InvoiceDeclined,
    Issued,
    Paid,
    Pending,
    PinRight,
    Refunded,
    Refusal,
    Refused,
    RequestKey,
    requests,
)
from invoicing.requests import Answer
from tests.simulation import people
from tests.simulation.database import written
from tests.simulation.orders import (
    Cancel,
    Decline,
    Issue,
    Order,
    Pay,
    Refund,
)
from tests.simulation.verdict import must
from tests.simulation.world import World

ABOUT_INVOICES: Final = Pay | Refund | Decline | Cancel
SOUM: Final = 100
_STATES: Final = {
    Refusal.ALREADY_PAID: ("paid", "refunded"),
    Refusal.ALREADY_DECLINED: ("declined",),
    Refusal.ALREADY_CANCELLED: ("cancelled",),
    Refusal.ALREADY_REFUNDED: ("refunded",),
}


class Answers:
    """`issued` is the invoice that each order has issued, `targets` the one that each order is about."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.issued: dict[int, int] = {}
        self.targets: dict[int, str] = {}

    def kept(self, key: RequestKey) -> tuple[str, str] | None:
        row = self._world.oracle.now.requests.get((key.scope, key.key))
        now = written(self._world.clock.now())
        return (
            None if row is None or row.answer is None or row.valid_until <= now else (row.status, row.answer)
        )

    def _is_over(self, key: RequestKey) -> bool:
        """Whether the key's time ran out, as after a jump of the clock."""
        row = self._world.oracle.now.requests.get((key.scope, key.key))
        return row is not None and row.valid_until <= written(self._world.clock.now())

    def compare(self, key: RequestKey, before: tuple[str, str] | None, answer: Answer) -> None:
        """Same key, same bytes; only a first answer that is not found yet may be said to be under way."""
        kept, text = self.kept(key), requests.encode(answer)
        if before is not None and kept is not None:
            must("same_answer", text == before, f"{key.key}: {before}, now {text}")
        elif kept is not None and text != kept:
            must("same_answer", _is_provisional(answer), f"{key.key}: told {text}, kept {kept}")
        elif kept is None and not self._is_over(key):
            must("answer_is_kept", _is_provisional(answer), f"{key.key}: told {text}, kept nothing")

    def believe(self, order: Order, answer: Answer) -> None:
        """What somebody was told is true now, and stays so."""
        oracle, name = self._world.oracle, f"#{order.id}"
        match answer:
            case Issued(invoice):
                self.issued[order.id] = int(invoice.id)
                oracle.promise(name, int(invoice.id), "issued")
                assert isinstance(order.what, Issue)
                said = (invoice.amount_tiyin, invoice.customer_msisdn)
                must("acknowledged", said == _asked(order.what), f"{name}: asked {order.what}, told {said}")
            case Paid(invoice):
                oracle.promise(name, int(invoice.id), "paid")
            case Refunded(invoice):
                oracle.promise(name, int(invoice.id), "refunded")
            case DirectPaid(payment):
                oracle.promise_payment(name, payment.number)
            case InvoiceDeclined(invoice):
                oracle.promise(name, int(invoice.id), "declined")
            case InvoiceCancelled(invoice):
                oracle.promise(name, int(invoice.id), "cancelled")
            case Refused(reason) if reason in _STATES:
                state = oracle.now.invoices[int(self.targets[order.id])].state
                must(
                    "refusals_are_true", state in _STATES[reason], f"{name}: {reason}, the invoice is {state}"
                )
        if isinstance(order.what, ABOUT_INVOICES):
            self._own(order, answer)

    def _own(self, order: Order, answer: Answer) -> None:
        """Nobody does anything to another's invoice (S4, S5)."""
        what = order.what
        assert isinstance(what, ABOUT_INVOICES)
        row = self._world.oracle.now.invoices[int(self.targets[order.id])]
        if isinstance(what, Cancel | Refund):
            owns = self._world.oracle.issuers[row.merchant_id] == people.SHOPS[what.shop]
        else:
            owns = row.customer_msisdn == people.CUSTOMERS[what.customer]
        must("own_invoices_only", owns or isinstance(answer, Refused), f"#{order.id} is told {answer}")


def _asked(issue: Issue) -> tuple[int, str]:
    return issue.amount_soum * SOUM, people.CUSTOMERS[issue.customer]


def _is_provisional(answer: Answer) -> bool:
    if isinstance(answer, Refused):
        return answer.reason in (Refusal.UNAVAILABLE, Refusal.INTERRUPTED)
    return isinstance(answer, Pending)


def in_a_word(answer: Answer) -> str:
    match answer:
        case Refused(reason):
            return f"Refused({reason})"
        case Pending() | PinRight():
            return str(answer)
        case DirectPaid(payment):
            return f"DirectPaid({payment.number})"
        case (
            Issued(invoice)
            | InvoiceDeclined(invoice)
            | InvoiceCancelled(invoice)
            | Paid(invoice)
            | Refunded(invoice)
        ):
            return f"{type(answer).__name__}({invoice.number})"
    return str(answer)
