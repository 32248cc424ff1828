"""Signing in by phone and password, and everybody who tries to without (S10-S12; ASVS 6.1.1, 6.3.8)."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from invoicing import Grant, NewSession, Origin, Refusal, Refused, SessionKind, pins
from tests.cabinet.web import HERE, PASSWORD, People
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, STRANGER, World

WRONG = Refused(Refusal.WRONG_SIGN_IN)


def elsewhere(number: int) -> Origin:
    return Origin(f"198.51.100.{number}", "a stranger")


def try_wrong(people: People, times: int, origin: Origin, phone: str = SHOP) -> list[object]:
    return [people.accounts.sign_in(phone, f"wrong {n}", origin) for n in range(times)]


def seconds(answer: object) -> int:
    """How long an answer says to wait; 0 where it does not."""
    if isinstance(answer, Refused) and answer.reason is Refusal.TOO_MANY_TRIES:
        return int(answer.params["seconds"])
    return 0


def test_asvs_6_1_1_after_five_wrong_tries_each_further_one_waits_longer_to_fifteen_minutes(
    people: People,
) -> None:
    people.sign_up()
    assert try_wrong(people, 5, HERE) == [WRONG] * 5
    waits = []
    for _ in range(7):
        waits.append(seconds(people.accounts.sign_in(SHOP, "wrong", HERE)))
        people.world.clock.advance(seconds=waits[-1])
        assert people.accounts.sign_in(SHOP, "wrong", HERE) == WRONG

    assert waits == [31, 61, 121, 241, 481, 901, 901]


def test_the_right_password_waits_as_well_and_then_opens_and_clears(people: People) -> None:
    people.sign_up()
    try_wrong(people, 5, HERE)
    assert seconds(people.accounts.sign_in(SHOP, PASSWORD, HERE))

    people.world.clock.advance(seconds=31)
    assert isinstance(people.accounts.sign_in(SHOP, PASSWORD, HERE), NewSession)
    assert try_wrong(people, 5, HERE) == [WRONG] * 5


def test_s11_a_stranger_who_tries_a_hundred_times_shuts_nobody_out_of_a_browser_known_before(
    people: People,
) -> None:
    mark = people.sign_up().browser
    for number in range(20):
        try_wrong(people, 5, elsewhere(number))
    known = replace(HERE, browser=mark)

    assert seconds(people.accounts.sign_in(SHOP, PASSWORD, elsewhere(99))), "strangers wait by now"
    assert isinstance(people.accounts.sign_in(SHOP, PASSWORD, known), NewSession)


def test_s11_a_known_browser_has_tries_of_its_own_and_no_more(people: People) -> None:
    known = replace(HERE, browser=people.sign_up().browser)

    assert try_wrong(people, 5, known) == [WRONG] * 5
    assert seconds(people.accounts.sign_in(SHOP, PASSWORD, known))


def test_a_mark_of_another_account_or_of_nobody_counts_as_a_stranger(people: People) -> None:
    mark = people.sign_up(OTHER_SHOP).browser
    people.sign_up()
    try_wrong(people, 5, HERE)

    for foreign in (mark, "x" * 43, "\ud800"):
        assert seconds(people.accounts.sign_in(SHOP, PASSWORD, replace(HERE, browser=foreign)))


def test_one_address_that_tries_many_accounts_is_slowed_down(people: People) -> None:
    phones = [f"9989055{number:05d}" for number in range(100)]
    for phone in phones:
        assert people.accounts.sign_in(phone, "wrong", HERE) == WRONG

    assert seconds(people.accounts.sign_in(STRANGER, "wrong", HERE))
    assert people.accounts.sign_in(STRANGER, "wrong", elsewhere(1)) == WRONG


def test_s12_asvs_6_3_8_every_way_to_be_wrong_is_answered_alike(people: People) -> None:
    people.sign_up()
    unregistered, passwordless = STRANGER, OTHER_SHOP

    answers = [
        [people.accounts.sign_in(phone, "wrong password", elsewhere(number)) for number in (1, 1, 1, 1, 1, 1)]
        for phone in (SHOP, unregistered, passwordless, CUSTOMER)
    ]

    assert answers[1:] == [answers[0]] * 3


@pytest.mark.parametrize("what", ["sign in", "ask for a code", "check a code"])
def test_s12_asvs_6_3_8_it_takes_the_same_time_for_phones_nobody_registered(
    sqlite_world: World, what: str
) -> None:
    """Medians of 500 calls each, taken in turns, differ by less than 5 ms."""
    people = People(sqlite_world)
    people.sign_up()
    took: dict[str, list[float]] = {SHOP: [], STRANGER: []}
    for _ in range(500):
        for phone, times in took.items():
            people.world.clock.advance(hours=13)
            ref = people.ask(phone) if what == "check a code" else ""
            began = time.perf_counter()
            if what == "sign in":
                people.accounts.sign_in(phone, "wrong password", HERE)
            elif what == "ask for a code":
                people.accounts.ask_code(phone, HERE)
            else:
                people.accounts.check_code(phone, ref, "000000", HERE)
            times.append(time.perf_counter() - began)

    known, unknown = (statistics.median(times) for times in took.values())
    assert abs(known - unknown) < 0.005


@pytest.mark.parametrize("phone", [SHOP, OTHER_SHOP, STRANGER])
def test_s12_one_hash_is_computed_whoever_signs_in(
    people: People, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_up()
    people.accounts.sign_in(STRANGER, "first", HERE)
    counted: list[str] = []
    compare = pins.is_right

    def counting(pepper: bytes, kept: str, typed: str) -> bool:
        counted.append(kept.partition("$m")[0])
        return compare(pepper, kept, typed)

    monkeypatch.setattr(pins, "is_right", counting)

    people.accounts.sign_in(phone, "wrong password", HERE)

    assert counted == ["$argon2id$v=19"]


def test_s10_asvs_15_4_2_sixteen_at_once_get_three_tries_at_a_code(file_world: World) -> None:
    people = People(file_world)
    ref = people.ask()
    code = people.code()
    guesses = [f"{(int(code) + n) % 1_000_000:06d}" for n in range(1, 17)]
    together = threading.Barrier(16)

    def guess(typed: str) -> Grant | Refused:
        together.wait()
        return people.accounts.check_code(SHOP, ref, typed, HERE)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(guess, guesses))

    reasons = [answer.reason for answer in answers if isinstance(answer, Refused)]
    assert len(reasons) == 16
    compared = [answer for answer in answers if answer == Refused(Refusal.WRONG_CODE, {"left": 2})]
    assert len(compared) == 1, "each try that was compared was another one"
    assert reasons.count(Refusal.WRONG_CODE) == 2
    assert reasons.count(Refusal.CODE_OVER) == 14


def test_asvs_15_4_2_sixteen_at_once_get_five_tries_at_a_password(file_world: World) -> None:
    people = People(file_world)
    people.sign_up()
    together = threading.Barrier(16)

    def guess(number: int) -> object:
        together.wait()
        return people.accounts.sign_in(SHOP, f"guess {number}", HERE)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(guess, range(16)))

    assert answers.count(WRONG) == 5
    assert sum(seconds(answer) > 0 for answer in answers) == 11


def test_a_blocked_user_with_the_right_password_is_told_so_and_nobody_else_is(people: People) -> None:
    people.sign_up()
    people.world.service.block_merchant(SHOP)

    assert people.accounts.sign_in(SHOP, PASSWORD, HERE) == Refused(Refusal.BLOCKED)
    assert people.accounts.sign_in(SHOP, "wrong", HERE) == WRONG


def test_a_customer_without_a_shop_cannot_sign_in(people: People) -> None:
    assert people.accounts.sign_in(CUSTOMER, "24680", HERE) == WRONG


def test_an_operator_signs_in_by_name_and_only_where_operators_do(people: People) -> None:
    people.accounts.set_operator("bank01", "a password of the bank")
    new = people.accounts.sign_in_operator("bank01", "a password of the bank", HERE)

    assert isinstance(new, NewSession)
    assert new.who.kind is SessionKind.ADMIN
    assert new.who.merchant_id is None
    assert people.accounts.sign_in_operator("bank01", "another password", HERE) == WRONG
    assert people.accounts.sign_in_operator(SHOP, PASSWORD, HERE) == WRONG


def test_an_operator_and_a_merchants_user_of_the_same_number_are_two_people(people: People) -> None:
    shop = people.sign_up()
    people.accounts.set_operator("bank01", "a password of the bank")
    admin = people.accounts.sign_in_operator("bank01", "a password of the bank", HERE)
    assert isinstance(admin, NewSession)
    assert admin.who.user_id == shop.who.user_id == "1"

    assert [view.here for view in people.accounts.sessions(admin.who)] == [True]
    assert people.accounts.end_session(admin.who, shop.who.session_id) == Refused(Refusal.NOT_FOUND)
    assert people.accounts.sign_out_everywhere(admin.who) == 1
    assert people.accounts.session(shop.token) is not None
    assert people.accounts.session(admin.token) is None


def test_s19_what_a_device_calls_itself_stays_one_line_of_the_audit_trail(people: People) -> None:
    people.sign_up()
    new = people.accounts.sign_in(SHOP, PASSWORD, Origin("192.0.2.9", "x" * 500))

    assert isinstance(new, NewSession)
    assert len(people.accounts.sessions(new.who)[0].label) == 120
    assert people.world.sound()
