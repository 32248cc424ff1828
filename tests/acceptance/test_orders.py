"""Domain 1.1, S13a: shops by their service code, top-ups, transfers; menus and CLICK's dial strings alike."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.test_repeats import Send, at_once, play, twice
from tests.acceptance.town import Person, Town, card_number
from tests.served import PIN

HOW_TO_LINK = "END Подключите карту: *880*0*номер карты*ММГГ#\nСправки: +99871-231-0-880"
ONE = [("service", 700_000, "approved")]


@pytest.fixture
def friend(town: Town) -> Person:
    """Another customer, with a card *1234."""
    return town.customer()


def test_a_shop_is_paid_by_its_service_code_and_told_for_which_account(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone = customer.phone

    assert phone.dial("*880#", "2", "1") == "CON Код услуги (7 цифр):\n00.Назад"
    assert phone.answer(town.service_code(merchant)) == "CON Номер счета или договора:\n00.Назад"
    assert phone.answer("77-15") == "CON Сумма, сум:\n00.Назад"
    assert phone.answer("7000") == "CON Оплата MAGAZIN-24\n7 000 сум\nCLICK-PIN:\n00.Назад"
    screen = phone.answer(PIN)
    found = re.fullmatch(r"END Оплачено: 7 000 сум\nОплата MAGAZIN-24\nПлатеж №(\d{7})", screen)
    assert found, screen
    assert town.direct(customer) == ONE
    assert town.balance(customer) == 53_000
    assert customer.quiet() == [f"CLICK: MAGAZIN-24: 7 000 сум оплачено. Платеж №{found[1]}"]
    assert merchant.quiet() == [f"Оплата 77-15 на сумму 7 000 сум, платеж №{found[1]}"]
    assert "MAGAZIN-24 7 000 оплачен" in customer.dial("*880#", "5")


def test_the_dialled_string_leads_to_the_same_pin_question(
    town: Town, merchant: Person, customer: Person
) -> None:
    code = town.service_code(merchant)

    assert customer.dial(f"*880*{code}*77-15*7000#") == (
        "CON Оплата MAGAZIN-24\n7 000 сум\nCLICK-PIN:\n00.Назад"
    )
    assert customer.dial(f"*880*{code}*77-15*7000#", "13579") == (
        "CON Неверный PIN, попыток: 2\nОплата MAGAZIN-24\n7 000 сум\nCLICK-PIN:\n00.Назад"
    )
    assert customer.dial(f"*880*{code}*77-15*7000#", PIN).startswith("END Оплачено: 7 000 сум\n")
    assert town.direct(customer) == ONE


@pytest.mark.parametrize("way", ["menu", "dialled"])
def test_a_phone_gets_a_transfer_and_an_sms_from_whom(
    town: Town, customer: Person, friend: Person, way: str
) -> None:
    phone = customer.phone
    if way == "menu":
        assert phone.dial("*880#", "3", "1") == "CON Номер получателя:\n00.Назад"
        assert phone.answer(friend.short) == "CON Сумма, сум:\n00.Назад"
        screen = phone.answer("5000")
    else:
        screen = phone.dial(f"*880*3*{friend.short}*5000#")

    assert screen == f"CON Перевод {friend.msisdn}\n5 000 сум\nCLICK-PIN:\n00.Назад"
    screen = phone.answer(PIN)
    assert screen.startswith(f"END Оплачено: 5 000 сум\nПеревод {friend.msisdn}\nПлатеж №")
    assert town.direct(customer) == [("transfer", 500_000, "approved")]
    number = screen.rpartition("№")[2]
    assert friend.quiet() == [f"CLICK: вам перевод 5 000 сум от {customer.msisdn}. №{number}"]


@pytest.mark.parametrize("way", ["menu", "dialled"])
def test_a_card_gets_a_transfer_and_only_its_last_digits_are_shown(
    town: Town, customer: Person, way: str
) -> None:
    number, phone = card_number("4321"), customer.phone
    if way == "menu":
        assert phone.dial("*880#", "3", "2", "5000") == "CON Номер карты (16 цифр):\n00.Назад"
        screen = phone.answer(number)
    else:
        screen = phone.dial(f"*880*{number}*5000#")

    assert screen == "CON Перевод *4321\n5 000 сум\nCLICK-PIN:\n00.Назад"
    assert phone.answer(PIN).startswith("END Оплачено: 5 000 сум\nПеревод *4321\nПлатеж №")
    assert town.direct(customer) == [("transfer", 500_000, "approved")]


def test_a_phone_is_topped_up_ones_own_too(town: Town, customer: Person) -> None:
    phone = customer.phone

    assert phone.dial("*880#", "2", "2") == "CON Номер телефона:\n00.Назад"
    assert phone.answer(customer.short) == "CON Сумма, сум:\n00.Назад"
    assert phone.answer("1000") == f"CON Пополнение {customer.msisdn}\n1 000 сум\nCLICK-PIN:\n00.Назад"
    assert phone.answer(PIN).startswith("END Оплачено: 1 000 сум\nПополнение ")
    assert town.direct(customer) == [("topup", 100_000, "approved")]


def test_two_cards_are_chosen_between_before_the_pin(town: Town, merchant: Person) -> None:
    customer = town.customer("1234", "5678")
    phone = customer.phone

    screen = phone.dial(f"*880*{town.service_code(merchant)}*5*7000#")
    assert screen == "CON Выберите карту\n1.*1234\n2.*5678\n0.Назад"
    assert phone.answer("2") == "CON Оплата MAGAZIN-24\n7 000 сум\nCLICK-PIN:\n00.Назад"


@pytest.mark.parametrize(
    ("way", "low", "high", "told"),
    [
        (("2", "1", "{code}", "5"), 999, 10_000_001, "Сумма от 1 000 до 10 000 000"),
        (("2", "2", "{own}"), 999, 1_000_001, "Сумма от 1 000 до 1 000 000"),
        (("3", "1", "{friend}"), 4_999, 5_000_001, "Сумма от 5 000 до 5 000 000"),
        (("3", "2"), 4_999, 5_000_001, "Сумма от 5 000 до 5 000 000"),
    ],
)
def test_a_sum_beyond_the_limits_is_asked_for_again_with_the_limits(
    town: Town,
    merchant: Person,
    customer: Person,
    friend: Person,
    way: tuple[str, ...],
    low: int,
    high: int,
    told: str,
) -> None:
    names = {"code": town.service_code(merchant), "own": customer.short, "friend": friend.short}
    phone = customer.phone
    phone.dial("*880#", *(part.format(**names) for part in way))

    for soums in (low, high):
        assert phone.answer(str(soums)) == f"CON {told}\nСумма, сум:\n00.Назад"
    assert town.direct(customer) == []


def test_nobody_sends_money_to_himself_or_to_who_has_no_card(town: Town, customer: Person) -> None:
    own = customer.dial("*880#", "3", "1", customer.short)
    dialled = customer.dial(f"*880*3*{customer.short}*5000#")

    assert own.startswith("CON Это ваш номер")
    assert dialled.startswith("CON Это ваш номер")
    assert customer.dial(f"*880*3*{town.stranger().short}*5000#") == "END Получатель не подключен к CLICK"
    assert customer.dial("*880#", "3", "1", "711234567").startswith("CON ")
    assert town.direct(customer) == []


def test_a_code_no_shop_has_an_account_that_is_none_and_a_card_with_a_typing_error_are_refused(
    town: Town, merchant: Person, customer: Person
) -> None:
    number = card_number("4321")
    mistyped = number[:11] + str((int(number[11]) + 1) % 10) + number[12:]

    assert customer.dial("*880*0999999*5*7000#") == "END Код услуги не найден"
    assert customer.dial(f"*880*{town.service_code(merchant)}*!*7000#") == "END Неверный номер счета"
    assert customer.dial(f"*880*{mistyped}*5000#") == "END Неверный номер карты"
    assert town.direct(customer) == []


def test_too_little_money_is_told_and_nothing_is_taken(town: Town, merchant: Person) -> None:
    customer = town.customer(balance=6_000)

    assert customer.dial(f"*880*{town.service_code(merchant)}*5*7000#", PIN) == (
        "END Не оплачено: нет средств. Деньги не списаны"
    )
    assert customer.quiet() == ["CLICK: MAGAZIN-24, 7 000 сум: нет средств. Деньги не списаны"]
    assert merchant.quiet() == []
    assert town.balance(customer) == 6_000


def test_a_stranger_is_told_how_to_link_a_card_whatever_it_wants_to_pay(
    town: Town, merchant: Person, customer: Person
) -> None:
    stranger = town.stranger()

    assert stranger.dial("*880#", "2") == HOW_TO_LINK
    assert stranger.dial("*880#", "3") == HOW_TO_LINK
    assert stranger.dial(f"*880*{town.service_code(merchant)}*5*7000#") == HOW_TO_LINK
    assert stranger.dial(f"*880*3*{customer.short}*5000#") == HOW_TO_LINK
    assert stranger.dial(f"*880*{card_number('4321')}*5000#") == HOW_TO_LINK
    assert stranger.dial("*880*2#") == HOW_TO_LINK


def test_s13a_one_star_is_a_transfer_and_two_are_a_check(
    town: Town, merchant: Person, customer: Person, friend: Person
) -> None:
    merchant.issue(customer, 50_000)
    two = f"*880**3*{customer.short}#"

    assert "ожидает оплаты" in merchant.dial(two)
    assert customer.dial(two) == "END Только для продавцов"
    assert customer.dial(f"*880**3*{friend.short}*5000#") == "END Только для продавцов"
    assert customer.dial(f"*880*3*{friend.short}*5000#").startswith(f"CON Перевод {friend.msisdn}\n")
    assert customer.dial(f"*880*3*{friend.short}#") == "END Неверный формат. *880*3*номер*сумма#"
    assert merchant.dial(f"*880**3*{customer.short}*5000#") == "END Неверный формат. *880**3*номер#"


def test_s13a_a_merchants_phone_never_takes_a_transfer_for_a_check_or_an_invoice(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 50_000)
    for code in (f"*880*3*{customer.short}*5000#", f"*880*0*{customer.short}*5000#"):
        screen = merchant.dial(code)
        assert customer.msisdn not in screen
        assert "Платеж" not in screen

    assert len(town.invoices(merchant)) == 1
    assert town.direct(merchant) == []


@pytest.mark.parametrize("send", [twice, at_once])
def test_every_request_repeated_links_pays_and_unlinks_once(
    town: Town, merchant: Person, friend: Person, send: Send
) -> None:
    phone, number, code = town.stranger(), card_number("4321"), town.service_code(merchant)
    assert play(send, phone, f"*880*0*{number}*1230#", PIN, PIN) == "END CLICK-PIN установлен"
    assert play(send, phone, f"*880*{code}*5*7000#", PIN).startswith("END Оплачено: 7 000 сум\n")
    assert play(send, phone, "*880#", "3", "1", friend.short, "5000", PIN).startswith("END Оплачено")
    assert play(send, phone, "*880*2#", PIN) == "END Баланс: 88 000 сум"
    assert play(send, phone, "*880#", "6", "2", PIN, "13579", "13579") == "END CLICK-PIN установлен"
    assert play(send, phone, "*880#", "4", "3", "1", "1") == "END Карта отключена"

    assert town.direct(phone) == [*ONE, ("transfer", 500_000, "approved")]
    assert town.balance(phone) == 88_000
    assert len(merchant.quiet()) == len(friend.quiet()) == 1
    assert len(phone.quiet()) == 4  # PIN chosen, two payments, PIN changed


def test_a_wrong_pin_for_an_order_repeated_is_one_try(town: Town, merchant: Person, customer: Person) -> None:
    code = f"*880*{town.service_code(merchant)}*5*7000#"

    assert play(at_once, customer, code, "13579").startswith("CON Неверный PIN, попыток: 2\n")
    assert play(at_once, customer, code, PIN).startswith("END Оплачено")
    assert town.direct(customer) == ONE
