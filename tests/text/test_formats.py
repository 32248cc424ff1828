from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.text.cost import octets
from ussd_engine.text.formats import FORMATS, WIDEST, FormatContext, FormatError, Kind, Value, widest
from ussd_engine.text.gsm import is_gsm7

TASHKENT = FormatContext(zone=ZoneInfo("Asia/Tashkent"))
MOMENT = 1795486800  # 2026-11-24 07:20 in Tashkent


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("money", 5000000, "50 000"),
        ("money", 5000050, "50 000,50"),
        ("money", 5, "0,05"),
        ("money", 0, "0"),
        ("money", -5000000, "-50 000"),
        ("money", -1, "-0,01"),
        ("money", 123456789012, "1 234 567 890,12"),
        ("number", 1234567, "1 234 567"),
        ("number", 999, "999"),
        ("phone", "998901234567", "998901234567"),
        ("phone", 998901234567, "998901234567"),
        ("phone", "+998 90 123 45 67", "998901234567"),
        ("masked_phone", "998901234567", "99890***4567"),
        ("masked_phone", "901234567", "***4567"),
        ("masked_phone", "4567", "***"),
        ("date", MOMENT, "24.11.2026"),
        ("time", MOMENT, "07:20"),
        ("datetime", MOMENT, "24.11.2026 07:20"),
        ("upper", "счет a1ß", "СЧЕТ A1ß"),
        ("card", "1234", "*1234"),
        ("card", "8600123456781234", "*1234"),
    ],
)
def test_a_value_is_written_as_the_menu_asks(name: str, value: Value, shown: str) -> None:
    assert FORMATS[name](value, TASHKENT) == shown


def test_a_day_is_that_of_the_zone_and_not_of_utc() -> None:
    evening = MOMENT - 7 * 3600 - 20 * 60  # 2026-11-23 19:00 UTC, midnight in Tashkent

    assert FORMATS["datetime"](evening, TASHKENT) == "24.11.2026 00:00"
    assert FORMATS["datetime"](evening, FormatContext(ZoneInfo("UTC"))) == "23.11.2026 19:00"


@pytest.mark.parametrize("name", ["money", "number", "date", "time", "datetime"])
@pytest.mark.parametrize("value", ["24680", "", True])
def test_a_value_of_another_type_is_refused_without_being_told(name: str, value: Value) -> None:
    with pytest.raises(FormatError) as refusal:
        FORMATS[name](value, TASHKENT)

    assert refusal.value.format == name
    assert "24680" not in str(refusal.value)


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(FormatError):
        FORMATS["date"](10**18, TASHKENT)


def test_the_width_of_a_text_as_money_is_not_to_be_had() -> None:
    with pytest.raises(FormatError):
        widest("money", "str", 5)


def test_every_format_has_a_widest_text() -> None:
    assert set(WIDEST) == {"", *FORMATS}


@pytest.mark.parametrize(
    ("name", "kind", "maximum", "length"),
    [
        ("money", "int", 100000, len("999,99")),
        ("money", "whole", 100000, len("1 000")),
        ("money", "whole", 10_000_000_00, len("10 000 000")),
        ("", "int", 1000, 4),
        ("", "str", 14, 14),
        ("phone", "str", 12, 12),
        ("masked_phone", "str", 12, 12),
        ("card", "str", 4, 5),
        ("datetime", "int", 0, 16),
    ],
)
def test_the_widest_text_has_the_length_a_screen_must_keep_free(
    name: str, kind: Kind, maximum: int, length: int
) -> None:
    assert len(widest(name, kind, maximum)) == length


@given(st.data())
def test_no_integer_up_to_the_maximum_is_written_wider_than_the_widest(data: st.DataObject) -> None:
    maximum = data.draw(st.integers(0, 10**12))
    value = data.draw(st.integers(0, maximum))
    for name in ("money", "number", "phone", "masked_phone", "card"):
        assert octets(FORMATS[name](value, TASHKENT)) <= octets(widest(name, "int", maximum))
        assert is_gsm7(FORMATS[name](value, TASHKENT))
    assert len(FORMATS["money"](value // 100 * 100, TASHKENT)) <= len(widest("money", "whole", maximum))


@given(st.text(st.characters(max_codepoint=0xFFFF), max_size=20))
def test_no_text_is_written_wider_than_the_widest_of_its_length(text: str) -> None:
    kinds: list[Kind] = ["str", "gsm"] if is_gsm7(text) else ["str"]
    for kind in kinds:
        for name in ("phone", "masked_phone", "upper", "card"):
            shown = FORMATS[name](text, TASHKENT)
            assert octets(shown) <= octets(widest(name, kind, len(text)))
            assert octets("№" + shown) <= octets("№" + widest(name, kind, len(text)))
        assert octets(text) <= octets(widest("", kind, len(text)))
