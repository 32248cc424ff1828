"""`/admin/` is shut to whoever is no operator, and to what no operator meant (ASVS 3.5, 6.3, 7.3, 8.2)."""

from __future__ import annotations

import pytest

from invoicing import SessionKind
from invoicing.backoffice import BackOffice, Sought
from invoicing.storage import audit
from invoicing.storage.connect import reading
from tests.cabinet.admin.conftest import Desk, enter
from tests.cabinet.web import HERE, PASSWORD
from tests.invoicing.world import SHOP

PAGES = ("/", "/live", "/live/now", "/screens", "/service", "/invoices/1", "/dialogues/" + "0" * 16, "/alive")


async def test_a_merchants_session_opens_nothing_and_an_operators_opens_no_merchants_page(desk: Desk) -> None:
    merchant = await desk.here.owner()
    operator = await desk.operator()
    tokens = {
        one.key: one.value for browser in (merchant, operator) for one in browser.client.session.cookie_jar
    }
    app = desk.here.people.sign_in(kind=SessionKind.APP).token

    for path in PAGES:
        as_cookie = await (await desk.stranger()).get(path, Cookie=f"admin={tokens['session']}")
        as_bearer = await (await desk.stranger()).get(path, Authorization=f"Bearer {app}")
        itself = await (await desk.stranger()).get(path, Authorization=f"Bearer {tokens['admin']}")
        assert (as_cookie.path, itself.path) == ("/admin/signin", "/admin/signin")
        assert as_bearer.status == 403
    other = await desk.here.browser()
    assert (await other.get("/invoices", Cookie=f"session={tokens['admin']}")).path == "/cabinet/signin"
    assert (await (await desk.stranger()).get("/", Cookie=f"admin={tokens['admin']}")).path == "/admin/"


async def test_the_cookie_is_the_operators_own_and_shut_to_scripts(desk: Desk) -> None:
    desk.here.people.accounts.set_operator("bank01", PASSWORD)
    browser = await desk.stranger()
    answer = await browser.client.post(
        "/admin/signin",
        data={"name": "bank01", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )

    cookie = answer.cookies["admin"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/signout", "/search", "/language"])
async def test_a_forged_request_changes_nothing(desk: Desk, path: str) -> None:
    operator = await desk.operator()
    no_token = await operator.post(path, {"csrf": "", "q": "1001"})
    elsewhere = await operator.post(path, {"q": "1001"}, Sec_Fetch_Site="cross-site")

    assert (no_token.status, elsewhere.status) == (403, 403)
    assert (await operator.get("/live")).path == "/admin/live"


async def test_guessing_is_slowed_down_and_tells_nothing_of_names(desk: Desk) -> None:
    desk.here.people.accounts.set_operator("bank01", PASSWORD)
    known, unknown = await desk.stranger(), await desk.stranger()
    wrong = [await enter(known, "bank01", f"wrong password {place}") for place in range(5)]
    never = [await enter(unknown, "nobody1", f"wrong password {place}") for place in range(5)]
    right_too_late = await enter(known)

    said = {page.text.replace("bank01", "-").replace("nobody1", "-") for page in (*wrong, *never)}
    assert {page.status for page in (*wrong, *never)} == {422}
    assert len(said) == 1
    assert right_too_late.status == 429
    desk.world.clock.advance(minutes=16)
    assert (await enter(known)).path == "/admin/"


async def test_nobody_is_led_astray_after_signing_in(desk: Desk) -> None:
    desk.here.people.accounts.set_operator("bank01", PASSWORD)
    for wanted in ("https://evil.example/", "//evil.example", "/cabinet/", "/admin//evil.example"):
        assert (await enter(await desk.stranger(), next=wanted)).path == "/admin/"
    assert (await enter(await desk.stranger(), next="/admin/screens")).path == "/admin/screens"


async def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(desk: Desk) -> None:
    operator = await desk.operator()
    for _ in range(14):
        desk.world.clock.advance(minutes=1)
        assert (await operator.get("/live/now", HX_Request="true")).status == 200
    desk.world.clock.advance(minutes=2)
    over = await operator.get("/live/now", HX_Request="true")

    assert (over.status, over.response.headers.get("HX-Redirect")) == (204, "/admin/signin")


async def test_a_session_ends_after_twelve_hours_of_work_too(desk: Desk) -> None:
    operator = await desk.operator()
    token = next(one.value for one in operator.client.session.cookie_jar if one.key == "admin")
    for _ in range(12 * 6 - 1):
        desk.world.clock.advance(minutes=10)
        assert desk.here.people.accounts.session(token) is not None
    assert (await operator.get("/service")).path == "/admin/service"
    desk.world.clock.advance(minutes=10)

    assert (await operator.get("/service")).path == "/admin/signin"


async def test_who_is_shut_out_or_signs_out_is_out_at_once(desk: Desk) -> None:
    first, second = await desk.operator("bank01"), await desk.operator("bank02")
    desk.here.people.accounts.block_operator("bank01")
    await second.get("/")
    await second.post("/signout")

    assert [(await one.get("/")).path for one in (first, second)] == ["/admin/signin"] * 2
    assert "закрыт" in (await enter(await desk.stranger(), "bank01")).text


async def test_who_looked_at_what_is_written_down_before_it_is_shown(desk: Desk) -> None:
    invoice = desk.world.issue()
    operator = await desk.operator()
    await operator.get(f"/invoices/{invoice.id}")
    await operator.get("/dialogues/00000000000000ff")
    await operator.get("/invoices/999")

    with reading(desk.world.engine) as conn:
        rows = [
            (row.actor, row.channel, row.action, row.object)
            for what in (f"invoice:{invoice.id}", "dialogue:00000000000000ff", "invoice:999")
            for row in audit.all_of(conn, what)
            if row.action == "operator_viewed"
        ]
    assert rows == [
        ("bank01", "admin", "operator_viewed", f"invoice:{invoice.id}"),
        ("bank01", "admin", "operator_viewed", "dialogue:00000000000000ff"),
    ]


async def test_a_merchants_user_is_no_operator_to_the_domain_either(desk: Desk) -> None:
    office = BackOffice(desk.world.engine, clock=desk.world.clock)
    owner = desk.here.people.sign_up(SHOP).who
    with pytest.raises(ValueError, match="operators"):
        office.find(owner, Sought(number=1001))
    with pytest.raises(ValueError, match="operators"):
        office.open_invoice(owner, "1", HERE)
