import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.text.cost import encoding, first_ucs2, fits, octets, sms_parts
from ussd_engine.text.gsm import is_gsm7, pack_ussd

mixed_text = st.text(
    st.one_of(
        st.sampled_from("ab1 \n[]€{@é"),
        st.sampled_from("abc"),
        st.sampled_from("Счет№ʻ`"),
        st.characters(exclude_categories=[]),
    ),
    max_size=200,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a" * 182, 160),
        ("a" * 183, 161),
        ("€" * 91, 160),
        ("Щ" * 80, 160),
        ("a" * 79 + "Щ", 160),
        ("😀" * 40, 160),
        ("so'm", 4),
    ],
)
def test_a_text_costs_packed_septets_or_ucs2_units(text: str, expected: int) -> None:
    assert octets(text) == expected


def test_a_screen_holds_182_septets_but_only_80_units() -> None:
    assert fits("a" * 182, 160)
    assert not fits("a" * 183, 160)
    assert fits("a" * 79 + "Ж", 160)
    assert not fits("a" * 80 + "Ж", 160)


def test_the_character_that_forces_ucs2_is_pointed_at() -> None:
    assert first_ucs2("Hisob No1001") is None
    assert first_ucs2("Hisob №1001") == 6
    assert first_ucs2("[oʻzbek]") == 2


@given(mixed_text)
def test_cost_is_that_of_the_encoding_on_the_wire(text: str) -> None:
    stray = first_ucs2(text)
    if stray is not None:
        assert encoding(text) == "ucs2"
        assert octets(text) == len(text.encode("utf-16-be", "surrogatepass"))
        assert is_gsm7(text[:stray])
        assert not is_gsm7(text[stray])
        return
    assert encoding(text) == "gsm7"
    packed = len(pack_ussd(text))
    # A CR that the sender doubles (§6.1.2.3) may take an octet more than the text itself.
    assert octets(text) in ((packed, packed - 1) if text.endswith("\r") else (packed,))


@given(mixed_text, st.integers(0, 400))
def test_fits_agrees_with_octets(text: str, octets_max: int) -> None:
    assert fits(text, octets_max) == (octets(text) <= octets_max)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 158 + "€", 1),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("Щ" * 70, 1),
        ("Щ" * 71, 2),
        ("Щ" * 134, 2),
        ("Щ" * 66 + "😀" + "Щ" * 66, 3),
        ("Щ" * 66 + "😀" + "Щ" * 65, 2),
        ("a" * 71 + "Ж", 2),
    ],
)
def test_sms_parts_hold_153_septets_or_67_units_and_split_no_pair(text: str, parts: int) -> None:
    assert sms_parts(text) == parts


def test_the_paid_notice_has_room_for_19_characters_of_number_and_sum() -> None:
    text = "Оплата по счету № на сумму  сум успешно произведена"

    assert len(text) == 51
    assert sms_parts(text + "9" * 19) == 1
    assert sms_parts(text + "9" * 20) == 2
