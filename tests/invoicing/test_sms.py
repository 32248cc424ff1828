"""How many parts a message takes (TS 23.038, TS 23.040; S15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.sms import is_gsm7, parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the euro's two septets go into the second part together
        ("a" * 153 + "€" + "a" * 151, 2),
        ("я" * 66 + "😀" + "я" * 66, 3),  # nor is a surrogate pair torn
        ("ʻ" + "a" * 70, 2),
    ],
)
def test_parts_are_counted_as_the_network_cuts(text: str, count: int) -> None:
    assert parts(text) == count


@pytest.mark.parametrize(
    ("text", "gsm7"), [("so'm", True), ("soʻm", False), ("№", False), ("a\xa0b", False), ("`", False)]
)
def test_the_traps_of_the_alphabet(text: str, gsm7: bool) -> None:
    assert is_gsm7(text) == gsm7


@given(st.text(max_size=400), st.text(max_size=20))
def test_more_text_never_takes_fewer_parts(text: str, more: str) -> None:
    assert parts(text + more) >= parts(text)
