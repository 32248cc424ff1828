"""Normal forms of phones, sums, names, PINs and cards."""

from __future__ import annotations

from datetime import UTC, date, datetime

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.sms import is_gsm7
from invoicing.values import (
    _MOBILE_CODES,
    card_expiry,
    card_scheme,
    is_mobile,
    latin_name,
    masked,
    msisdn,
    pin_is_weak,
    pin_is_well_formed,
    shop_name,
    short_name,
    soum,
    tashkent_day,
    tashkent_midnight,
)


@pytest.mark.parametrize("typed", ["901234567", "998901234567", "+998901234567", "+998 90 123-45-67"])
def test_one_phone_has_one_form(typed: str) -> None:
    assert msisdn(typed) == "998901234567"


@pytest.mark.parametrize(
    "typed",
    ["", "12345", "90123456", "9989012345678", "99890123456", "٩٠١٢٣٤٥٦٧", "90123456x", "++998901234567"],
)
def test_what_is_no_phone_has_none(typed: str) -> None:
    assert msisdn(typed) is None


def test_the_mobile_codes_are_the_numbering_plans() -> None:
    for code in range(100):
        samples = [f"998{code:02d}{rest:07d}" for rest in range(0, 10_000_000, 111_111)]
        kinds = {phonenumbers.number_type(phonenumbers.parse(f"+{sample}", "UZ")) for sample in samples}
        whole_code_is_mobile = kinds == {phonenumbers.PhoneNumberType.MOBILE}

        assert is_mobile(samples[0]) == whole_code_is_mobile == (f"{code:02d}" in _MOBILE_CODES), code


def test_a_masked_phone_keeps_its_ends() -> None:
    assert masked("998901234567") == "99890***4567"


@pytest.mark.parametrize(
    ("tiyin", "text"),
    [(5_000_000, "50 000"), (5_000_050, "50 000,50"), (99, "0,99"), (100, "1"), (10**11, "1 000 000 000")],
)
def test_a_sum_is_written_as_people_read_it(tiyin: int, text: str) -> None:
    assert soum(tiyin) == text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("MAGAZIN-24", "MAGAZIN-24"),
        ("  Oʻzbek  oshi ", "O'zbek oshi"),
        ("1.Оплатить\n2.Отклонить", "1Оплатить 2Отклонить"),
        ("*880#", "880"),
        ("%n%s{x}", "nsx"),
        ("ab\u202egnp.exe\x1b\x00", "abgnp.exe"),
        ("=cmd|'/c calc'!A0", "cmd'c calc'A0"),
        ("+1", "1"),
        ("Ресторан «Қовун»", "Ресторан Қовун"),
        ("Кафе Nº5", "Кафе No5"),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_shops_name_is_cut_to_what_can_be_printed(typed: str, kept: str) -> None:
    assert shop_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", " ", "***", "CLICK", "CLICK БАНК", "С1ick", "сlіck", "CL1CK", "Клик", "My C-L-I-C-K", "K l i K"],
)
def test_an_empty_name_or_one_that_poses_as_click_is_no_name(typed: str) -> None:
    assert shop_name(typed) is None


@given(st.text(max_size=300))
def test_a_kept_name_can_hurt_no_menu_no_sms_and_no_sheet(typed: str) -> None:
    name = shop_name(typed)

    if name is not None:
        assert name.isprintable()
        assert not set(name) & set("*#%\n\r\t|={}")
        assert name[0] not in "=+-@'"
        assert not any(f"{digit}." in name for digit in range(10))
        assert len(short_name(name)) <= 14
        assert is_gsm7(latin_name(name))
        assert shop_name(name) == name


def test_a_short_name_is_cut_with_a_full_stop() -> None:
    assert short_name("SUPERMARKET 12") == "SUPERMARKET 12"
    assert short_name("SUPERMARKET 123") == "SUPERMARKET 1."
    assert short_name("SUPERMARKET - 12") == "SUPERMARKET."


@pytest.mark.parametrize("pin", ["11111", "12345", "98765", "01234", "19851", "51985", "20010"])
def test_a_pin_that_is_guessed_first_is_weak(pin: str) -> None:
    assert pin_is_weak(pin)


@pytest.mark.parametrize("pin", ["24680", "13579", "90210", "11112"])
def test_other_pins_are_not_weak(pin: str) -> None:
    assert not pin_is_weak(pin)


@pytest.mark.parametrize("pin", ["1234", "123456", "1234x", "١٢٣٤٥", "1234\n", ""])
def test_a_pin_is_five_digits(pin: str) -> None:
    assert not pin_is_well_formed(pin)


@pytest.mark.parametrize(
    ("pan", "scheme"),
    [
        ("8600490000061234", "uzcard"),
        ("9860490000091234", "humo"),
        ("8600490000061235", None),
        ("4111111111111111", None),
        ("860049000006123", None),
        ("", None),
    ],
)
def test_a_card_is_uzcard_or_humo_with_a_right_check_digit(pan: str, scheme: str | None) -> None:
    assert card_scheme(pan) == scheme


@given(st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_never_passes(place: int, change: int) -> None:
    pan = "8600490000061234"
    digit = (int(pan[place]) + change) % 10

    assert card_scheme(f"{pan[:place]}{digit}{pan[place + 1 :]}") is None


@pytest.mark.parametrize(
    ("mmyy", "yymm"), [("1126", "2611"), ("1226", "2612"), ("1026", None), ("1327", None), ("126", None)]
)
def test_a_card_expires_after_its_month(mmyy: str, yymm: str | None) -> None:
    assert card_expiry(mmyy, date(2026, 11, 24)) == yymm


def test_a_business_day_is_tashkents() -> None:
    late, midnight = datetime(2026, 11, 23, 18, 59, 59, tzinfo=UTC), datetime(2026, 11, 23, 19, 0, tzinfo=UTC)

    assert (tashkent_day(late), tashkent_day(midnight)) == (date(2026, 11, 23), date(2026, 11, 24))
    assert tashkent_midnight(datetime(2026, 11, 24, 2, 20, tzinfo=UTC)) == midnight
