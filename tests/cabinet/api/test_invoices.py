"""Invoices through the API: issue, list, cancel, refund, report (A35, A37, A39, A43, A46; S20, S21)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from invoicing import SessionKind, ToService
from tests.cabinet.web import PASSWORD, Api
from tests.invoicing.world import CUSTOMER, FIFTY, SOUM

CASHIER = "998935550011"


def body(amount_tiyin: Any = FIFTY, phone: Any = CUSTOMER, **more: Any) -> dict[str, Any]:
    return {"phone": phone, "amount_tiyin": amount_tiyin, **more}


async def issued(api: Api, key: str, amount_tiyin: int = FIFTY) -> dict[str, Any]:
    answer = await api.post("/invoices", body(amount_tiyin, again=True), key=key)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def pay(api: Api, invoice: dict[str, Any]) -> None:
    world = api.people.world
    view = world.service.merchant_invoice("998901112233", invoice["id"])
    world.pay(view)  # type: ignore[arg-type]


async def test_a35_an_invoice_is_issued_to_a_phone_of_twelve_or_nine_digits(owner: Api) -> None:
    for number, phone in enumerate((CUSTOMER, f"+{CUSTOMER}", CUSTOMER[3:])):
        answer = await owner.post("/invoices", body(phone=phone, again=True), key=f"k{number}")

        assert answer.status == 201
        assert answer.body["phone"] == CUSTOMER
        assert answer.body["number"] == 1001 + number
        assert answer.body["status"] == "awaiting"
    assert len(owner.people.world.texts(CUSTOMER)) == 3


@pytest.mark.parametrize("phone", ["99890123456", "", "phone", "998901234567 ", None, 998901234567])
async def test_a35_a_phone_of_another_shape_is_refused_by_its_field(owner: Api, phone: Any) -> None:
    answer = await owner.post("/invoices", body(phone=phone), key="k")

    assert (answer.status, answer.code) == (400, "malformed")
    assert [error["field"] for error in answer.body["errors"]] == ["phone"]
    assert owner.people.world.count("invoice") == 0


@pytest.mark.parametrize(("phone", "code"), [("711234567", "not_mobile"), ("998901112233", "own_number")])
async def test_a_phone_that_gets_no_invoice_is_refused_with_the_reason(
    owner: Api, phone: str, code: str
) -> None:
    answer = await owner.post("/invoices", body(phone=phone), key="k")

    assert (answer.status, answer.code) == (422, code)


async def test_a37_the_same_key_twice_and_twenty_times_at_once_is_one_invoice_and_one_answer(
    owner: Api,
) -> None:
    answers = await asyncio.gather(*(owner.post("/invoices", body(), key="one") for _ in range(20)))
    later = await owner.post("/invoices", body(), key="one")

    assert {answer.status for answer in answers} == {201}
    assert len({answer.octets for answer in (*answers, later)}) == 1
    assert owner.people.world.count("invoice") == 1
    assert len(owner.people.world.texts(CUSTOMER)) == 1


async def test_an_equal_invoice_within_the_minute_asks_and_again_answers(owner: Api) -> None:
    await owner.post("/invoices", body(), key="a")
    asked = await owner.post("/invoices", body(), key="b")
    answered = await owner.post("/invoices", body(again=True), key="c")

    assert (asked.status, asked.code, asked.body["values"]) == (409, "duplicate", {"number": 1001})
    assert answered.status == 201


async def test_s20_a_key_with_another_body_is_refused_and_does_nothing(owner: Api) -> None:
    await owner.post("/invoices", body(), key="one")
    other = await owner.post("/invoices", body(60_000 * SOUM), key="one")

    assert (other.status, other.code) == (422, "key_reused")
    assert owner.people.world.count("invoice") == 1


async def test_s20_a_key_of_another_merchant_is_another_key(owner: Api, other: Api) -> None:
    mine = await owner.post("/invoices", body(), key="one")
    theirs = await other.post("/invoices", body(), key="one")

    assert mine.body["number"] != theirs.body["number"]
    assert theirs.body["merchant"] == "CHOYXONA"


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 256, "ключ"])
async def test_without_a_sound_key_nothing_is_issued(owner: Api, key: str | None) -> None:
    answer = await owner.post("/invoices", body(), key=key)

    assert (answer.status, answer.code) == (400, "key_needed")
    assert owner.people.world.count("invoice") == 0


@pytest.mark.parametrize(
    "amount",
    [0, -5, "50000", "٥٠٠٠٠", 1.5, 2**63, 10**30, True, None, [50000], float("1e300"), "NaN"],
)
async def test_s21_what_is_no_sum_is_refused_and_nothing_is_issued(owner: Api, amount: Any) -> None:
    answer = await owner.post("/invoices", body(amount), key="k")

    assert answer.status == 400
    assert owner.people.world.count("invoice") == 0


@pytest.mark.parametrize("amount", [999 * SOUM, 10_000_001 * SOUM])
async def test_s21_a_sum_outside_the_limits_is_refused_with_the_limits(owner: Api, amount: int) -> None:
    answer = await owner.post("/invoices", body(amount), key="k", Accept_Language="en")

    assert (answer.status, answer.code) == (422, "amount_range")
    assert answer.body["mend"] == "Give 1 000 to 10 000 000 UZS"


async def test_a_whole_number_may_be_written_with_a_point_and_tiyin_are_kept(owner: Api) -> None:
    whole = await owner.post("/invoices", body(5_000_000.0), key="a")
    tiyin = await owner.post("/invoices", body(5_000_050), key="b")

    assert whole.body["amount_tiyin"] == 5_000_000
    assert tiyin.body["amount_tiyin"] == 5_000_050


async def test_a39_invoices_of_every_channel_are_listed_and_show_when_they_are_paid(owner: Api) -> None:
    world = owner.people.world
    dialled = world.issue()
    by_api = await issued(owner, "k", 10_000 * SOUM)
    pay(owner, by_api)

    listed = (await owner.get("/invoices")).body["invoices"]

    assert [(one["number"], one["status"]) for one in listed] == [
        (1002, "paid"),
        (dialled.number, "awaiting"),
    ]
    assert listed[0]["payment_number"] == 5_000_001


async def test_a43_250_invoices_come_in_pages_of_fifty_and_each_once(owner: Api) -> None:
    numbers = [owner.people.world.issue(1_000 * SOUM + n).number for n in range(250)]
    seen: list[int] = []
    pages, cursor = 0, ""
    while True:
        answer = await owner.get(f"/invoices?limit=50{cursor}")
        seen += [one["number"] for one in answer.body["invoices"]]
        pages += 1
        if answer.body["next"] is None:
            break
        cursor = f"&cursor={answer.body['next']}"

    assert pages == 5
    assert seen == numbers[::-1]


async def test_a43_the_list_is_filtered_by_status_phone_number_and_day(owner: Api) -> None:
    world = owner.people.world
    first = world.issue(20_000 * SOUM)
    other = world.issue(30_000 * SOUM, customer="998977654321")
    world.pay(first)
    world.clock.advance(days=1)
    again = owner.as_(owner.people.sign_in(kind=SessionKind.APP))
    late = world.issue(40_000 * SOUM)

    async def numbers(query: str) -> list[int]:
        answer = await again.get(f"/invoices?{query}")
        assert answer.status == 200, answer.body
        return [one["number"] for one in answer.body["invoices"]]

    assert await numbers("status=paid") == [first.number]
    assert await numbers("phone=977654321") == [other.number]
    assert await numbers(f"number={late.number}") == [late.number]
    assert await numbers("since=2026-11-25") == [late.number]
    assert await numbers("until=2026-11-24") == [other.number, first.number]
    assert await numbers("since=2026-11-24&until=2026-11-25&status=awaiting") == [late.number, other.number]
    assert await numbers("number=999999") == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=2026-11-25&until=2026-11-24", 422),
        ("since=2025-01-01&until=2026-11-24", 422),
        ("since=yesterday", 400),
        ("limit=0", 400),
        ("limit=101", 400),
        ("limit=1&limit=2", 400),
        ("status=lost", 400),
        ("cursor=-1", 400),
        ("nothing=1", 400),
        ("since=0001-01-01&until=0001-01-01", 200),
        ("since=9999-12-31&until=9999-12-31", 200),
    ],
)
async def test_a47_a_list_that_cannot_be_is_refused_before_anything_is_read(
    owner: Api, query: str, status: int
) -> None:
    assert (await owner.get(f"/invoices?{query}")).status == status


async def test_cancelling_tells_the_customer_and_is_done_once(owner: Api) -> None:
    made = await issued(owner, "k")
    path = f"/invoices/{made['id']}/cancel"

    first, again = await owner.post(path, key="c"), await owner.post(path, key="c")
    other_key = await owner.post(path, key="d")

    assert (first.status, first.body["status"]) == (200, "cancelled")
    assert again.octets == first.octets
    assert (other_key.status, other_key.code) == (409, "already_cancelled")
    assert "отменил" in owner.people.world.texts(CUSTOMER)[-1]


async def test_a_refund_asks_for_the_password_anew_and_gives_the_money_back(owner: Api) -> None:
    world = owner.people.world
    made = await issued(owner, "k")
    pay(owner, made)
    path = f"/invoices/{made['id']}/refund"
    world.clock.advance(minutes=11)

    asked = await owner.post(path, key="r")
    wrong = await owner.post("/session/proof", {"password": "wrong"})
    proved = await owner.post("/session/proof", {"password": PASSWORD})
    done = await owner.post(path, key="r")

    assert (asked.status, asked.code) == (403, "not_authenticated")
    assert (wrong.status, wrong.code) == (401, "wrong_sign_in")
    assert proved.status == 204
    assert (done.status, done.body["done"], done.body["invoice"]["status"]) == (200, True, "refunded")
    assert world.balance_soum == 60_000
    assert (await owner.post(path, key="r")).octets == done.octets
    assert world.sound()


async def test_a_token_of_the_merchants_system_issues_but_never_refunds(owner: Api) -> None:
    made_token = await owner.post("/tokens", {"name": "till"})
    assert made_token.status == 201
    till = Api(owner.client, owner.office, owner.people)
    till.token = made_token.body["token"]
    made = await issued(till, "k")
    pay(owner, made)

    refused = await till.post(f"/invoices/{made['id']}/refund", key="r")

    assert (refused.status, refused.code) == (403, "not_authenticated")
    assert (await till.post("/session/proof", {"password": PASSWORD})).status == 403


async def test_a_cashier_cancels_his_own_and_refunds_nothing(owner: Api) -> None:
    added = await owner.post("/cashiers", {"phone": CASHIER, "name": "Dilnoza"})
    assert added.status == 201, added.body
    cashier = owner.as_(owner.people.sign_up(CASHIER, kind=SessionKind.APP))
    mine, owners = await issued(cashier, "a"), await issued(owner, "b")

    assert (await cashier.post(f"/invoices/{mine['id']}/cancel", key="c")).status == 200
    refused = await cashier.post(f"/invoices/{owners['id']}/cancel", key="d")
    assert (refused.status, refused.code) == (403, "not_allowed")
    for method, path in (
        ("POST", f"/invoices/{owners['id']}/refund"),
        ("GET", "/webhooks"),
        ("GET", "/cashiers"),
    ):
        answer = await cashier.send(method, path, key="e")
        assert (answer.status, answer.code) == (403, "not_allowed")


async def test_a48_a_receipt_masks_the_customers_phone_and_card(owner: Api) -> None:
    made = await issued(owner, "k")
    unpaid = await owner.get(f"/invoices/{made['id']}/receipt")
    pay(owner, made)
    paid = await owner.get(f"/invoices/{made['id']}/receipt")

    assert (unpaid.status, unpaid.code) == (409, "not_paid")
    assert paid.body == {
        "merchant": "MAGAZIN-24",
        "invoice_number": 1001,
        "payment_number": 5_000_001,
        "paid_at": "2026-11-24T02:20:00Z",
        "amount_tiyin": FIFTY,
        "card": "*1234",
        "phone": "99890***4567",
        "status": "paid",
    }


async def test_a46_a_report_counts_the_paid_of_its_days_in_tashkent_and_nothing_refunded(owner: Api) -> None:
    world = owner.people.world
    world.clock.advance(hours=16, minutes=39, seconds=59)  # 23:59:59 of the 24th
    late = world.issue(10_000 * SOUM)
    world.pay(late)
    world.clock.advance(seconds=1)
    early, back, open_ = (world.issue(sum_ * SOUM) for sum_ in (11_000, 12_000, 13_000))
    world.pay(early)
    world.pay(back)
    world.service.refund(world.key(), "998901112233", back.id, reauthenticated=True)
    again = owner.as_(owner.people.sign_in(kind=SessionKind.APP))

    report = (await again.get("/report?since=2026-11-25&until=2026-11-25")).body
    both = (await again.get("/report?since=2026-11-24&until=2026-11-25")).body
    listed = (await again.get("/payments?since=2026-11-25")).body["payments"]

    assert (report["count"], report["amount_tiyin"]) == (1, 11_000 * SOUM)
    assert [(day["day"], day["count"]) for day in both["days"]] == [("2026-11-24", 1), ("2026-11-25", 1)]
    assert both["amount_tiyin"] == 21_000 * SOUM
    assert [(one["amount_tiyin"], one["status"]) for one in listed] == [
        (12_000 * SOUM, "refunded"),
        (11_000 * SOUM, "paid"),
    ]
    assert open_.number not in [one["invoice_number"] for one in listed]
    assert (await again.get(f"/payments/{listed[0]['id']}")).body == listed[0]


async def test_a47_an_empty_period_has_a_total_of_nothing(owner: Api) -> None:
    report = (await owner.get("/report?since=2025-01-01&until=2025-12-31")).body

    assert (report["count"], report["amount_tiyin"], report["days"]) == (0, 0, [])


async def test_a_shop_paid_by_its_code_sees_that_payment_too(owner: Api, other: Api) -> None:
    world = owner.people.world
    order = ToService("0100001", "flat 5", 20_000 * SOUM)
    world.service.pay_direct(world.key(), CUSTOMER, order, world.card_id, "24680")

    listed = (await owner.get("/payments")).body["payments"]

    assert [(one["invoice_number"], one["amount_tiyin"]) for one in listed] == [(None, 20_000 * SOUM)]
    assert (await other.get("/payments")).body["payments"] == []
