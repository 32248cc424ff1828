"""A28-A32: the merchant asks by *880**3*phone# whether a customer has paid."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.acceptance.town import Person, Town

TASHKENT = ZoneInfo("Asia/Tashkent")
MOMENT = r"(\d\d\.\d\d\.\d{4} \d\d:\d\d)"


def check(merchant: Person, customer: Person) -> str:
    return merchant.dial(f"*880**3*{customer.short}#")


def just_now(moment: str) -> bool:
    """Whether a screen's date and time are Tashkent's of now."""
    told = datetime.strptime(moment, "%d.%m.%Y %H:%M").replace(tzinfo=TASHKENT)
    return timedelta(0) <= datetime.now(TASHKENT) - told < timedelta(minutes=3)


def test_a28_a29_a_paid_invoice_shows_all_five_facts_on_one_screen_and_changes_nothing(
    town: Town, merchant: Person, customer: Person
) -> None:
    number = merchant.issue(customer, 50_000)
    customer.pay()
    before = merchant.quiet(), customer.quiet(), town.rows("SELECT * FROM invoice WHERE number = ?", number)
    ((payment,),) = town.rows(
        "SELECT payment.number FROM payment JOIN invoice ON invoice.id = invoice_id WHERE invoice.number = ?",
        number,
    )

    screen = check(merchant, customer)
    found = re.fullmatch(rf"END Платеж №{payment}\n50 000 сум\n{MOMENT}\nОплачен", screen)
    assert found, screen
    assert just_now(found[1])
    assert before == (
        merchant.quiet(),
        customer.quiet(),
        town.rows("SELECT * FROM invoice WHERE number = ?", number),
    )


def test_a30_an_invoice_that_waits_is_declined_or_has_expired_shows_no_payment_number(
    town: Town, merchant: Person
) -> None:
    waiting, declining, late = town.customer(), town.customer(), town.customer()
    numbers = [merchant.issue(person, 50_000) for person in (waiting, declining, late)]
    declining.decline()
    town.expire(numbers[2])

    for person, status in ((waiting, "ожидает оплаты"), (declining, "отклонен"), (late, "истек")):
        screen = check(merchant, person)
        found = re.fullmatch(rf"END 50 000 сум\n{MOMENT}\n{status}", screen)
        assert found, screen
        assert just_now(found[1])


def test_a30_an_unknown_outcome_is_being_processed_until_the_bank_has_taken_it_back(
    town: Town, merchant: Person
) -> None:
    customer = town.customer("0068")
    number = merchant.issue(customer, 50_000)

    with town.bank_takes_no_reversals():
        assert customer.pay() == "END Платеж обрабатывается. Результат придет по SMS. Не платите повторно"
        assert re.fullmatch(rf"END 50 000 сум\n{MOMENT}\nобрабатывается", check(merchant, customer))
        assert town.balance(customer) == 10_000
        assert f"CLICK: платеж по счету №{number} обрабатывается. Не платите повторно" in customer.sms(2)
        assert customer.dial("*880#", "1") == "END Счет уже оплачивается"
    assert "отменен, 50 000 сум возвращены" in customer.sms(3)[2]
    assert town.balance(customer) == 60_000
    assert check(merchant, customer).endswith("\nожидает оплаты")
    assert merchant.quiet() == []


def test_a31_a_payment_to_another_merchant_is_not_shown(
    town: Town, merchant: Person, customer: Person
) -> None:
    town.merchant("CHOYXONA").issue(customer, 50_000)
    customer.pay()

    assert check(merchant, customer) == "END Платежей не найдено"


def test_a32_three_payments_are_shown_newest_first_one_a_screen(merchant: Person, customer: Person) -> None:
    for soums in (1_000, 2_000, 3_000):
        merchant.issue(customer, soums)
        customer.pay()
    phone = merchant.phone
    screens = [phone.dial(f"*880**3*{customer.short}#"), phone.answer("1"), phone.answer("1")]

    assert [screen.splitlines()[1] for screen in screens] == ["3 000 сум", "2 000 сум", "1 000 сум"]
    assert [screen[:4] for screen in screens] == ["CON ", "CON ", "END "]
    assert all("\nОплачен" in screen for screen in screens)
    assert [screen.splitlines()[4] for screen in screens[:2]] == ["1.Еще", "1.Еще"]
    assert len(screens[2].splitlines()) == 4
