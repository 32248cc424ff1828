"""What a subscriber typed, read by the question's type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.kiosk import MERCHANT, SERVICE
from ussd_engine.compiler.schema import TypeSpec
from ussd_engine.compiler.types import answer_type
from ussd_engine.core.answers import (
    Accepted,
    AnswerType,
    ChoiceType,
    DigitsType,
    IntegerType,
    Refused,
    TextType,
    pin,
)
from ussd_engine.core.service import Question


def question_type(name: str) -> AnswerType:
    state = SERVICE.states[f"kiosk.{name}"]
    assert isinstance(state, Question)
    return state.type


PHONE = question_type("client")
SUM = question_type("amount")
TYPES = (
    PHONE,
    SUM,
    IntegerType(1, 100),
    TextType(1, 20),
    DigitsType(4, 6),
    pin(5),
    ChoiceType({"да": "yes", "нет": "no"}),
)


@pytest.mark.parametrize("typed", ["901234567", "998901234567", "+998901234567"])
def test_a_mobile_number_is_stored_as_twelve_digits_however_it_was_typed(typed: str) -> None:
    """domain.md A8, A9."""
    assert PHONE.read(typed, MERCHANT) == Accepted("998901234567")


@pytest.mark.parametrize(
    ("typed", "code", "readable"),
    [
        ("12345", "msisdn.format", False),
        ("711234567", "msisdn.fixed", True),
        ("998711234567", "msisdn.fixed", True),
        ("901112233", "msisdn.own", True),
        ("+998901112233", "msisdn.own", True),
        ("", "msisdn.format", False),
        ("++998901234567", "msisdn.format", False),
        ("90 123 45 67", "msisdn.format", False),
        ("90123456x", "msisdn.format", False),
        ("٩٠١٢٣٤٥٦٧", "msisdn.format", False),
        ("9" * 400, "msisdn.format", False),
        ("254712345678", "msisdn.format", False),
    ],
)
def test_a_number_that_is_not_taken_is_refused_with_its_reason(typed: str, code: str, readable: bool) -> None:
    """domain.md A10. `readable`: a shortcut asks for this field again instead of showing its format."""
    verdict = PHONE.read(typed, MERCHANT)

    assert verdict == Refused(code, readable=readable)


@pytest.mark.parametrize(
    ("region", "typed", "stored"),
    [
        ("KE", "0712345678", "254712345678"),
        ("KE", "712345678", "254712345678"),
        ("KE", "254712345678", "254712345678"),
        ("GH", "0241234567", "233241234567"),
        ("RU", "89161234567", "79161234567"),
        ("RU", "+79161234567", "79161234567"),
        ("IT", "3123456789", "393123456789"),
    ],
)
def test_a_number_may_be_typed_as_people_of_its_country_write_it(
    region: str, typed: str, stored: str
) -> None:
    kind = answer_type(TypeSpec.model_validate({"msisdn": {"region": region}}))

    assert kind.read(typed, MERCHANT) == Accepted(stored)


@pytest.mark.parametrize("typed", ["0901234567", "8901234567", "00712345678"])
def test_no_country_has_more_of_them_than_it_writes(typed: str) -> None:
    for region in ("UZ", "KE"):
        kind = answer_type(TypeSpec.model_validate({"msisdn": {"region": region}}))
        assert kind.read(typed, MERCHANT) == Refused("msisdn.format")


@pytest.mark.parametrize("typed", ["yo'q", "Yo\u02bbq", "YO\u2018Q"])
def test_a_choice_can_be_typed_as_the_screen_shows_it(typed: str) -> None:
    """Screens fold the letters' marks to the apostrophe that a keypad has."""
    kind = answer_type(TypeSpec.model_validate({"choice": {"ha": "yes", "yo\u02bbq": "no"}}))

    assert kind.read(typed, MERCHANT) == Accepted("no")


@pytest.mark.parametrize("typed", ["50000", "50 000", "050000"])
def test_a_sum_is_stored_in_minor_units_and_may_be_typed_in_groups(typed: str) -> None:
    assert SUM.read(typed, MERCHANT) == Accepted(50_000_00)


@pytest.mark.parametrize("typed", ["1000", "10000000"])
def test_both_limits_of_a_sum_belong_to_it(typed: str) -> None:
    assert SUM.read(typed, MERCHANT) == Accepted(int(typed) * 100)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("0", "money.range"),
        ("999", "money.range"),
        ("10000001", "money.range"),
        ("99999999999", "money.range"),
        (str(2**63), "money.range"),
        ("9" * 5000, "money.range"),
        ("-5", "money.format"),
        ("1,5", "money.format"),
        ("1.5", "money.format"),
        ("1e9", "money.format"),
        ("NaN", "money.format"),
        ("5 00", "money.format"),
        ("50  000", "money.format"),
        ("٥٠٠٠٠", "money.format"),
        ("５００００", "money.format"),
        ("50000\n", "money.format"),
        ("", "money.format"),
    ],
)
def test_a_sum_that_is_not_taken_is_refused_with_the_limits(typed: str, code: str) -> None:
    """domain.md A11, S21."""
    verdict = SUM.read(typed, MERCHANT)

    assert isinstance(verdict, Refused)
    assert verdict.code == code
    assert verdict.values == {"min": 1000_00, "max": 10_000_000_00}
    assert verdict.readable is (code == "money.range")


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        (IntegerType(1, 100), "007", Accepted(7)),
        (IntegerType(1, 100), "101", "integer.range"),
        (IntegerType(1, 100), "9" * 16, "integer.range"),
        (IntegerType(1, 100), "-1", "integer.format"),
        (IntegerType(1, 100), "²", "integer.format"),
        (TextType(1, 5), "Тошке", Accepted("Тошке")),
        (TextType(1, 5), "Toshkent", "text.length"),
        (TextType(1, 5), "", "text.length"),
        (TextType(0, 5), "", Accepted("")),
        (TextType(1, 5), "a\x00b", "text.format"),
        (TextType(1, 5), "a\u202eb", "text.format"),
        (TextType(1, 5), "a\ud800", "text.format"),
        (TextType(1, 5), "a\nb", "text.format"),
        (DigitsType(4, 6), "0127", Accepted("0127")),
        (DigitsType(4, 6), "012", "digits.format"),
        (DigitsType(4, 6), "0123456", "digits.format"),
        (DigitsType(4, 6), "٠١٢٣", "digits.format"),
        (pin(5), "02468", Accepted("02468")),
        (pin(5), "2468", "pin.format"),
        (ChoiceType({"да": "yes"}), "ДА", Accepted("yes")),
        (ChoiceType({"да": "yes"}), "нет", "choice.unknown"),
    ],
)
def test_every_type_takes_what_it_says_and_names_why_not(
    kind: AnswerType, typed: str, expected: Accepted | str
) -> None:
    verdict = kind.read(typed, MERCHANT)

    assert (verdict.code if isinstance(verdict, Refused) else verdict) == expected


def test_a_pin_is_secret_and_an_accepted_value_never_shows_in_a_repr() -> None:
    verdict = pin(5).read("24680", MERCHANT)

    assert pin(5).secret
    assert "24680" not in repr(verdict)


@given(st.sampled_from(TYPES), st.text(max_size=40))
def test_any_text_is_accepted_or_refused_with_a_code_the_service_has_a_text_for(
    kind: AnswerType, text: str
) -> None:
    verdict = kind.read(text, MERCHANT)

    if isinstance(verdict, Refused):
        assert SERVICE.says.get(verdict.code) is not None


@given(st.text(alphabet="0123456789 ", max_size=14))
def test_an_accepted_sum_lies_within_its_limits(text: str) -> None:
    verdict = SUM.read(text, MERCHANT)

    if isinstance(verdict, Accepted):
        assert isinstance(verdict.value, int)
        assert 1000_00 <= verdict.value <= 10_000_000_00
        assert verdict.value == int(text.replace(" ", "")) * 100
