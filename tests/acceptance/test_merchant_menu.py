"""A1, A2, A4-A7, A13-A15: who sees which menu, and what the merchant's menu offers."""

from __future__ import annotations

import re

import pytest

from invoicing.requests import RequestKey
from tests.acceptance.town import Person, Town
from tests.served import PIN

HOME = "CON CLICK Терминал\n1.Меню клиента\n2.Выставить счет\n3.Последние поступления"
CUSTOMER_HOME = "CON CLICK\n1.Счета\n2.Платежи\n3.Переводы\n4.Мои карты\n5.История\n6.Настройки\n7.Помощь"
WRONG_HOME = HOME.replace("CLICK Терминал", "Неверно\nCLICK Терминал")


def test_a1_a_phone_that_is_no_merchants_sees_the_customer_menu(town: Town, customer: Person) -> None:
    assert town.stranger().dial("*880#") == CUSTOMER_HOME
    assert customer.dial("*880#") == CUSTOMER_HOME


def test_a1_the_merchants_shortcuts_are_refused_to_others(town: Town, customer: Person) -> None:
    other = town.stranger()

    assert other.dial(f"*880**0*{customer.short}*50000#") == "END Только для продавцов"
    assert other.dial(f"*880**3*{customer.short}#") == "END Только для продавцов"
    assert customer.quiet() == []


@pytest.mark.parametrize("code", ["*880#", "*880**0*{}*50000#", "*880**3*{}#", "*880*2#"])
def test_a2_a_blocked_merchant_is_refused_and_an_audit_row_tells_it(
    town: Town, merchant: Person, customer: Person, code: str
) -> None:
    town.block(merchant)
    screen = merchant.dial(code.format(customer.short))

    assert screen == "END Номер заблокирован банком. Справки: +99871-231-0-880"
    assert town.invoices(merchant) == []
    assert town.rows("SELECT channel, action FROM audit WHERE actor = ?", merchant.msisdn) == [
        ("ussd", "refused_blocked")
    ]


def test_a4_a5_the_first_screen_has_exactly_the_seeds_three_items(merchant: Person) -> None:
    screen = merchant.dial("*880#")

    assert screen == HOME
    assert len(screen.removeprefix("CON ")) <= 80


def test_a6_two_wrong_answers_show_the_menu_with_the_reason_and_the_third_ends_it(merchant: Person) -> None:
    phone = merchant.phone
    phone.dial("*880#")

    assert phone.answer("7") == WRONG_HOME
    assert phone.answer("abc") == WRONG_HOME
    assert phone.answer("") == "END Слишком много ошибок. Справки: www.click.uz, +99871-231-0-880"


def test_a6_an_empty_answer_is_a_wrong_one_and_a_right_one_starts_the_count_anew(merchant: Person) -> None:
    phone = merchant.phone
    phone.dial("*880#", "7")

    assert phone.answer("") == WRONG_HOME
    assert phone.answer("2") == "CON Номер клиента (9989ХХХХХХХХ):\n00.Назад"
    assert phone.answer("00") == HOME
    assert phone.answer("8") == WRONG_HOME


def test_a7_issuing_asks_for_the_number_and_then_for_the_sum(merchant: Person, customer: Person) -> None:
    phone = merchant.phone

    assert phone.dial("*880#", "2") == "CON Номер клиента (9989ХХХХХХХХ):\n00.Назад"
    assert phone.answer(customer.short) == "CON Сумма, сум:\n00.Назад"


def test_a13_seven_invoices_in_different_states_are_listed_newest_first(town: Town, merchant: Person) -> None:
    people = [town.customer(), town.customer(), town.customer("0068"), *(town.stranger() for _ in range(4))]
    numbers = [merchant.issue(person, 10_000 + place) for place, person in enumerate(people)]
    people[0].pay()
    people[1].decline()
    town.expire(numbers[3])
    ((cancelled,),) = town.rows("SELECT id FROM invoice WHERE number = ?", numbers[4])
    with town.money() as money:
        money.invoicing.cancel(RequestKey("test", merchant.msisdn), merchant.msisdn, str(cancelled))
    status = ["оплачен", "отклонен", "обрабатывается", "истек", "отменен", "ожидает оплаты", "ожидает оплаты"]

    with town.bank_takes_no_reversals():
        people[2].pay()
        phone = merchant.phone
        screens = [phone.dial("*880#", "3")]
        while "98.Еще" in screens[-1]:
            screens.append(phone.answer("98"))
        oldest = phone.answer(last_choice(screens[-1]))
        phone.answer("0")
        back = [phone.answer("99") for _ in screens[1:]]

    rows = re.findall(r"^\d\.№(\d+) (1\d \d{3}) (.+)$", "\n".join(screens), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == numbers[::-1]
    assert [amount for _, amount, _ in rows] == [f"10 00{place}" for place in reversed(range(7))]
    assert [told for _, _, told in rows] == status[::-1]
    assert oldest.startswith(f"CON №{numbers[0]} {people[0].msisdn}\n10 000 сум\n")
    assert oldest.endswith(" оплачен\n0.Назад")
    assert [screen.splitlines()[1] for screen in back] == [
        screen.splitlines()[1] for screen in screens[-2::-1]
    ]


def last_choice(screen: str) -> str:
    return str(re.findall(r"^(\d)\.№", screen, re.MULTILINE)[-1])


def test_a14_nobody_sees_another_merchants_invoices(town: Town, merchant: Person, customer: Person) -> None:
    number = town.merchant("CHOYXONA").issue(customer, 20_000)

    assert merchant.dial("*880#", "3") == "END Счетов нет"
    own = merchant.issue(customer, 30_000)
    listed = merchant.dial("*880#", "3")
    assert f"№{own}" in listed
    assert str(number) not in listed


def test_a15_a_merchant_pays_its_own_invoices_through_the_customer_menu(town: Town, merchant: Person) -> None:
    town.connect(merchant)
    number = town.merchant("CHOYXONA").issue(merchant, 20_000)
    phone = merchant.phone

    assert phone.dial("*880#", "1") == CUSTOMER_HOME
    assert phone.answer("1").startswith(f"CON №{number}\nCHOYXONA\n20 000 сум\n1.Оплатить\n2.Отклонить")
    phone.answer("1")
    assert phone.answer(PIN).startswith(f"END Оплачено: 20 000 сум\nСчет №{number}\nПлатеж №")
