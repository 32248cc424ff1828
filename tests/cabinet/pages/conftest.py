from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cabinet.pages.web import Here, here_over
from tests.invoicing.world import CHEAP, World, on_file


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Here]:
    """The pages over a small world; passwords cost nothing to hash."""
    monkeypatch.setattr("invoicing.pins._HASHER", CHEAP)
    async with here_over(World(on_file(tmp_path))) as made:
        yield made
