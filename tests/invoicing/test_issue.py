"""T1: issuing, its guards and its limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from invoicing import Duplicate, Issued, Kind, Limits, Refusal, Refused, Status
from invoicing.storage import audit
from invoicing.storage.connect import reading
from tests.invoicing.world import (
    CUSTOMER,
    FIFTY,
    OTHER_SHOP,
    PIN,
    RAISED,
    SHOP,
    SOUM,
    STRANGER,
    World,
    in_memory,
)


def test_an_issued_invoice_is_numbered_from_1001_and_waits_for_its_customer(world: World) -> None:
    first, second = world.issue(), world.issue()

    assert (first.number, second.number) == (1001, 1002)
    assert first.customer_msisdn == CUSTOMER
    assert first.amount_tiyin == 5_000_000
    assert first.status is Status.AWAITING


@pytest.mark.parametrize("typed", ["901234567", "998901234567", "+998901234567", "+998 90 123-45-67"])
def test_a_phone_is_stored_in_one_form_however_it_was_typed(world: World, typed: str) -> None:
    answer = world.service.issue(world.key(), SHOP, typed, FIFTY)

    assert isinstance(answer, Issued)
    assert answer.invoice.customer_msisdn == CUSTOMER


@pytest.mark.parametrize(
    ("merchant", "customer", "amount_tiyin", "reason"),
    [
        (SHOP, "12345", FIFTY, Refusal.BAD_PHONE),
        (SHOP, "٩٠١٢٣٤٥٦٧", FIFTY, Refusal.BAD_PHONE),
        (SHOP, "711234567", FIFTY, Refusal.NOT_MOBILE),
        (SHOP, SHOP, FIFTY, Refusal.OWN_NUMBER),
        (SHOP, CUSTOMER, 0, Refusal.AMOUNT_RANGE),
        (SHOP, CUSTOMER, -5, Refusal.AMOUNT_RANGE),
        (SHOP, CUSTOMER, 999 * SOUM, Refusal.AMOUNT_RANGE),
        (SHOP, CUSTOMER, 10_000_000 * SOUM + 1, Refusal.AMOUNT_RANGE),
        (SHOP, CUSTOMER, 2**63, Refusal.AMOUNT_RANGE),
        (CUSTOMER, STRANGER, FIFTY, Refusal.NOT_MERCHANT),
    ],
)
def test_what_may_not_be_issued_is_refused_and_leaves_nothing(
    world: World, merchant: str, customer: str, amount_tiyin: int, reason: Refusal
) -> None:
    answer = world.service.issue(world.key(), merchant, customer, amount_tiyin)

    assert isinstance(answer, Refused)
    assert answer.reason is reason
    assert world.count("invoice") == world.count("outbox") == 0


def test_the_amount_refusal_tells_the_limits(world: World) -> None:
    answer = world.service.issue(world.key(), SHOP, CUSTOMER, 1)

    assert answer == Refused(
        Refusal.AMOUNT_RANGE, {"min_tiyin": 1_000 * SOUM, "max_tiyin": 10_000_000 * SOUM}
    )


@pytest.mark.parametrize("amount_soum", [1_000, 10_000_000])
def test_the_limits_themselves_are_allowed(world: World, amount_soum: int) -> None:
    assert world.issue(amount_soum * SOUM).amount_tiyin == amount_soum * SOUM


def test_the_customer_gets_one_sms_with_number_shop_sum_and_the_way_to_pay(world: World) -> None:
    world.issue()

    assert world.texts(CUSTOMER) == ["CLICK: счет №1001 от MAGAZIN-24, 50 000 сум. Оплата/отказ: *880#"]


def test_an_equal_invoice_within_a_minute_asks_first(world: World) -> None:
    world.issue()
    world.clock.advance(seconds=59)

    asked = world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY)
    again = world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY, again=True)

    assert asked == Duplicate(1001)
    assert isinstance(again, Issued)
    assert again.invoice.number == 1002


def test_an_equal_invoice_after_a_minute_of_another_sum_shop_or_customer_does_not_ask(world: World) -> None:
    world.issue()

    assert isinstance(world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY + SOUM), Issued)
    assert isinstance(world.service.issue(world.key(), OTHER_SHOP, CUSTOMER, FIFTY), Issued)
    assert isinstance(world.service.issue(world.key(), SHOP, STRANGER, FIFTY), Issued)
    world.clock.advance(seconds=60)
    assert isinstance(world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY), Issued)


def test_an_invoice_that_was_declined_is_no_reason_to_ask(world: World) -> None:
    invoice = world.issue()
    world.service.decline(world.key(), CUSTOMER, invoice.id)

    assert isinstance(world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY), Issued)


def limited(**changes: int) -> Limits:
    return replace(RAISED, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (limited(issues_per_minute=2), Refusal.MINUTE_LIMIT),
        (limited(issues_per_day=2), Refusal.DAY_LIMIT),
        (limited(open_per_pair_a_day=2), Refusal.OPEN_LIMIT),
        (limited(sms_per_pair_a_day=2), Refusal.SMS_LIMIT),
    ],
)
def test_over_a_limit_an_invoice_is_refused_with_the_reason(limits: Limits, reason: Refusal) -> None:
    world = World(in_memory(), limits=limits)
    world.issue()
    world.issue()

    answer = world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY, again=True)

    assert answer == Refused(reason, {"limit": 2})
    assert world.count("invoice") == 2
    assert len(world.texts(CUSTOMER)) == 2


def test_a_minute_limit_is_over_after_a_minute() -> None:
    world = World(in_memory(), limits=limited(issues_per_minute=2))
    world.issue()
    world.issue()
    world.clock.advance(seconds=61)

    assert world.issue().number == 1003


def test_days_in_limits_are_tashkents() -> None:
    world = World(in_memory(), limits=limited(sms_per_pair_a_day=1))
    world.clock.advance(hours=16, minutes=39, seconds=59)  # 23:59:59 in Tashkent
    world.issue()
    refused = world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY, again=True)
    world.clock.advance(seconds=1)

    assert refused == Refused(Refusal.SMS_LIMIT, {"limit": 1})
    assert world.issue().number == 1002


def test_the_other_customers_of_a_shop_do_not_share_a_pairs_limit() -> None:
    world = World(in_memory(), limits=limited(sms_per_pair_a_day=1))
    world.issue()

    assert world.issue(customer=STRANGER).number == 1002


def test_a_blocked_merchant_is_told_so_and_leaves_an_audit_row(world: World) -> None:
    world.service.block_merchant(SHOP)

    role = world.service.role(SHOP)
    answer = world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY)

    assert role.kind is Kind.BLOCKED
    assert answer == Refused(Refusal.BLOCKED)
    assert world.count("invoice") == 0
    with reading(world.engine) as conn:
        assert [row.action for row in audit.all_of(conn, f"phone:{SHOP}")] == ["refused_blocked"] * 2


def test_an_unblocked_merchant_issues_again(world: World) -> None:
    world.service.block_merchant(SHOP)
    world.service.unblock_merchant(SHOP)

    assert world.issue().number == 1001


def test_a_customer_with_the_pin_of_the_demo_is_connected_and_a_stranger_is_not(world: World) -> None:
    assert world.service.role(CUSTOMER).connected
    assert world.service.role(CUSTOMER).kind is Kind.CUSTOMER
    assert world.service.role(STRANGER).kind is Kind.STRANGER
    assert not world.service.role(STRANGER).connected
    assert world.service.role(SHOP).kind is Kind.MERCHANT
    assert world.service.role(SHOP).merchant_name == "MAGAZIN-24"


def test_a_merchant_whose_phone_is_also_a_customers_stays_a_merchant_and_can_pay(world: World) -> None:
    world.service.add_customer(SHOP, PIN)
    world.link("9860490000091234", 100_000, customer=SHOP)
    invoice = world.issue(customer=SHOP, shop=OTHER_SHOP)

    role = world.service.role(SHOP)
    card = world.service.cards(SHOP)[0]
    world.service.pay(world.key(), SHOP, invoice.id, card.id, PIN)

    assert (role.kind, role.connected) == (Kind.MERCHANT, True)
    assert world.now_of(invoice).status is Status.PAID
