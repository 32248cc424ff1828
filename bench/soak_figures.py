"""The soak's samples, its table, and its verdict."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.soak_load import Told

RSS_MB_MAX: Final = 3.0
"""What a worker may hold more in the last third than in the middle one; 30 minutes are some 80,000 turns."""
FILES_MORE_MAX: Final = 8
TASKS_MORE_MAX: Final = 15
GROWTH_MAX: Final = 1.25
P50_GROWTH_MAX, P99_GROWTH_MAX = 1.5, 2.0
KINDS: Final = ("menu", "issue", "pay", "list")
HEAD: Final = "  ".join(
    (
        " min turns/s",
        *(f"{kind + ' p50':>9} {'p99':>5}" for kind in KINDS),
        "polite no wrong",
        f"{'RSS MB':>11} {'files':>7} {'tasks':>7}",
        "  keys Redis MB  SQL cores",
    )
)


@dataclass(frozen=True)
class Sample:
    """Of all workers, in their order; times in milliseconds, of the menu turns since the last sample."""

    at_s: float
    rss_mb: tuple[float, ...]
    files: tuple[int, ...]
    tasks: tuple[int, ...]
    keys: int
    redis_mb: float
    sql: int
    cpu_s: float
    p50_ms: float
    p99_ms: float


def part(times: Sequence[float], share: float) -> float:
    """Of times in seconds, the one that so many are not above, in milliseconds."""
    ordered = sorted(times)
    return 1e3 * ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def row(minute: int, before: Sample, now: Sample, told: Told) -> str:
    """A minute of the table."""
    seconds = now.at_s - before.at_s
    return "  ".join(
        (
            f"{minute:4} {told.turns / seconds:7.1f}",
            *(f"{part(told.took[kind], 0.5):9.1f} {part(told.took[kind], 0.99):5.0f}" for kind in KINDS),
            f"{told.troubles:9} {told.wrong.total():5}",
            f"{_each(now.rss_mb, '.1f'):>11} {_each(now.files, 'd'):>7} {_each(now.tasks, 'd'):>7}",
            f"{now.keys:6} {now.redis_mb:8.1f} {now.sql:4} {(now.cpu_s - before.cpu_s) / seconds:5.2f}",
        )
    )


def _each(values: Sequence[float], form: str) -> str:
    return " ".join(format(value, form) for value in values)


def verdict(samples: Sequence[Sample]) -> Iterator[str]:
    """A line for each thing that should not grow: `steady` or `GROWS`."""
    third = max(1, len(samples) // 3)
    first, middle, last = samples[:third], samples[third : 2 * third] or samples[:1], samples[-third:]
    for place in range(len(samples[0].rss_mb)):
        yield from _of_worker(place, first, middle, last)
    ratios: tuple[tuple[str, Callable[[Sample], float], float, Sequence[Sample]], ...] = (
        ("Redis keys", lambda one: one.keys, GROWTH_MAX, middle),
        ("Redis MB", lambda one: one.redis_mb, GROWTH_MAX, middle),
        ("SQL connections", lambda one: one.sql, GROWTH_MAX, first),
        ("p50 of a menu turn, ms", lambda one: one.p50_ms, P50_GROWTH_MAX, first),
        ("p99 of a menu turn, ms", lambda one: one.p99_ms, P99_GROWTH_MAX, first),
    )
    for name, value, most, base in ratios:
        was, now = _median(base, value), _median(last, value)
        yield _line(name, now <= most * was, f"{was:.1f} -> {now:.1f}")


def _of_worker(
    place: int, first: Sequence[Sample], middle: Sequence[Sample], last: Sequence[Sample]
) -> Iterator[str]:
    def rss(one: Sample) -> float:
        return one.rss_mb[place]

    more = _median(last, rss) - _median(middle, rss)
    hours = [one.at_s / 3600 for one in (*middle, *last)]
    slope = statistics.linear_regression(hours, [rss(one) for one in (*middle, *last)]).slope
    yield _line(f"RSS of worker {place}", more <= RSS_MB_MAX, f"{more:+.1f} MB, {slope:+.1f} MB an hour")
    files = _median(last, lambda one: one.files[place]) - _median(first, lambda one: one.files[place])
    yield _line(f"open files of worker {place}", files <= FILES_MORE_MAX, f"{files:+g}")
    tasks = _median(last, lambda one: one.tasks[place]) - _median(first, lambda one: one.tasks[place])
    yield _line(f"tasks of worker {place}", tasks <= TASKS_MORE_MAX, f"{tasks:+g}")


def _line(name: str, steady: bool, told: str) -> str:
    return f"{'steady' if steady else 'GROWS':7} {name}: {told}"


def _median(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    return statistics.median(value(one) for one in samples)
