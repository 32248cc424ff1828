"""A8-A11, A16, A19-A23: a merchant issues an invoice."""

from __future__ import annotations

import pytest

from tests.acceptance.town import Person, Town, number_on

WHO = "CON Номер клиента (9989ХХХХХХХХ):\n00.Назад"
HOW_MUCH = "CON Сумма, сум:\n00.Назад"
WRONG_FORMAT = "END Неверный формат. *880**0*номер*сумма#"


@pytest.mark.parametrize("form", ["{}", "998{}", "+998{}"])
def test_a8_a9_the_menu_issues_an_invoice_however_the_number_is_written(
    town: Town, merchant: Person, customer: Person, form: str
) -> None:
    screen = merchant.dial("*880#", "2", form.format(customer.short), "50000")

    assert town.invoices(merchant) == [(number_on(screen), customer.msisdn, 5_000_000, "issued")]


def test_a8_a22_the_screen_shows_number_customer_and_sum_and_closes(
    merchant: Person, customer: Person
) -> None:
    for screen in (
        merchant.dial("*880#", "2", customer.short, "50000"),
        merchant.dial(f"*880**0*{customer.short}*49000#"),
    ):
        soums = "50 000" if "50 000" in screen else "49 000"
        assert screen == f"END Счет №{number_on(screen)}\n{customer.msisdn}\n{soums} сум"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("12345", "Неверный номер"),
        ("711234567", "Нужен мобильный номер"),
        ("own", "Это ваш номер"),
        ("998own", "Это ваш номер"),
    ],
)
def test_a10_a_wrong_number_is_asked_again_with_the_reason(
    town: Town, merchant: Person, typed: str, reason: str
) -> None:
    screen = merchant.dial("*880#", "2", typed.replace("own", merchant.short))

    assert screen == f"CON {reason}\n{WHO.removeprefix('CON ')}"
    assert town.invoices(merchant) == []


@pytest.mark.parametrize("typed", ["0", "-5", "1,5", "999", "99999999999", "10000001", "٥٠٠٠٠", "5e4"])
def test_a11_a_sum_out_of_limits_is_refused_with_the_limits_shown(
    town: Town, merchant: Person, customer: Person, typed: str
) -> None:
    screen = merchant.dial("*880#", "2", customer.short, typed)

    assert screen.endswith(f"от 1 000 до 10 000 000\n{HOW_MUCH.removeprefix('CON ')}")
    assert screen.startswith("CON ")
    assert town.invoices(merchant) == []


def test_a11_a_sum_with_a_space_between_thousands_is_read(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.dial("*880#", "2", customer.short, "50 000")

    assert [row[2] for row in town.invoices(merchant)] == [5_000_000]


def test_a16_the_shortcut_issues_in_one_round_trip(town: Town, merchant: Person, customer: Person) -> None:
    screen = merchant.dial(f"*880**0*{customer.short}*50000#")

    assert screen.startswith("END Счет №")
    assert town.invoices(merchant) == [(number_on(screen), customer.msisdn, 5_000_000, "issued")]


def test_a16_the_shortcut_is_read_in_the_gateways_other_form_too(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone = merchant.phone
    phone.dialogue, phone.code, phone.typed = "rest-in-text", "*880#", ["", "0", customer.short, "50000"]

    assert number_on(phone.repeat()) == town.invoices(merchant)[0][0]


@pytest.mark.parametrize("code", ["**0*{}", "**0**50000", "**0*{}*5x", "**0*{}*50000*1", "**0*{}*", "**0"])
def test_a19_a_shortcut_of_a_wrong_form_shows_the_right_one(
    town: Town, merchant: Person, customer: Person, code: str
) -> None:
    assert merchant.dial(f"*880{code.format(customer.short)}#") == WRONG_FORMAT
    assert town.invoices(merchant) == []


def test_a19_a_readable_but_refused_field_is_asked_again_and_the_other_is_kept(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone = merchant.phone

    assert phone.dial(f"*880**0*{customer.short}*5#").startswith("CON Сумма от 1 000 до 10 000 000\n")
    assert phone.answer("7000").endswith(f"\n{customer.msisdn}\n7 000 сум")
    assert phone.dial("*880**0*711234567*8000#").startswith("CON Нужен мобильный номер\n")
    assert phone.answer(customer.short).endswith(f"\n{customer.msisdn}\n8 000 сум")


def test_a20_the_same_invoice_within_a_minute_asks_first(
    town: Town, merchant: Person, customer: Person
) -> None:
    code = f"*880**0*{customer.short}*50000#"
    first = number_on(merchant.dial(code))
    phone = merchant.phone

    assert phone.dial(code) == f"CON Такой счет уже выставлен №{first}.\n1.Выставить еще\n0.Отмена"
    assert phone.answer("0") == "END Счет не выставлен"
    assert len(town.invoices(merchant)) == 1
    second = number_on(merchant.dial(code, "1"))
    assert [row[0] for row in town.invoices(merchant)] == [first, second]
    assert len(customer.sms(2)) == 2


def test_a21_the_same_request_again_gets_the_same_bytes_and_one_invoice(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone = merchant.phone
    first = phone.dial(f"*880**0*{customer.short}*50000#")
    answers = {phone.repeat() for _ in range(5)}

    assert answers == {first}
    assert len(town.invoices(merchant)) == 1
    assert len(customer.quiet()) == 1


def test_a23_the_customer_gets_one_sms_whose_outbox_row_was_there_before_the_screen(
    town: Town, merchant: Person, customer: Person
) -> None:
    number = merchant.issue(customer, 50_000)
    stored = town.rows("SELECT template FROM outbox WHERE recipient = ?", customer.msisdn)

    assert stored == [("issued_customer",)]
    assert customer.sms(1) == [f"CLICK: счет №{number} от MAGAZIN-24, 50 000 сум. Оплата/отказ: *880#"]
    assert customer.quiet() == customer.sms(1)
    (message,) = town.served.inbox(customer.msisdn)
    assert (message["from"], message["parts"]) == ("CLICK", 1)
