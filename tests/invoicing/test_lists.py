"""What merchants and customers see of their invoices: order, pages, nobody else's (A13-A14, A24, A28-A32)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from invoicing import InvoiceView, Refusal, Refused, Rows, SessionKind, SignedIn, Status, WebRole
from invoicing.reports import Filter, Reports
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, SOUM, STRANGER, World


def rows(answer: Rows[InvoiceView] | Refused) -> Rows[InvoiceView]:
    assert isinstance(answer, Rows), answer
    return answer


def numbers(page: Rows[InvoiceView]) -> list[int]:
    return [row.number for row in page.rows]


def test_a_merchant_sees_all_his_invoices_newest_first_page_by_page(world: World) -> None:
    for _ in range(7):
        world.issue()

    first = rows(world.service.merchant_invoices(SHOP, limit=3))
    second = rows(world.service.merchant_invoices(SHOP, first.after, 3))
    third = rows(world.service.merchant_invoices(SHOP, second.after, 3))

    assert [numbers(page) for page in (first, second, third)] == [
        [1007, 1006, 1005],
        [1004, 1003, 1002],
        [1001],
    ]
    assert [page.more for page in (first, second, third)] == [True, True, False]


def test_a_page_does_not_shift_when_new_invoices_come(world: World) -> None:
    for _ in range(4):
        world.issue()
    first = rows(world.service.merchant_invoices(SHOP, limit=2))
    world.issue()

    assert numbers(rows(world.service.merchant_invoices(SHOP, first.after, 2))) == [1002, 1001]


def test_a_page_that_is_just_full_is_the_last(world: World) -> None:
    world.issue()
    world.issue()

    assert not rows(world.service.merchant_invoices(SHOP, limit=2)).more


def test_each_row_has_its_state(world: World) -> None:
    paid, declined, cancelled, expired = (world.issue(1_000 * SOUM) for _ in range(4))
    world.pay(paid)
    world.service.decline(world.key(), CUSTOMER, declined.id)
    world.service.cancel(world.key(), SHOP, cancelled.id)
    world.clock.at = expired.expires_at
    world.workers.expire_due()
    world.issue()

    statuses = [row.status for row in rows(world.service.merchant_invoices(SHOP, limit=9)).rows]
    assert statuses == [Status.AWAITING, Status.EXPIRED, Status.CANCELLED, Status.DECLINED, Status.PAID]


def test_a_merchant_never_sees_another_ones_invoices(world: World) -> None:
    invoice = world.issue()

    assert rows(world.service.merchant_invoices(OTHER_SHOP)).rows == ()
    assert world.service.merchant_invoice(OTHER_SHOP, invoice.id) == Refused(Refusal.NOT_FOUND)
    assert world.service.merchant_invoice(OTHER_SHOP, "999") == Refused(Refusal.NOT_FOUND)
    assert world.service.merchant_invoice(SHOP, invoice.id) == invoice


@pytest.mark.parametrize("phone", [CUSTOMER, STRANGER])
def test_who_is_no_merchant_has_no_merchant_lists(world: World, phone: str) -> None:
    refused = Refused(Refusal.NOT_MERCHANT)

    assert world.service.merchant_invoices(phone) == refused
    assert world.service.merchant_check(phone, CUSTOMER) == refused
    assert world.service.merchant_invoice(phone, "1") == refused


def test_a_blocked_merchant_reads_nothing(world: World) -> None:
    world.issue()
    world.service.block_merchant(SHOP)

    assert world.service.merchant_invoices(SHOP) == Refused(Refusal.BLOCKED)
    assert world.service.merchant_check(SHOP, CUSTOMER) == Refused(Refusal.BLOCKED)


def test_a_check_of_a_paid_invoice_has_number_sum_time_and_status(world: World) -> None:
    invoice = world.issue()
    world.clock.advance(minutes=3)
    world.pay(invoice)
    before = world.count("audit"), world.count("outbox")

    row = rows(world.service.merchant_check(SHOP, "901234567")).rows[0]

    assert (row.payment_number, row.amount_tiyin, row.at, row.status) == (
        5_000_001,
        50_000 * SOUM,
        world.clock.now(),
        Status.PAID,
    )
    assert (world.count("audit"), world.count("outbox")) == before


def test_a_check_of_an_unpaid_invoice_has_its_time_of_issue_and_no_payment(world: World) -> None:
    invoice = world.issue()
    world.service.decline(world.key(), CUSTOMER, invoice.id)

    row = rows(world.service.merchant_check(SHOP, CUSTOMER)).rows[0]

    assert (row.payment_number, row.at, row.status) == (None, invoice.issued_at, Status.DECLINED)


def test_a_check_of_an_unknown_outcome_says_in_progress(world: World) -> None:
    card = world.link("8600490000090068", 60_000)
    world.service.pay(world.key(), CUSTOMER, world.issue().id, card, "24680")

    row = rows(world.service.merchant_check(SHOP, CUSTOMER)).rows[0]

    assert (row.payment_number, row.status) == (None, Status.IN_PROGRESS)


def test_a_check_shows_the_shops_own_invoices_to_this_customer_newest_first(world: World) -> None:
    for shop, customer in ((SHOP, CUSTOMER), (OTHER_SHOP, CUSTOMER), (SHOP, STRANGER), (SHOP, CUSTOMER)):
        world.issue(shop=shop, customer=customer)

    first = rows(world.service.merchant_check(SHOP, CUSTOMER))
    second = rows(world.service.merchant_check(SHOP, CUSTOMER, first.after))

    assert (numbers(first), numbers(second), second.more) == ([1004], [1001], False)


def test_a_check_of_somebody_who_was_sent_nothing_is_empty(world: World) -> None:
    assert rows(world.service.merchant_check(SHOP, CUSTOMER)).rows == ()
    assert world.service.merchant_check(SHOP, "712345678") == Refused(Refusal.NOT_MOBILE)


def test_a_customer_sees_what_waits_for_his_decision(world: World) -> None:
    first, second, third = world.issue(), world.issue(shop=OTHER_SHOP), world.issue()
    world.pay(third)

    page = world.service.open_invoices(CUSTOMER, limit=1)
    rest = world.service.open_invoices(CUSTOMER, page.after, 5)

    assert (page.rows, rest.rows, rest.more) == ((second,), (first,), False)


@pytest.mark.parametrize("cursor", ["x", "-1", ""])
def test_a_cursor_that_was_never_given_out_begins_at_the_top(world: World, cursor: str) -> None:
    world.issue()

    assert len(world.service.open_invoices(CUSTOMER, cursor).rows) == 1


def test_a_page_has_between_one_and_fifty_rows(world: World) -> None:
    for _ in range(51):
        world.issue()

    pages = [rows(world.service.merchant_invoices(SHOP, limit=limit)) for limit in (-1, 0, 1, 10_000)]
    assert [len(page.rows) for page in pages] == [1, 1, 1, 50]


def test_a_customers_history_has_every_attempt_newest_first(world: World) -> None:
    world.pay(world.issue(60_001 * SOUM))
    world.pay(world.issue())

    page = world.service.history(CUSTOMER, limit=1)
    rest = world.service.history(CUSTOMER, page.after, 1)

    assert [(row.number, row.invoice_number, row.status) for row in page.rows + rest.rows] == [
        (5_000_002, 1002, Status.PAID),
        (5_000_001, 1001, Status.DECLINED),
    ]
    assert (page.more, rest.more) == (True, False)
    assert world.service.history(STRANGER).rows == ()


def test_cards_show_their_last_four_digits_and_nothing_more(world: World) -> None:
    world.link("9860490000091234")

    cards = world.service.cards(CUSTOMER)

    assert [(card.last4, card.scheme) for card in cards] == [("1234", "uzcard"), ("1234", "humo")]
    assert world.service.cards(STRANGER) == ()


@pytest.mark.parametrize("year", [2026, 2039])
def test_rows_of_one_moment_are_all_on_the_cabinets_pages(world: World, year: int) -> None:
    world.clock.at = datetime(year, 5, 6, 7, 8, 9, 99_991, tzinfo=UTC)
    issued = [int(world.issue().id) for _ in range(5)]
    now = world.clock.now()
    words = ("1", SHOP, 1, "MAGAZIN-24", "ru", now, now, now)
    owner, reports = (
        SignedIn("1", SessionKind.WEB, WebRole.OWNER, *words),
        Reports(world.engine, clock=world.clock),
    )
    shown: list[int] = []
    after: str | None = None
    for _ in range(3):
        page = reports.listed(owner, Filter(), after, 2)
        assert not isinstance(page, Refused)
        shown += (int(row.id) for row in page.rows)
        after = page.after

    assert shown == issued[::-1]
    assert after is None
