"""The worlds: one in memory for most tests, one on a file where threads or restarts matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from invoicing import pins
from tests.invoicing.world import CHEAP, World, in_memory, on_file


@pytest.fixture(autouse=True)
def cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "_HASHER", CHEAP)


@pytest.fixture
def world() -> Iterator[World]:
    engine = in_memory()
    yield World(engine)
    engine.dispose()


@pytest.fixture
def file_world(tmp_path: Path) -> Iterator[World]:
    engine = on_file(tmp_path)
    yield World(engine)
    engine.dispose()
