"""What is dialled after the service code: published shortcuts, and answers typed ahead."""

from __future__ import annotations

import pytest

from tests.core.kiosk import NOON, Bill, Payment, Phone, Shop, receipts
from tests.core.test_step import AMOUNT, CLIENT, HOME
from ussd_engine import MenuError, compile_menus
from ussd_engine.core.events import Begin

WRONG = "Dial *880**0*phone*sum#"


def test_a_shortcut_does_in_one_turn_what_the_menu_does_in_four() -> None:
    """domain.md A16."""
    dialled, walked = Phone(), Phone()

    assert dialled.dial(code="*880**0*901234567*50000#") == walked.dial("1", "901234567", "50000")
    assert dialled.shop.issued == walked.shop.issued


@pytest.mark.parametrize(
    "code",
    [
        "*880**0*901234567#",
        "*880**0**50000#",
        "*880**0*901234567*5x#",
        "*880**0*901234567*50000*1#",
        "*880**0*12345*50000#",
        "*880**0#",
        "*880**0*901234567*#",
    ],
)
def test_fields_of_the_wrong_number_or_form_get_the_shortcuts_own_text(code: str) -> None:
    """domain.md A19."""
    phone = Phone()

    assert phone.dial(code=code) == WRONG
    assert not phone.open
    assert phone.shop.issued == []


def test_a_field_that_reads_well_but_is_refused_is_asked_for_with_the_others_kept() -> None:
    phone = Phone()

    assert phone.dial(code="*880**0*901234567*5#") == f"From 1 000 to 10 000 000\n{AMOUNT}"
    assert phone.type("50000") == "No 1001\n998901234567\n50 000 UZS"


def test_fields_after_the_refused_one_answer_their_questions() -> None:
    phone = Phone()

    assert phone.dial(code="*880**0*901112233*50000#") == f"This is your own number\n{CLIENT}"
    assert phone.type("901234567") == "No 1001\n998901234567\n50 000 UZS"


def test_two_refused_fields_are_asked_for_one_after_the_other() -> None:
    phone = Phone()

    assert phone.dial(code="*880**0*711234567*5#") == f"A mobile number is needed\n{CLIENT}"
    assert phone.type("901234567") == f"From 1 000 to 10 000 000\n{AMOUNT}"
    assert phone.type("7000") == "No 1001\n998901234567\n7 000 UZS"


def test_a_dialled_field_is_never_read_as_a_navigation_key() -> None:
    assert Phone().dial(code="*880**0*901234567*00#") == f"From 1 000 to 10 000 000\n{AMOUNT}"


def test_dialled_fields_are_forgotten_once_the_subscriber_turns_round() -> None:
    phone = Phone()
    phone.dial(code="*880**0*901112233*50000#")

    assert phone.type("00") == HOME
    assert phone.type("1") == CLIENT
    assert phone.type("901234567") == AMOUNT


def test_the_longest_fixed_part_claims_a_dialled_string() -> None:
    phone = Phone(Shop(payments=[Payment("p1", 1_000_00, "paid")]))

    assert phone.dial(code="*880**3*7*901234567#") == "Sent to 998901234567"
    assert phone.dial(code="*880**3*901234567#") == "1 000 UZS, paid"


def test_a_shortcut_may_take_whatever_follows() -> None:
    for code in ("*880*0#", "*880*0*8600123412341234*0127#"):
        assert Phone().dial(code=code) == "This command has moved to the app"


def test_a_shortcut_without_fixed_fields_claims_only_what_it_can_read_whole() -> None:
    assert Phone().dial(code="*880*12345678*5000#") == "12345678: 5 000"
    assert Phone().dial(code="*880*1*901234567#") == AMOUNT


@pytest.mark.parametrize("code", ["*880**#", "*880**9#", "*880**9*901234567#"])
def test_an_empty_first_field_that_is_no_shortcut_is_no_command(code: str) -> None:
    phone = Phone()

    assert phone.dial(code=code) == "No such command. Dial *880#"
    assert not phone.open


def test_a_customer_transfer_is_never_read_as_a_merchant_check() -> None:
    """domain.md S13a."""
    phone = Phone(Shop(payments=[Payment("p1", 1_000_00, "paid")]))

    phone.dial(code="*880*3*901234567*50000#")

    assert "invoices.of" not in [run.action for run in phone.runs]


# --- fields of another menu, and a shortcut over options ---------------------------------------------------

SHOP = """
menu: shop
service_code: "*880#"
languages: [en]
start: home
shortcuts:
  - {dial: "*1*{litres}*{FIELD}", over: options, goto: water.ordered, wrong: {en: "*880*1*litres*street#"}}
states:
  home:
    text: {en: Shop}
    options: [{text: {en: Water}, goto: water.litres}]
"""
WATER = """
menu: water
states:
  litres: {ask: {en: Litres}, as: litres, type: {integer: {min: 5, max: 20}}, goto: street}
  street: {ask: {en: Street}, as: street, type: {text: {max: 9}}, goto: ordered}
  ordered: {end: {en: "{litres} l to {street}"}}
"""


def test_a_shortcut_may_fill_the_questions_of_the_menu_it_leads_to() -> None:
    phone = Phone(service=compile_menus({"shop": SHOP.replace("FIELD", "street"), "water": WATER}, {}))

    assert phone.dial(code="*880*1*12*Nukus#") == "12 l to Nukus"
    assert phone.dial(code="*880*1*99*Nukus#") == "From 5 to 20\nLitres\n00.Back"
    assert phone.type("20") == "20 l to Nukus"


def test_a_shortcut_over_options_leaves_the_bare_digits_to_the_option() -> None:
    phone = Phone(service=compile_menus({"shop": SHOP.replace("FIELD", "street"), "water": WATER}, {}))

    assert phone.dial(code="*880*1#") == "Litres\n00.Back"
    assert phone.dial(code="*880*1*12#") == "*880*1*litres*street#"


def test_a_field_that_neither_menu_asks_for_is_told_with_both_names() -> None:
    with pytest.raises(MenuError, match=r"no question of menu 'shop' or 'water' asks for 'stret'.*'street'"):
        compile_menus({"shop": SHOP.replace("FIELD", "stret"), "water": WATER}, {})


# --- typed ahead ------------------------------------------------------------------------------------------


def test_what_is_typed_ahead_answers_screen_after_screen() -> None:
    assert Phone().dial(code="*880*1*901234567*50000#") == "No 1001\n998901234567\n50 000 UZS"


def test_a_bad_answer_stops_on_its_question_and_the_rest_is_dropped() -> None:
    phone = Phone()

    assert phone.dial(code="*880*1*12345*50000#") == f"Not a phone number\n{CLIENT}"
    assert phone.type("901234567") == AMOUNT


def test_a_list_is_shown_before_anything_on_it_is_chosen() -> None:
    phone = Phone(Shop(receipts=receipts(2)))

    assert phone.dial(code="*880*2*1*1#").startswith("Receipts\n1.No 1001")


def test_a_text_with_variables_is_shown_before_it_is_answered() -> None:
    phone = Phone(Shop(duplicate_of=1001))

    assert phone.dial(code="*880*1*901234567*50000*1#").startswith("No 1001 is the same.")
    assert phone.shop.issued == []


def test_a_secret_is_never_typed_ahead() -> None:
    shop = Shop(bills=[Bill("b1", 50_000_00, "Shop")])
    phone = Phone(shop)

    phone.dial(code="*880*3*24680#")

    assert shop.pins == []
    assert phone.screen == "CLICK-PIN\n00.Back"


def test_what_was_dialled_is_not_in_the_events_repr() -> None:
    """domain.md S7."""
    assert "8600" not in repr(Begin(NOON, ("0", "8600123412341234", "0127")))


def test_more_typed_ahead_than_the_dialogue_takes_is_ignored_at_its_end() -> None:
    assert Phone().dial(code="*880*1*901234567*50000*1*1*1#") == "No 1001\n998901234567\n50 000 UZS"


def test_back_and_home_can_be_typed_ahead() -> None:
    assert Phone().dial(code="*880*1*00*1#") == CLIENT
    assert Phone().dial(code="*880*5*00#") == HOME
