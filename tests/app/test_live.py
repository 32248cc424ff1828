"""Figures for the operators' page: rates and quantiles from the metrics, open dialogues from the journal."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from app.watching import live as module
from app.watching.board import Board
from app.watching.journaling import Opened
from app.watching.live import STALE_S, Live, Totals, figures, quantile
from app.watching.metrics import Metrics
from tests.journal.dialogues import NOON
from tests.journal.test_files import Hand, entry, worker
from ussd_engine.journal import Sweeper
from ussd_engine.journal.lines import encoded

START = 1_000_000.0


async def test_rates_are_over_the_last_minute_and_of_it_only() -> None:
    metrics, board = Metrics(), Board()
    live = Live(metrics, board, Opened({"ucell": 3}, {"customer": 3}, {"7a57d488": 3}))
    for step in range(30):
        await live.tell(START + 5 * step)
        for _ in range(50 if step >= 20 else 1_000):
            metrics.turn("ucell", "open", 0.004)
    metrics.turn("ucell", "trouble", 0.3)
    metrics.refuse("ucell", "malformed")
    await live.tell(START + 150)
    told = figures(board, lambda: START + 151)

    assert told is not None
    assert (told.seconds, told.open, told.by_gateway, told.by_menu) == (
        60.0,
        3,
        {"ucell": 3},
        {"customer": 3},
    )
    # Twelve steps: ten of 50 turns after two of a thousand, and one that went wrong.
    assert told.turns_a_second == pytest.approx((2 * 1_000 + 10 * 50 + 1) / 60)
    assert told.errors_a_second == pytest.approx(1 / 60)
    assert told.refused_a_second == pytest.approx(1 / 60)
    assert told.median_ms is not None
    assert 2 <= told.median_ms <= 5
    assert len(told.history) == 30
    assert told.history[0] == 200


async def test_figures_that_could_not_be_read_once_are_told_again_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics, board = Metrics(), Board()
    works, tries = metrics.added_up, list[int]()

    def once_not() -> CollectorRegistry:
        tries.append(1)
        if len(tries) == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return works()

    monkeypatch.setattr(metrics, "added_up", once_not)
    monkeypatch.setattr(module, "STEP_S", 0.01)
    async with Live(metrics, board, None).running(True), asyncio.timeout(20):
        while figures(board) is None:
            await asyncio.sleep(0.01)

    assert len(tries) > 1


async def test_old_figures_are_shown_to_nobody() -> None:
    board = Board()
    assert figures(board) is None
    await Live(Metrics(), board, None).tell(START)
    fresh, old = figures(board, lambda: START + 1), figures(board, lambda: START + STALE_S + 1)

    assert fresh is not None
    assert (fresh.open, fresh.median_ms, old) == (None, None, None)


@given(st.lists(st.sampled_from([0.0005, 0.0015, 0.004, 0.03, 0.2, 3.0, 60.0]), min_size=1, max_size=60))
def test_a_quantile_lies_in_the_bucket_of_the_turn_it_names(seconds: list[float]) -> None:
    bounds = (0.001, 0.002, 0.005, 0.05, 0.25, 5.0, float("inf"))
    after = Totals(0, 0, 0, tuple((bound, sum(one <= bound for one in seconds)) for bound in bounds))
    none = Totals(0, 0, 0, tuple((bound, 0) for bound in bounds))
    for part in (0.5, 0.99):
        found = quantile(part, none, after)
        wanted = sorted(seconds)[max(0, -(-int(part * 100) * len(seconds) // 100) - 1)]
        low = max((bound for bound in (0.0, *bounds) if bound < wanted), default=0.0)
        high = min(bound for bound in bounds if bound >= wanted)
        assert found is not None
        assert low <= found <= (high if high != float("inf") else 5.0)


def test_the_open_dialogues_are_told_by_gateway_and_by_the_menu_they_are_in(tmp_path: Path) -> None:
    files = worker(tmp_path, entry(1), entry(2), entry(3))
    moved = entry(2, 2, NOON + 1)._replace(state="merchant.home", gateway="")
    files.append([encoded(moved)], NOON + 1)
    sweeper = Sweeper(tmp_path, total_s=180.0, clock=Hand(NOON + 2))
    sweeper.sweep()

    assert sweeper.open_by_gateway() == {"here": 3}
    assert sweeper.open_by_place() == {"customer": 2, "merchant": 1}
