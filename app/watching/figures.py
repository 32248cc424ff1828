"""What `/metrics` tells of the books, the lease and the ends of dialogues. No phone in any label."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.money import Money
from app.serving.workers import Chore
from invoicing.figures import Figures, figures
from invoicing.states import UNDECIDED
from ussd_engine.journal import Cause
from ussd_engine.journal.cause import of_entry
from ussd_engine.ports import Entry, Journal

KINDS: Final = ("invoice", "service", "transfer", "topup", "refund")
REVERSALS: Final = ("queued", "sent", "manual")
FIGURES_EVERY_S: Final = 5.0
AUDIT_EVERY_S: Final = 1.0
"""Pause between stretches of the audit walk; a stretch takes some ten milliseconds."""
AUDIT_ROUND_EVERY_S: Final = 600.0

log = logging.getLogger(__name__)


class Watched:
    """The instruments; one set a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry, multiprocess_mode="mostrecent")

        self._payments = gauge(
            "ussd_payments_undecided",
            "Payments of which nobody knows yet whether they are one",
            "kind",
            "state",
        )
        self._payment_age = gauge(
            "ussd_payment_undecided_oldest_seconds", "Age of the oldest undecided payment"
        )
        self._reversals = gauge(
            "ussd_reversals", "Reversals not done; manual: people must see to it", "state"
        )
        self._outbox_age = gauge("ussd_outbox_oldest_seconds", "Age of the oldest notice not sent")
        self._lease = gauge("ussd_lease_held", "1: this process does the chores")
        self._audit_broken = gauge("ussd_audit_broken", "1: a row of the audit chain is not what was sealed")
        self._audit_rows = Counter(
            "ussd_audit_rows_checked", "Rows of the audit chain found whole", registry=registry
        )
        self._ended = Counter(
            "ussd_dialogues_ended", "Ends of dialogues, by cause", ["cause"], registry=registry
        )
        self._by_cause = {cause: self._ended.labels(cause.value) for cause in Cause}

    def books(self, now: Figures) -> None:
        """Show how the books stand; what is not there any more counts 0."""
        for kind in KINDS:
            for state in UNDECIDED:
                self._payments.labels(kind, state.value).set(now.hanging.get((kind, state.value), 0))
        for state_ in REVERSALS:
            self._reversals.labels(state_).set(now.reversals.get(state_, 0))
        self._payment_age.set(now.hanging_s)
        self._outbox_age.set(now.notices_s)

    def lease(self, *, held: bool) -> None:
        """Show whether this process does the chores."""
        self._lease.set(held)

    def audit(self, checked: int, *, broken: bool) -> None:
        """Count checked rows; show whether a broken one was found."""
        self._audit_rows.inc(checked)
        self._audit_broken.set(broken)

    def ended(self, cause: Cause, count: int = 1) -> None:
        """Count dialogues that ended."""
        self._by_cause[cause].inc(count)


class Counted:
    """A journal before the journal: counts what ended; most turns cost a glance."""

    def __init__(self, watched: Watched, behind: Journal | None) -> None:
        self._watched = watched
        self._behind = behind

    def write(self, entry: Entry) -> None:
        """Count an end, and hand the entry on."""
        if not entry.open and (cause := of_entry(entry)) is not None:
            self._watched.ended(cause)
        if self._behind is not None:
            self._behind.write(entry)


def chores(money: Money, watched: Watched) -> tuple[Chore, ...]:
    """Figures in every process that does chores, the audit walk in the one with the lease."""

    def look() -> int:
        watched.books(figures(money.engine, money.clock))
        return 0

    return (
        Chore("figures", look, every_s=FIGURES_EVERY_S),
        Chore("audit walk", _walk(money, watched), every_s=AUDIT_EVERY_S),
    )


def _walk(money: Money, watched: Watched) -> Callable[[], int]:
    rests_until = float("-inf")

    def go_on() -> int:
        nonlocal rests_until
        walk = money.audit_walk
        if not money.lease.held:
            watched.audit(0, broken=False)  # whoever has the lease tells
        elif time.monotonic() >= rests_until:
            went = walk.go_on()
            watched.audit(went, broken=walk.broken is not None)
            if walk.broken is not None:
                log.error("the audit chain is broken", extra={"row": walk.broken})
            if not went:
                rests_until = time.monotonic() + AUDIT_ROUND_EVERY_S
        return 0  # one stretch, then a pause: turns have the processor first

    return go_on
