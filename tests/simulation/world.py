"""The simulated world: time, the process and its deaths, the switch, the SMS provider, the judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Final
from zlib import crc32

from sqlalchemy import Engine

from invoicing import Done, Notice, StorageError
from invoicing.ports import Outcome
from invoicing.values import tashkent_day
from tests.simulation import people
from tests.simulation.database import Fragile, disk_full, snapshot, written
from tests.simulation.life import MIDNIGHT, Clock, Life, limits_of
from tests.simulation.oracle import Oracle
from tests.simulation.orders import (
    CARDS,
    CUSTOMERS,
    HOUR,
    SECOND,
    CheckPin,
    Crash,
    DiskFull,
    Order,
    Paying,
    Plan,
)
from tests.simulation.own_orders import Choose, Spend
from tests.simulation.provider import Provider
from tests.simulation.scheduler import Died, Scheduler, Task, current
from tests.simulation.switch import Line, Switch
from tests.simulation.verdict import Violation

Ended = Callable[[object], None]
"""Told what a task came to: its result, or the `Died` or `StorageError` that ended it."""
_RECOVERY_AFTER_MS: Final = 50
_PIECE: Final = 1000
_COMPARE_MS: Final = 30
_DAY: Final = timedelta(days=1)
_JUMP_FELT_MS: Final = 6_000
"""How long what was begun before the clock was set may still be at work, and a lease have two holders."""


@dataclass
class Armed:
    """A fault that waits for its border."""

    what: Crash | DiskFull
    border: str
    left: int


def nothing(_outcome: object) -> None:
    """For tasks whose end nobody waits for."""


class World:
    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine
        self.history: list[str] = []
        self.counts: Counter[str] = Counter()
        self.armed: list[Armed] = []
        self.scheduler = Scheduler()
        self.clock = Clock(self.scheduler, MIDNIGHT - timedelta(milliseconds=plan.climate.to_midnight_ms))
        self.switch = Switch(self.note)
        self.provider = Provider(self._sms_taken, self._sms_answer_lost)
        self.oracle = Oracle(
            self.switch.bank, people.by_merchant(people.FEES_BP), people.by_merchant(people.SHOPS)
        )
        self.failure: BaseException | None = None
        self.life: Life | None = None
        self._limits = limits_of(plan.climate)
        self._down_ms: int | None = None
        self._lives = count()
        self.jumped_ms = -HOUR
        self._people_at_the_bank()
        self.oracle.now = snapshot(engine)
        self.oracle.own.begin(self.oracle.now)
        self.life = self._born()

    def _people_at_the_bank(self) -> None:
        for customer in range(CUSTOMERS):
            for card in range(CARDS):
                self.switch.bank.balances[people.token(customer, card)] = self.plan.climate.balance_soum * 100
        for place, phone in enumerate(people.NEWCOMERS):
            self.switch.bank.owners[people.newcomers_pan(place)] = phone
            token = people.newcomers_token(place)
            self.switch.bank.balances[token] = self.plan.climate.balance_soum * 100

    def note(self, text: str) -> None:
        self.history.append(f"{self.scheduler.now_ms / SECOND:9.3f} s  {text}")

    # --- the process ------------------------------------------------------------------------------------

    def _born(self) -> Life:
        line = Line(self.switch, self.scheduler, self._late)
        database = Fragile(self.engine, self._border, self._written)
        return Life(str(next(self._lives)), database, line, self.clock, self._limits)

    def crash(self, down_ms: int) -> None:
        """The process dies where it stands; called from no task."""
        assert self.life is not None
        self.note(f"CRASH, down for {down_ms} ms")
        self.counts["crash"] += 1
        # Each relay that was at work may have handed over one SMS that it had no time to mark.
        relays = sum(task.name.startswith("relay.") for task in self.life.tasks)
        self.oracle.incidents += 1 + relays
        life, self.life = self.life, None
        life.end()
        self.scheduler.after(down_ms, self.restart)

    def restart(self) -> None:
        if self.life is None:
            self.note("restart")
            self.life = self._born()
            self.scheduler.after(_RECOVERY_AFTER_MS, lambda: self.chore("recover"))

    @property
    def just_jumped(self) -> bool:
        """Whether the clock was set in the last seconds."""
        return self.scheduler.now_ms - self.jumped_ms < _JUMP_FELT_MS

    def step(self) -> bool:
        """Play one event; `False` when there is none. Raises what the run has failed with."""
        played = self.scheduler.step()
        if self.failure is not None:
            raise self.failure
        if self.life is not None:
            self.oracle.own.just_jumped = self.just_jumped
            self.oracle.own.one_holder(self.life.leases)
        if self._down_ms is not None:
            down_ms, self._down_ms = self._down_ms, None
            self.crash(down_ms)
        return played

    def spawn(
        self, name: str, work: Callable[[Life], object], *, order: Order | None = None, ended: Ended = nothing
    ) -> None:
        """Begin a task in the present life; there must be one."""
        life = self.life
        assert life is not None

        def root() -> None:
            try:
                outcome: object = work(life)
            except (Died, StorageError) as error:
                outcome = error
                self.note(f"{name}: {type(error).__name__}")
            except BaseException as error:  # noqa: BLE001 (a fault was found: `step` raises it)
                self.failure = error
                return
            finally:
                life.tasks.discard(task)
            try:
                ended(outcome)
            except Violation as error:
                self.failure = error

        task = Task(name, self.scheduler, root, order=order)
        task.born = self.oracle.own.commits
        life.tasks.add(task)
        task.begin()

    def chore(self, name: str) -> None:
        """One run of the owner's work, if there is a process to do it."""
        life = self.life
        if life is None:
            return
        works: dict[str, Callable[[], object]] = {
            "expire": life.workers.expire_due,
            "recover": life.workers.recover,
            "relay": lambda: self._relay(life),
            "seal": life.workers.seal_audit,
            "forget": life.workers.forget_requests,
            "by_hand": lambda: self._by_hand(life),
            "settle": lambda: life.service.settle(tashkent_day(self.clock.now()) - _DAY),
        }
        kind = name if name == "by_hand" else "chore"  # what a task is called decides how long it waits
        self.counts[kind] += 1
        self.spawn(f"{name}.{self.counts[kind]}", lambda _: works[name]())

    def _relay(self, life: Life) -> None:
        while life.relay.run_once(self.provider, limit=20).sent:
            pass

    def _by_hand(self, life: Life) -> None:
        """People give back at the bank what no reversal could, and close it here."""
        for reversal in self.oracle.now.reversals:
            if reversal.state == "manual":
                payment = self.oracle.now.payments[reversal.payment_id]
                self.switch.bank.give_back(payment.rrn)
                self.note(f"the bank gives {payment.rrn} back by hand")
                closed = life.service.close_reversal(payment.number)
                self.counts["reversal closed by hand"] += closed == Done()

    # --- borders, where things go wrong -----------------------------------------------------------------

    def _border(self, border: str) -> None:
        task = current()
        if border == "begin":
            task.turns += 1
            chance = crc32(f"{self.plan.seed} {task.name} {task.turns}".encode()) % _PIECE
            task.pause(1 + self.plan.climate.haste_ms * chance // _PIECE)
        for armed in self.armed:
            if armed.border == border:
                armed.left -= 1
        ready = next((one for one in self.armed if one.border == border and one.left < 0), None)
        if ready is not None:
            self.armed.remove(ready)
            self._break(ready.what, task)

    def _break(self, what: Crash | DiskFull, task: Task) -> None:
        if isinstance(what, DiskFull):
            self.note(f"{task.name}: the commit fails")
            self.counts["disk full"] += 1
            self.oracle.incidents += 1
            raise disk_full()
        self.note(f"{task.name}: stopped at {what.border!r}")
        self.counts[f"stopped at {what.border}"] += 1
        if what.whole:
            assert self.life is not None
            self.life.engine.alive = False
            self._down_ms = what.down_ms
        else:
            self.oracle.incidents += 1
        raise Died

    def _written(self) -> None:
        old = self.oracle.now
        new = snapshot(self.engine)
        self.oracle.own.just_jumped = self.just_jumped
        self.oracle.judge(new, written(self.clock.now()))
        for number, before, after in self.oracle.changes(old):
            self.note(f"{current().name}: {number} {before} -> {after}")
            self.counts[f"payment {after}" if number.startswith("payment") else f"invoice {after}"] += 1

    # --- what comes from outside ------------------------------------------------------------------------

    def _late(self, rrn: str, outcome: Outcome) -> None:
        """An answer that nobody waits for any more, on a line that is still open."""
        if self.life is None:
            return
        self.counts["late answer"] += 1
        name = f"late.{rrn}.{self.counts['late answer']}"
        self.spawn(name, lambda life: life.late.take(rrn, "late", outcome))

    def _sms_taken(self, notice: Notice) -> None:
        repeated = any(one.id == notice.id for one in self.oracle.accepted)
        self.counts["SMS repeated" if repeated else "SMS"] += 1
        self.note(f"SMS {notice.id} {notice.event_id} to {notice.recipient}{' again' if repeated else ''}")
        self.oracle.sms_taken(notice)

    def _sms_answer_lost(self) -> None:
        self.note("the SMS provider's answer is lost")
        self.oracle.incidents += 1

    def pin_compared(self, right: bool) -> None:
        task = current()
        what = task.order.what
        if isinstance(what, Paying | CheckPin):
            phone, compare_ms = people.CUSTOMERS[what.customer], what.compare_ms
            typed: str | None = people.PINS[what.customer] if what.pin_right else people.WRONG_PIN
        else:
            assert isinstance(what, Choose | Spend)
            phone, compare_ms, typed = people.NEWCOMERS[what.newcomer], _COMPARE_MS, task.typed
        epoch = self.oracle.pin_epochs[phone]
        task.pause(compare_ms)
        if typed is None:
            return  # a new PIN's second typing, which is no try
        self.counts["PIN right" if right else "PIN wrong"] += 1
        self.oracle.pin_compared(phone, epoch, right=right)
        self.oracle.own.pin_judged(phone, typed, task.born, right=right)
