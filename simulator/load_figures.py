"""What a load tells of itself: latencies in buckets, errors by cause. Its size doesn't grow with the load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

SHARES: Final = 32
"""Buckets to each doubling: a percentile is told at most 1/32 too high."""
DOUBLINGS: Final = 36
"""Up to 2 to the 36 microseconds, 19 hours."""
CAUSES_MAX: Final = 50
EXAMPLE_MAX: Final = 2_000
OTHER_CAUSES: Final = "other causes"


class Histogram:
    """Counts of latencies in buckets whose width grows with them, as HdrHistogram keeps them.

    Whole microseconds: exact below 32, then 32 buckets to each doubling.
    """

    def __init__(self) -> None:
        self.count = 0
        self.max_us = 0
        self.sum_us = 0
        self._buckets = [0] * (SHARES * (DOUBLINGS - 4))

    def add(self, seconds: float) -> None:
        """Count one."""
        us = max(int(seconds * 1e6), 0)
        self.count += 1
        self.sum_us += us
        self.max_us = max(self.max_us, us)
        shift = max(us.bit_length() - 6, 0)
        self._buckets[min(shift * SHARES + (us >> shift), len(self._buckets) - 1)] += 1

    def percentile_ms(self, percent: float) -> float:
        """Within this many milliseconds `percent` of them came, as the upper edge of a bucket has it."""
        rank, seen = max(percent / 100 * self.count, 1), 0
        for upper_us, number in self._filled():
            seen += number
            if seen >= rank:
                return min(upper_us, self.max_us) / 1e3
        return 0.0

    @property
    def mean_ms(self) -> float:
        """The mean."""
        return self.sum_us / self.count / 1e3 if self.count else 0.0

    def rows(self) -> list[tuple[float, int]]:
        """Milliseconds at the upper edge of each bucket that holds any, and how many it holds."""
        return [(upper_us / 1e3, number) for upper_us, number in self._filled()]

    def octaves(self) -> list[tuple[float, int]]:
        """The same in doublings of milliseconds: few enough to print."""
        found: dict[int, int] = {}
        for upper_us, number in self._filled():
            doubling = max((upper_us - 1).bit_length(), 6)
            found[doubling] = found.get(doubling, 0) + number
        return [(2**doubling / 1e3, found.get(doubling, 0)) for doubling in _between(found)]

    def _filled(self) -> Iterator[tuple[int, int]]:
        for index, number in enumerate(self._buckets):
            if number:
                shift = max(index // SHARES - 1, 0)
                yield (index - shift * SHARES + 1) << shift, number


def _between(found: dict[int, int]) -> range:
    return range(min(found), max(found) + 1) if found else range(0)


@dataclass
class Cause:
    """Errors of one kind. `example`: the first of them, in full."""

    count: int
    example: str


@dataclass
class Part:
    """The figures of one scenario of the mix."""

    name: str
    dialogues: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)


@dataclass
class Figures:
    """The figures of a load so far.

    Attributes:
        dialogues: played to their end, rightly or not; `errors` of them broke off.
        turns: requests that were answered.
        open: dialogues under way.
    """

    parts: list[Part]
    dialogues: int = 0
    errors: int = 0
    turns: int = 0
    open: int = 0
    latency: Histogram = field(default_factory=Histogram)
    causes: dict[str, Cause] = field(default_factory=dict)

    def turn(self, part: Part, seconds: float) -> None:
        """An answer came."""
        self.turns += 1
        self.latency.add(seconds)
        part.latency.add(seconds)

    def done(self, part: Part) -> None:
        """A dialogue went as its scenario says."""
        self.dialogues += 1
        part.dialogues += 1

    def failed(self, part: Part, cause: str, example: str) -> None:
        """A dialogue did not."""
        self.done(part)
        self.errors += 1
        part.errors += 1
        if cause not in self.causes and len(self.causes) >= CAUSES_MAX:
            cause = OTHER_CAUSES
        known = self.causes.setdefault(cause, Cause(0, example[:EXAMPLE_MAX]))
        known.count += 1
