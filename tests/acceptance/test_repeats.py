"""Networks repeat themselves: every request sent twice, or twenty times at once, has one effect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.town import Person, Town
from tests.served import PIN, Caller

COPIES = 20

Send = Callable[[Caller], list[str]]
"""Sends a phone's present request some times; the answers."""


def twice(phone: Caller) -> list[str]:
    return [phone.repeat(), phone.repeat()]


def at_once(phone: Caller) -> list[str]:
    with ThreadPoolExecutor(COPIES) as threads:
        return list(threads.map(lambda _: phone.repeat(), range(COPIES)))


def play(send: Send, person: Person, code: str, *answers: str) -> str:
    """A dialogue whose every request is sent so; the last screen."""
    phone = person.phone
    screen = phone.dial(code)
    for answer in ("", *answers):
        if answer:
            phone.typed.append(answer)
        copies = set(send(phone))
        assert len(copies) == 1, copies
        screen = copies.pop()
    return screen


@pytest.mark.parametrize("send", [twice, at_once])
def test_every_request_of_the_whole_way_repeated_has_one_effect(
    town: Town, merchant: Person, customer: Person, send: Send
) -> None:
    issued = play(send, merchant, "*880#", "2", customer.short, "50000")
    assert issued.startswith("END Счет №")
    ((number, _, _, _),) = town.invoices(merchant)
    assert play(send, customer, "*880#", "1", "1", PIN).startswith(
        f"END Оплачено: 50 000 сум\nСчет №{number}\n"
    )
    assert play(send, merchant, f"*880**3*{customer.short}#").endswith("\nОплачен")

    assert len(town.invoices(merchant)) == 1
    assert len(town.entries(number)) == 2
    assert town.balance(customer) == 10_000
    assert merchant.quiet() == [f"Оплата по счету №{number} на сумму 50 000 сум успешно произведена"]
    assert len(customer.quiet()) == 2


@pytest.mark.parametrize("send", [twice, at_once])
def test_a_shortcut_and_a_refusal_repeated_have_one_effect(
    town: Town, merchant: Person, customer: Person, send: Send
) -> None:
    code = f"*880**0*{customer.short}*50000#"
    play(send, merchant, code)
    ((first, _, _, _),) = town.invoices(merchant)
    assert play(send, merchant, code).startswith(f"CON Такой счет уже выставлен №{first}.")
    assert play(send, merchant, code, "1").startswith("END Счет №")
    assert len(town.invoices(merchant)) == 2

    assert play(send, customer, "*880#", "1", "2", "2").startswith(f"CON Счет №{first} отклонен\n")
    assert len(merchant.quiet()) == 1
    assert len(customer.quiet()) == 2


def test_a_wrong_pin_repeated_is_one_try(town: Town, merchant: Person, customer: Person) -> None:
    merchant.issue(customer, 50_000)

    assert play(at_once, customer, "*880#", "1", "1", "13579").startswith(
        "CON Неверный PIN, осталось попыток: 2\n"
    )
    assert play(twice, customer, "*880#", "1", "1", PIN).startswith("END Оплачено")


def test_two_phones_cannot_be_made_to_pay_one_invoice_twice(
    town: Town, merchant: Person, customer: Person
) -> None:
    """F9: dialogues of their own, each at the PIN question, answered at once."""
    town.change(
        "UPDATE sandbox_account SET balance_tiyin = 100000000 WHERE token IN (SELECT token FROM card"
        " JOIN customer ON customer.id = card.customer_id WHERE msisdn = ?)",
        customer.msisdn,
    )
    number = merchant.issue(customer, 50_000)
    # One handset holds one dialogue: the other stands at the same question through another network's session.
    phones = []
    for _ in range(4):
        phone = customer.phone
        phone.dial("*880#", "1", "1")
        phones.append(phone)
    with ThreadPoolExecutor(4) as threads:
        screens = list(threads.map(lambda phone: phone.answer(PIN), phones))

    assert sum(screen.startswith("END Оплачено") for screen in screens) == 1
    assert len(town.entries(number)) == 2
    assert town.balance(customer) == 950_000
