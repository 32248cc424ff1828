"""SIGKILL at random moments, with a live switch, on both databases: nothing acknowledged gets lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from invoicing import connect, upgrade
from tests.kills.round import RESTART_MAX_S, Killing
from tests.peers.postgres import cluster

KILLS = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'money.db'}"
        return
    with cluster() as running:
        yield running.create("kills")


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_or_doubled_by_kills(url: str, tmp_path: Path) -> None:
    engine = connect(url, wait_s=20)
    upgrade(engine)
    killing = Killing(url, engine, tmp_path, seed=1)
    killing.open()
    try:
        for _ in range(KILLS):
            killing.kill_one()
        counts = killing.judge()
    finally:
        killing.close()
        engine.dispose()

    assert counts["kills"] == KILLS
    assert counts["acknowledged"] >= KILLS
    assert counts["payment approved"] > 0
    # Processor time: what a start takes where the machine does nothing else.
    assert min(life.cpu_s for life in killing.lives) < RESTART_MAX_S
