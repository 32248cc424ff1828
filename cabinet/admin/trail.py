"""An invoice's dossier as one line of time: what the rows say, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cabinet.pages.statuses import N_
from invoicing.backoffice import AuditRow, Dossier, ReversalRow, ToldRow, TriedRow
from invoicing.values import masked

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "issued": (N_("Issued"), "wait"),
    "paying": (N_("Being paid"), "work"),
    "paid": (N_("Paid"), "good"),
    "declined": (N_("Declined"), "bad"),
    "cancelled": (N_("Cancelled"), "off"),
    "expired": (N_("Expired"), "off"),
    "refunding": (N_("Being refunded"), "work"),
    "refunded": (N_("Refunded"), "back"),
}
_TRIES: Final[Mapping[str, tuple[str, str]]] = {
    "created": (N_("Payment attempt begun"), "work"),
    "sent": (N_("Payment sent to the bank"), "work"),
    "approved": (N_("Approved by the bank"), "good"),
    "declined": (N_("Declined by the bank"), "bad"),
    "unknown": (N_("No answer from the bank"), "wait"),
    "reversing": (N_("Payment being reversed"), "work"),
    "reversed": (N_("Payment reversed"), "off"),
    "refunding": (N_("Approved by the bank"), "good"),
    "refunded": (N_("Approved by the bank"), "good"),
}
_NOTICES: Final = {
    "sms": "SMS",
    "push": N_("Push message"),
    "webhook": N_("Webhook"),
}
_SENT: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (N_("waits to be sent"), "work"),
    "sent": (N_("sent"), "off"),
    "failed": (N_("not sent"), "bad"),
}
_REVERSALS: Final[Mapping[str, str]] = {
    "queued": N_("waits"),
    "sent": N_("the bank is asked"),
    "done": N_("done"),
    "manual": N_("people must see to it"),
}
_VIEWED: Final = "operator_viewed"


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened.

    Attributes:
        what, more: gettext ids; `more` may be empty.
        facts: numbers, codes and names beside it, for whoever asks the bank.
        kind: state, try, notice or audit: what the reader may want to see alone.
    """

    at: datetime
    what: str
    more: str
    facts: tuple[str, ...]
    tone: str
    kind: str


def trail(dossier: Dossier) -> tuple[Happened, ...]:
    """Oldest first."""
    moved = [row for row in dossier.trail if row.action in ("invoice_issued", "invoice_moved")]
    rest = [row for row in dossier.trail if row not in moved]
    told = [
        *(_state(row) for row in moved),
        *(event for one in dossier.tries for event in _try(one, dossier.reversals)),
        *(_notice(one) for one in dossier.notices),
        *(_audit(row) for row in rest),
    ]
    return tuple(sorted(told, key=lambda one: one.at))


def _state(row: AuditRow) -> Happened:
    state, _, why = ("issued" if row.action == "invoice_issued" else row.after or "").partition(" ")
    text, tone = _STATES.get(state, (state, "off"))
    if row.action != "invoice_issued" and state == "issued":
        text = N_("Can be paid again")
    return Happened(row.at, text, "", (*((why,) if why else ()), _who(row)), tone, "state")


def _try(one: TriedRow, reversals: tuple[ReversalRow, ...]) -> Iterator[Happened]:
    refund = one.kind == "refund"
    named = (f"№{one.number}", f"*{one.card_last4}", f"STAN {one.stan}", f"RRN {one.rrn}")
    begun = N_("Refund begun") if refund else N_("Payment attempt begun")
    yield Happened(one.created_at, begun, "", named, "back" if refund else "work", "try")
    text, tone = _TRIES.get(one.state, (one.state, "off"))
    at = one.answered_at or one.sent_at
    if one.state != "created" and at is not None:
        code = (f"№{one.number}", *((f"RC {one.response_code}",) if one.response_code else ()))
        yield Happened(at, text, "", code, tone, "try")
    for reversal in reversals:
        if reversal.payment_id == one.id:
            tone = "bad" if reversal.state == "manual" else "work" if reversal.state != "done" else "off"
            facts = (f"№{one.number}", f"×{reversal.tries}")
            more = _REVERSALS.get(reversal.state, reversal.state)
            yield Happened(at or one.created_at, N_("Reversal"), more, facts, tone, "try")


def _notice(one: ToldRow) -> Happened:
    more, tone = _SENT.get(one.state, (one.state, "off"))
    if one.delivery == "delivered":
        more, tone = N_("delivered"), "good"
    whom = masked(one.recipient) if one.kind == "sms" else ""
    tries = f"×{one.tries}" if one.tries > 1 else ""
    facts = tuple(fact for fact in (whom, one.template, tries, one.failure or "") if fact)
    at = one.delivered_at or one.sent_at or one.created_at
    return Happened(at, _NOTICES.get(one.kind, one.kind), more, facts, tone, "notice")


def _audit(row: AuditRow) -> Happened:
    if row.action == _VIEWED:
        return Happened(row.at, N_("Looked at by an operator"), "", (_who(row),), "off", "audit")
    change = " → ".join(part for part in (row.before, row.after) if part)
    facts = tuple(fact for fact in (row.action, change, _who(row)) if fact)
    return Happened(row.at, N_("Audit"), "", facts, "off", "audit")


def _who(row: AuditRow) -> str:
    name = masked(row.actor) if row.actor.isdigit() and len(row.actor) == 12 else row.actor
    return f"{name} ({row.channel})"
