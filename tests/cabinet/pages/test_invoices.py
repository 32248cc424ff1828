"""Issuing, the list and one invoice on pages (A35-A37, A39, A43, A44, S4, S17, S19-S21)."""

from __future__ import annotations

import pytest

from invoicing.storage.connect import reading
from tests.cabinet.pages.measure import counted
from tests.cabinet.pages.web import Browser, Here, Page
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, SOUM, STRANGER


async def reviewed(browser: Browser, phone: str = CUSTOMER, amount: str = "50000") -> Page:
    return await browser.post("/invoices/review", {"phone": phone, "amount": amount})


def stored(here: Here) -> list[tuple[str, int, str]]:
    """Phone, sum and channel of every invoice there is."""
    query = "SELECT customer_msisdn, amount_tiyin, channel FROM invoice ORDER BY id"
    with reading(here.world.engine) as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


@pytest.mark.parametrize("base", ["/cabinet", "/app"])
@pytest.mark.parametrize("typed", ["998901234567", "901234567", "+998 (90) 123-45-67"])
async def test_three_steps_issue_an_invoice(here: Here, base: str, typed: str) -> None:  # A35, A44
    browser = await here.owner(base)

    review = await reviewed(browser, typed)
    nothing_yet = stored(here)
    done = await browser.post("/invoices", review.hidden)

    assert "+998 90 123 45 67" in review.text
    assert "50 000 сум" in review.text
    assert nothing_yet == []
    assert stored(here) == [(CUSTOMER, FIFTY, "web" if base == "/cabinet" else "app")]
    assert "Счет №1001 выставлен" in done.text


@pytest.mark.parametrize(
    ("typed", "tiyin"),
    [("50000,50", 5_000_050), ("50 000.5", 5_000_050), ("50\u00a0000", 5_000_000), ("1000", 100_000)],
)
async def test_a_sum_may_have_two_decimals(here: Here, typed: str, tiyin: int) -> None:  # A44
    browser = await here.owner()

    await browser.post("/invoices", (await reviewed(browser, amount=typed)).hidden)

    assert stored(here)[0][1] == tiyin


@pytest.mark.parametrize("typed", ["99890123456", "711234567", "abc", "", "998901112233"])
async def test_a_phone_that_does_not_fit_is_told_beside_its_field(here: Here, typed: str) -> None:  # A35
    browser = await here.owner()

    answer = await reviewed(browser, typed)

    assert answer.status == 422
    assert "e-phone" in answer.ids
    assert stored(here) == []


@pytest.mark.parametrize(
    "typed", ["0", "-5", "NaN", "1e9", "٥٠٠٠٠", "9223372036854775808", "999", "50,000,00", "50000,505", "5x"]
)
async def test_a_sum_that_is_none_is_told_beside_its_field(here: Here, typed: str) -> None:  # S21
    browser = await here.owner()

    answer = await reviewed(browser, amount=typed)

    assert answer.status == 422
    assert "e-amount" in answer.ids
    assert stored(here) == []


async def test_going_back_keeps_what_was_typed(here: Here) -> None:  # A36
    browser = await here.owner()
    review = await reviewed(browser, "901234567", "50 000,5")

    back = await browser.post("/invoices/new", review.hidden)

    assert "901234567" in back.text
    assert "50 000,5" in back.text
    assert stored(here) == []


async def test_confirming_twice_issues_one_invoice(here: Here) -> None:  # A37
    browser = await here.owner("/app")
    review = await reviewed(browser)

    first = await browser.post("/invoices", review.hidden)
    again = await browser.post("/invoices", review.hidden)

    assert first.path == again.path
    assert len(stored(here)) == 1


async def test_an_equal_invoice_is_asked_about_and_then_issued_once_more(here: Here) -> None:  # A20
    browser = await here.owner()
    await browser.post("/invoices", (await reviewed(browser)).hidden)

    review = await reviewed(browser)
    refused = await browser.post("/invoices", review.hidden | {"again": ""})
    await browser.post("/invoices", review.hidden)

    assert "уже выставлен: №1001" in review.text
    assert "уже выставлен: №1001" in refused.text
    assert len(stored(here)) == 2


@pytest.mark.parametrize("changed", [{"tiyin": "100000"}, {"phone": STRANGER}, {"key": "x"}, {"seal": "0"}])
async def test_a_draft_that_was_changed_on_its_way_issues_nothing(
    here: Here, changed: dict[str, str]
) -> None:  # S21
    browser = await here.owner()
    review = await reviewed(browser)

    answer = await browser.post("/invoices", review.hidden | changed)

    assert answer.status == 422
    assert stored(here) == []


async def test_one_merchants_draft_is_nothing_to_another(here: Here) -> None:  # S20
    mine, other = await here.owner(), await here.owner(phone=OTHER_SHOP)
    review = await reviewed(mine)
    await other.get("/invoices/new")

    answer = await other.post("/invoices", review.hidden | {"csrf": other.csrf})

    assert answer.status == 422
    assert stored(here) == []


@pytest.mark.parametrize("path", ["/invoices", "/invoices/1/cancel", "/invoices/1/refund"])
async def test_a_form_without_the_sessions_token_changes_nothing(here: Here, path: str) -> None:  # S17
    browser = await here.owner()
    review = await reviewed(browser)
    here.world.issue()

    answer = await browser.post(path, review.hidden | {"csrf": "forged"})

    assert answer.status == 403
    assert len(stored(here)) == 1
    assert here.world.count("outbox") == 2  # the sign-in's code and the first invoice's SMS


async def test_nothing_is_changed_by_asking_for_a_page(here: Here) -> None:  # S17
    browser = await here.owner()
    invoice = here.world.issue()

    for path in (f"/invoices/{invoice.id}/cancel", f"/invoices/{invoice.id}/refund", "/signout"):
        assert (await browser.get(path)).status in (404, 405)
    assert here.world.now_of(invoice).status == "awaiting"


async def test_every_ways_invoices_are_listed_with_number_sum_and_status(here: Here) -> None:  # A39
    browser = await here.owner("/app")
    by_ussd = here.world.issue(FIFTY * 3)
    await browser.post("/invoices", (await reviewed(browser)).hidden)
    here.world.pay(here.world.issue(FIFTY * 2))

    listed = await browser.get("/invoices")

    assert [f"№{number}" in listed.text for number in (1001, 1002, 1003)] == [True] * 3
    assert "150 000 сум" in listed.text
    assert "Ожидает оплаты" in listed.text
    assert "Оплачен" in listed.text
    assert "по USSD" in listed.text
    assert "в приложении" in listed.text
    row = await browser.get(f"/invoices/{by_ussd.id}/row")
    assert "Ожидает оплаты" in row.text


async def test_the_list_has_pages_of_fifty_and_every_row_once(here: Here) -> None:  # A43
    browser = await here.owner()
    for place in range(251):
        if place % 7 == 0:
            here.world.clock.advance(seconds=1)
        here.world.issue(FIFTY + place * SOUM)

    seen: list[str] = []
    path = "/invoices"
    pages = 0
    while path:
        page = await browser.get(path)
        pages += 1
        rows = [link for link in page.links if link.removeprefix("/cabinet/invoices/").isdigit()]
        assert len(rows) <= 50
        seen += rows
        path = next((link.removeprefix("/cabinet") for link in page.links if "after=" in link), "")

    assert pages == 6
    assert len(seen) == len(set(seen)) == 251
    assert "251" in (await browser.get("/invoices")).text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("q=1002", {1002}),
        ("q=998977654321", {1003}),
        ("q=%2B998+97+765+43+21", {1003}),
        ("q=977654321", {1003}),
        ("status=paid", {1001}),
        ("status=nonsense", {1001, 1002, 1003, 1004}),
        ("min=200000", {1004}),
        ("max=50000&status=awaiting", {1002}),
        ("period=today", {1002, 1003, 1004}),
        ("since=2026-11-23&until=2026-11-23", {1001}),
        ("period=yesterday&status=paid", {1001}),
        ("q=nothing-like-it", {1001, 1002, 1003, 1004}),
    ],
)
async def test_filters_live_in_the_address(here: Here, query: str, numbers: set[int]) -> None:  # A43
    world = here.world
    browser = await here.owner()
    world.clock.advance(days=-1)
    world.pay(world.issue(FIFTY * 2 // 2))
    world.clock.advance(days=1)
    world.issue(FIFTY)
    world.issue(FIFTY * 2, customer=STRANGER)
    world.issue(FIFTY * 5)

    page = await browser.get(f"/invoices?{query}")

    assert {number for number in range(1001, 1005) if f"№{number}" in page.text} == numbers
    sums = await browser.get(f"/invoices/sums?{query}")
    assert f"Счетов {len(numbers)} " in sums.text
    apart = "min=" in query or "max=" in query  # no index leads to them, so the page does not wait
    assert (f"Счетов {len(numbers)} " in page.text) is not apart


async def test_the_list_takes_three_queries_however_it_is_filtered(here: Here) -> None:
    browser = await here.owner()
    for place in range(60):
        here.world.issue(FIFTY + place * SOUM)

    for query in ("", "?status=paid", "?q=1001", "?q=998901234567&period=7&min=10&max=90000000"):
        with counted(here.world.engine) as said:
            assert (await browser.get(f"/invoices{query}")).status == 200
        asked = [one for one in said if one.lstrip().startswith(("SELECT", "UPDATE", "INSERT"))]
        assert len(asked) <= 3, asked


async def test_days_in_the_wrong_order_are_told_of(here: Here) -> None:
    browser = await here.owner()

    page = await browser.get("/invoices?since=2026-11-24&until=2026-11-23")

    assert "Период неверный" in page.text


@pytest.mark.parametrize("path", ["", "/row", "/receipt", "/receipt.pdf"])
async def test_anothers_invoice_is_as_one_that_is_not_there(here: Here, path: str) -> None:  # S4
    browser = await here.owner()
    theirs = here.world.issue(shop=OTHER_SHOP)
    here.world.pay(theirs)

    foreign = await browser.get(f"/invoices/{theirs.id}{path}")
    missing = await browser.get(f"/invoices/987654{path}")

    assert foreign.status == missing.status == 404
    assert foreign.text == missing.text


async def test_an_invoice_tells_its_story_and_can_be_cancelled_once(here: Here) -> None:
    browser = await here.owner()
    invoice = here.world.issue()
    here.world.deliver()
    page = await browser.get(f"/invoices/{invoice.id}")

    cancelled = await browser.post(f"/invoices/{invoice.id}/cancel", page.hidden)
    again = await browser.post(f"/invoices/{invoice.id}/cancel", page.hidden)
    late = await browser.post(f"/invoices/{invoice.id}/cancel", page.hidden | {"key": "another press"})

    assert "Выставлен" in page.text
    assert "SMS отправлено" in page.text
    assert "Отменен" in cancelled.text
    assert again.status == 200
    assert late.status == 422
    assert "уже отменен" in late.text


async def test_the_money_goes_back_after_the_password(here: Here) -> None:
    browser = await here.owner()
    invoice = here.world.issue()
    here.world.pay(invoice)
    here.world.clock.advance(minutes=12)
    page = await browser.get(f"/invoices/{invoice.id}")

    wrong = await browser.post(f"/invoices/{invoice.id}/refund", page.hidden | {"password": "not this one"})
    none = await browser.post(f"/invoices/{invoice.id}/refund", page.hidden)
    before = here.world.now_of(invoice).status
    done = await browser.post(
        f"/invoices/{invoice.id}/refund", page.hidden | {"password": "correct horse battery"}
    )

    assert wrong.status == none.status == 422
    assert before == "paid"
    assert "Возвращен" in done.text
    assert here.world.now_of(invoice).status == "refunded"


async def test_what_a_merchant_is_called_runs_nowhere(here: Here) -> None:  # S19
    with here.world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE merchant SET name = '<script>alert(1)</script>\"x' WHERE id = 1")
    browser = await here.owner()

    page = await browser.get("/invoices/new")
    odd = await browser.get("/invoices?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&status=%3Cb%3E")

    for octets in (page.octets, odd.octets):
        assert b"<script>alert" not in octets
    assert "script-src 'self'" in page.response.headers["Content-Security-Policy"]
    assert "unsafe" not in page.response.headers["Content-Security-Policy"]
