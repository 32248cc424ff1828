"""Plays a plan against the real domain, lets everything drain, and tells what came of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from invoicing.storage import audit
from invoicing.storage.connect import reading
from tests.simulation import people
from tests.simulation.clients import Clients
from tests.simulation.database import snapshot, sqlite_stock
from tests.simulation.life import registered
from tests.simulation.orders import (
    HOUR,
    MINUTE,
    Chore,
    Crash,
    DiskFull,
    Jump,
    Kill,
    Look,
    Order,
    Plan,
    Request,
    ReuseKey,
    SmsDown,
    SmsHiccup,
    SwitchDown,
    Unlock,
    in_short,
)
from tests.simulation.own_clients import OwnClients, known_codes
from tests.simulation.own_orders import Own
from tests.simulation.reading import read_all
from tests.simulation.verdict import Violation, must
from tests.simulation.world import Armed, World

EVENTS_MAX: Final = 300
"""Events of one run, before it drains."""
_LAST_ORDER: Final = 220
"""Orders that come after so many events are left out; what is in hand then still takes some."""
_ROUNDS_MAX: Final = 60
_ROUND_MS: Final = 10 * MINUTE
_DAY_MS: Final = 24 * HOUR


@dataclass(frozen=True)
class Result:
    """`violation`: what went wrong, or `None`; its `name` stays the same while the plan is made shorter."""

    plan: Plan
    name: str | None
    violation: str | None
    history: tuple[str, ...]
    counts: Counter[str]
    events: int


Fresh = Callable[[Callable[[Engine], None]], Engine]
"""Gives an engine on a database with tables and the registered people, and nothing else."""


def play(plan: Plan, fresh: Fresh | None = None) -> Result:
    with _quiet():
        engine = (fresh or sqlite_stock().fresh)(registered)
        world = World(plan, engine)
        run = _Run(world)
        name = violation = None
        with people.plain_pins(world.pin_compared), known_codes(world.oracle.own.codes):
            try:
                run.play()
            except Violation as found:
                name, violation = found.name, str(found)
            except Exception as error:  # noqa: BLE001 (the domain raised what it promises not to raise)
                name, violation = type(error).__name__, f"{type(error).__name__}: {error}"
            finally:
                if world.life is not None:
                    world.life.end()
    return Result(plan, name, violation, tuple(world.history), world.counts, run.events)


@contextmanager
def _quiet() -> Iterator[None]:
    """The domain logs what it is put through; the history tells more."""
    logger = logging.getLogger("invoicing")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


class _Run:
    def __init__(self, world: World) -> None:
        self._world = world
        self._clients = Clients(world)
        self._own = OwnClients(world, self._clients.answers)
        self.events = 0

    def play(self) -> None:
        world = self._world
        world.oracle.keys_stay = not world.plan.climate.short_keys
        self._await_next(iter(world.plan.orders))
        while world.step():
            pass
        self.events = world.scheduler.played
        self._drain()
        self._repeat()
        self._settle()
        self._judge_rest()

    def _await_next(self, orders: Iterator[Order]) -> None:
        scheduler = self._world.scheduler
        order = next(orders, None)
        if order is None or scheduler.played > _LAST_ORDER:
            return

        def arrive() -> None:
            self._await_next(orders)
            self._carry_out(order)

        scheduler.after(order.at_ms - scheduler.now_ms, arrive)

    def _carry_out(self, order: Order) -> None:
        world, what = self._world, order.what
        if not isinstance(what, Chore):
            world.note(f"#{order.id} {in_short(what)}")
        match what:
            case Chore(name):
                world.chore(name)
            case Crash(border, nth):
                world.armed.append(Armed(what, border, nth))
            case DiskFull(nth):
                world.armed.append(Armed(what, "commit", nth))
            case Kill(down_ms):
                if world.life is not None:
                    world.crash(down_ms)
            case Jump(by_ms):
                world.clock.off_ms += by_ms
                world.jumped_ms = world.scheduler.now_ms
                # A jump forward ends what relays hold, one a recipient, so others may send it too.
                if by_ms > 0:
                    world.oracle.incidents += world.oracle.recipients_waiting()
            case SmsHiccup(taken):
                world.provider.hiccups.append(taken)
            case SmsDown(for_ms):
                world.provider.up = False
                world.scheduler.after(for_ms, self._sms_up)
            case SwitchDown(for_ms):
                world.switch.up = False
                world.scheduler.after(for_ms, self._switch_up)
            case ReuseKey():
                self._clients.reuse_key(order)
            case Unlock():
                self._clients.unlock(order)
            case Look():
                self._clients.look(order)
            case _ if isinstance(what, Own):
                self._own.carry_out(order, what)
            case _:
                assert isinstance(what, Request)
                self._clients.send(order)

    def _sms_up(self) -> None:
        self._world.provider.up = True

    def _switch_up(self) -> None:
        self._world.switch.up = True

    # --- the end ----------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """All faults end; the owner's work goes on until nothing is left to do."""
        world = self._world
        world.armed.clear()
        world.provider.hiccups.clear()
        world.switch.healed = True
        self._sms_up()
        self._switch_up()
        world.restart()
        world.note("--- everything works again, and drains")
        for _ in range(_ROUNDS_MAX):
            for name in ("recover", "by_hand", "expire", "relay"):
                world.chore(name)
                while world.step():
                    pass
            if world.oracle.at_rest():
                return
            world.scheduler.after(_ROUND_MS, lambda: None)
            world.step()

    def _repeat(self) -> None:
        before = self._world.oracle.now
        self._clients.send_all_again()
        while self._world.step():
            pass
        after = self._world.oracle.now
        if self._world.oracle.keys_stay:
            same = (before.invoices, before.payments, before.notices) == (
                after.invoices,
                after.payments,
                after.notices,
            )
            must("repeats_do_nothing", same, "requests that were sent again had an effect")

    def _settle(self) -> None:
        """The days are closed: the merchants have all that is theirs."""
        world = self._world
        world.scheduler.after(2 * _DAY_MS, lambda: world.chore("settle"))
        while world.step():
            pass
        for merchant, owed in world.oracle.owed().items():
            must("all_is_settled", owed <= 0, f"merchant {merchant} is still owed {owed}")

    def _judge_rest(self) -> None:
        world = self._world
        world.chore("seal")
        while world.step():
            pass
        life = world.life
        assert life is not None
        trail: dict[int, list[tuple[str, str]]] = {}
        with reading(world.engine) as conn:
            for id_ in world.oracle.now.invoices:
                moved = [row for row in audit.all_of(conn, f"invoice:{id_}") if row.action == "invoice_moved"]
                trail[id_] = [(row.before or "", (row.after or "").split(" ")[0]) for row in moved]
        must("judged_the_last", snapshot(world.engine) == world.oracle.now, "rows changed unseen")
        world.oracle.judge_rest(life.workers.problems(), trail)
        for merchant in world.oracle.issuers:
            read_all(life, world.oracle.now, merchant)
