"""The chores of the one worker that does them."""

from __future__ import annotations

from app.metrics import Metrics
from app.money import Money
from app.workers import Chore


def chores(money: Money, metrics: Metrics) -> tuple[Chore, ...]:
    """Relay, expiry, recovery, sealing, forgetting; the relay is nudged after every action besides."""

    def relay() -> int:
        done = money.relay.run_once(money.inbox)
        metrics.outbox(money.relay.depth())
        return done.sent + done.failed

    def recover() -> int:
        done = money.workers.recover()
        return done.given_up + done.reversed

    return (
        Chore("relay", relay, every_s=0.5, nudged=True),
        Chore("expiry", money.workers.expire_due, every_s=5.0),
        Chore("recovery", recover, every_s=2.0),
        Chore("sealer", money.workers.seal_audit, every_s=1.0),
        Chore("forgetting", money.workers.forget_requests, every_s=3600.0),
    )
