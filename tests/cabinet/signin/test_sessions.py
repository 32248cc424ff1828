"""Sessions: how they begin, how long they live, and every way they end (S18; ASVS 7)."""

from __future__ import annotations

import pytest

from invoicing import Done, NewSession, Refusal, Refused, SessionKind
from tests.cabinet.web import HERE, PASSWORD, People
from tests.invoicing.world import OTHER_SHOP, SHOP

CASHIER = "998935550011"
NEW_PASSWORD = "staple the battery horse"


def alive(people: People, *sessions: NewSession) -> list[bool]:
    return [people.accounts.session(one.token) is not None for one in sessions]


def test_asvs_7_2_3_a_token_has_256_random_bits_and_says_what_it_is(people: People) -> None:
    people.sign_up()
    tokens = {people.sign_in().token for _ in range(20)}

    assert len(tokens) == 20
    assert all(token.startswith("click_web_") and len(token) == len("click_web_") + 43 for token in tokens)


def test_s18_asvs_7_2_4_every_sign_in_makes_a_new_token(people: People) -> None:
    first = people.sign_up()
    second = people.sign_in()

    assert first.token != second.token
    assert people.accounts.session("click_web_" + "A" * 43) is None, "nobody chooses a token"


@pytest.mark.parametrize("kind", [SessionKind.WEB, SessionKind.ADMIN])
def test_asvs_7_3_1_a_browser_that_rests_for_fifteen_minutes_is_signed_out(
    people: People, kind: SessionKind
) -> None:
    if kind is SessionKind.WEB:
        people.sign_up()
        new = people.sign_in()
    else:
        people.accounts.set_operator("bank01", PASSWORD)
        made = people.accounts.sign_in_operator("bank01", PASSWORD, HERE)
        assert isinstance(made, NewSession)
        new = made
    people.world.clock.advance(minutes=14)
    assert alive(people, new) == [True], "and being seen begins the time anew"
    people.world.clock.advance(minutes=14, seconds=59)
    assert alive(people, new) == [True]

    people.world.clock.advance(minutes=15, seconds=1)
    assert alive(people, new) == [False]


def test_asvs_7_3_2_twelve_hours_after_signing_in_even_the_busiest_is_signed_out(people: People) -> None:
    new = people.sign_up()
    for _ in range(12 * 6 - 1):
        people.world.clock.advance(minutes=10)
        assert alive(people, new) == [True]

    people.world.clock.advance(minutes=10)
    assert alive(people, new) == [False]


def test_s18_asvs_7_4_1_a_token_is_dead_the_moment_its_owner_signs_out(people: People) -> None:
    new = people.sign_up()
    people.accounts.sign_out(new.who)

    assert alive(people, new) == [False]


def test_s18_asvs_7_4_3_a_changed_password_ends_every_other_session_and_token(people: People) -> None:
    old = people.sign_up()
    others = [people.sign_in(), people.sign_in(kind=SessionKind.APP)]
    made = people.accounts.make_token(old.who, "till", HERE)
    assert isinstance(made, NewSession)

    new = people.accounts.change_password(old.who, PASSWORD, NEW_PASSWORD, HERE)

    assert isinstance(new, NewSession)
    assert alive(people, old, *others, made, new) == [False, False, False, False, True]
    assert people.accounts.sign_in(SHOP, PASSWORD, HERE) == Refused(Refusal.WRONG_SIGN_IN)
    assert isinstance(people.accounts.sign_in(SHOP, NEW_PASSWORD, HERE), NewSession)


def test_s18_a_password_set_by_a_new_code_ends_what_a_thief_had(people: People) -> None:
    thief = people.sign_up()
    people.world.clock.advance(minutes=2)
    owner = people.sign_up(password=NEW_PASSWORD)

    assert alive(people, thief, owner) == [False, True]


def test_the_old_password_is_needed_for_a_new_one(people: People) -> None:
    new = people.sign_up()

    answer = people.accounts.change_password(new.who, "not the old one", NEW_PASSWORD, HERE)

    assert answer == Refused(Refusal.WRONG_SIGN_IN)
    assert alive(people, new) == [True]


def test_signing_out_everywhere_ends_all_or_all_but_this(people: People) -> None:
    here, there = people.sign_up(), people.sign_in()
    assert people.accounts.sign_out_everywhere(here.who, but_here=True) == 1
    assert alive(people, here, there) == [True, False]

    again = people.sign_in()
    assert people.accounts.sign_out_everywhere(here.who) == 2
    assert alive(people, here, again) == [False, False]


def test_the_list_of_devices_shows_ones_own_and_ends_ones_own(people: People) -> None:
    mine, others = people.sign_up(), people.sign_up(OTHER_SHOP)
    second = people.sign_in()

    assert [(view.kind, view.here) for view in people.accounts.sessions(mine.who)] == [
        (SessionKind.WEB, False),
        (SessionKind.WEB, True),
    ]
    for foreign in (others.who.session_id, "999", "x", ""):
        assert people.accounts.end_session(mine.who, foreign) == Refused(Refusal.NOT_FOUND)
    assert people.accounts.end_session(mine.who, second.who.session_id) == Done()
    assert alive(people, mine, second, others) == [True, False, True]


def test_a_blocked_merchant_is_signed_out_at_once(people: People) -> None:
    new = people.sign_up()
    people.world.service.block_merchant(SHOP)

    assert alive(people, new) == [False]


def test_asvs_7_5_1_a_password_given_holds_for_ten_minutes(people: People) -> None:
    new = people.sign_up()
    assert people.accounts.is_proved(new.who)
    people.world.clock.advance(minutes=10, seconds=1)
    late = people.accounts.session(new.token)
    assert late is not None
    assert not people.accounts.is_proved(late)

    assert people.accounts.prove(late, "wrong", HERE) == Refused(Refusal.WRONG_SIGN_IN)
    assert people.accounts.prove(late, PASSWORD, HERE) == Done()
    proved = people.accounts.session(new.token)
    assert proved is not None
    assert people.accounts.is_proved(proved)


def test_the_owner_makes_tokens_after_the_password_and_a_token_makes_none(people: People) -> None:
    new = people.sign_up()
    made = people.accounts.make_token(new.who, "till", HERE)
    assert isinstance(made, NewSession)
    assert made.who.kind is SessionKind.API

    assert people.accounts.make_token(made.who, "more", HERE) == Refused(Refusal.NOT_ALLOWED)
    assert people.accounts.prove(made.who, PASSWORD, HERE) == Refused(Refusal.NOT_ALLOWED)
    people.world.clock.advance(minutes=11)
    late = people.accounts.session(new.token)
    assert late is not None
    assert people.accounts.make_token(late, "late", HERE) == Refused(Refusal.NOT_AUTHENTICATED)


def test_a_cashier_signs_in_like_everybody_and_is_shut_out_at_once(people: People) -> None:
    owner = people.sign_up()
    added = people.staff.add_cashier(owner.who, CASHIER, "Dilnoza")
    assert not isinstance(added, Refused)
    cashier = people.sign_up(CASHIER)
    assert (cashier.who.role, cashier.who.merchant_id) == ("cashier", owner.who.merchant_id)

    people.staff.set_active(owner.who, added.id, active=False)

    assert alive(people, owner, cashier) == [True, False]
    assert people.accounts.sign_in(CASHIER, PASSWORD, HERE) == Refused(Refusal.BLOCKED)
    people.staff.set_active(owner.who, added.id, active=True)
    assert isinstance(people.accounts.sign_in(CASHIER, PASSWORD, HERE), NewSession)


def test_a_cashier_has_no_staff_and_makes_no_tokens(people: People) -> None:
    owner = people.sign_up()
    people.staff.add_cashier(owner.who, CASHIER, "Dilnoza")
    cashier = people.sign_up(CASHIER).who

    refused = Refused(Refusal.NOT_ALLOWED)
    assert people.staff.cashiers(cashier) == refused
    assert people.staff.add_cashier(cashier, "998935550012", "Anvar") == refused
    assert people.accounts.make_token(cashier, "till", HERE) == refused


def test_a_merchant_takes_on_nobody_elses_people_and_touches_none(people: People) -> None:
    mine, others = people.sign_up(), people.sign_up(OTHER_SHOP)
    theirs = people.staff.add_cashier(others.who, CASHIER, "Anvar")
    assert not isinstance(theirs, Refused)

    assert people.staff.add_cashier(mine.who, CASHIER, "Anvar") == Refused(Refusal.PHONE_TAKEN)
    assert people.staff.add_cashier(mine.who, OTHER_SHOP, "Owner") == Refused(Refusal.PHONE_TAKEN)
    assert people.staff.set_active(mine.who, theirs.id, active=False) == Refused(Refusal.NOT_FOUND)
    assert people.staff.set_active(mine.who, others.who.user_id, active=False) == Refused(Refusal.NOT_FOUND)
    assert people.staff.cashiers(mine.who) == ()


def test_sessions_that_are_over_are_dropped_and_others_stay(people: People) -> None:
    people.sign_up()
    people.world.clock.advance(minutes=20)
    fresh = people.sign_in()

    assert people.accounts.forget() == 1
    assert alive(people, fresh) == [True]
    assert people.world.sound()
