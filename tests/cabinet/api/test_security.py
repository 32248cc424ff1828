"""What surrounds every call: headers, cookies, forgery, bounds, errors (S17-S19, S23; ASVS 3, 13, 14, 16)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from cabinet import security, sessions
from cabinet.office import OFFICE, Hashing, Options, TooBusy
from cabinet.origins import address_of
from invoicing import NewSession, SessionKind, StorageBusy
from tests.cabinet.web import HERE, PASSWORD, Api, People, api_over, office_over
from tests.invoicing.world import CUSTOMER, FIFTY, World

BODY = {"phone": CUSTOMER, "amount_tiyin": FIFTY}


class Site:
    """A page that shows the token and takes a form, as a cabinet's page does."""

    def __init__(self, client: TestClient[web.Request, web.Application], people: People) -> None:
        self.client = client
        self.people = people
        self.done: list[str] = []

    @property
    def host(self) -> str:
        return f"http://{self.client.host}:{self.client.port}"

    def cookie(self, new: NewSession) -> dict[str, str]:
        name = "__Host-admin" if new.who.kind is SessionKind.ADMIN else "__Host-session"
        return {"Cookie": f"{name}={new.token}"}

    async def csrf(self, new: NewSession) -> str:
        async with self.client.get("/page", headers=self.cookie(new)) as answer:
            return await answer.text()

    async def post(self, new: NewSession | None, form: dict[str, str], **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {} if new is None else self.cookie(new)
        async with self.client.post("/page", data=form, headers=sent) as answer:
            return answer.status


@pytest_asyncio.fixture
async def site(sqlite_world: World) -> AsyncIterator[Site]:
    people = People(sqlite_world)

    @web.middleware
    async def refuse(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except sessions.Forged:
            return web.Response(status=403)
        except sessions.NotSignedIn:
            return web.Response(status=401)
        return answer

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=sessions.csrf(request))

    async def take(request: web.Request) -> web.Response:
        found = sessions.who(request)
        made.done.append("nobody" if found is None else found.msisdn)
        return web.Response()

    async def enter(request: web.Request) -> web.Response:
        office = request.config_dict[OFFICE]
        form = await request.post()
        phone, password = str(form["phone"]), str(form["password"])
        new = await office.hashing(people.accounts.sign_in, phone, password, sessions.origin(request))
        assert isinstance(new, NewSession), new
        response = web.Response()
        sessions.begin(request, response, new)
        return response

    async def leave(request: web.Request) -> web.Response:
        response = web.Response()
        people.accounts.sign_out(sessions.signed_in(request))
        sessions.end(request, response)
        return response

    with ThreadPoolExecutor(2) as pool:
        served = web.Application(middlewares=[refuse, sessions.middleware(SessionKind.WEB)])
        served[OFFICE] = office_over(people, pool)
        served.on_response_prepare.append(security.headers())
        served.router.add_get("/page", show)
        served.router.add_post("/page", take)
        served.router.add_post("/enter", enter)
        served.router.add_post("/leave", leave)
        async with TestClient(TestServer(served)) as client:
            made = Site(client, people)
            yield made


async def test_s17_asvs_3_5_1_a_form_counts_with_the_sessions_own_token_and_from_our_own_page(
    site: Site,
) -> None:
    mine = site.people.sign_up()
    token = await site.csrf(mine)
    assert len(token) == 64

    assert await site.post(mine, {"csrf": token}, Origin=site.host) == 200
    assert await site.post(mine, {}, Origin=site.host, X_CSRF_Token=token) == 200
    assert await site.post(mine, {"csrf": token}, Sec_Fetch_Site="same-origin") == 200
    assert len(site.done) == 3


async def test_s17_a_forged_form_reaches_nothing(site: Site) -> None:
    mine = site.people.sign_up()
    others = site.people.sign_in()
    token, another = await site.csrf(mine), await site.csrf(others)

    assert token != another
    for form, headers in (
        ({}, {"Origin": site.host}),
        ({"csrf": another}, {"Origin": site.host}),
        ({"csrf": token[:-1] + "x"}, {"Origin": site.host}),
        ({"csrf": "токен"}, {"Origin": site.host}),
        ({"csrf": token}, {"Origin": "https://evil.example"}),
        ({"csrf": token}, {"Origin": "null"}),
        ({"csrf": token}, {"Sec_Fetch_Site": "cross-site"}),
        ({"csrf": token}, {"Sec_Fetch_Site": "same-site", "Origin": site.host}),
        ({"csrf": token}, {}),
    ):
        assert await site.post(mine, form, **headers) == 403
    assert site.done == []


async def test_s17_a_strange_page_cannot_sign_anybody_in_either(site: Site) -> None:
    assert await site.post(None, {}, Origin="https://evil.example") == 403
    assert await site.post(None, {}) == 403
    assert await site.post(None, {}, Origin=site.host) == 200
    assert site.done == ["nobody"]


async def test_asvs_3_3_1_to_3_3_4_the_cookie_is_host_only_secure_http_only_and_same_site(
    site: Site,
) -> None:
    site.people.sign_up()
    form = {"phone": "901112233", "password": PASSWORD}
    async with site.client.post("/enter", data=form, headers={"Origin": site.host}) as answer:
        cookies = answer.headers.getall("Set-Cookie")

    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-session", "__Host-browser"]
    for cookie in cookies:
        parts = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite", "path", "max-age"} <= parts
        assert "domain" not in parts
        assert "SameSite=Lax" in cookie


async def test_s18_signing_in_replaces_whatever_token_the_browser_had(site: Site) -> None:
    site.people.sign_up()
    form = {"phone": "901112233", "password": PASSWORD}
    headers = {"Origin": site.host, "Cookie": "__Host-session=click_web_" + "A" * 43}
    async with site.client.post("/enter", data=form, headers=headers) as answer:
        (cookie,) = (one for one in answer.headers.getall("Set-Cookie") if one.startswith("__Host-session"))

    assert "A" * 43 not in cookie
    assert site.people.accounts.session(cookie.partition("=")[2].partition(";")[0]) is not None


async def test_s18_asvs_7_4_1_signing_out_kills_the_token_and_clears_the_browser(site: Site) -> None:
    mine = site.people.sign_up()
    headers = {**site.cookie(mine), "Origin": site.host, "X-CSRF-Token": await site.csrf(mine)}
    async with site.client.post("/leave", headers=headers) as answer:
        assert answer.status == 200
        assert '__Host-session=""' in answer.headers["Set-Cookie"]
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'

    assert await site.csrf(mine) == "", "the page sees nobody"


async def test_an_operators_cookie_opens_no_merchants_page(site: Site) -> None:
    site.people.accounts.set_operator("bank01", PASSWORD)
    admin = site.people.accounts.sign_in_operator("bank01", PASSWORD, HERE)
    assert isinstance(admin, NewSession)

    assert await site.csrf(admin) == ""
    async with site.client.get("/page", headers={"Cookie": f"__Host-session={admin.token}"}) as answer:
        assert await answer.text() == ""


async def test_asvs_14_3_2_s19_a_page_is_kept_nowhere_framed_nowhere_and_runs_nothing_inline(
    site: Site,
) -> None:
    async with site.client.get("/page") as answer:
        headers = answer.headers

    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert headers["Server"] == "click"


async def test_asvs_3_5_3_no_call_changes_anything_by_get(owner: Api) -> None:
    made = await owner.post("/invoices", BODY, key="k")
    for path in ("/invoices/{}/cancel", "/invoices/{}/refund", "/webhooks/{}/ping"):
        answer = await owner.get(path.format(made.body["id"]))
        assert (answer.status, answer.code) == (405, "method")
        assert answer.headers["Allow"] == "POST"
    assert (await owner.get(f"/invoices/{made.body['id']}")).body["status"] == "awaiting"


async def test_the_api_takes_a_browsers_cookie_only_with_its_token(api: Api) -> None:
    new = api.people.sign_up(kind=SessionKind.WEB)
    cookie = {"Cookie": f"__Host-session={new.token}"}
    host = f"http://{api.client.host}:{api.client.port}"

    assert (await api.get("/me", **cookie)).status == 200
    forged = await api.post("/invoices", BODY, key="k", **cookie, Origin="https://evil.example")
    without = await api.post("/invoices", BODY, key="k", **cookie, Origin=host)
    assert (forged.code, without.code) == ("forged", "forged")
    token = api.office.derived("csrf", new.token)
    meant = await api.post("/invoices", BODY, key="k", **cookie, Origin=host, X_CSRF_Token=token)
    assert meant.status == 201


async def test_asvs_2_4_1_calls_beyond_the_limit_wait_and_others_do_not(sqlite_world: World) -> None:
    async with api_over(sqlite_world, Options(calls_a_minute=20)) as api:
        owner = api.as_(api.people.sign_up(kind=SessionKind.APP))
        answers = [await owner.get("/me") for _ in range(22)]

        assert [answer.status for answer in answers] == [200] * 20 + [429] * 2
        assert answers[-1].code == "too_often"
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert (await api.get("/problems")).status == 200, "another caller"


async def test_passwords_beyond_the_threads_bound_are_turned_away_at_once_and_turns_go_on() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        hashing = Hashing(pool, waiting_max=3)
        waiting = [asyncio.create_task(hashing(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)

        with pytest.raises(TooBusy):
            await hashing(gate.wait)
        gate.set()
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await hashing(lambda: "again") == "again"


async def test_a_database_out_of_reach_is_told_as_such_and_may_be_asked_again(
    owner: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_given: object, **_named: object) -> None:
        raise StorageBusy("the database is busy; try again")

    with monkeypatch.context() as patched:
        patched.setattr(owner.people.world.service, "issue", busy)
        answer = await owner.post("/invoices", BODY, key="k")

    assert (answer.status, answer.code) == (503, "busy")
    assert answer.headers["Retry-After"]
    assert (await owner.post("/invoices", BODY, key="k")).status == 201


async def test_asvs_16_5_3_a_fault_of_ours_shows_nothing_of_itself_but_a_number_that_is_in_the_log(
    owner: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(owner.people.papers, "totals", broken)
    answer = await owner.get("/report?since=2026-11-01&until=2026-11-30")

    assert (answer.status, answer.code) == (500, "trouble")
    assert b"secret" not in answer.octets
    assert answer.body["instance"] in [getattr(record, "instance", "") for record in caplog.records]


@pytest.mark.parametrize(
    ("accepts", "title"),
    [
        ("en", "Nobody is signed in"),
        ("uz", "Kirish bajarilmagan"),
        ("uz-Cyrl-UZ", "Кириш бажарилмаган"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "Вход не выполнен"),
        ("en;q=0.2, uz;q=0.9", "Kirish bajarilmagan"),
        ("fr, de;q=0.5", "Вход не выполнен"),
        (";;;q=,,=", "Вход не выполнен"),
        ("", "Вход не выполнен"),
    ],
)
async def test_a_problem_is_told_in_the_readers_language(api: Api, accepts: str, title: str) -> None:
    answer = await api.get("/me", Accept_Language=accepts)

    assert answer.body["title"] == title
    assert answer.body["type"] == "/api/v1/problems#not_signed_in"
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_who_is_signed_in_is_told_in_his_own_language(owner: Api) -> None:
    assert (await owner.send("PATCH", "/me", {"language": "en"})).body["language"] == "en"

    assert (await owner.get("/invoices/999")).body["title"] == "Not found"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"phone": "998901234567", "amount_tiyin": 5000000', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"phone": "\\ud800", "amount_tiyin": 5000000}', "application/json", 400),
        (b'{"phone": "998901234567", "amount_tiyin": 5000000, "x": 1}', "application/json", 400),
        (b'{"amount_tiyin": 1, "amount_tiyin": 2}', "application/json", 400),
        (b"phone=998901234567", "application/x-www-form-urlencoded", 415),
        (json.dumps(BODY).encode(), "text/plain", 415),
        (b"[" * 100_000, "application/json", 400),
        (b" " * 2_000_000, "application/json", 413),
    ],
)
async def test_s23_garbage_is_refused_with_a_problem(owner: Api, body: bytes, kind: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {owner.token}", "Content-Type": kind, "Idempotency-Key": "k"}
    async with owner.client.post("/api/v1/invoices", data=body, headers=headers) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
    assert owner.people.world.count("invoice") == 0


async def test_asvs_16_2_5_what_was_typed_is_not_repeated_in_a_refusal(api: Api) -> None:
    answer = await api.post("/signin", {"phone": "x" * 13, "password": "s3cret-passw0rd", "pin": "24680"})

    assert answer.status == 400
    assert b"s3cret" not in answer.octets
    assert b"24680" not in answer.octets


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "garbage", "unknown"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
    ],
)
def test_s9_an_address_is_the_last_hop_that_no_proxy_of_ours_is(
    sqlite_world: World, peer: str, forwarded: str, seen: str
) -> None:
    served = web.Application()
    with ThreadPoolExecutor(1) as pool:
        options = Options(proxies=(ip_network("10.0.0.0/8"),))
        served[OFFICE] = office_over(People(sqlite_world), pool, options)
        request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded}, app=served)
        assert address_of(request.clone(remote=peer)) == seen
