"""The owner's webhooks and API tokens as pages: what they hold is shown once, and to nobody else."""

from __future__ import annotations

import asyncio
import re

from invoicing import SessionKind
from tests.cabinet.pages.web import Browser, Here, Page
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import OTHER_SHOP

HOOK = "https://shop.example/click"
CASHIER = "998901110099"


async def hooked(browser: Browser, url: str = HOOK, **fields: str) -> Page:
    await browser.get("/webhooks")
    return await browser.post("/webhooks", {"url": url, **fields})


def secret(page: Page, prefix: str) -> str:
    found = re.search(prefix + r"[\w+/=-]{20,}", page.text)
    assert found, page.text
    return found[0]


async def cashier(here: Here) -> Browser:
    owner = here.people.sign_up().who
    here.people.staff.add_cashier(owner, CASHIER, "Lola")
    return await here.owner(phone=CASHIER)


async def test_a_cashier_sees_neither(here: Here) -> None:
    browser = await cashier(here)

    for path in ("/webhooks", "/webhooks/1", "/tokens"):
        assert (await browser.get(path)).status == 403
    assert "/cabinet/webhooks" not in (await browser.get("/invoices")).links
    assert (await browser.post("/tokens", {"name": "mine", "password": PASSWORD})).status == 403


async def test_a_webhooks_key_is_shown_once(here: Here) -> None:
    browser = await here.owner()
    made = await hooked(browser, event="invoice.paid")
    key = secret(made, "whsec_")
    later = await browser.get("/webhooks")

    assert (made.status, HOOK in later.text) == (201, True)
    assert key not in later.octets.decode()
    assert key not in (await browser.get("/webhooks/1")).octets.decode()


async def test_an_address_that_is_none_is_refused_and_stays_in_the_field(here: Here) -> None:
    browser = await here.owner()
    for url in ("ftp://shop.example", "javascript:alert(1)", "", "https://a b"):
        page = await hooked(browser, url)
        assert page.status == 422
        assert "Адрес не подходит" in page.text
        assert url in page.text
    assert "Пока никуда" in page.text


async def test_a_webhook_is_tried_out_paused_taken_up_and_removed(here: Here) -> None:
    browser = await here.owner()
    await hooked(browser)
    tried = await browser.post("/webhooks/1/ping")
    paused = await browser.post("/webhooks/1/active", {"active": "0"})
    active = await browser.post("/webhooks/1/active", {"active": "1"})
    delivery = re.search(r"/deliveries/(\d+)/again", tried.octets.decode())
    assert delivery
    again = await browser.post(f"/webhooks/1/deliveries/{delivery[1]}/again")
    gone = await browser.post("/webhooks/1/remove")

    assert "Проба" in tried.text
    assert ("приостановлен" in paused.text, "приостановлен" in active.text) == (True, False)
    assert again.status == 200
    assert "Пока никуда" in gone.text
    assert (await browser.get("/webhooks/1")).status == 404


async def test_a_try_that_failed_says_why_in_the_readers_words(here: Here) -> None:
    browser = await here.owner()
    await browser.post("/webhooks", {"url": "http://127.0.0.1:9/click"})
    await browser.post("/webhooks/1/ping")
    await asyncio.to_thread(here.people.courier(private=False).run_once)

    log = (await browser.get("/webhooks/1")).text

    assert re.search(r"адрес в частной сети, \d+ мс", log)


async def test_a_long_log_is_read_page_by_page(here: Here) -> None:
    browser = await here.owner()
    await hooked(browser)
    for _ in range(25):
        await browser.post("/webhooks/1/ping")
    first = await browser.get("/webhooks/1")
    more = next(link for link in first.links if "after=" in link)
    rest = await browser.get(more.removeprefix("/cabinet"), HX_Request="true", HX_Target="more")

    assert (first.text.count("ping:"), rest.text.count("ping:")) == (20, 5)
    assert "<html" not in rest.octets.decode()


async def test_s4_anothers_webhooks_and_tokens_are_not_there(here: Here) -> None:
    browser = await here.owner()
    await hooked(browser)
    await browser.post("/tokens", {"name": "mine"})
    other = await here.owner(phone=OTHER_SHOP)
    token = next(
        one for one in here.people.accounts.sessions(here.people.sign_in().who) if one.label == "mine"
    )

    assert (await other.get("/webhooks/1")).status == 404
    for path in ("/webhooks/1/remove", "/webhooks/1/ping", f"/tokens/{token.id}/end"):
        assert (await other.post(path)).status == 404
    assert HOOK in (await browser.get("/webhooks")).text
    assert "mine" in (await browser.get("/tokens")).text


async def test_a_token_is_made_shown_once_used_and_revoked(here: Here) -> None:
    browser = await here.owner()
    made = await browser.post("/tokens", {"name": "1C <b>бухгалтерия</b>"})
    token = secret(made, "click_api_")
    before = await browser.get("/tokens")
    here.world.clock.advance(minutes=3)
    used = here.people.accounts.session(token)
    after = await browser.get("/tokens")

    assert (made.status, token in before.octets.decode()) == (201, False)
    assert "1C <b>бухгалтерия</b>" in before.text, "as text, not as a tag"
    assert ("не использовался" in before.text, "последний раз" in after.text) == (True, True)
    assert used is not None
    assert used.kind is SessionKind.API
    await browser.post(f"/tokens/{used.session_id}/end")
    assert here.people.accounts.session(token) is None
    assert "Их нет" in (await browser.get("/tokens")).text


async def test_a_token_needs_the_password_once_it_was_given_long_ago(here: Here) -> None:
    browser = await here.owner()
    here.world.clock.advance(minutes=11)
    without = await browser.post("/tokens", {"name": "mine"})
    wrong = await browser.post("/tokens", {"name": "mine", "password": "no such password"})
    right = await browser.post("/tokens", {"name": "mine", "password": PASSWORD})

    assert [without.status, wrong.status, right.status] == [422, 422, 201]


async def test_revoking_ends_tokens_only(here: Here) -> None:
    browser = await here.owner()
    me = here.people.accounts.sessions(here.people.sign_in().who)
    web = next(one for one in me if one.kind is SessionKind.WEB)

    assert (await browser.post(f"/tokens/{web.id}/end")).status == 404


async def test_the_app_has_neither_page(here: Here) -> None:
    browser = await here.owner("/app")

    assert [(await browser.get(path)).status for path in ("/webhooks", "/tokens")] == [404, 404]
