"""Work that nobody waits for: closing overdue invoices, recovering attempts, sealing the audit trail.

One owner process runs these, each as often as it likes: a run that finds nothing does nothing, and two runs
at once are harmless, because every change is conditional on the state it was decided on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing import audit, invoices, ledger, payments, reversals
from invoicing.audit import SERVICE
from invoicing.limits import Limits
from invoicing.ports import CardProcessor, Clock, NotReversed, Outcome, ReversalRequest, Reversed
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as payment_rows
from invoicing.storage import requests as request_rows
from invoicing.storage.connect import reading, write

log: Final = logging.getLogger(__name__)
_REVERSALS_A_RUN: Final = 100


@dataclass(frozen=True, slots=True)
class Recovered:
    """`given_up`: attempts declared unknown; `reversed`: attempts whose money is back."""

    given_up: int
    reversed: int


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """`sealed` rows are in the chain, `unsealed` ones wait for the sealer; no `problems`: all is whole."""

    sealed: int
    unsealed: int
    problems: tuple[str, ...]


class LateAnswers:
    """Takes what a switch sends though nobody waits for it any more; thread-safe."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def take(self, rrn: str, kind: str, outcome: Outcome | None) -> None:
        """Note it in the audit trail; a late outcome of an attempt of ours is applied as F6 says.

        An approval that comes after the reversal was queued changes no invoice, and is reversed once more.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            payment = payment_rows.by_rrn(conn, rrn) if rrn else None
            what = f"payment:{payment.id}" if payment is not None else f"rrn:{rrn}"
            audit.note(conn, now, SERVICE, f"stray_{kind}", what)
            if payment is not None and outcome is not None:
                payments.conclude(conn, now, payment, outcome)

        write(self._engine, work)


class Workers:
    """Thread-safe. `audit_key` chains the audit trail and is kept outside the database."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        processor: CardProcessor,
        audit_key: bytes,
        limits: Limits | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._processor = processor
        self._audit_key = audit_key
        self._limits = limits or Limits()

    def expire_due(self, limit: int = 50) -> int:
        """T9 for at most `limit` invoices in one transaction; how many."""
        now = self._clock.now()
        with reading(self._engine) as conn:  # a run that finds nothing takes no write lock
            if not invoice_rows.any_due(conn, now):
                return 0
        return write(self._engine, lambda conn: invoices.expire(conn, now, limit))

    def recover(self, limit: int = 100) -> Recovered:
        """Give up attempts whose time is over, then send the reversals that are due, in order."""
        return Recovered(self._give_up(limit), self._reverse())

    def seal_audit(self) -> int:
        return write(self._engine, lambda conn: audit.seal(conn, self._audit_key))

    def forget_requests(self) -> int:
        """Drop the keys of requests that no repeat can reach any more."""
        before = self._clock.now() - timedelta(days=1)
        return write(self._engine, lambda conn: request_rows.forget(conn, before))

    def problems(self) -> list[str]:
        """The nightly check: breaches of the books and the audit chain, in words; empty when all is well."""
        with reading(self._engine) as conn:
            found = ledger.problems(conn)
        return [*found, *self.verify_audit().problems]

    def verify_audit(self) -> AuditVerdict:
        """Walk the whole chain, and hold the books against it (S24): names the first broken row of each."""
        with reading(self._engine) as conn:
            broken = audit.first_broken(conn, self._audit_key)
            unlike = ledger.first_unlike_its_trail(conn)
            sealed, unsealed = audit.counts(conn)
        problems = []
        if broken is not None:
            problems.append(f"audit row {broken} breaks the chain")
        if unlike is not None:
            problems.append(f"transfer {unlike} is not what was booked")
        return AuditVerdict(sealed, unsealed, tuple(problems))

    def _give_up(self, limit: int) -> int:
        now = self._clock.now()
        with reading(self._engine) as conn:
            stale = payment_rows.in_flight(conn, now - self._limits.attempt_life, limit)
        count = 0
        for payment in stale:
            log.warning("payment %s: no answer in time, taking it for unknown", payment.number)
            count += write(self._engine, partial(payments.give_up, now=now, payment_id=payment.id))
        return count

    def _reverse(self) -> int:
        count = 0
        for _ in range(_REVERSALS_A_RUN):
            now = self._clock.now()
            with reading(self._engine) as conn:
                first = payment_rows.first_reversal(conn)
            if first is None or first.next_at > now:
                break
            if first.tries >= self._limits.reversal_tries_max:
                log.error("reversal %s was never acknowledged; people must see to it", first.id)
                write(self._engine, partial(reversals.leave, now=now, reversal=first))
                continue
            pause = self._pause(first.tries)
            taken = write(self._engine, partial(reversals.take, now=now, pause=pause))
            if taken is None:
                break
            reversal, request = taken
            outcome = self._ask(request)
            if isinstance(outcome, NotReversed):
                break  # those behind it wait: the switch takes reversals in order
            done = partial(
                reversals.finish,
                now=self._clock.now(),
                reversal=reversal,
                original_known=outcome.original_known,
            )
            count += write(self._engine, done)
        return count

    def _ask(self, request: ReversalRequest) -> Reversed | NotReversed:
        try:
            return self._processor.reverse(request)
        except Exception:
            log.exception("a reversal failed; it is sent again later")
            return NotReversed()

    def _pause(self, tries: int) -> timedelta:
        doubled: timedelta = self._limits.reversal_retry * 2 ** min(tries, 20)
        return min(doubled, self._limits.reversal_retry_max)
