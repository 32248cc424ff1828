"""One demo for the cases; every case brings its own people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.detector import card_numbers_in
from tests.acceptance.town import Person, Town
from tests.served import PIN, launch


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A running demo; at the end its log must hold no traceback, and nothing of it a card's number (S7)."""
    folder = tmp_path_factory.mktemp("town")
    served = launch(
        ("demo", "--headless", "--port", "0", "--data", str(folder / "data")), folder / "log", None, folder
    )
    served.wait_until_ready()
    yield Town(served, folder / "data")
    assert served.end() == 0
    logged = served.logged()
    assert "Traceback" not in logged
    assert PIN not in logged
    assert card_numbers_in(folder) == []


@pytest.fixture
def merchant(town: Town) -> Person:
    """M1: MAGAZIN-24, Russian."""
    return town.merchant()


@pytest.fixture
def customer(town: Town) -> Person:
    """C: PIN 24680, card *1234 with 60 000 soum, Russian."""
    return town.customer()
