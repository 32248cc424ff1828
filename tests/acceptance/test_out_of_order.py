"""Steps that come too early, too late or after the end have no effect, whatever they say (F18)."""

from __future__ import annotations

from tests.acceptance.town import Person, Town
from tests.served import PIN

OVER = "END Сеанс завершен"


def test_f18_a_step_of_a_closed_dialogue_is_told_that_it_is_over_and_does_nothing(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 20_000)
    merchant.issue(customer, 30_000)
    phone = customer.phone
    declined = phone.dial("*880#", "1", "1", "2")
    assert "отклонен" in declined
    ended = phone.answer("0") if declined.startswith("CON ") else declined
    while ended.startswith("CON "):
        ended = phone.answer("0")

    late = [phone.answer(step) for step in ("1", "1", PIN)]

    assert all(screen.startswith(OVER) for screen in late), late
    assert sorted(state for *_, state in town.invoices(merchant)) == ["declined", "issued"]
    assert town.balance(customer) == 60_000


def test_f18_steps_that_come_in_another_order_pay_and_issue_nothing(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 50_000)
    phone = customer.phone
    phone.dial("*880#")
    phone.typed = ["1", "1", PIN]  # two steps ahead of the screen that is shown

    ahead = phone.repeat()
    phone.typed = ["1"]  # and one that is behind it again
    behind = phone.repeat()
    phone.typed = ["1", "1", PIN, PIN]
    phone.repeat()

    assert not ahead.startswith("END Оплачено")
    assert PIN not in ahead + behind
    assert town.balance(customer) == 60_000
    ((number, _, _, state),) = town.invoices(merchant)
    assert state == "issued"
    assert town.entries(number) == []


def test_f18_a_step_of_a_dialogue_that_was_never_begun_is_told_that_it_is_over(
    town: Town, merchant: Person, customer: Person
) -> None:
    merchant.issue(customer, 50_000)
    phone = customer.phone
    phone.dialogue, phone.code, phone.typed = "never-begun", "*880#", ["1", "1", PIN]

    screen = phone.repeat()

    assert not screen.startswith("END Оплачено")
    assert PIN not in screen
    assert town.balance(customer) == 60_000
