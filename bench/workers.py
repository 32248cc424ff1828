"""One worker and two behind one port: what the second is worth.

    python -m bench workers -c 32 -d 5 --rounds 5

On a machine of two cores the driver and Redis take from the second worker what they need, so two ratios are
told. One is of requests a second, as they were. The other is by processor time, and says what two cores for
the workers alone would do: twice what a request costs one worker, by what it costs one of two. Each worker
has as many phones; the two servers take turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from statistics import median
from typing import Final

from bench.contestants import OURS, Contestant
from bench.rounds import Run, play

WANTED: Final = 1.7
NAMES: Final = ("requests_s", "cpu_us", "driver_us", "p50_ms", "p99_ms", "errors")


def report(phones: int, seconds: float, rounds: int) -> None:
    """Print the table."""
    print(f"\nWorkers behind one port, {phones} phones for each; all processes share all cores")
    ones, twos = list[Run](), list[Run]()
    with tempfile.TemporaryDirectory(prefix="bench-metrics-") as folder:
        for _ in range(rounds):
            ones += play((_ours(1, ""),), phones=phones, seconds=seconds, rounds=1)
            twos += play((_ours(2, folder),), phones=2 * phones, seconds=seconds, rounds=1)
    one, two = _medians(ones), _medians(twos)
    if isinstance(one, str) or isinstance(two, str):
        print(one, two)
        return
    print(f"{'workers':>8} {'req/s':>8} {'CPU us':>8} {'driver us':>10} {'p50 ms':>8} {'p99 ms':>8} errors")
    for number, figures in ((1, one), (2, two)):
        speed, cpu, driver, p50, p99, errors = (figures[name] for name in NAMES)
        print(f"{number:8} {speed:8.0f} {cpu:8.0f} {driver:10.0f} {p50:8.2f} {p99:8.2f} {errors:6.0f}")
    ratio, worth = two["requests_s"] / one["requests_s"], 2 * one["cpu_us"] / two["cpu_us"]
    print(f"requests/s, two to one: {ratio:.2f}, with driver and Redis on the same cores")
    print(f"by processor time, two cores for the workers alone: {worth:.2f} (wanted: {WANTED})")


def _medians(runs: Sequence[Run]) -> dict[str, float] | str:
    """Or why there are none."""
    failed = [str(run.figures["failed"]) for run in runs if "failed" in run.figures]
    return failed[0] if failed else {name: median(run.figures[name] for run in runs) for name in NAMES}


def _ours(workers: int, metrics: str) -> Contestant:
    """As `ussd serve` starts them: several add their figures up in files, one doesn't."""
    return Contestant(
        f"{workers} workers",
        (*OURS.command, "--workers", str(workers)),
        OURS.path,
        environment={"PROMETHEUS_MULTIPROC_DIR": metrics} if metrics else {},
        pinned=False,
    )
