"""Octets of a screen, and where a phone would cut it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.display import measure
from ussd_engine.text.cost import octets


def test_a_screen_of_gsm_letters_takes_seven_bits_each() -> None:
    size = measure("To'lov qabul qilindi")

    assert str(size) == "18/160 octets GSM 7-bit"
    assert (size.cut_at, size.forced_by) == (None, "")


def test_one_letter_outside_makes_it_ucs2_and_is_named() -> None:
    size = measure("Oʻzbekiston")

    assert str(size) == "22/160 octets UCS-2"
    assert size.forced_by == "ʻ"


def test_81_cyrillic_letters_are_cut_before_the_last() -> None:
    assert measure("ж" * 80).cut_at is None
    assert measure("ж" * 81).cut_at == 80


def test_183_latin_letters_are_cut_before_the_last() -> None:
    assert measure("a" * 182).cut_at is None
    assert measure("a" * 183).cut_at == 182


def test_a_link_may_hold_less() -> None:
    assert measure("ж" * 60, 112).cut_at == 56


@given(st.text(max_size=300), st.integers(min_value=4, max_value=160))
def test_what_is_left_of_a_cut_fits_and_one_character_more_does_not(text: str, octets_max: int) -> None:
    cut_at = measure(text, octets_max).cut_at
    if cut_at is None:
        assert octets(text) <= octets_max
        return
    is_wide = octets(text) == len(text.encode("utf-16-be", "surrogatepass"))

    def cost(part: str) -> int:
        return len(part.encode("utf-16-be", "surrogatepass")) if is_wide else octets(part)

    assert cost(text[:cut_at]) <= octets_max < cost(text[: cut_at + 1])
