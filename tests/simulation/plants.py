"""All bugs there are to plant, each a mistake that somebody could make: the simulation finds them all."""

from __future__ import annotations

from typing import Final

from tests.simulation import plants_own, plants_paying, plants_records
from tests.simulation.planting import PLANTS, planted

__all__ = ["NAMES", "planted", "plants_own", "plants_paying", "plants_records"]

NAMES: Final = tuple(PLANTS)
