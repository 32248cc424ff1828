"""One life of the simulated process: the domain's real objects, and the tasks it has in hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from invoicing import Invoicing, LateAnswers, Lease, Limits, Relay, Workers
from tests.simulation import people
from tests.simulation.database import Fragile
from tests.simulation.orders import SECOND, Climate
from tests.simulation.own_orders import CONTENDERS
from tests.simulation.scheduler import Scheduler, Task, current
from tests.simulation.switch import Line, Switch

MIDNIGHT: Final = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
"""The end of a day in Tashkent."""
PEPPER: Final = b"pepper of the simulation"
AUDIT_KEY: Final = b"audit key of the simulation"


class Clock:
    """Simulated time with an error that grows and shrinks in jumps."""

    def __init__(self, scheduler: Scheduler, start: datetime) -> None:
        self._scheduler = scheduler
        self._start = start
        self.off_ms = 0

    def now(self) -> datetime:
        return self._start + timedelta(milliseconds=self._scheduler.now_ms + self.off_ms)

    def monotonic(self) -> float:
        """Seconds, whatever the clock is set to."""
        return self._scheduler.now_ms / SECOND


def limits_of(climate: Climate) -> Limits:
    return Limits(
        invoice_life=timedelta(milliseconds=climate.invoice_life_ms),
        open_per_pair_a_day=1000,
        sms_per_pair_a_day=1000,
        declines_before_pause=2,
        pause_after_declines=timedelta(minutes=1),
        same_key_wait=timedelta(milliseconds=200),
        reversal_retry_max=timedelta(minutes=5),
        reversal_tries_max=climate.reversal_tries,
        notice_retry_max=timedelta(minutes=5),
    )


class Life:
    def __init__(self, name: str, engine: Fragile, line: Line, clock: Clock, limits: Limits) -> None:
        self.engine = engine
        self.line = line
        self.clock = clock
        self.tasks: set[Task] = set()
        self.service = Invoicing(
            engine.as_engine(),
            clock=clock,
            processor=line,
            pepper=PEPPER,
            limits=limits,
            sleep=lambda seconds: current().pause(int(seconds * 1000)),
        )
        self.workers = Workers(
            engine.as_engine(), clock=clock, processor=line, audit_key=AUDIT_KEY, limits=limits
        )
        self.late = LateAnswers(engine.as_engine(), clock=clock)
        self.relay = Relay(engine.as_engine(), clock=clock, limits=limits, pepper=PEPPER)
        self.leases = [
            Lease(engine.as_engine(), clock=clock, owner=f"{name}.{number}", monotonic=clock.monotonic)
            for number in range(CONTENDERS)
        ]
        """Two processes' claims on the owner's work, as if these lived and died together."""

    def end(self) -> None:
        """SIGKILL: nothing in hand goes on."""
        self.engine.alive = self.line.open = False
        for task in sorted(self.tasks, key=lambda task: task.name):
            task.die()


def registered(engine: Engine) -> None:
    """Puts the people into an empty database."""
    scheduler = Scheduler()
    line = Line(Switch(lambda _: None), scheduler, lambda _rrn, _outcome: None)
    with people.plain_pins(lambda _: None):
        people.register(Invoicing(engine, clock=Clock(scheduler, MIDNIGHT), processor=line, pepper=PEPPER))
