"""One effect per key, the first answer for every repeat, also for twenty at once (A21, A37, F9, S20)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from invoicing import Duplicate, Issued, Paid, Refusal, Refused, RequestKey
from invoicing.requests import ACTION_KEY_LIFE, API_KEY_LIFE
from invoicing.storage import requests as storage
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, PIN, SHOP, STRANGER, World


def at_once(count: int, call: Callable[[int], object]) -> list[object]:
    """What `count` threads get that start together."""
    barrier = threading.Barrier(count)

    def run(place: int) -> object:
        barrier.wait()
        return call(place)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_the_same_issue_twice_is_one_invoice_and_one_sms(world: World) -> None:
    key = world.key()

    first = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    world.clock.advance(seconds=5)
    second = world.service.issue(key, SHOP, CUSTOMER, FIFTY)

    assert first == second
    assert isinstance(first, Issued)
    assert world.count("invoice") == 1
    assert len(world.texts(CUSTOMER)) == 1


def test_a_repeat_is_answered_as_at_first_whatever_happened_since(world: World) -> None:
    key = world.key()
    first = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    assert isinstance(first, Issued)
    world.pay(first.invoice)

    assert world.service.issue(key, SHOP, CUSTOMER, FIFTY) == first


def test_refusals_and_questions_are_answers_too(world: World) -> None:
    asked, refused = world.key(), world.key()
    world.issue()
    question = world.service.issue(asked, SHOP, CUSTOMER, FIFTY)
    refusal = world.service.issue(refused, SHOP, SHOP, FIFTY)
    world.clock.advance(minutes=5)

    assert world.service.issue(asked, SHOP, CUSTOMER, FIFTY) == question == Duplicate(1001)
    assert world.service.issue(refused, SHOP, SHOP, FIFTY) == refusal == Refused(Refusal.OWN_NUMBER)


def test_a_key_with_another_body_is_refused_and_does_nothing(world: World) -> None:
    key = world.key()
    first = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    assert isinstance(first, Issued)

    reused = Refused(Refusal.KEY_REUSED)
    assert world.service.issue(key, SHOP, CUSTOMER, FIFTY + 100) == reused
    assert world.service.issue(key, SHOP, STRANGER, FIFTY) == reused
    assert world.service.cancel(key, SHOP, first.invoice.id) == reused
    assert world.service.decline(key, CUSTOMER, first.invoice.id) == reused
    assert world.service.pay(key, CUSTOMER, first.invoice.id, world.card_id, PIN) == reused
    assert world.service.check_pin(key, CUSTOMER, PIN) == reused
    assert world.count("invoice") == 1


def test_one_key_in_two_scopes_is_two_requests(world: World) -> None:
    one = world.service.issue(RequestKey.api("merchant:1", "k"), SHOP, CUSTOMER, FIFTY)
    other = world.service.issue(RequestKey.api("merchant:2", "k"), OTHER_SHOP, CUSTOMER, FIFTY)

    assert isinstance(one, Issued)
    assert isinstance(other, Issued)
    assert one.invoice.number != other.invoice.number


@pytest.mark.parametrize(
    ("key", "life"),
    [(RequestKey.action("g", "d"), ACTION_KEY_LIFE), (RequestKey.api("m", "u"), API_KEY_LIFE)],
)
def test_a_key_lives_its_time_and_may_then_be_used_anew(
    world: World, key: RequestKey, life: timedelta
) -> None:
    first = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    world.clock.at += life - timedelta(seconds=1)
    repeated = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    world.clock.advance(seconds=1)
    anew = world.service.issue(key, SHOP, STRANGER, FIFTY)

    assert repeated == first
    assert isinstance(anew, Issued)
    assert anew.invoice.number == 1002


def test_copies_of_a_request_under_a_key_used_anew_get_its_answer_and_never_the_old_ones(
    file_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, key = file_world, RequestKey.action("g", "d")
    yesterday = world.service.issue(key, SHOP, CUSTOMER, FIFTY)
    world.clock.advance(days=1)
    both, find = threading.Barrier(2), storage.find

    def together(conn: Connection, scope: str, key: str) -> storage.Request | None:
        found = find(conn, scope, key)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return found

    monkeypatch.setattr(storage, "find", together)
    answers = at_once(2, lambda _: world.service.issue(key, SHOP, CUSTOMER, FIFTY))

    assert isinstance(yesterday, Issued)
    assert isinstance(answers[0], Issued)
    assert answers[0] == answers[1] != yesterday
    assert world.count("invoice") == 2


def test_keys_are_kept_15_minutes_for_dialogues_and_30_days_for_programs() -> None:
    assert (timedelta(minutes=15), timedelta(days=30)) == (ACTION_KEY_LIFE, API_KEY_LIFE)


@pytest.mark.parametrize(("scope", "key"), [("", "k"), ("s", ""), ("s", "k" * 256), ("s" * 81, "k")])
def test_a_key_that_would_not_fit_is_a_fault_of_the_caller(scope: str, key: str) -> None:
    with pytest.raises(ValueError, match="1-255"):
        RequestKey(scope, key)


def test_keys_whose_time_is_long_over_are_forgotten(world: World) -> None:
    world.issue()
    world.clock.advance(days=1, minutes=16)
    world.issue()

    assert world.workers.forget_requests() == 1
    assert world.count("request_log") == 1


def test_twenty_copies_of_an_issue_are_one_invoice_and_equal_answers(file_world: World) -> None:
    world, key = file_world, file_world.key()

    answers = at_once(20, lambda _: world.service.issue(key, SHOP, CUSTOMER, FIFTY))

    assert isinstance(answers[0], Issued)
    assert answers == [answers[0]] * 20
    assert world.count("invoice") == 1
    assert len(world.texts(CUSTOMER)) == 1


def test_twenty_copies_of_a_payment_take_the_money_once_and_are_answered_equally(file_world: World) -> None:
    world, key = file_world, file_world.key()
    world.service._sleep = time.sleep
    invoice, card = world.issue(), world.card_id

    answers = at_once(20, lambda _: world.service.pay(key, CUSTOMER, invoice.id, card, PIN))

    assert isinstance(answers[0], Paid)
    assert answers == [answers[0]] * 20
    assert world.count("payment") == 1
    assert world.balance_soum == 10_000
    assert len(world.texts(SHOP)) == 1
    assert world.sound()


def test_twenty_copies_of_a_decline_are_answered_equally(file_world: World) -> None:
    world, key = file_world, file_world.key()
    invoice = world.issue()

    answers = at_once(20, lambda _: world.service.decline(key, CUSTOMER, invoice.id))

    assert answers == [answers[0]] * 20
    assert len(world.texts(SHOP)) == 1


def test_a_hundred_dialogues_that_pay_one_invoice_pay_it_once(file_world: World) -> None:
    world = file_world
    invoice, card = world.issue(), world.card_id
    keys = [world.key() for _ in range(100)]
    world.service._sleep = time.sleep  # three tries at once are all a PIN has; the others wait for theirs
    answers = at_once(100, lambda place: world.service.pay(keys[place], CUSTOMER, invoice.id, card, PIN))

    paid = [answer for answer in answers if isinstance(answer, Paid)]
    refused = {answer.reason for answer in answers if isinstance(answer, Refused)}
    assert len(paid) == world.count("payment") == 1
    assert len(answers) - len(paid) == sum(isinstance(answer, Refused) for answer in answers)
    assert refused <= {Refusal.BEING_PAID, Refusal.ALREADY_PAID}
    assert world.balance_soum == 10_000
    assert world.sound()


def test_a_merchant_who_cancels_while_the_customer_pays_and_another_declines(file_world: World) -> None:
    world = file_world
    for _ in range(10):
        invoice, card = world.issue(1_000 * 100), world.card_id
        calls: list[Callable[[], object]] = [
            lambda i=invoice: world.service.cancel(world.key(), SHOP, i.id),  # type: ignore[misc]
            lambda i=invoice, c=card: world.service.pay(world.key(), CUSTOMER, i.id, c, PIN),  # type: ignore[misc]
            lambda i=invoice: world.service.decline(world.key(), CUSTOMER, i.id),  # type: ignore[misc]
        ]

        answers = at_once(3, lambda place, calls=calls: calls[place]())  # type: ignore[misc]

        assert sum(not isinstance(answer, Refused) for answer in answers) == 1
        assert world.sound()
