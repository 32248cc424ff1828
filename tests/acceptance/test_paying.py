"""A3, A12, A17, A18, A24-A27: a customer pays or declines."""

from __future__ import annotations

import re

from tests.acceptance.town import Person, Town
from tests.served import PIN


def paid_sms(number: int, soums: str = "50 000") -> str:
    """domain.md 3.4: the seed fixes this text to the letter."""
    return f"Оплата по счету №{number} на сумму {soums} сум успешно произведена"


def test_a3_the_whole_way_ends_in_the_books(town: Town, merchant: Person, customer: Person) -> None:
    merchant.dial("*880#", "2", customer.short, "50000")
    customer.pay()
    ((number, _, _, state),) = town.invoices(merchant)

    assert state == "paid"
    assert town.entries(number) == [
        ("acquirer_receivable", "D", 5_000_000),
        ("merchant_payable", "C", 5_000_000),
    ]
    assert town.balance(customer) == 10_000


def test_a12_the_merchant_gets_the_seeds_sms_within_ten_seconds(
    town: Town, merchant: Person, customer: Person
) -> None:
    number = merchant.issue(customer, 50_000)
    customer.pay()

    assert merchant.sms(1) == [paid_sms(number)]
    assert merchant.quiet() == [paid_sms(number)]
    ((seconds,),) = town.rows(
        "SELECT (julianday(outbox.sent_at) - julianday(payment.answered_at)) * 86400"
        " FROM outbox, payment JOIN invoice ON invoice.id = payment.invoice_id"
        " WHERE invoice.number = ? AND outbox.recipient = ?",
        number,
        merchant.msisdn,
    )
    assert 0 <= seconds < 10


def test_a17_the_customer_pays_with_the_right_pin(town: Town, merchant: Person, customer: Person) -> None:
    number = merchant.issue(customer, 50_000)
    phone = customer.phone

    assert (
        phone.dial("*880#", "1") == f"CON №{number}\nMAGAZIN-24\n50 000 сум\n1.Оплатить\n2.Отклонить\n0.Назад"
    )
    phone.answer("1")
    screen = phone.answer(PIN)
    found = re.fullmatch(rf"END Оплачено: 50 000 сум\nСчет №{number}\nПлатеж №(\d+)", screen)
    assert found, screen
    assert town.invoices(merchant)[0][3] == "paid"
    assert customer.sms(2)[1] == f"CLICK: счет №{number} оплачен, 50 000 сум, MAGAZIN-24. Платеж №{found[1]}"


def test_a17_a_wrong_pin_takes_no_money_and_says_how_many_tries_are_left(
    town: Town, merchant: Person, customer: Person
) -> None:
    number = merchant.issue(customer, 50_000)
    phone = customer.phone
    phone.dial("*880#", "1", "1")
    question = f"Счет №{number}\n50 000 сум\nCLICK-PIN:"

    assert phone.answer("13579").startswith(f"CON Неверный PIN, осталось попыток: 2\n{question}")
    assert town.balance(customer) == 60_000
    assert phone.answer(PIN).startswith("END Оплачено")


def test_three_wrong_pins_lock_it_and_the_right_one_is_refused_from_then_on(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 50_000)
    locked = "END CLICK-PIN заблокирован. *880#: Настройки, Забыли PIN"

    assert customer.dial("*880#", "1", "1", "13579", "13579", "13579") == locked
    assert customer.pay() == locked
    assert town.balance(customer) == 60_000
    assert customer.sms(2)[1].startswith("CLICK: PIN заблокирован")


def test_a18_the_customer_declines(town: Town, merchant: Person, customer: Person) -> None:
    number = merchant.issue(customer, 50_000)

    assert customer.decline() == (f"CON Счет №{number} отклонен\n1.Не получать счета от MAGAZIN-24\n0.Готово")
    assert town.invoices(merchant)[0][3] == "declined"
    assert merchant.sms(1) == [f"Клиент {customer.msisdn} отклонил счет №{number} на сумму 50 000 сум"]
    assert town.rows(
        "SELECT count(*) FROM payment JOIN invoice ON invoice.id = invoice_id WHERE invoice.number = ?",
        number,
    ) == [(0,)]


def test_a24_two_open_invoices_are_listed_and_one_is_chosen(
    town: Town, merchant: Person, customer: Person
) -> None:
    first, second = merchant.issue(customer, 50_000), town.merchant("CHOYXONA").issue(customer, 7_000)
    phone = customer.phone

    assert phone.dial("*880#", "1") == (
        f"CON Счета\n1.{second} CHOYXONA 7 000\n2.{first} MAGAZIN-24 50 000\n0.Назад"
    )
    assert phone.answer("2") == f"CON №{first}\nMAGAZIN-24\n50 000 сум\n1.Оплатить\n2.Отклонить\n0.Назад"


def test_a25_two_cards_are_asked_for_by_their_last_digits(town: Town, merchant: Person) -> None:
    customer = town.customer("1234", "5678")
    number = merchant.issue(customer, 50_000)
    phone = customer.phone
    screens = [phone.dial("*880#", "1"), phone.answer("1"), phone.answer("2")]

    assert screens[1] == "CON Выберите карту\n1.*1234\n2.*5678\n0.Назад"
    assert screens[2] == f"CON Счет №{number}\n50 000 сум\nCLICK-PIN:\n00.Назад"
    assert not re.search(r"\d{11}", "".join(screens))
    phone.answer(PIN)
    assert town.rows(
        "SELECT last4 FROM payment JOIN card ON card.id = card_id"
        " JOIN invoice ON invoice.id = invoice_id WHERE invoice.number = ?",
        number,
    ) == [("5678",)]


def test_a26_too_little_money_leaves_the_invoice_open_and_tells_the_customer_alone(
    town: Town, merchant: Person
) -> None:
    customer = town.customer(balance=40_000)
    number = merchant.issue(customer, 50_000)
    told = "нет средств. Деньги не списаны"

    assert customer.pay() == f"END Счет №{number} не оплачен: {told}"
    assert town.invoices(merchant)[0][3] == "issued"
    assert town.rows(
        "SELECT response_code FROM payment JOIN invoice ON invoice.id = invoice_id WHERE invoice.number = ?",
        number,
    ) == [("51",)]
    assert town.entries(number) == []
    assert customer.sms(2)[1] == f"CLICK: счет №{number} не оплачен: {told}"
    assert merchant.quiet() == []
    assert town.balance(customer) == 40_000


def test_a27_a_stranger_is_told_how_to_link_a_card_and_the_invoice_waits(
    town: Town, merchant: Person
) -> None:
    stranger = town.stranger()
    number = merchant.issue(stranger, 50_000)

    assert f"счет №{number}" in stranger.sms(1)[0]
    assert stranger.dial("*880#", "1", "1") == (
        "END Подключите карту: *880*0*номер карты*ММГГ#\nСправки: +99871-231-0-880"
    )
    assert town.invoices(merchant)[0][3] == "issued"
    town.expire(number)
    assert merchant.sms(1) == [f"Срок счета №{number} на сумму 50 000 сум истек, счет закрыт"]
    assert stranger.dial("*880#", "1") == "END Счетов нет"
