"""Makes a failing plan as short as it gets while it still breaks the same invariant."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.orders import Order, Plan, simpler
from tests.simulation.run import Result, play

RUNS_MAX = 600


class _Search:
    def __init__(self, failing: Result, attempt: Callable[[Plan], Result], seconds_max: float) -> None:
        self.best = failing
        self._attempt = attempt
        self._left = RUNS_MAX
        self._until = time.monotonic() + seconds_max

    @property
    def orders(self) -> tuple[Order, ...]:
        return self.best.plan.orders

    def try_with(self, orders: tuple[Order, ...]) -> bool:
        """Whether these orders alone break the same invariant; then they are the best so far."""
        if self._left <= 0 or time.monotonic() > self._until:
            return False
        self._left -= 1
        result = self._attempt(replace(self.best.plan, orders=orders))
        if result.name != self.best.name:
            return False
        self.best = result
        return True


def shrunk(failing: Result, attempt: Callable[[Plan], Result] = play, *, seconds_max: float = 120) -> Result:
    """The shortest failing run found: first orders are left out, in halves and smaller parts, then faults."""
    search = _Search(failing, attempt, seconds_max)
    changed = True
    while changed:
        changed = _leave_out(search) | _simplify(search)
    return search.best


def _leave_out(search: _Search) -> bool:
    changed, size = False, max(1, len(search.orders) // 2)
    while True:
        place = 0
        while place < len(search.orders):
            if search.try_with(search.orders[:place] + search.orders[place + size :]):
                changed = True
            else:
                place += size
        if size == 1:
            return changed
        size //= 2


def _simplify(search: _Search) -> bool:
    changed = False
    for place in range(len(search.orders)):
        while any(search.try_with(orders) for orders in _simpler_at(search.orders, place)):
            changed = True
    return changed


def _simpler_at(orders: tuple[Order, ...], place: int) -> Iterator[tuple[Order, ...]]:
    for order in simpler(orders[place]):
        yield (*orders[:place], order, *orders[place + 1 :])
