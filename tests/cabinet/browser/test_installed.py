"""The app as one that is installed: installable, without a net, told of a payment (A34, A38)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from invoicing.storage.connect import reading
from tests.cabinet.browser.eyes import ARGUMENTS, CHROMIUM, looked_over
from tests.cabinet.browser.site import Site
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import SHOP

pytestmark = pytest.mark.timeout(300)
PUSH_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
PUSH_SECRET = "BTBZMqHH6r4Tts7J_aSIgg"
"""A subscription's keys, as RFC 8291's appendix A has them."""
SUBSCRIBED = """
  PushManager.prototype.getSubscription = async () => window.made || null;
  PushManager.prototype.subscribe = async options => {
    window.asked = options.applicationServerKey.length;
    const unsubscribe = async () => { sessionStorage.setItem("given", "up"); return true; };
    window.made = {toJSON: () => (%s), unsubscribe};
    return window.made;
  };
"""


@pytest.fixture
def phone(play: Playwright, tmp_path: Path, site: Site) -> Iterator[BrowserContext]:
    """A browser with a profile that lasts: in another nothing can be installed."""
    context = play.chromium.launch_persistent_context(
        str(tmp_path / "profile"),
        executable_path=CHROMIUM,
        args=list(ARGUMENTS),
        viewport={"width": 390, "height": 844},
        locale="ru-RU",
        permissions=["notifications"],
    )
    context.grant_permissions(["notifications"], origin=site.url)
    yield context
    context.close()


@pytest.fixture
def app(phone: BrowserContext, site: Site) -> Page:
    """The app with its worker at work and M1 signed in."""
    site.sign_up(SHOP)
    page = phone.pages[0]
    page.goto(f"{site.url}/app/signin")
    page.get_by_label("Телефон, зарегистрированный в банке").fill(SHOP)
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Invoice")).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    return page


def test_nothing_stands_in_the_way_of_installing_it(app: Page, phone: BrowserContext) -> None:
    devtools = phone.new_cdp_session(app)

    manifest = devtools.send("Page.getAppManifest")
    errors = devtools.send("Page.getInstallabilityErrors")

    assert errors["installabilityErrors"] == []
    assert manifest["errors"] == []
    told = json.loads(manifest["data"])
    assert told["id"] == told["start_url"] == told["scope"] == "/app/"
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def test_without_a_net_the_last_list_is_there_and_a_page_says_so(
    app: Page, phone: BrowserContext, site: Site
) -> None:
    site.world.issue()
    app.goto(f"{site.url}/app/invoices")
    expect(app.get_by_role("link", name="№1001")).to_be_visible()

    phone.set_offline(True)
    app.goto(f"{site.url}/app/")
    expect(app.get_by_role("link", name="№1001")).to_be_visible()
    expect(app.get_by_text("Нет связи: это последний список")).to_be_visible()
    app.goto(f"{site.url}/app/reports")
    expect(app.get_by_role("heading", name="Нет связи")).to_be_visible()
    looked_over(app)
    phone.set_offline(False)
    app.goto(f"{site.url}/app/settings")
    app.get_by_role("main").get_by_role("button", name="Выйти", exact=True).last.click()
    expect(app.get_by_role("heading", name="Войти")).to_be_visible()
    app.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    app.goto(f"{site.url}/app/")
    expect(app.get_by_role("heading", name="Нет связи")).to_be_visible()
    expect(app.get_by_text("№1001")).to_have_count(0)


def test_a_phone_signed_out_from_elsewhere_forgets_the_list(
    app: Page, phone: BrowserContext, site: Site
) -> None:
    site.world.issue()
    app.goto(f"{site.url}/app/invoices")
    expect(app.get_by_role("link", name="№1001")).to_be_visible()

    site.people.accounts.sign_out_everywhere(site.people.sign_in(SHOP).who)
    app.goto(f"{site.url}/app/")
    expect(app.get_by_role("heading", name="Войти")).to_be_visible()
    phone.set_offline(True)
    app.goto(f"{site.url}/app/")

    expect(app.get_by_role("heading", name="Нет связи")).to_be_visible()
    expect(app.get_by_text("№1001")).to_have_count(0)


def test_a_phone_with_no_room_left_shows_the_list_all_the_same(
    app: Page, phone: BrowserContext, site: Site
) -> None:
    phone.new_cdp_session(app).send("Storage.overrideQuotaForOrigin", {"origin": site.url, "quotaSize": 1})
    site.world.issue()

    app.goto(f"{site.url}/app/invoices")

    expect(app.get_by_role("link", name="№1001")).to_be_visible()


def test_without_a_net_the_app_speaks_the_language_chosen_last(
    app: Page, phone: BrowserContext, site: Site
) -> None:
    app.goto(f"{site.url}/app/settings")
    app.get_by_role("main").get_by_role("button", name="English").click()
    expect(app.get_by_role("heading", name="Settings")).to_be_visible()
    app.goto(f"{site.url}/app/invoices/new")

    phone.set_offline(True)
    app.goto(f"{site.url}/app/reports")

    expect(app.get_by_role("heading", name="No connection")).to_be_visible()


def test_notifications_are_asked_for_after_an_invoice_and_kept(app: Page, site: Site) -> None:  # A34
    subscription = {
        "endpoint": "https://push.example.com/send/1",
        "expirationTime": None,
        "keys": {"p256dh": PUSH_POINT, "auth": PUSH_SECRET},
    }
    app.add_init_script(SUBSCRIBED % json.dumps(subscription))
    app.goto(f"{site.url}/app/invoices/new")
    app.get_by_label("Телефон покупателя").fill("901234567")
    app.get_by_label("Сумма, сум").fill("50000")
    app.get_by_role("button", name="Далее").click()
    app.get_by_role("button", name="Подтвердить и выставить").click()

    expect(app.locator("#ask-push")).to_be_visible()
    looked_over(app)
    app.get_by_role("button", name="Включить").click()

    expect(app.locator("#ask-push")).to_be_hidden()
    assert app.evaluate("window.asked") == 65
    with reading(site.world.engine) as conn:
        kept = conn.exec_driver_sql("SELECT push_token, p256dh, auth FROM device").all()
    assert [tuple(row) for row in kept] == [("https://push.example.com/send/1", PUSH_POINT, PUSH_SECRET)]
    app.goto(f"{site.url}/app/settings")
    looked_over(app)
    app.get_by_role("button", name="Выключить").click()
    expect(app.get_by_role("button", name="Выключить")).to_have_count(0)
    assert site.world.count("device") == 0


def test_notifications_that_nobody_signed_in_asked_for_are_given_up(app: Page, site: Site) -> None:
    subscription = {"endpoint": "https://push.example.com/send/1", "keys": {}}
    app.add_init_script(SUBSCRIBED % json.dumps(subscription))
    app.goto(f"{site.url}/app/settings")
    site.people.accounts.sign_out_everywhere(site.people.sign_in(SHOP).who)

    app.get_by_role("button", name="Включить").click()

    expect(app.get_by_role("heading", name="Войти")).to_be_visible()
    assert app.evaluate("sessionStorage.getItem('given')") == "up"
    assert site.world.count("device") == 0


def test_a_push_shows_number_and_sum_and_leads_to_the_invoice(
    app: Page, phone: BrowserContext, site: Site
) -> None:  # A38
    who = site.people.sign_in().who
    site.people.subscriptions.add(who, "https://push.example.com/send/1", PUSH_POINT, PUSH_SECRET, "phone")
    invoice = site.world.issue()
    site.world.pay(invoice)
    parcel = site.people.dispatch.take(5)[0]
    message = getattr(parcel, "message", "")

    shown = delivered(app, phone, site, message)

    assert shown == [
        {
            "title": "CLICK",
            "body": "Оплата по счету №1001 на сумму 50 000 сум успешно произведена",
            "id": invoice.id,
        }
    ]


def delivered(app: Page, phone: BrowserContext, site: Site, message: str) -> list[dict[str, Any]]:
    """Hand the worker a push as the browser's own push service would, and read what is shown."""
    devtools = phone.new_cdp_session(app)
    found: list[dict[str, Any]] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"]))
    devtools.send("ServiceWorker.enable")
    app.wait_for_timeout(300)
    registration = next(one for one in found if one["scopeURL"].endswith("/app/"))
    push = {"origin": site.url, "registrationId": registration["registrationId"], "data": message}
    for turn in range(100):
        if turn % 20 == 0:  # DevTools loses one that comes while the worker starts; the tag keeps it single
            devtools.send("ServiceWorker.deliverPushMessage", push)
        shown: list[dict[str, Any]] = app.evaluate(
            "navigator.serviceWorker.ready.then(one => one.getNotifications()).then(all => all.map("
            "one => ({title: one.title, body: one.body, id: one.data.id})))"
        )
        if shown:
            return shown
        app.wait_for_timeout(100)
    return []
