"""One-time codes: short, few, hashed, sealed on their way, and the same answer for everybody (S9, S10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from invoicing import CodeSent, Done, Refusal, Refused, Relay, SendLater
from invoicing.codes import LOGIN, PASSWORD, PIN_RESET
from tests.invoicing.test_requests import at_once
from tests.invoicing.world import CUSTOMER, RAISED, SHOP, STRANGER, World

OVER = Refused(Refusal.CODE_OVER)


def ask(world: World, phone: str = SHOP, purpose: str = LOGIN, address: str | None = None) -> str:
    answer = world.service.request_code(phone, purpose, address=address)
    assert isinstance(answer, CodeSent), answer
    return answer.request_ref


def code_in_sms(world: World, phone: str = SHOP) -> str:
    return next(text for text in reversed(world.texts(phone)) if "код" in text).split()[2].rstrip(".")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_comes_by_sms_and_is_good_once(world: World) -> None:
    ref, code = ask(world), ""
    code = code_in_sms(world)

    assert len(code) == 6
    assert world.service.use_code(SHOP, LOGIN, ref, code) == Done()
    assert world.service.use_code(SHOP, LOGIN, ref, code) == OVER


@pytest.mark.parametrize(("life_s", "told"), [(300, "Действует 5 мин"), (179, "Действует 2 мин")])
def test_the_sms_says_how_long_the_code_is_good(world: World, life_s: int, told: str) -> None:
    world.limits = replace(world.limits, code_life=timedelta(seconds=life_s))
    world.play(world.bank)
    ask(world)

    assert world.texts(SHOP)[-1].endswith(told)


def test_three_tries_are_all_a_code_has_even_for_the_right_one(world: World) -> None:
    ref, code = ask(world), code_in_sms(world)
    answers = [world.service.use_code(SHOP, LOGIN, ref, wrong(code)) for _ in range(3)]

    assert answers[:2] == [Refused(Refusal.WRONG_CODE, {"left": left}) for left in (2, 1)]
    assert answers[2] == world.service.use_code(SHOP, LOGIN, ref, code) == OVER


def test_twenty_guesses_at_once_get_three_tries_together(file_world: World) -> None:
    world = file_world
    ref, code = ask(world), code_in_sms(world)
    answers = at_once(20, lambda _: world.service.use_code(SHOP, LOGIN, ref, wrong(code)))

    assert sum(answer == OVER for answer in answers) == 18
    assert world.service.use_code(SHOP, LOGIN, ref, code) == OVER


def test_after_five_minutes_or_a_newer_code_it_is_over(world: World) -> None:
    ref, code = ask(world), code_in_sms(world)
    world.clock.advance(minutes=1)
    newer = ask(world)

    assert world.service.use_code(SHOP, LOGIN, ref, code) == OVER
    world.clock.advance(minutes=5)
    assert world.service.use_code(SHOP, LOGIN, newer, code_in_sms(world)) == OVER


def test_a_code_is_bound_to_its_phone_purpose_and_request(world: World) -> None:
    ref, code = ask(world), code_in_sms(world)

    assert world.service.use_code(CUSTOMER, LOGIN, ref, code) == OVER
    assert world.service.use_code(SHOP, PASSWORD, ref, code) == OVER
    assert world.service.use_code(SHOP, LOGIN, "another", code) == OVER
    assert world.service.use_code(SHOP, LOGIN, ref, code) == Done()


def test_a_number_gets_one_a_minute_and_five_a_day(world: World) -> None:
    ask(world)
    soon = world.service.request_code(SHOP, LOGIN)
    for _ in range(4):
        world.clock.advance(minutes=1)
        ask(world)
    world.clock.advance(minutes=1)

    assert soon == Refused(Refusal.CODE_MINUTE_LIMIT)
    assert world.service.request_code(SHOP, LOGIN) == Refused(Refusal.CODE_DAY_LIMIT)
    world.clock.advance(days=1)
    ask(world)


def test_s9_one_address_that_asks_for_many_numbers_is_stopped_and_others_are_not(world: World) -> None:
    answers = [
        world.service.request_code(f"99890{number:07d}", LOGIN, address="192.0.2.1") for number in range(30)
    ]

    assert sum(isinstance(answer, CodeSent) for answer in answers) == 20
    assert answers[-1] == Refused(Refusal.CODE_DAY_LIMIT)
    ask(world, address="192.0.2.2")


def test_s9_there_is_a_limit_for_all_together(world: World) -> None:
    world = World(world.engine, limits=replace(RAISED, codes_in_all_a_minute=3))
    for number in range(3):
        ask(world, f"99890000000{number}")

    assert world.service.request_code(SHOP, LOGIN) == Refused(Refusal.CODE_MINUTE_LIMIT)


@pytest.mark.parametrize(("phone", "purpose"), [(STRANGER, LOGIN), (STRANGER, PIN_RESET), (SHOP, PIN_RESET)])
def test_who_may_not_have_one_gets_the_same_answer_and_no_sms(world: World, phone: str, purpose: str) -> None:
    assert isinstance(world.service.request_code(phone, purpose), CodeSent)
    assert world.texts(phone) == []


def test_no_code_is_readable_in_the_database_before_or_after_it_is_sent(world: World) -> None:
    ref = ask(world)
    before = world.everything_kept()
    code = code_in_sms(world)
    with world.engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM inbox")  # the demo's provider is no part of the service
    after = world.everything_kept()

    assert code.encode() not in before + after
    assert b"sealed_code" in before
    assert b"sealed_code" not in after
    assert world.service.use_code(SHOP, LOGIN, ref, code) == Done()


def test_a_code_goes_past_what_the_phone_is_still_to_be_told_and_is_not_sent_late(world: World) -> None:
    class Down:
        def send(self, notice: object) -> str:
            raise SendLater

    world.pay(world.issue())
    world.relay.run_once(Down())
    ask(world)
    world.relay.run_once(world.inbox)
    assert [("код" in text) for text in [message.text for message in world.inbox.inbox(SHOP)]] == [True]

    world.clock.advance(minutes=1)
    ask(world)
    world.clock.advance(minutes=5)
    assert world.relay.run_once(Down()).failed == 1


def test_a_relay_with_another_key_sends_no_code(world: World) -> None:
    ask(world)

    assert Relay(world.engine, clock=world.clock, pepper=b"another").run_once(world.inbox).sent == 0
    assert world.texts(SHOP) == []


def test_s10_a_number_gives_fifteen_guesses_a_day_however_many_are_made_at_once(file_world: World) -> None:
    world = file_world
    for _ in range(world.limits.codes_per_day + 3):
        asked = world.service.request_code(SHOP, LOGIN)
        if not isinstance(asked, CodeSent):
            continue
        code, ref = code_in_sms(world), asked.request_ref
        guess = partial(world.service.use_code, SHOP, LOGIN, ref, wrong(code))
        at_once(20, lambda _: guess())  # noqa: B023 - all are over before the next
        assert world.service.use_code(SHOP, LOGIN, ref, code) == OVER
        world.clock.advance(minutes=1)

    with world.engine.connect() as conn:
        compared = conn.exec_driver_sql("SELECT sum(tries) FROM otp").scalar_one()
    assert compared == 15  # of a million: 0.0015 % a day
