"""The chores, done by the one process that holds the lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.lines.sms import GatewaySender
from app.money import Money
from app.serving.workers import Chore
from app.watching import figures as watching
from app.watching.figures import Watched
from app.watching.metrics import Metrics
from invoicing import RENEW_EVERY_S, Sender

AT_ONCE: Final = 8
"""Notices on their way at the same time, each to another phone."""


def chores(money: Money, metrics: Metrics, watched: Watched, sender: Sender) -> tuple[Chore, ...]:
    """Relay, expiry, recovery, sealing, forgetting; the relay is nudged after every action besides.

    Each process keeps asking for the lease; the chores of those that do not hold it find nothing to do.
    """

    if isinstance(sender, GatewaySender):
        sender.report_to(money.receipts)

    def own() -> int:
        try:
            money.lease.keep()
        finally:
            watched.lease(held=money.lease.held)
        return 0

    def relay() -> int:
        done = money.relay.run_side_by_side(sender, AT_ONCE)
        metrics.outbox(money.relay.depth())
        return done.sent + done.failed

    def forget() -> int:
        return money.workers.forget_requests() + money.receipts.forget()

    def recover() -> int:
        done = money.workers.recover()
        return done.given_up + done.reversed

    def owned(work: Callable[[], int]) -> Callable[[], int]:
        return lambda: work() if money.lease.held else 0

    return (
        Chore("lease", own, every_s=RENEW_EVERY_S, backs_off=False),
        Chore("relay", owned(relay), every_s=0.5, nudged=True),
        Chore("expiry", owned(money.workers.expire_due), every_s=5.0),
        Chore("recovery", owned(recover), every_s=2.0),
        Chore("sealer", owned(money.workers.seal_audit), every_s=1.0),
        Chore("forgetting", owned(forget), every_s=3600.0),
        *watching.chores(money, watched),
    )
