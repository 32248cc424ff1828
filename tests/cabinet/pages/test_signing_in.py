"""Signing in on pages (A33, A34, A40-A42, S12, S17, S18)."""

from __future__ import annotations

import logging

import pytest

from tests.cabinet.pages.web import Here
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import SHOP, STRANGER


async def test_the_first_visit_leads_from_the_phone_to_a_password_and_in(here: Here) -> None:  # A40
    browser = await here.browser()

    asked = await browser.post("/signin/code", {"phone": "+998 (90) 111-22-33"})
    checked = await browser.post("/signin/check", asked.hidden | {"code": here.people.code()})
    inside = await browser.post("/signin/password", checked.hidden | {"password": PASSWORD})

    assert inside.path == "/cabinet/"
    assert "MAGAZIN-24" in inside.text
    await browser.post("/signout")
    again = await browser.sign_in()
    assert again.path == "/cabinet/"


async def test_a_phone_that_no_bank_registered_is_told_the_same(here: Here) -> None:  # A33
    browser = await here.browser("/app")

    known = await browser.post("/signin/code", {"phone": SHOP})
    unknown = await browser.post("/signin/code", {"phone": STRANGER})

    assert known.status == unknown.status == 200
    there, here_not = "+998 90 111 22 33", "+998 97 765 43 21"
    assert known.text.replace(there, "") == unknown.text.replace(here_not, "")
    assert here.world.texts(STRANGER) == []


async def test_an_unknown_phone_and_a_wrong_password_read_alike(here: Here) -> None:  # S12
    here.people.sign_up(SHOP)
    browser = await here.browser()

    wrong = await browser.post("/signin", {"phone": SHOP, "password": "not the password"})
    nobody = await browser.post("/signin", {"phone": STRANGER, "password": "not the password"})

    assert wrong.status == nobody.status == 422
    assert wrong.text.replace(SHOP, "") == nobody.text.replace(STRANGER, "")


async def test_a_code_has_three_tries_and_then_a_new_one_must_be_asked_for(here: Here) -> None:  # A41
    browser = await here.browser()
    asked = await browser.post("/signin/code", {"phone": SHOP})
    right = here.people.code()
    wrong = "000000" if right != "000000" else "111111"

    assert "Код действует 5 мин, попыток — 3." in asked.text

    for _ in range(3):
        answer = await browser.post("/signin/check", asked.hidden | {"code": wrong})
        assert answer.status == 422
    late = await browser.post("/signin/check", asked.hidden | {"code": right})

    assert late.status == 422
    assert "Код больше не действует" in late.text
    assert "grant" not in late.hidden


async def test_a_code_is_over_after_five_minutes_and_good_once(here: Here) -> None:  # A41
    browser = await here.browser()
    asked = await browser.post("/signin/code", {"phone": SHOP})
    code = here.people.code()

    first = await browser.post("/signin/check", asked.hidden | {"code": code})
    twice = await browser.post("/signin/check", asked.hidden | {"code": code})
    here.world.clock.advance(minutes=2)
    asked = await browser.post("/signin/code", {"phone": SHOP})
    code = here.people.code()
    here.world.clock.advance(minutes=5, seconds=1)
    late = await browser.post("/signin/check", asked.hidden | {"code": code})

    assert "grant" in first.hidden
    assert twice.status == late.status == 422


async def test_a_common_and_a_short_password_are_refused_and_a_long_one_is_taken(here: Here) -> None:  # A42
    browser = await here.browser()
    asked = await browser.post("/signin/code", {"phone": SHOP})
    granted = await browser.post("/signin/check", asked.hidden | {"code": here.people.code()})

    common = await browser.post("/signin/password", granted.hidden | {"password": "12345678"})
    short = await browser.post("/signin/password", granted.hidden | {"password": "7 знако"})
    long = await browser.post("/signin/password", granted.hidden | {"password": "d" * 35 + "ы" * 35})

    assert "подбирают первым" in common.text
    assert "слишком короткий" in short.text
    assert long.path == "/cabinet/"


async def test_a_page_is_asked_for_by_nobody_and_leads_back_after_signing_in(here: Here) -> None:
    here.people.sign_up(SHOP)
    browser = await here.browser()

    led = await browser.get("/reports?period=7")
    inside = await browser.post("/signin", led.hidden | {"phone": SHOP, "password": PASSWORD})

    assert led.path == "/cabinet/signin"
    assert inside.path == "/cabinet/reports"


async def test_a_session_that_ends_in_the_middle_of_a_form_says_so_and_leads_back_to_it(here: Here) -> None:
    browser = await here.owner()
    await browser.get("/invoices/new")
    here.world.clock.advance(minutes=16)

    led = await browser.post("/invoices/review", {"phone": "901234567", "amount": "50 000,5"})
    inside = await browser.post("/signin", led.hidden | {"phone": SHOP, "password": PASSWORD})
    await browser.post("/signout")
    by_himself = await browser.get("/signin")

    assert led.path == "/cabinet/signin"
    assert "Сеанс завершен" in led.text
    assert inside.path == "/cabinet/invoices/new"
    assert "901234567" in inside.words
    assert "50 000,5" in inside.words
    assert "Сеанс завершен" not in by_himself.text


async def test_a_confirmation_after_the_session_ended_issues_nothing_and_leads_to_the_form(
    here: Here,
) -> None:
    browser = await here.owner("/app")
    review = await browser.post("/invoices/review", {"phone": "901234567", "amount": "7000"})
    here.world.clock.advance(days=15)

    led = await browser.post("/invoices", review.hidden)
    inside = await browser.post("/signin", led.hidden | {"phone": SHOP, "password": PASSWORD})

    assert here.world.count("invoice") == 0
    assert inside.path == "/app/invoices/new"
    assert "7000" in inside.words


async def test_nobody_is_led_to_a_strange_site_after_signing_in(here: Here) -> None:
    here.people.sign_up(SHOP)
    for wanted in ("//evil.example/", "https://evil.example/", "/cabinet//evil.example", "/cabinet\\evil"):
        browser = await here.browser()
        inside = await browser.post("/signin", {"phone": SHOP, "password": PASSWORD, "next": wanted})
        assert inside.path == "/cabinet/", wanted


async def test_a_form_of_another_site_signs_nobody_in(here: Here) -> None:  # S17
    here.people.sign_up(SHOP)
    browser = await here.browser()

    forged = await browser.post("/signin", {"phone": SHOP, "password": PASSWORD}, Sec_Fetch_Site="cross-site")

    assert forged.status == 403
    assert (await browser.get("/")).path == "/cabinet/signin"


async def test_the_app_and_the_cabinet_have_sessions_of_their_own(here: Here) -> None:  # A34
    browser = await here.owner("/app")
    names = {cookie.key for cookie in browser.client.session.cookie_jar}

    assert (await browser.get("/invoices")).path == "/app/invoices"
    assert "app" in names
    assert "session" not in names


async def test_the_apps_session_outlives_two_idle_days_and_the_cabinets_does_not(here: Here) -> None:
    app, cabinet = await here.owner("/app"), await here.browser()
    await cabinet.sign_in()

    here.world.clock.advance(days=2)

    assert (await app.get("/")).path == "/app/"
    assert (await cabinet.get("/")).path == "/cabinet/signin"


async def test_a_stolen_cookie_is_dead_after_signing_out(here: Here) -> None:  # S18
    browser = await here.owner()
    stolen = {cookie.key: cookie.value for cookie in browser.client.session.cookie_jar}

    await browser.post("/signout")
    thief = await here.browser()
    thief.client.session.cookie_jar.update_cookies(stolen)

    assert (await thief.get("/")).path == "/cabinet/signin"


async def test_refusals_in_uzbek_are_spelt_as_pages_are(here: Here) -> None:
    browser = await here.browser()
    await browser.post("/language", {"language": "uz"})

    wrong = await browser.post("/signin", {"phone": SHOP, "password": "not this one"})

    assert "notoʻgʻri" in wrong.text
    assert "notog'ri" not in wrong.text


@pytest.mark.parametrize(
    ("media", "octets"),
    [
        ("application/x-www-form-urlencoded; charset=nope", b"phone=1"),
        ("application/x-www-form-urlencoded", b"phone=\xff\xfe"),
        ("multipart/form-data; boundary=x", b"--y\r\nno form"),
        ("multipart/form-data", b"--y\r\nno form"),
    ],
)
@pytest.mark.parametrize("signed_in", [False, True])
async def test_what_is_no_form_is_refused_and_is_no_fault_of_ours(  # S23
    here: Here, caplog: pytest.LogCaptureFixture, media: str, octets: bytes, signed_in: bool
) -> None:
    browser = await here.owner() if signed_in else await here.browser()
    path = "/invoices/review" if signed_in else "/signin"

    with caplog.at_level(logging.ERROR):
        sent = {"Content-Type": media, "Sec-Fetch-Site": "same-origin"}
        async with browser.client.post(f"/cabinet{path}", data=octets, headers=sent) as response:
            text = await response.text()

    assert response.status == 400
    assert "Вернитесь, обновите страницу и повторите" in text
    assert caplog.records == []
