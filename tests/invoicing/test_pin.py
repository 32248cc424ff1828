"""The CLICK-PIN: three wrong tries in a row, whoever makes them and however (S6)."""

from __future__ import annotations

import threading
import time

import pytest

from invoicing import Done, Limits, Paid, PayAnswer, PinRight, Refusal, Refused, pins
from invoicing.audit import Actor
from invoicing.customers import Checking
from invoicing.payments import PayOrder
from tests.invoicing.world import CUSTOMER, PIN, SHOP, SOUM, STRANGER, WRONG_PIN, World

WRONG_TWICE_LEFT = Refused(Refusal.WRONG_PIN, {"left": 2})
LOCKED = Refused(Refusal.PIN_LOCKED)


def test_three_wrong_tries_lock_the_pin_and_tell_the_owner_once(world: World) -> None:
    invoice = world.issue()

    answers = [world.pay(invoice, pin=WRONG_PIN) for _ in range(4)]
    right = world.pay(invoice)

    assert answers == [WRONG_TWICE_LEFT, Refused(Refusal.WRONG_PIN, {"left": 1}), LOCKED, LOCKED]
    assert right == LOCKED
    assert world.balance_soum == 60_000
    assert world.texts(CUSTOMER)[1:] == ["CLICK: PIN заблокирован: неверные вводы. Тел. +998712310880"]


def test_a_right_pin_starts_the_count_anew(world: World) -> None:
    world.pay(world.issue(), pin=WRONG_PIN)
    world.pay(world.issue(), pin=WRONG_PIN)

    assert isinstance(world.pay(world.issue(1_000 * SOUM)), Paid)
    assert world.pay(world.issue(), pin=WRONG_PIN) == WRONG_TWICE_LEFT


def test_checking_and_paying_share_one_count(world: World) -> None:
    invoice = world.issue()
    world.service.check_pin(world.key(), CUSTOMER, WRONG_PIN)
    world.pay(invoice, pin=WRONG_PIN)

    assert world.service.check_pin(world.key(), CUSTOMER, WRONG_PIN) == LOCKED
    assert world.pay(invoice) == LOCKED


def test_a_right_pin_is_right(world: World) -> None:
    assert world.service.check_pin(world.key(), CUSTOMER, PIN) == PinRight()


def test_a_repeated_check_gives_the_first_answer_and_counts_once(world: World) -> None:
    key = world.key()
    first = world.service.check_pin(key, CUSTOMER, WRONG_PIN)

    assert [world.service.check_pin(key, CUSTOMER, guess) for guess in (PIN, WRONG_PIN, "99999")] == [
        first
    ] * 3
    assert world.service.check_pin(world.key(), CUSTOMER, WRONG_PIN) == Refused(
        Refusal.WRONG_PIN, {"left": 1}
    )


@pytest.mark.parametrize("phone", [STRANGER, SHOP])
def test_who_has_no_pin_is_not_connected(world: World, phone: str) -> None:
    assert world.service.check_pin(world.key(), phone, PIN) == Refused(Refusal.NOT_CONNECTED)


def test_an_operator_unlocks_a_pin(world: World) -> None:
    invoice = world.issue()
    for _ in range(3):
        world.pay(invoice, pin=WRONG_PIN)

    assert world.service.unlock_customer(CUSTOMER) == Done()
    assert isinstance(world.pay(invoice), Paid)


def test_a_second_lock_tells_the_owner_again(world: World) -> None:
    for _ in range(2):
        invoice = world.issue()
        for _ in range(3):
            world.pay(invoice, pin=WRONG_PIN)
        world.service.unlock_customer(CUSTOMER)
        world.clock.advance(minutes=1)

    assert sum("заблокирован" in text for text in world.texts(CUSTOMER)) == 2


def test_parallel_guesses_get_three_tries_together(file_world: World) -> None:
    world = file_world
    invoice, card = world.issue(), world.card_id
    compared: list[str] = []
    real = pins.is_right

    def counting(pepper: bytes, pin_hash: str, pin: str) -> bool:
        compared.append(pin)
        return real(pepper, pin_hash, pin)

    answers: list[PayAnswer] = []

    def guess(pin: str) -> None:
        answers.append(world.service.pay(world.key(), CUSTOMER, invoice.id, card, pin))

    world.service._sleep = time.sleep
    threads = [threading.Thread(target=guess, args=(f"1357{digit}",)) for digit in range(10)]
    pins.is_right = counting
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        pins.is_right = real

    assert len(compared) <= 3
    assert len(answers) == 10
    assert LOCKED in answers
    assert world.pay(invoice) == LOCKED


def order(world: World, invoice_id: str) -> PayOrder:
    return PayOrder(Actor(CUSTOMER, "ussd"), int(invoice_id), int(world.card_id))


def test_tries_whose_requests_died_are_spent(world: World) -> None:
    invoice = world.issue()
    for _ in range(3):
        begun = world.service.begin_payment(world.key(), "body", order(world, invoice.id))
        assert isinstance(begun, Checking)

    busy = world.pay(invoice)
    world.clock.advance(seconds=10)

    assert busy == Refused(Refusal.UNAVAILABLE)
    assert world.pay(invoice) == LOCKED
    assert "заблокирован" in world.texts(CUSTOMER)[-1]


def test_a_request_that_found_the_tries_in_use_may_come_again_under_its_key(world: World) -> None:
    invoice, key = world.issue(), world.key()
    held = [world.service.begin_payment(world.key(), "body", order(world, invoice.id)) for _ in range(3)]
    busy = world.pay(invoice, key=key)
    assert isinstance(held[0], Checking)
    world.service.start_payment(held[0], order(world, invoice.id), pin_right=True)

    assert busy == Refused(Refusal.UNAVAILABLE)
    assert world.pay(invoice, key=key) == Refused(Refusal.BEING_PAID, {"number": 1001})


def test_a_wrong_try_that_ends_after_a_right_one_still_counts(world: World) -> None:
    invoice = world.issue()
    slow = world.service.begin_payment(world.key(), "body", order(world, invoice.id))
    assert isinstance(slow, Checking)
    world.service.check_pin(world.key(), CUSTOMER, PIN)

    late = world.service.start_payment(slow, order(world, invoice.id), pin_right=False)

    assert late == WRONG_TWICE_LEFT
    assert world.pay(invoice, pin=WRONG_PIN) == Refused(Refusal.WRONG_PIN, {"left": 1})


def test_a_right_try_that_ends_after_the_lock_is_refused(world: World) -> None:
    invoice = world.issue()
    slow = world.service.begin_payment(world.key(), "body", order(world, invoice.id))
    assert isinstance(slow, Checking)
    for _ in range(3):
        world.service.check_pin(world.key(), CUSTOMER, WRONG_PIN)

    assert world.service.start_payment(slow, order(world, invoice.id), pin_right=True) == LOCKED
    assert world.count("payment") == 0


def test_a_pin_hash_needs_both_the_pin_and_the_pepper() -> None:
    kept = pins.hash_pin(b"pepper", PIN)

    assert pins.is_right(b"pepper", kept, PIN)
    assert not pins.is_right(b"pepper", kept, WRONG_PIN)
    assert not pins.is_right(b"another", kept, PIN)
    assert PIN not in kept


def test_pins_are_hashed_as_owasp_advises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real hasher, not the tests' cheap one

    assert pins.hash_pin(b"pepper", PIN).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_no_value_that_carries_a_pin_hash_prints_it(world: World) -> None:
    begun = world.service.begin_payment(world.key(), "body", order(world, world.issue().id))

    assert "argon2" not in repr(begun)


def test_three_is_a_setting() -> None:
    assert Limits().pin_tries == 3
