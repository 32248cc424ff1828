"""How the engine does at this moment, for the operators' page: one worker adds up, all of them read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from prometheus_client import CollectorRegistry

from app.watching.board import Board
from app.watching.journaling import Opened
from app.watching.metrics import Metrics
from cabinet.running import LiveFigures

STEP_S: Final = 5.0
SPAN_STEPS: Final = 12
"""Rates are over a minute."""
HISTORY_STEPS: Final = 120
STALE_S: Final = 20.0
"""Silent this long, whoever adds up is stuck or gone."""
ERRORS: Final = frozenset({"trouble", "store"})
"""Outcomes of turns that are faults of ours (`Engine.handle`)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Totals:
    """Since the start, of all gateways; `buckets`: upper bound in seconds, and turns that took no longer."""

    turns: int
    errors: int
    refused: int
    buckets: tuple[tuple[float, int], ...]


def totals(registry: CollectorRegistry) -> Totals:
    """Add the figures of all gateways up."""
    turns = errors = refused = 0
    buckets: defaultdict[float, int] = defaultdict(int)
    for family in registry.collect():
        for sample in family.samples:
            value = int(sample.value)
            if sample.name == "ussd_turns_total":
                turns += value
                errors += value if sample.labels["outcome"] in ERRORS else 0
            elif sample.name == "ussd_requests_refused_total":
                refused += value
            elif sample.name == "ussd_turn_seconds_bucket":
                buckets[float(sample.labels["le"])] += value
    return Totals(turns, errors, refused, tuple(sorted(buckets.items())))


def quantile(part: float, before: Totals, after: Totals) -> float | None:
    """The seconds within which this part (0 to 1) of the turns in between was answered.

    Between the bounds of a bucket turns are taken to be spread evenly; of what took longer than the last
    bound no more is known than that.
    """
    had = dict(before.buckets)
    counts = [(bound, count - had.get(bound, 0)) for bound, count in after.buckets]
    whole = counts[-1][1] if counts else 0
    if whole <= 0:
        return None
    wanted, low, below = part * whole, 0.0, 0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf"):
                return low
            part_of_it = (wanted - below) / max(count - below, 1)
            return min(low + (bound - low) * part_of_it, bound)  # sums of floats may pass it by a hair
        low, below = bound, count
    return low


class Live:
    """Adds up every `STEP_S`, in the one worker of a machine that does chores."""

    def __init__(self, metrics: Metrics, board: Board, opened: Opened | None) -> None:
        """Make it; `opened` is None where no journal is kept."""
        self._metrics = metrics
        self._board = board
        self._opened = opened
        self._kept: deque[tuple[float, Totals]] = deque(maxlen=HISTORY_STEPS + 1)

    @asynccontextmanager
    async def running(self, tells: bool) -> AsyncIterator[None]:
        """Tell until the end of the block; of all workers of a machine, one `tells`."""
        if not tells:
            yield
            return
        task = asyncio.create_task(self._go_on(), name="live")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _go_on(self) -> None:
        while True:
            try:
                await self.tell(time.time())
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the telling
                log.warning("the live figures can't be told now", extra={"why": repr(error)})
            await asyncio.sleep(STEP_S)

    async def tell(self, now: float) -> None:
        """Add up, and put it where all workers read it."""
        self._metrics.add_up()
        # Workers' figures lie in files, which take some milliseconds to read.
        self._kept.append((now, await asyncio.to_thread(totals, self._metrics.added_up())))
        recent = list(self._kept)[-(SPAN_STEPS + 1) :]
        (since, before), (_, after) = recent[0], recent[-1]
        seconds = max(now - since, 1e-9)
        opened = self._opened
        self._board.write(
            {
                "at": now,
                "seconds": seconds,
                "open": None if opened is None else sum(opened.by_version.values()),
                "by_gateway": {} if opened is None else dict(opened.by_gateway),
                "by_menu": {} if opened is None else dict(opened.by_menu),
                "by_version": {} if opened is None else dict(opened.by_version),
                "turns": max(after.turns - before.turns, 0) / seconds,
                "errors": max(after.errors - before.errors, 0) / seconds,
                "refused": max(after.refused - before.refused, 0) / seconds,
                "median": quantile(0.5, before, after),
                "p99": quantile(0.99, before, after),
                "history": _history(self._kept),
            }
        )


def _history(kept: Sequence[tuple[float, Totals]]) -> list[float]:
    return [
        round(max(after.turns - before.turns, 0) / max(later - earlier, 1e-9), 2)
        for (earlier, before), (later, after) in pairwise(kept)
    ]


def figures(board: Board, clock: Callable[[], float] = time.time) -> LiveFigures | None:
    """What was told last; None before the first time, and where nobody has told for long."""
    told: Mapping[str, Any] | None = board.read()
    if told is None or clock() - told["at"] > STALE_S:
        return None
    median, p99 = told["median"], told["p99"]
    return LiveFigures(
        at=datetime.fromtimestamp(told["at"], UTC),
        seconds=told["seconds"],
        open=told["open"],
        by_gateway=told["by_gateway"],
        by_menu=told["by_menu"],
        turns_a_second=told["turns"],
        errors_a_second=told["errors"],
        refused_a_second=told["refused"],
        median_ms=None if median is None else median * 1000,
        p99_ms=None if p99 is None else p99 * 1000,
        history=tuple(told["history"]),
        step_s=STEP_S,
    )
