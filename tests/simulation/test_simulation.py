"""Seeds against the healthy domain; what they meet; that a seed plays again; how failures are told."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from tests.simulation.__main__ import share_of
from tests.simulation.orders import Pay
from tests.simulation.plan import plan_of
from tests.simulation.plants import planted
from tests.simulation.postgres import postgres_stock
from tests.simulation.report import told
from tests.simulation.run import EVENTS_MAX, play
from tests.simulation.shrink import shrunk

SEEDS = 200
PART = 25
SEEDS_POSTGRESQL = 10
met: Counter[str] = Counter()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    for seed in range(first, first + PART):
        result = play(plan_of(seed))

        assert result.violation is None, told(shrunk(result), command=f"make simulate SEED={seed}")
        assert result.events <= EVENTS_MAX
        met.update(result.counts)


# The clock went back between a PIN and its attempt; a new PIN typed twice at the second try; a code typed
# while the clock was set.
@pytest.mark.parametrize("seed", [100247, 1326, 1751])
def test_a_seed_that_once_broke_an_invariant_holds(seed: int) -> None:
    result = play(plan_of(seed))

    assert result.violation is None, told(shrunk(result), command=f"make simulate SEED={seed}")


RARE = (
    "crash", "stopped at begin", "stopped at commit", "stopped at committed", "disk full", "late answer",
    "PIN wrong", "SMS repeated", "invoice paid", "invoice declined", "invoice cancelled", "invoice expired",
    "payment approved", "payment declined", "payment unknown", "payment reversing", "payment reversed",
    "payment refunding", "payment refunded", "invoice refunded", "card linked", "PIN chosen", "PIN changed",
    "code used", "SIM changed", "shop blocked", "pair blocked", "lease held",
)  # fmt: skip


@pytest.mark.parametrize("what", RARE)
def test_the_seeds_meet_everything_often_enough(what: str) -> None:
    if not met:
        for seed in range(PART * 2):
            met.update(play(plan_of(seed)).counts)

    assert met[what] >= 5, met


def test_a_seed_plays_the_same_again() -> None:
    first, again = play(plan_of(36)), play(plan_of(36))

    assert first.history == again.history
    assert first.counts == again.counts


def test_a_seed_plays_the_same_in_another_process() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "36"]
    told_there = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout

    assert tuple(told_there.splitlines()[:-1]) == play(plan_of(36)).history


def test_a_run_is_cut_off_after_its_events() -> None:
    plan = plan_of(36)
    crowd = tuple(replace(order, id=1000 * copy + order.id) for copy in range(1, 9) for order in plan.orders)

    everybody = sorted((*plan.orders, *crowd), key=lambda order: order.at_ms)
    result = play(replace(plan, orders=tuple(everybody)))

    assert result.events <= EVENTS_MAX
    assert result.violation is None


def test_a_failing_seed_is_told_by_the_few_orders_that_matter() -> None:
    with planted("silence_is_a_refusal"):
        failing = next(result for seed in range(60) if (result := play(plan_of(seed))).violation)
        short = shrunk(failing)
        again = play(short.plan)

    assert again.history == short.history
    assert short.name == failing.name
    assert len(short.plan.orders) <= 3 < len(failing.plan.orders)
    assert any(isinstance(order.what, Pay) for order in short.plan.orders)
    text = told(short, command=f"make simulate SEED={failing.plan.seed}")
    assert text.startswith(f"seed {failing.plan.seed}: {short.violation}\n")
    assert text.endswith(f"again: make simulate SEED={failing.plan.seed}")
    assert all(str(order) in text for order in short.plan.orders)


@pytest.mark.parametrize("jobs", [1, 2, 3, 7])
def test_the_processes_of_a_proof_share_all_its_seeds(jobs: int) -> None:
    shared = [seed for share in range(jobs) for seed in share_of(500, share, jobs)]

    assert shared == list(range(500))


@pytest.mark.timeout(600)
def test_seeds_hold_on_postgresql_too() -> None:
    with postgres_stock() as stock:
        for seed in range(SEEDS, SEEDS + SEEDS_POSTGRESQL):
            result = play(plan_of(seed), stock.fresh)

            assert result.violation is None, told(result, command=f"make simulate SEED={seed}")
