"""The worlds: one for most tests, one where threads or restarts matter; each on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from invoicing import connect, pins, upgrade
from tests.invoicing.world import CHEAP, World, in_memory, on_file
from tests.peers.postgres import Cluster, cluster

DATABASES = ("sqlite", "postgresql")
_NAME = "money"


@pytest.fixture(autouse=True)
def cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "_HASHER", CHEAP)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The run's own cluster, started when the first test asks for it."""
    with cluster(on_disk=False) as running:
        yield running


@pytest.fixture(scope="session")
def _postgres_engine(postgres: Cluster) -> Iterator[Engine]:
    engine = connect(postgres.create(_NAME), wait_s=20)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(_postgres_engine: Engine, postgres: Cluster) -> Engine:
    """An empty database with all tables."""
    postgres.empty(_NAME)
    return _postgres_engine


@pytest.fixture
def sqlite_world() -> Iterator[World]:
    """In memory, for what only SQLite can show."""
    engine = in_memory()
    yield World(engine)
    engine.dispose()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_engine")
        return
    made = in_memory()
    yield made
    made.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


@pytest.fixture(params=DATABASES)
def file_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """One that many threads may use at once."""
    if request.param == "postgresql":
        yield World(request.getfixturevalue("postgres_engine"))
        return
    made = on_file(tmp_path)
    yield World(made)
    made.dispose()
