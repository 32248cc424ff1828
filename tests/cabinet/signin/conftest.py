"""The worlds of the money domain's tests, with people who sign in."""

from __future__ import annotations

import pytest

from tests.cabinet.web import People
from tests.invoicing.conftest import (  # noqa: F401 - fixtures
    _postgres_engine,
    cheap_hashing,
    engine,
    file_world,
    postgres,
    postgres_engine,
    sqlite_world,
    world,
)
from tests.invoicing.world import World


@pytest.fixture
def people(world: World) -> People:  # noqa: F811
    return People(world)
