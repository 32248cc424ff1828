"""The API over a world in memory, on a spare port of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing import SessionKind
from tests.cabinet.web import Api, api_over
from tests.invoicing.conftest import cheap_hashing, sqlite_world  # noqa: F401 - fixtures
from tests.invoicing.world import OTHER_SHOP, World


@pytest_asyncio.fixture
async def api(sqlite_world: World) -> AsyncIterator[Api]:  # noqa: F811
    """Nobody is signed in."""
    async with api_over(sqlite_world) as made:
        yield made


@pytest.fixture
def owner(api: Api) -> Api:
    """Speaks as M1's owner, who has just given the password."""
    return api.as_(api.people.sign_up(kind=SessionKind.APP))


@pytest.fixture
def other(api: Api) -> Api:
    """Speaks as M2's owner."""
    return api.as_(api.people.sign_up(OTHER_SHOP, kind=SessionKind.APP))
