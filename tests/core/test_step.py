"""One step of a dialogue, screen by screen."""

from __future__ import annotations

import pytest

from tests.core.kiosk import MERCHANT, NOON, SERVICE, Bill, Payment, Phone, Shop, receipts
from ussd_engine.core.arriving import arrive
from ussd_engine.core.errors import SessionEnded
from ussd_engine.core.events import Aborted, ActionDone, Answer, Close, Run, TimedOut
from ussd_engine.core.step import begin, step
from ussd_engine.core.walk import Walk
from ussd_engine.text.template import Value

HOME = "Kiosk\n1.Issue\n2.Receipts\n3.Pay\n4.My card\n5.Rules\n6.Voucher\n7.Begin anew\n8.Language"
CLIENT = "Phone of the customer\n00.Back"
AMOUNT = "Sum, UZS\n00.Back"


def test_a_dialogue_begins_on_the_screen_its_start_leads_to() -> None:
    phone = Phone()

    assert phone.dial() == HOME
    assert phone.open
    assert [run.action for run in phone.runs] == ["people.who"]


def test_an_action_can_end_the_dialogue_at_once() -> None:
    phone = Phone(Shop(blocked=True))

    assert phone.dial() == "Please come to the bank"
    assert not phone.open


# --- wrong answers ----------------------------------------------------------------------------------------


def test_an_unknown_choice_shows_the_same_screen_with_a_line_that_says_so() -> None:
    """domain.md A6."""
    phone = Phone()
    phone.dial()

    assert phone.type("9") == f"No such choice\n{HOME}"
    assert phone.type("abc") == f"No such choice\n{HOME}"


def test_the_third_wrong_answer_in_a_row_ends_politely() -> None:
    """domain.md A6."""
    phone = Phone()

    assert phone.dial("9", "abc", "") == "Too many wrong answers. Please dial *880# again"
    assert not phone.open


def test_a_right_answer_forgives_the_wrong_ones_before_it() -> None:
    phone = Phone()

    assert phone.dial("x", "x", "1", "12", "12") == f"Not a phone number\n{CLIENT}"
    assert phone.open


def test_an_answer_after_the_end_is_an_error_not_a_screen() -> None:
    phone = Phone()
    phone.dial("x", "x", "x")

    with pytest.raises(SessionEnded):
        step(SERVICE, phone.session, Answer(NOON, "1"))


def test_a_refused_answer_keeps_what_was_given_before() -> None:
    """domain.md A10, A11."""
    phone = Phone()

    assert phone.dial("1", "711234567") == f"A mobile number is needed\n{CLIENT}"
    assert phone.type("901112233") == f"This is your own number\n{CLIENT}"
    assert phone.type("901234567") == AMOUNT
    assert phone.type("999") == f"From 1 000 to 10 000 000\n{AMOUNT}"
    assert phone.type("50 000") == "No 1001\n998901234567\n50 000 UZS"
    assert phone.shop.issued == [("998901234567", 50_000_00)]


# --- ways -------------------------------------------------------------------------------------------------


def test_back_leads_the_way_one_came_and_the_first_screen_has_none() -> None:
    phone = Phone()
    phone.dial("1", "901234567")

    assert phone.type("00") == CLIENT
    assert phone.type("00") == HOME
    assert phone.type("0") == f"No such choice\n{HOME}"


def test_a_question_takes_zero_as_an_answer_and_double_zero_as_back() -> None:
    phone = Phone()

    assert phone.dial("1", "901234567", "0") == f"From 1 000 to 10 000 000\n{AMOUNT}"
    assert phone.type("00") == CLIENT


def test_double_zero_leads_home_from_a_menu_and_forgets_what_was_gathered() -> None:
    phone = Phone(Shop(receipts=receipts(2)))
    phone.dial("2", "1")

    assert phone.state == "receipt"
    assert phone.type("00") == HOME
    assert phone.session.history == []
    assert "chosen" not in phone.session.variables
    assert "number" not in phone.session.variables


def test_an_option_to_the_start_begins_anew() -> None:
    phone = Phone(Shop(receipts=receipts(2)))

    assert phone.dial("2", "1", "1") == HOME
    assert phone.session.history == []
    assert phone.runs[-1].action == "people.who"


def test_coming_again_to_a_screen_cuts_the_way_back_there() -> None:
    phone = Phone()
    phone.dial("2", "1")

    assert phone.state == "home"
    assert phone.session.history == []
    assert phone.type("0") == f"No such choice\n{HOME}"


def test_no_way_leads_back_over_a_screen_that_forbids_it() -> None:
    phone = Phone(Shop(duplicate_of=1001))
    phone.dial("1", "901234567", "50000")

    assert phone.screen == "No 1001 is the same.\n1.One more\n0.Leave it"
    assert phone.session.history == []
    assert phone.type("0") == "Nothing issued"


def test_a_key_of_its_own_replaces_the_way_back_and_the_second_try_is_told_to_the_action() -> None:
    """domain.md A20."""
    phone = Phone(Shop(duplicate_of=1001))
    phone.dial("1", "901234567", "50000", "1")

    assert phone.runs[-1].args == {"client": "998901234567", "amount": 50_000_00, "again": True}
    assert phone.shop.issued == [("998901234567", 50_000_00)]


def test_history_stays_short_however_long_one_walks() -> None:
    phone = Phone(Shop(receipts=receipts(3)))
    phone.dial()
    for _ in range(50):
        phone.type("2", "1", "0", "0")

    assert phone.screen == HOME
    assert phone.session.history == []


# --- variables --------------------------------------------------------------------------------------------


def test_an_option_shows_only_while_its_variable_is_true_and_the_others_keep_their_numbers() -> None:
    phone = Phone(Shop(connected=False))
    phone.dial()

    assert "4." not in phone.screen
    assert "5.Rules" in phone.screen
    assert phone.type("4").startswith("No such choice\n")


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "Card *1234"), (False, "No card"), ("true", "Card *1234"), (None, "No card")]
)
def test_a_switch_follows_its_variable(value: Value, shown: str) -> None:
    phone = Phone()
    phone.dial()
    walk = Walk(SERVICE, phone.session.copy(), 160)
    walk.session.variables["me.connected"] = value
    walk.fire("4")

    assert arrive(walk) == Close(shown)


def test_an_actions_language_is_spoken_from_then_on() -> None:
    phone = Phone()

    assert phone.dial("8", "RU").startswith("Киоск\n1.Выставить счет")
    assert phone.session.language == "ru"
    assert phone.type("1", "x").startswith("Неверный номер\n")


def test_what_no_screen_ahead_reads_is_not_kept() -> None:
    phone = Phone()
    phone.dial("1", "901234567")
    assert phone.session.variables["client"] == "998901234567"

    phone.dial("8", "en")

    assert "wanted" not in phone.session.variables
    assert "language" not in phone.session.variables


def test_an_ended_dialogue_keeps_nothing() -> None:
    phone = Phone()
    phone.dial("1", "901234567", "50000")

    assert (phone.session.variables, phone.session.history, phone.session.rows) == ({}, [], [])


# --- actions ----------------------------------------------------------------------------------------------


def test_a_result_nobody_declared_is_trouble() -> None:
    phone = Phone()
    phone.dial("1", "901234567")
    run = phone.step(Answer(NOON, "50000"))

    taken = step(SERVICE, run.session, ActionDone(NOON, "surprise"))

    assert taken.session.ended
    assert "not available" in repr(taken.effects)


@pytest.mark.parametrize(("result", "said"), [("failed", "not available"), ("late", "An SMS will tell")])
def test_failures_and_late_actions_have_a_text_where_the_menu_names_none(result: str, said: str) -> None:
    phone = Phone()
    phone.dial("1", "901234567")
    run = phone.step(Answer(NOON, "50000"))

    taken = step(SERVICE, run.session, ActionDone(NOON, result))

    assert said in repr(taken.effects)


def test_an_action_is_told_how_many_answers_were_consumed_so_that_each_try_has_its_own_key() -> None:
    phone = Phone()
    phone.dial("1", "12", "901234567", "50000")

    issue = phone.runs[-1]
    assert (issue.action, issue.state, issue.answers) == ("invoices.issue", "kiosk.issue", 4)


# --- lists ------------------------------------------------------------------------------------------------


def test_a_choice_resolves_to_the_row_that_was_shown_even_if_rows_have_shifted() -> None:
    shop = Shop(receipts=receipts(3))
    phone = Phone(shop)
    phone.dial("2")
    shop.receipts.insert(0, receipts(9)[8])

    assert phone.type("1").startswith("No 1001 ")


def test_a_row_that_is_gone_leads_where_the_action_says() -> None:
    shop = Shop(receipts=receipts(3))
    phone = Phone(shop)
    phone.dial("2")
    del shop.receipts[0]

    assert phone.type("1") == "No invoices\n1.Menu\n0.Back"


def test_back_from_a_row_shows_the_page_it_was_on() -> None:
    phone = Phone(Shop(receipts=receipts(7)), language="ru")
    phone.dial("2")
    second = phone.type("98")

    phone.type("1")

    assert phone.type("0") == second


def test_a_list_that_is_opened_anew_begins_at_the_top() -> None:
    phone = Phone(Shop(receipts=receipts(7)), language="ru")
    phone.dial("2")
    first = phone.screen
    phone.type("98")

    assert phone.type("0", "2") == first


def test_a_wrong_row_shows_the_page_again_with_a_line_that_says_so() -> None:
    phone = Phone(Shop(receipts=receipts(2)))
    phone.dial("2")
    rows = phone.screen

    assert phone.type("7") == f"No such choice\n{rows}"
    assert phone.type("11") == f"No such choice\n{rows}"
    assert phone.type("x").startswith("Too many wrong answers")


def test_an_empty_list_leads_where_the_menu_says() -> None:
    """domain.md A14."""
    assert Phone().dial("2") == "No invoices\n1.Menu\n0.Back"


def test_a_single_row_is_picked_without_being_shown() -> None:
    phone = Phone(Shop(bills=[Bill("b1", 50_000_00, "Shop")]))

    assert phone.dial("3") == "CLICK-PIN\n00.Back"
    assert phone.type("00") == HOME


def test_two_rows_are_shown_and_back_leads_to_them() -> None:
    phone = Phone(Shop(bills=[Bill("b1", 50_000_00, "Shop"), Bill("b2", 9_000_00, "Other")]))
    phone.dial("3")
    rows = phone.screen

    assert rows == "Bills\n1.50 000 Shop\n2.9 000 Other\n0.Back"
    assert phone.type("2", "00") == rows
    phone.type("2", "24680")
    assert phone.runs[-1].args["bill"] == "b2"


def test_the_last_page_of_a_list_can_close_the_dialogue() -> None:
    """domain.md A32."""
    payments = [Payment(f"p{n}", n * 1_000_00, "paid") for n in (3, 2, 1)]
    phone = Phone(Shop(payments=payments))

    assert phone.dial(code="*880**3*901234567#") == "3 000 UZS, paid\n1.More"
    assert phone.type("1") == "2 000 UZS, paid\n1.More\n99.Previous"
    assert phone.type("99") == "3 000 UZS, paid\n1.More"
    assert phone.type("1", "1") == "1 000 UZS, paid"
    assert not phone.open


# --- cuts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Aborted(NOON), TimedOut(NOON)])
def test_a_cut_dialogue_is_over_and_says_nothing(event: Aborted | TimedOut) -> None:
    phone = Phone(Shop(receipts=receipts(2)))
    phone.dial("2")

    taken = phone.step(event)

    assert taken.effects == ()
    assert taken.session.ended
    assert (taken.session.variables, taken.session.history, taken.session.rows) == ({}, [], [])


def test_a_dialogue_can_be_cut_before_it_began() -> None:
    assert step(SERVICE, begin(SERVICE, MERCHANT), Aborted(NOON)).session.ended


# --- secrets ----------------------------------------------------------------------------------------------


def test_a_pin_goes_to_its_action_and_is_nowhere_else() -> None:
    shop = Shop(bills=[Bill("b1", 50_000_00, "Shop")])
    phone = Phone(shop)
    phone.dial("3")

    taken = phone.step(Answer(NOON, "13579"))

    (run,) = taken.effects
    assert isinstance(run, Run)
    assert run.args["pin"] == "13579"
    for kept in (repr(taken), repr(run), repr(taken.session), repr(Answer(NOON, "13579"))):
        assert "13579" not in kept


def test_a_wrong_pin_is_asked_for_again_and_the_bill_is_kept() -> None:
    shop = Shop(bills=[Bill("b1", 50_000_00, "Shop")])
    phone = Phone(shop)

    assert phone.dial("3", "13579") == "CLICK-PIN\n00.Back"
    assert phone.type("24680") == "Paid"
    assert shop.pins == ["13579", "24680"]
    assert phone.runs[-1].args["bill"] == "b1"
