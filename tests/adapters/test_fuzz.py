"""Ten thousand spoilt requests for each HTTP codec; `python -m tests.adapters.fuzz 1000000` plays more."""

import pytest

from tests.adapters.fuzz import Target, fuzz, targets

INPUTS = 10_000


@pytest.mark.parametrize("target", list(targets()), ids=lambda target: target.name)
def test_whatever_arrives_nothing_but_a_wire_error_comes_of_it(target: Target) -> None:
    read, refused = fuzz(target, INPUTS, seed=1)

    # Both happen, so that neither only nonsense nor only sense was tried.
    assert read > INPUTS // 50
    assert refused > INPUTS // 50
