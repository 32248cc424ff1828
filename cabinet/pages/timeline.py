"""An invoice's story in order: issued, SMS, tries to pay, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cabinet.pages.statuses import N_, STATUSES
from invoicing import Status
from invoicing.papers import InvoicePaper
from invoicing.reports import NoticeRow, Story
from invoicing.values import masked


@dataclass(frozen=True, slots=True)
class Event:
    """`text` is a gettext id, `about` says whom or what it names."""

    at: datetime
    text: str
    about: str
    tone: str


_ENDS: Final = {
    Status.DECLINED: N_("The customer declined"),
    Status.CANCELLED: N_("Cancelled"),
    Status.EXPIRED: N_("The time to pay is over"),
    Status.REFUNDED: N_("The money was returned"),
}
_ATTEMPTS: Final = {
    "approved": (N_("Paid"), "good"),
    "refunding": (N_("Paid"), "good"),
    "refunded": (N_("Paid"), "good"),
    "declined": (N_("The bank refused a payment"), "bad"),
    "unknown": (N_("The bank is being asked about a payment"), "work"),
    "reversing": (N_("A payment is being taken back"), "work"),
    "reversed": (N_("A payment was taken back"), "off"),
    "created": (N_("The customer is paying"), "work"),
    "sent": (N_("The customer is paying"), "work"),
}
_SMS: Final = {
    "queued": (N_("SMS is on its way"), "work"),
    "sent": (N_("SMS was sent"), "off"),
    "failed": (N_("SMS was not sent"), "bad"),
}
_DELIVERED: Final = N_("SMS was delivered")


def timeline(paper: InvoicePaper, story: Story) -> tuple[Event, ...]:
    """What happened, oldest first; what can still happen comes last."""
    happened = sorted(_happened(paper, story), key=lambda event: event.at)
    return (*happened, *_to_come(paper))


def _happened(paper: InvoicePaper, story: Story) -> Iterator[Event]:
    issuer = story.issuer.name or f"+{story.issuer.msisdn}"
    yield Event(paper.issued_at, N_("Issued"), issuer, "wait")
    for notice in story.notices:
        yield _sms(notice)
    for attempt in story.attempts:
        text, tone = _ATTEMPTS[attempt.state]
        code = f" ({attempt.response_code})" if attempt.state == "declined" and attempt.response_code else ""
        yield Event(attempt.answered_at or attempt.created_at, text, f"№{attempt.number}{code}", tone)
    if paper.status in _ENDS and paper.closed_at is not None:
        yield Event(paper.closed_at, _ENDS[paper.status], "", STATUSES[paper.status].tone)


def _sms(notice: NoticeRow) -> Event:
    text, tone = _SMS[notice.state]
    if notice.delivery == "delivered":
        text = _DELIVERED
    return Event(notice.sent_at or notice.created_at, text, masked(notice.recipient), tone)


def _to_come(paper: InvoicePaper) -> Iterator[Event]:
    if paper.status is Status.AWAITING:
        yield Event(paper.expires_at, N_("Can be paid until then"), "", "next")
