"""What `/metrics` tells: turns, refusals, actions, the outbox. Prometheus names; no phone in any label."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict as _UntypedDict
from prometheus_client.multiprocess import MultiProcessCollector

from adapters.lines import LineState

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's variable: where workers add their figures up. Set before this module is imported."""

ADDED_EVERY_S: Final = 1.0
"""How often a worker's turns are added to the figures of all."""
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOTALS: Final = ("ussd_turns_total", "ussd_requests_refused_total")
MmapedDict: Any = _UntypedDict  # it has no types
_FILES: Final = ("counter", "gauge_mostrecent", "histogram")
"""What the library calls the files of a process, before its pid."""
_SUMMED: Final = ("counter", "histogram")
_DEAD: Final = 0
"""In the place of a pid: no process has it."""
_TURN_TRIES: Final = 20
_TURN_LOOK_S: Final = 0.02
_ROOM: Final = 1 << 18
"""Octets of each: some two thousand figures; it grows beyond them."""

log = logging.getLogger(__name__)


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
        self._shared = SHARED_FOLDER in os.environ
        if self._shared:
            _make_room(Path(os.environ[SHARED_FOLDER]))
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
        _Together(Path(os.environ[SHARED_FOLDER]), together)
        return together

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self._registry, multiprocess_mode="mostrecent")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Histogram:
        return Histogram(name, what, labels, buckets=_BUCKETS, registry=self._registry)


def _make_room(folder: Path) -> None:
    """Have this process's files wholly on the disk before they are written to.

    They are mapped into memory, and whoever writes into a hole of one while the disk is full is killed by the
    system (SIGBUS). Where there is no room this process counts by itself, and others don't see its figures.
    """
    own = [folder / f"{kind}_{os.getpid()}.db" for kind in _FILES]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what cleans /tmp may have been there
        for path in own:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _ROOM)
    except OSError as error:
        for path in own:
            path.unlink(missing_ok=True)
        log.error("no room for the figures of this worker", extra={"why": error.strerror})
        values.ValueClass = values.MutexValue


def bury(pid: int) -> None:
    """Add what a dead worker has counted to what all dead ones have, and forget its gauges.

    Else each restart would leave files that every look at the figures reads, as long as the service lives.
    """
    if SHARED_FOLDER not in os.environ:
        return
    folder = Path(os.environ[SHARED_FOLDER])
    try:
        with _alone(folder, fcntl.LOCK_EX) as ours:
            if not ours:
                raise TimeoutError
            for kind in _SUMMED:
                _add_up(folder / f"{kind}_{pid}.db", folder / f"{kind}_{_DEAD}.db")
            for path in folder.glob(f"*_{pid}.db"):
                path.unlink()
    except Exception as error:  # noqa: BLE001 - a file may be half written; figures never hold up a restart
        log.warning("the figures of a dead worker stay in its files", extra={"why": repr(error)})


def _add_up(path: Path, dead: Path) -> None:
    if not path.exists():
        return
    new = dead.with_suffix(".new")
    new.unlink(missing_ok=True)
    if dead.exists():
        shutil.copyfile(dead, new)
    together = MmapedDict(str(new))
    for key, counted, _, _ in MmapedDict.read_all_values_from_file(path):
        together.write_value(key, together.read_value(key)[0] + counted, 0.0)
    together.close()
    new.replace(dead)


@contextmanager
def _alone(folder: Path, how: int) -> Iterator[bool]:
    """A look at the files must not see counts before and after they were moved.

    Whether it came to the turn in time: the process before may be frozen, and nobody waits for that.
    """
    with (folder / "lock").open("w") as lock:
        yield any(_locked(lock, how) for _ in range(_TURN_TRIES))


def _locked(lock: TextIO, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_TURN_LOOK_S)
        return False
    return True


class _Together(MultiProcessCollector):
    """The figures of all workers."""

    def __init__(self, folder: Path, registry: CollectorRegistry) -> None:
        self._folder = folder
        super().__init__(registry, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> list[Metric]:
        with _alone(self._folder, fcntl.LOCK_SH):
            return list(super().collect())  # type: ignore[no-untyped-call]
