"""The first visit: a code to the phone, then a password of one's own (A33, A40-A42; ASVS 6.2-6.6)."""

from __future__ import annotations

import math

import pytest

from invoicing import CodeSent, Grant, NewSession, Refusal, Refused
from invoicing.codes import LOGIN
from tests.cabinet.web import HERE, PASSWORD, People
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, STRANGER


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a33_a_phone_that_no_bank_registered_is_answered_alike_and_gets_no_code(people: People) -> None:
    answers = [people.accounts.ask_code(phone, HERE) for phone in (SHOP, STRANGER, CUSTOMER)]

    assert [type(answer) for answer in answers] == [CodeSent] * 3
    assert len({len(answer.request_ref) for answer in answers if isinstance(answer, CodeSent)}) == 1
    assert len(people.world.texts(SHOP)) == 1
    assert people.world.texts(STRANGER) == people.world.texts(CUSTOMER) == []


def test_a40_a_first_visit_ends_with_ones_own_password_and_later_ones_begin_with_it(people: People) -> None:
    ref = people.ask()
    grant = people.accounts.check_code(SHOP, ref, people.code(), HERE)
    assert isinstance(grant, Grant)
    first = people.accounts.choose_password(grant.token, PASSWORD, HERE)
    later = people.accounts.sign_in("90 111-22-33", PASSWORD, HERE)

    assert isinstance(first, NewSession)
    assert isinstance(later, NewSession)
    for new in (first, later):
        found = people.accounts.session(new.token)
        assert found is not None
        assert (found.msisdn, found.merchant_name, found.owns) == (SHOP, "MAGAZIN-24", True)


def test_a41_three_wrong_codes_use_it_up_for_the_right_one_too(people: People) -> None:
    ref = people.ask()
    code = people.code()

    answers = [people.accounts.check_code(SHOP, ref, wrong(code), HERE) for _ in range(3)]
    right = people.accounts.check_code(SHOP, ref, code, HERE)

    assert answers == [
        Refused(Refusal.WRONG_CODE, {"left": 2}),
        Refused(Refusal.WRONG_CODE, {"left": 1}),
        Refused(Refusal.CODE_OVER),
    ]
    assert right == Refused(Refusal.CODE_OVER)


def test_a41_asvs_6_5_5_a_code_is_over_after_five_minutes(people: People) -> None:
    ref = people.ask()
    code = people.code()
    people.world.clock.advance(minutes=5, seconds=1)

    assert people.accounts.check_code(SHOP, ref, code, HERE) == Refused(Refusal.CODE_OVER)


def test_asvs_6_5_1_a_code_is_taken_once(people: People) -> None:
    ref = people.ask()
    code = people.code()
    assert isinstance(people.accounts.check_code(SHOP, ref, code, HERE), Grant)

    assert people.accounts.check_code(SHOP, ref, code, HERE) == Refused(Refusal.CODE_OVER)


def test_asvs_6_6_2_a_code_is_good_for_its_own_request_and_phone_only(people: People) -> None:
    ref = people.ask()
    code = people.code()
    others = people.ask(OTHER_SHOP)

    assert people.accounts.check_code(SHOP, others, code, HERE) == Refused(Refusal.CODE_OVER)
    assert people.accounts.check_code(OTHER_SHOP, ref, code, HERE) == Refused(Refusal.CODE_OVER)
    assert isinstance(people.accounts.check_code(SHOP, ref, code, HERE), Grant)


def test_a_login_code_of_another_purpose_opens_no_password(people: People) -> None:
    sent = people.world.service.request_code(SHOP, LOGIN)
    assert isinstance(sent, CodeSent)

    answer = people.accounts.check_code(SHOP, sent.request_ref, people.code(), HERE)

    assert answer == Refused(Refusal.CODE_OVER)


def test_asvs_6_6_3_a_second_code_within_the_minute_is_refused_known_phone_or_not(people: People) -> None:
    for phone in (SHOP, STRANGER):
        people.ask(phone)
        assert people.accounts.ask_code(phone, HERE) == Refused(Refusal.CODE_MINUTE_LIMIT)


def test_asvs_6_5_4_codes_have_six_digits_and_do_not_repeat_in_any_order(people: People) -> None:
    codes = []
    for _ in range(5):
        people.ask()
        codes.append(people.code())
        people.world.clock.advance(hours=25)

    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(set(codes)) == 5  # by chance in one run of 100 000
    assert math.log2(10**6) >= 19.9


def test_asvs_6_5_2_neither_codes_nor_passwords_nor_tokens_are_kept_as_they_are(people: People) -> None:
    grant = people.grant()
    code = people.code()
    new = people.accounts.choose_password(grant, PASSWORD, HERE)
    assert isinstance(new, NewSession)
    people.world.deliver()
    kept = people.world.everything_kept()
    people.world.engine.dispose()

    for secret in (PASSWORD, new.token, new.browser or "", grant):
        assert secret.encode() not in kept
        assert secret not in repr(new)
    assert kept.count(code.encode()) == 1, "in the demo's inbox, which plays the phone"


def test_asvs_11_4_2_a_password_is_kept_as_argon2id(people: People) -> None:
    people.sign_up()

    assert b"$argon2id$" in people.world.everything_kept()


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("12345678", Refusal.TOO_COMMON),
        ("Password1", Refusal.TOO_COMMON),
        ("1234567", Refusal.TOO_SHORT),
        ("x" * 129, Refusal.TOO_LONG),
        ("my901112233", Refusal.HOLDS_PHONE),
    ],
)
def test_a42_asvs_6_2_1_6_2_4_a_weak_password_is_refused_with_its_reason(
    people: People, password: str, why: Refusal
) -> None:
    grant = people.grant()

    refused = people.accounts.choose_password(grant, password, HERE)
    mended = people.accounts.choose_password(grant, PASSWORD, HERE)

    assert isinstance(refused, Refused)
    assert refused.reason is why
    assert isinstance(mended, NewSession), "the leave to choose is still there"


@pytest.mark.parametrize("password", ["y" * 70, "пароль из слов", "only lowercase letters", "z9" * 4 + "~"])
def test_a42_asvs_6_2_5_6_2_9_long_and_plain_passwords_are_taken(people: People, password: str) -> None:
    people.sign_up(password=password)

    assert isinstance(people.accounts.sign_in(SHOP, password, HERE), NewSession)
    assert people.accounts.sign_in(SHOP, password[:-1], HERE) == Refused(Refusal.WRONG_SIGN_IN)


def test_asvs_6_4_1_leave_to_choose_a_password_ends_after_ten_minutes_and_with_its_use(
    people: People,
) -> None:
    late, used = people.grant(), ""
    people.world.clock.advance(minutes=10, seconds=1)
    assert people.accounts.choose_password(late, PASSWORD, HERE) == Refused(Refusal.GRANT_OVER)

    used = people.grant()
    assert isinstance(people.accounts.choose_password(used, PASSWORD, HERE), NewSession)
    assert people.accounts.choose_password(used, "another good one", HERE) == Refused(Refusal.GRANT_OVER)


def test_leave_to_choose_a_password_signs_nobody_in(people: People) -> None:
    assert people.accounts.session(people.grant()) is None


def test_s8_after_a_sim_swap_no_code_is_sent_until_the_bank_has_looked(people: People) -> None:
    people.world.service.see_sim(SHOP, "a" * 64)
    people.world.service.see_sim(SHOP, "b" * 64)
    people.ask()
    assert people.world.texts(SHOP) == []

    people.world.service.verify_sim(SHOP)
    people.world.clock.advance(minutes=2)
    people.ask()
    assert len(people.world.texts(SHOP)) == 1


def test_a_blocked_merchant_gets_no_leave_to_choose(people: People) -> None:
    ref = people.ask()
    code = people.code()
    people.world.service.block_merchant(SHOP)

    assert people.accounts.check_code(SHOP, ref, code, HERE) == Refused(Refusal.CODE_OVER)


@pytest.mark.parametrize("phone", ["711234567", "12345", "", "998901112233\n", "９０1112233"])
def test_what_is_no_mobile_number_is_refused_before_anything_is_kept(people: People, phone: str) -> None:
    before = people.world.count("otp")

    assert isinstance(people.accounts.ask_code(phone, HERE), Refused)
    assert isinstance(people.accounts.sign_in(phone, PASSWORD, HERE), Refused)
    assert people.world.count("otp") == before
