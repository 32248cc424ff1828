"""Domain 1.1, S6: cards linked and unlinked, the balance, and a PIN chosen, changed, locked and lost."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.town import Person, Town, card_number
from tests.served import PIN

HOW_TO_LINK = "END Подключите карту: *880*0*номер карты*ММГГ#\nСправки: +99871-231-0-880"
LOCKED = "END CLICK-PIN заблокирован. *880#: Настройки, Забыли PIN"
NEW_PIN, OTHER_PIN = "13579", "97531"


def link(person: Person, number: str, pin: str = PIN) -> str:
    """A first card by CLICK's dial string, and its PIN; the last screen."""
    return person.dial(f"*880*0*{number}*1230#", pin, pin)


def test_a_stranger_links_a_card_by_the_dial_string_and_is_a_customer_who_can_pay(
    town: Town, merchant: Person
) -> None:
    stranger = town.stranger()
    phone = stranger.phone

    assert phone.dial(f"*880*0*{card_number('4321')}*1230#") == (
        "CON Карта *4321 подключена\nПридумайте CLICK-PIN (5 цифр):"
    )
    assert phone.answer(PIN) == "CON Повторите новый PIN:"
    assert phone.answer(PIN) == "END CLICK-PIN установлен"
    number = merchant.issue(stranger, 50_000)
    assert stranger.pay().startswith(f"END Оплачено: 50 000 сум\nСчет №{number}\n")
    assert stranger.dial("*880*2#", PIN) == "END Баланс: 50 000 сум"


def test_a_second_card_is_linked_through_the_menu_and_needs_no_new_pin(town: Town, customer: Person) -> None:
    phone = customer.phone

    assert phone.dial("*880#", "4", "2") == "CON Срок карты (ММГГ):\n00.Назад"
    assert phone.answer("1230") == "CON Номер карты (16 цифр):\n00.Назад"
    assert phone.answer(card_number("8765")) == "END Карта *8765 подключена"
    assert customer.dial("*880*2#") == "CON Выберите карту\n1.*1234\n2.*8765\n0.Назад"


def test_a_weak_pin_and_two_that_differ_are_asked_for_again(town: Town) -> None:
    stranger = town.stranger()
    phone = stranger.phone
    phone.dial(f"*880*0*{card_number('4321')}*1230#")

    for weak in ("11111", "12345", "19871"):
        assert phone.answer(weak) == "CON Слишком простой PIN\nДругой CLICK-PIN (5 цифр):"
    assert phone.answer(NEW_PIN) == "CON Повторите новый PIN:"
    assert phone.answer(OTHER_PIN) == "CON PIN не совпал\nНовый CLICK-PIN (5 цифр):"
    assert phone.answer(OTHER_PIN) == "CON Повторите новый PIN:"
    assert phone.answer(OTHER_PIN) == "END CLICK-PIN установлен"
    assert stranger.dial("*880*2#", NEW_PIN).startswith("CON Неверный PIN, осталось попыток: 2")


def test_who_broke_off_before_choosing_a_pin_links_the_same_card_again(town: Town) -> None:
    stranger, number = town.stranger(), card_number("4321")
    assert stranger.dial(f"*880*0*{number}*1230#", NEW_PIN) == "CON Повторите новый PIN:"

    assert stranger.dial("*880*2#", NEW_PIN) == HOW_TO_LINK
    assert stranger.dial("*880*6*2#", NEW_PIN) == HOW_TO_LINK
    assert link(stranger, number) == "END CLICK-PIN установлен"
    assert stranger.dial("*880*2#", PIN) == "END Баланс: 100 000 сум"


@pytest.mark.parametrize(
    ("expiry", "wrong_digit", "told"),
    [
        ("1230", True, "Неверный номер карты"),
        ("1330", False, "Неверный срок карты"),
        ("0120", False, "Неверный срок карты"),
    ],
)
def test_a_card_that_cannot_be_one_is_refused_with_the_reason(
    town: Town, expiry: str, wrong_digit: bool, told: str
) -> None:
    number = card_number("4321")
    typed = number[:11] + str((int(number[11]) + 1) % 10) + number[12:] if wrong_digit else number

    assert town.stranger().dial(f"*880*0*{typed}*{expiry}#") == f"END {told}"
    assert town.stranger().dial("*880#", "4", "2", expiry, typed) == f"END {told}"


def test_a_card_is_one_phones_at_a_time(town: Town) -> None:
    first, second, number = town.stranger(), town.stranger(), card_number("4321")
    assert link(first, number) == "END CLICK-PIN установлен"

    assert second.dial(f"*880*0*{number}*1230#") == "END Эта карта уже подключена"
    assert first.dial(f"*880*0*{number}*1230#") == "END Эта карта уже подключена"
    assert first.dial("*880#", "4", "3", "1", "1") == "END Карта отключена"
    assert link(second, number) == "END CLICK-PIN установлен"


def test_a_card_is_unlinked_only_after_its_owner_says_so(town: Town, customer: Person) -> None:
    phone = customer.phone

    assert phone.dial("*880#", "4", "3") == "CON Отключить карту\n1.*1234\n0.Назад"
    assert phone.answer("1") == "CON Отключить эту карту?\n1.Да, отключить\n0.Назад"
    assert customer.dial("*880*2#") == "CON Баланс карты\nCLICK-PIN:\n00.Назад"
    assert customer.dial("*880#", "4", "3", "1", "1") == "END Карта отключена"
    assert customer.dial("*880*2#") == HOW_TO_LINK
    assert town.stranger().dial("*880#", "4", "3") == HOW_TO_LINK


def test_the_balance_is_told_against_the_pin_alone(customer: Person) -> None:
    phone = customer.phone
    phone.dial("*880*2#")

    assert phone.answer(NEW_PIN) == "CON Неверный PIN, осталось попыток: 2\nCLICK-PIN:\n00.Назад"
    assert phone.answer(PIN) == "END Баланс: 60 000 сум"


def test_s6_three_wrong_pins_over_several_dialogues_lock_it_and_the_owner_is_told_once(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 50_000)
    assert "попыток: 2" in customer.dial("*880#", "1", "1", NEW_PIN)
    assert "попыток: 1" in customer.dial("*880*2#", NEW_PIN)

    assert customer.dial("*880*6*2#", NEW_PIN) == LOCKED
    for ways in (("*880#", "1", "1"), ("*880*2#",), ("*880*6*2#",)):
        assert customer.dial(*ways, PIN) == LOCKED
    assert town.balance(customer) == 60_000
    assert [text for text in customer.quiet() if "заблокирован" in text] == [
        "CLICK: PIN заблокирован: неверные вводы. Тел. +998712310880"
    ]


def test_the_pin_is_changed_by_who_knows_the_old_one(town: Town, customer: Person) -> None:
    phone = customer.phone

    assert phone.dial("*880#", "6", "2") == "CON Текущий CLICK-PIN:\n00.Назад"
    assert phone.answer(OTHER_PIN) == ("CON Неверный PIN, осталось попыток: 2\nТекущий CLICK-PIN:\n00.Назад")
    assert phone.answer(PIN) == "CON Новый CLICK-PIN (5 цифр):"
    assert phone.answer(NEW_PIN) == "CON Повторите новый PIN:"
    assert phone.answer(NEW_PIN) == "END CLICK-PIN установлен"
    assert "попыток: 2" in customer.dial("*880*2#", PIN)
    assert customer.dial("*880*2#", NEW_PIN) == "END Баланс: 60 000 сум"
    assert customer.quiet() == ["CLICK: PIN изменен. Не вы? Тел. +998712310880"]


def code_of(person: Person) -> str:
    """The code of the newest SMS that has one."""
    person.quiet()
    return next(found[1] for text in reversed(person.sms(1)) if (found := re.search(r"код (\d{6})", text)))


def test_a_locked_pin_is_reset_by_the_code_of_an_sms_and_all_cards_are_linked_anew(
    town: Town, customer: Person
) -> None:
    assert customer.dial("*880*2#", NEW_PIN, NEW_PIN, NEW_PIN) == LOCKED
    phone = customer.phone
    assert phone.dial("*880#", "6", "3") == (
        "CON Введите подряд код из SMS и срок карты ММГГ (всего 10 цифр):"
    )
    assert phone.answer(f"{code_of(customer)}1230") == (
        "END PIN сброшен, карты отключены. Подключите карту заново: *880#"
    )

    assert customer.dial("*880*2#") == HOW_TO_LINK
    assert link(customer, card_number("4321"), NEW_PIN) == "END CLICK-PIN установлен"
    assert customer.dial("*880*2#", NEW_PIN) == "END Баланс: 100 000 сум"


@pytest.mark.parametrize("expiry", ["1231", "1330"])
def test_the_code_alone_resets_nothing_without_the_cards_expiry(customer: Person, expiry: str) -> None:
    phone = customer.phone
    phone.dial("*880#", "6", "3")

    assert phone.answer(f"{code_of(customer)}{expiry}") == "END Неверный срок карты"
    assert customer.dial("*880*2#", PIN) == "END Баланс: 60 000 сум"


def test_a_wrong_code_resets_nothing_and_the_next_is_not_sent_within_a_minute(customer: Person) -> None:
    phone = customer.phone
    phone.dial("*880#", "6", "3")
    wrong = "000000" if code_of(customer) != "000000" else "000001"

    assert phone.answer(f"{wrong}1230") == "END Неверный код. Запросите новый"
    assert customer.dial("*880#", "6", "3") == "END Код уже отправлен. Повторите через минуту"
    assert customer.dial("*880*2#", PIN) == "END Баланс: 60 000 сум"


def test_a_stranger_is_told_how_to_link_a_card_and_gets_no_code(town: Town) -> None:
    stranger = town.stranger()

    for ways in (("4", "1"), ("6", "2", PIN), ("6", "3")):
        assert stranger.dial("*880#", *ways) == HOW_TO_LINK
    assert stranger.quiet() == []
