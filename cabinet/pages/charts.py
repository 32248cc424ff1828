"""A chart of bars as numbers for an SVG: no script, so it prints and the CSP has nothing to block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from invoicing.papers import DayTotal

WIDTH: Final = 720
HEIGHT: Final = 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 14, 26
_DAYS_APART: Final = 45
"""Longer periods are drawn by week, the longest by month: a bar has to be wide enough to be seen."""
_WEEKS_APART: Final = 190
_LABELS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the coordinates of the SVG, and what it stands for, both days taken in.

    `seldom`: its label has room on wide screens only.
    """

    x: float
    y: float
    width: float
    height: float
    since: date
    until: date
    count: int
    amount_tiyin: int
    labelled: bool
    seldom: bool


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, int], ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - _BOTTOM


def bars(days: Sequence[DayTotal], since: date, until: date) -> Chart:
    """The sums of a period, `since` to `until`, in steps that fit its length.

    `lines` are heights with the sum each stands for, in tiyin: a round number, and its half.
    """
    steps = _steps(since, until)
    sums = [[0, 0] for _ in steps]
    place = 0
    for day in sorted(days, key=lambda one: one.day):
        while place < len(steps) - 1 and day.day > steps[place][1]:
            place += 1
        sums[place][0] += day.count
        sums[place][1] += day.amount_tiyin
    top = _round_up(max((amount for _, amount in sums), default=0))
    room, slot = HEIGHT - _TOP - _BOTTOM, (WIDTH - _LEFT - _RIGHT) / len(steps)
    every = math.ceil(len(steps) / _LABELS_MAX)
    drawn = []
    for index, ((first, last), (count, amount)) in enumerate(zip(steps, sums, strict=True)):
        height = room * amount / top if top else 0.0
        width = min(slot * 0.72, 56.0)
        x = _LEFT + slot * index + (slot - width) / 2
        drawn.append(
            Bar(
                round(x, 2),
                round(HEIGHT - _BOTTOM - height, 2),
                round(width, 2),
                round(height, 2),
                first,
                last,
                count,
                amount,
                index % every == 0,
                index // every % 2 == 1,
            )
        )
    lines = tuple((round(HEIGHT - _BOTTOM - room * part, 2), int(top * part)) for part in (0.5, 1.0) if top)
    return Chart(tuple(drawn), lines)


def _steps(since: date, until: date) -> list[tuple[date, date]]:
    length = (until - since).days + 1
    steps, begin = [], since
    while begin <= until:
        if length <= _DAYS_APART:
            end = begin
        elif length <= _WEEKS_APART:
            end = begin + timedelta(days=6 - begin.weekday())
        else:
            end = (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        steps.append((begin, min(end, until)))
        begin = end + timedelta(days=1)
    return steps


def _round_up(value: int) -> int:
    """1, 2, 2.5 or 5 times a power of ten, at least `value`."""
    if value <= 0:
        return 0
    power: int = 10 ** (len(str(value)) - 1)
    return next(power * times // 10 for times in (10, 20, 25, 50, 100) if power * times // 10 >= value)
