"""How bugs are planted into the domain, and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]
PLANTS: dict[str, Plant] = {}
"""By name; filled by the modules whose names begin with `plants_`."""


def plant(function: Plant) -> Plant:
    PLANTS[function.__name__] = function
    return function


@contextmanager
def planted(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name](patch)
        yield
