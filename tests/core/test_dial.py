"""Dial strings: fields between a service code and `#`, empty ones kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.core.dial import FIELDS_MAX, DialError, parse


@pytest.mark.parametrize(
    ("dialled", "fields"),
    [
        ("*880#", ()),
        ("*880", ()),
        (" *880# ", ()),
        ("*880*2#", ("2",)),
        ("*880*3*901234567*50000#", ("3", "901234567", "50000")),
        ("*880**3*901234567#", ("", "3", "901234567")),
        ("*880**0*901234567*50000#", ("", "0", "901234567", "50000")),
        ("*880**0**50000#", ("", "0", "", "50000")),
        ("*880**0*901234567*5x#", ("", "0", "901234567", "5x")),
        ("*880*#", ("",)),
        ("*880**", ("", "")),
    ],
)
def test_fields_are_what_stands_between_stars_and_an_empty_one_stays(
    dialled: str, fields: tuple[str, ...]
) -> None:
    assert parse(dialled, "*880#") == fields


def test_a_transfer_is_told_from_a_merchant_check_by_the_empty_field_alone() -> None:
    """domain.md S13a."""
    assert parse("*880*3*901234567#", "*880#") != parse("*880**3*901234567#", "*880#")


@pytest.mark.parametrize("dialled", ["*881#", "*8801#", "880#", "", "#", "*88#", "*880#1#", "garbage"])
def test_another_code_is_refused(dialled: str) -> None:
    with pytest.raises(DialError):
        parse(dialled, "*880#")


def test_a_service_code_of_several_fields_is_taken_whole() -> None:
    assert parse("*880*7*1#", "*880*7#") == ("1",)


def test_more_fields_than_any_command_has_are_refused() -> None:
    assert len(parse("*880" + "*1" * FIELDS_MAX + "#", "*880#")) == FIELDS_MAX
    with pytest.raises(DialError):
        parse("*880" + "*1" * (FIELDS_MAX + 1) + "#", "*880#")


@given(st.lists(st.text(alphabet="0123456789x #", max_size=20), min_size=1, max_size=FIELDS_MAX))
def test_any_fields_come_back_as_they_were_joined(fields: list[str]) -> None:
    dialled = "*880*" + "*".join(fields) + "#"

    assert parse(dialled, "*880#") == tuple(fields)


@given(st.text(max_size=60))
def test_what_was_dialled_is_never_in_the_error(text: str) -> None:
    """domain.md S7: a card number may be in it."""
    secret = "8600123412341234"
    try:
        parse(f"{text}*{secret}*0127#", "*880#")
    except DialError as error:
        assert secret not in str(error)
