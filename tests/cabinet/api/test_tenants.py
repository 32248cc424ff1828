"""One merchant and another's papers: 10,000 requests, and not a word of them (S4; ASVS 8.2.2, 8.4.1)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cabinet.api import GROUPS
from cabinet.api.registry import Route
from invoicing import SessionKind
from tests.cabinet.web import Api, api_over
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SOUM, World

REQUESTS = 10_000
THEIRS = 77_777 * SOUM
"""A sum that only the other merchant has: whatever answer shows it, or the shop's name, leaks."""
LEAKS = (b"CHOYXONA", b"7777700", OTHER_SHOP.encode(), b"their-own", b"998935550077", b"push.example.com")


async def make_papers(other: Api) -> dict[str, list[str]]:
    """Something of M2's of every kind; the ids of each."""
    people = other.people
    signed = people.accounts.session(other.token)
    assert signed is not None
    invoices = [people.world.issue(THEIRS, shop=OTHER_SHOP) for _ in range(3)]
    people.world.bank.set_balance(people.world.bank.tokenise("8600490000061234", "3012"), 3 * THEIRS)
    people.world.pay(invoices[0])
    payments = people.papers.payments(signed, None, None)
    hook = people.webhooks.add(signed, "https://their-own.example.com/", [])
    people.webhooks.ping(signed, hook.webhook.id)  # type: ignore[union-attr]
    log = people.webhooks.log(signed, hook.webhook.id)  # type: ignore[union-attr]
    device = people.subscriptions.add(
        signed, "https://push.example.com/x", "B" + "A" * 86, "A" * 22, "their-own phone"
    )
    cashier = people.staff.add_cashier(signed, "998935550077", "Anvar")
    return {
        "invoices": [one.id for one in invoices],
        "payments": [one.id for one in payments.rows],  # type: ignore[union-attr]
        "webhooks": [hook.webhook.id],  # type: ignore[union-attr]
        "deliveries": [one.id for one in log.rows],  # type: ignore[union-attr]
        "push": [device.id],  # type: ignore[union-attr]
        "cashiers": [cashier.id],  # type: ignore[union-attr]
        "devices": [signed.session_id],
    }


def request_of(route: Route, papers: dict[str, list[str]], draw: random.Random) -> tuple[str, Any]:
    """A path with one of the other's ids, and a body that fits."""
    group = route.path.split("/")[1]
    path = route.path.replace("{id}", draw.choice(papers.get(group, ["1"])))
    path = path.replace("{sub}", draw.choice(papers["deliveries"]))
    if route.query is not None and "phone" in route.query.model_fields:
        path += draw.choice(("", f"?phone={CUSTOMER}", "?number=1001", "?cursor=9999", "?status=paid"))
    elif route.name == "report":
        path += "?since=2026-11-01&until=2026-11-30"
    bodies: dict[str, Any] = {
        "change_webhook": {"active": False},
        "change_cashier": {"active": False},
        "issue": {"phone": CUSTOMER, "amount_tiyin": 1_000 * SOUM, "again": True},
        "choose_language": {"language": draw.choice(("ru", "uz", "en"))},
    }
    return path, bodies.get(route.name)


SPARED = {
    *("ask_code", "check_code", "choose_password", "sign_in", "change_password", "prove"),
    *("sign_out", "sign_out_everywhere", "make_token", "add_webhook", "subscribe", "add_cashier"),
}
"""Calls that name nobody's papers, and end or multiply what the test stands on."""


@pytest.mark.timeout(240)
async def test_s4_asvs_8_2_2_ten_thousand_requests_for_another_merchants_papers_show_nothing(
    sqlite_world: World,
) -> None:
    async with api_over(sqlite_world, threads=False) as api:
        owner = api.as_(api.people.sign_up(kind=SessionKind.APP))
        other = api.as_(api.people.sign_up(OTHER_SHOP, kind=SessionKind.APP))
        await reach_for_everything(owner, other)


async def reach_for_everything(owner: Api, other: Api) -> None:
    papers = await make_papers(other)
    routes = [route for group in GROUPS for route in group.listed if route.name not in SPARED]
    draw = random.Random(880)
    before = owner.people.world.everything_kept().count(b"CHOYXONA")
    answered: dict[int, int] = {}
    for number in range(REQUESTS):
        route = routes[number % len(routes)]
        path, body = request_of(route, papers, draw)
        answer = await owner.send(route.method, path, body, key=f"key-{number}")
        answered[answer.status] = answered.get(answer.status, 0) + 1
        assert not any(leak in answer.octets for leak in LEAKS), (route.name, path, answer.octets)
        if route.parameters:
            assert (answer.status, answer.code) == (404, "not_found"), (route.name, path, answer.octets)

    assert sum(answered.values()) == REQUESTS
    assert answered[404] > REQUESTS // 3
    assert owner.people.world.everything_kept().count(b"CHOYXONA") == before
    for kind, path in (("invoices", "/invoices"), ("webhooks", "/webhooks"), ("cashiers", "/cashiers")):
        kept = (await other.get(path)).body[kind]
        assert {one["id"] for one in kept} == set(papers[kind]), "and nothing of it was changed"
    assert (await other.get("/webhooks")).body["webhooks"][0]["active"]


async def test_s4_anothers_is_answered_to_the_letter_like_one_that_is_not_there(
    owner: Api, other: Api
) -> None:
    papers = await make_papers(other)
    for path in ("/invoices/{}", "/invoices/{}/receipt", "/payments/{}", "/webhooks/{}"):
        theirs = await owner.get(path.format(papers[path.split("/")[1]][0]))
        nobodys = await owner.get(path.format(987_654))

        for answer in (theirs, nobodys):
            answer.body.pop("instance")
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)


async def test_s4_whoever_reaches_for_anothers_papers_leaves_a_trace(owner: Api, other: Api) -> None:
    papers = await make_papers(other)
    paths = [
        ("POST", f"/invoices/{papers['invoices'][0]}/cancel"),
        ("POST", f"/invoices/{papers['invoices'][0]}/refund"),
        ("GET", f"/invoices/{papers['invoices'][0]}"),
        ("GET", f"/invoices/{papers['invoices'][0]}/receipt"),
        ("GET", f"/payments/{papers['payments'][0]}"),
    ]
    for number, (method, path) in enumerate(paths):
        answer = await owner.send(method, path, key=f"k{number}")
        assert (answer.status, answer.code) == (404, "not_found")

    assert owner.people.world.everything_kept().count(b"refused_foreign") == len(paths)


@pytest.mark.parametrize("route", [route for group in GROUPS for route in group.listed], ids=lambda r: r.name)
async def test_asvs_8_2_1_without_a_token_or_with_a_wrong_one_a_call_shows_nothing(
    api: Api, route: Route
) -> None:
    path = route.path.replace("{id}", "1").replace("{sub}", "1")
    for token in ("", "click_app_" + "A" * 43, "x" * 5000, "click_web_"):
        api.token = token
        answer = await api.send(route.method, path, {}, key="k")

        if route.needs == "nobody":
            assert answer.status in (200, 400)
        else:
            assert (answer.status, answer.code) == (401, "not_signed_in")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_browsers_token_is_no_bearer_token_and_the_other_way_round(api: Api) -> None:
    web = api.as_(api.people.sign_up(kind=SessionKind.WEB))
    assert (await web.get("/me")).status == 401

    app = api.people.sign_in(kind=SessionKind.APP)
    answer = await api.get("/me", Cookie=f"__Host-session={app.token}")
    assert answer.status == 401


async def test_a34_a_token_is_of_one_merchant(owner: Api, other: Api) -> None:
    assert (await owner.get("/me")).body["merchant"] == "MAGAZIN-24"
    assert (await other.get("/me")).body["merchant"] == "CHOYXONA"
