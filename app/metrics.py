"""What `/metrics` tells: turns, refusals, actions, the outbox. Prometheus names; no phone in any label."""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from adapters.lines import LineState

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's variable: where workers add their figures up. Set before this module is imported."""

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The instruments of one process; it watches the engine (`ussd_engine.ports.Watch`)."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._turns = self._counter("ussd_turns", "Turns, by what became of them", "gateway", "outcome")
        self._turn_seconds = self._histogram("ussd_turn_seconds", "From decoded turn to reply", "gateway")
        self._refused = self._counter(
            "ussd_requests_refused", "Requests without a reply of the engine", "gateway", "outcome"
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
        self._line_losses = self._gauge(
            "ussd_line_losses", "How often a gateway's line was lost since the start", "gateway"
        )
        self._versions: set[str] = set()
        # `labels()` takes a lock and builds a key every time; what a turn needs is looked up once.
        self._prepared: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._prepared_actions: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    @property
    def registry(self) -> CollectorRegistry:
        """Where other modules' instruments go, so that the same page shows them."""
        return self._registry

    def turn(self, gateway: str, outcome: str, seconds: float) -> None:
        """Count a turn."""
        prepared = self._prepared.get((gateway, outcome))
        if prepared is None:
            prepared = (self._turns.labels(gateway, outcome), self._turn_seconds.labels(gateway))
            self._prepared[gateway, outcome] = prepared
        prepared[0].inc()
        prepared[1].observe(seconds)

    def action(self, name: str, result: str, seconds: float) -> None:
        """Count an action."""
        prepared = self._prepared_actions.get((name, result))
        if prepared is None:
            prepared = (self._actions.labels(name, result), self._action_seconds.labels(name))
            self._prepared_actions[name, result] = prepared
        prepared[0].inc()
        prepared[1].observe(seconds)

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
        self._line_losses.labels(gateway).set(state.losses)

    def dialogues(self, open_by_version: Mapping[str, int], current: str) -> None:
        """Note how many dialogues are open on each version of the menus (hex), and which is current."""
        self._versions |= open_by_version.keys()
        for version in self._versions:
            self._open.labels(version).set(open_by_version.get(version, 0))
            self._current.labels(version).set(version == current)

    def text(self) -> bytes:
        """The exposition format; with workers, of all of them together."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self._registry, multiprocess_mode="mostrecent")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Histogram:
        return Histogram(name, what, labels, buckets=_BUCKETS, registry=self._registry)
