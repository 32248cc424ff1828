"""What `/metrics` tells: turns, refusals, actions, the outbox. Prometheus names; no phone in any label."""

from __future__ import annotations

import asyncio
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from adapters.lines import LineState
from app.watching.shared import FOLDER, Together, make_room

ADDED_EVERY_S: Final = 1.0
"""How often a worker's turns are added to the figures of all."""
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOTALS: Final = ("ussd_turns_total", "ussd_requests_refused_total")


class _Counted:
    """A gateway's turns, or an action's runs, since they were added up last.

    Three plain additions each, instead of two instruments with their locks and, among workers, their files.
    """

    __slots__ = ("buckets", "outcomes", "seconds")

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, int] = defaultdict(int)
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, outcome: str, seconds: float) -> None:
        self.outcomes[outcome] += 1
        self.buckets[bisect_left(_BUCKETS, seconds)] += 1
        self.seconds += seconds

    def add_to(self, counter: Counter, histogram: Histogram, name: str) -> None:
        for outcome, count in self.outcomes.items():
            counter.labels(name, outcome).inc(count)
        lasted = histogram.labels(name)
        # The library can only observe one by one.
        lasted._sum.inc(self.seconds)  # noqa: SLF001
        for place, count in enumerate(self.buckets):
            if count:
                lasted._buckets[place].inc(count)  # noqa: SLF001


class Metrics:
    """The instruments of one process; it watches the engine (`ussd_engine.ports.Watch`)."""

    def __init__(self) -> None:
        self._shared = FOLDER in os.environ
        if self._shared:
            make_room(Path(os.environ[FOLDER]))
        self._registry = CollectorRegistry()
        self._turns = self._counter("ussd_turns", "Turns, by what became of them", "gateway", "outcome")
        self._turn_seconds = self._histogram("ussd_turn_seconds", "From decoded turn to reply", "gateway")
        self._refused = self._counter(
            "ussd_requests_refused", "Requests without a reply of the engine", "gateway", "outcome"
        )
        self._pushes = self._counter(
            "ussd_pushes", "Screens nobody dialled for, by what became of them", "gateway", "outcome"
        )
        self._actions = self._counter("ussd_actions", "Actions, by result", "action", "result")
        self._action_seconds = self._histogram("ussd_action_seconds", "How long actions took", "action")
        self._outbox_depth = Gauge(
            "ussd_outbox_depth",
            "Notices not sent yet",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._open = self._gauge(
            "ussd_open_dialogues", "Open dialogues, by the menus they began on", "version"
        )
        self._current = self._gauge("ussd_menus_current", "1: new dialogues begin on these menus", "version")
        self._line_up = self._gauge("ussd_line_up", "1: the gateway's line is up", "gateway")
        self._line_requests = self._gauge(
            "ussd_line_requests", "Requests on a gateway's line: unanswered, waiting", "gateway", "state"
        )
        self._line_window = self._gauge(
            "ussd_line_window", "Requests that may be unanswered at once on a gateway's line", "gateway"
        )
        self._line_losses = self._gauge(
            "ussd_line_losses", "How often a gateway's line was lost since the start", "gateway"
        )
        self._versions: set[str] = set()
        self._played: defaultdict[str, _Counted] = defaultdict(_Counted)
        self._ran: defaultdict[str, _Counted] = defaultdict(_Counted)
        self._adding: asyncio.TimerHandle | None = None

    @property
    def registry(self) -> CollectorRegistry:
        """Where other modules' instruments go, so that the same page shows them."""
        return self._registry

    def turn(self, gateway: str, outcome: str, seconds: float) -> None:
        """Count a turn."""
        self._played[gateway].count(outcome, seconds)
        self._add_up_soon()

    def action(self, name: str, result: str, seconds: float) -> None:
        """Count an action."""
        self._ran[name].count(result, seconds)
        self._add_up_soon()

    def _add_up_soon(self) -> None:
        if self._shared and self._adding is None:
            self._adding = asyncio.get_running_loop().call_later(ADDED_EVERY_S, self.add_up)

    def add_up(self) -> None:
        """Put what was counted so far into the figures that are shown."""
        self._adding = None
        for gateway, played in self._played.items():
            played.add_to(self._turns, self._turn_seconds, gateway)
        for name, ran in self._ran.items():
            ran.add_to(self._actions, self._action_seconds, name)
        self._played.clear()
        self._ran.clear()

    def push(self, gateway: str, outcome: str) -> None:
        """Count a push."""
        self._pushes.labels(gateway, outcome).inc()

    def refuse(self, gateway: str, outcome: str) -> None:
        """Count a request that the engine didn't answer (`adapters.http.Observer`)."""
        self._refused.labels(gateway, outcome).inc()

    def outbox(self, depth: int) -> None:
        """Note how many notices wait."""
        self._outbox_depth.set(depth)

    def line(self, gateway: str, state: LineState) -> None:
        """Note how a line is."""
        self._line_up.labels(gateway).set(state.up)
        self._line_requests.labels(gateway, "unanswered").set(state.unanswered)
        self._line_requests.labels(gateway, "waiting").set(state.waiting)
        self._line_window.labels(gateway).set(state.window)
        self._line_losses.labels(gateway).set(state.losses)

    def dialogues(self, open_by_version: Mapping[str, int], current: str) -> None:
        """Note how many dialogues are open on each version of the menus (hex), and which is current."""
        self._versions |= open_by_version.keys()
        for version in self._versions:
            self._open.labels(version).set(open_by_version.get(version, 0))
            self._current.labels(version).set(version == current)

    def text(self) -> bytes:
        """The exposition format; with workers, of all of them together."""
        return generate_latest(self._all())

    def by_gateway(self) -> dict[str, tuple[int, int]]:
        """Turns, and requests refused, of each gateway that had any; with workers, of all of them."""
        found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for family in self._all().collect():
            for sample in family.samples:
                if sample.name in _TOTALS:
                    found[sample.labels["gateway"]][_TOTALS.index(sample.name)] += int(sample.value)
        return {gateway: (turns, refused) for gateway, (turns, refused) in found.items()}

    def _all(self) -> CollectorRegistry:
        self.add_up()
        return self.added_up()

    def added_up(self) -> CollectorRegistry:
        """What has been added up, of all workers; it may be read in any thread."""
        if not self._shared:
            return self._registry
        together = CollectorRegistry()
        Together(Path(os.environ[FOLDER]), together)
        return together

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self._registry, multiprocess_mode="mostrecent")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Histogram:
        return Histogram(name, what, labels, buckets=_BUCKETS, registry=self._registry)
