"""The simulation finds bugs: each one planted is found within few seeds, which the healthy domain passes."""

from __future__ import annotations

import pytest

from tests.simulation.plan import plan_of
from tests.simulation.plants import NAMES, planted
from tests.simulation.run import play

SEEDS_MAX = 60


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_a_planted_bug_is_found(name: str) -> None:
    with planted(name):
        found = next((seed for seed in range(SEEDS_MAX) if play(plan_of(seed)).violation), None)

    assert found is not None, f"{SEEDS_MAX} seeds have not found {name}"
    healthy = play(plan_of(found))
    assert healthy.violation is None, healthy.violation


def test_there_are_bugs_enough() -> None:
    assert len(NAMES) >= 10
