"""Operators at `/admin/`, and owners at their webhooks and tokens, in a real browser."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import Page, expect

from tests.cabinet.admin.telling import busy_hour
from tests.cabinet.browser.conftest import OpenPage
from tests.cabinet.browser.eyes import looked_over
from tests.cabinet.browser.site import Site
from tests.cabinet.browser.test_clicking_through import press, sign_in
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import CUSTOMER, SHOP


def enter(page: Page, site: Site, password: str = PASSWORD) -> None:
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Имя оператора").fill("bank01")
    page.get_by_label("Пароль").fill(password)
    press(page, "Войти")


def section(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Разделы").get_by_role("link", name=name).click()
    expect(page.get_by_role("navigation", name="Разделы").locator("[aria-current]")).to_have_text(name)
    looked_over(page)


def test_an_operator_answers_a_call(opened: OpenPage, site: Site) -> None:
    site.people.accounts.set_operator("bank01", PASSWORD)
    invoice = site.world.issue()
    paid = busy_hour(site.written, site.world.clock.now().timestamp())
    site.answer_now(invoice)
    site.world.deliver()
    page = opened()
    enter(page, site, "no such password")
    expect(page.get_by_role("alert")).to_contain_text("Имя или пароль неверны")
    looked_over(page)
    enter(page, site)
    expect(page.get_by_role("heading", name="Поиск")).to_be_visible()
    looked_over(page)

    page.get_by_label("Номер счета или платежа").fill(CUSTOMER)
    press(page, "Найти")
    expect(page.get_by_role("heading", name="Диалоги 99890***4567")).to_be_visible()
    assert CUSTOMER not in page.url
    looked_over(page)
    page.get_by_role("link", name="№1001").click()
    expect(page.locator(".story")).to_contain_text("Банк одобрил")
    looked_over(page)
    page.go_back()
    page.locator(f"a[href*='{paid}']").click()
    expect(page.locator(".talk")).to_contain_text("CLICK-PIN")
    expect(page.locator(".talk kbd").last).to_have_text("•••••")
    looked_over(page)


def test_an_operator_watches_the_service(opened: OpenPage, site: Site) -> None:
    site.people.accounts.set_operator("bank01", PASSWORD)
    busy_hour(site.written, site.world.clock.now().timestamp())
    site.running.mistakes = ("menus/help.yaml:8:23: option 'Help' goes to 'cal', no state has that name.",)
    page = opened()
    enter(page, site)
    section(page, "Сейчас")
    expect(page.locator("#now dd").first).to_have_text("17")
    assert site.running.figures is not None
    site.running.figures = replace(site.running.figures, open=18)
    expect(page.locator("#now dd").first).to_have_text("18")  # by itself

    section(page, "Экраны")
    expect(page.locator(".flow").first).to_contain_text("customer.home")
    section(page, "Сервис")
    expect(page.get_by_role("alert")).to_contain_text("menus/help.yaml:8:23")
    page.get_by_role("button", name="Выйти").click()
    page.goto(f"{site.url}/admin/service")
    expect(page.get_by_role("heading", name="Служебный кабинет")).to_be_visible()


def test_an_owner_connects_a_system_of_his_own(opened: OpenPage, site: Site) -> None:
    site.sign_up(SHOP)
    page = opened()
    sign_in(page, site, "/cabinet")
    page.get_by_role("navigation", name="Разделы").get_by_role("link", name="API").click()
    page.get_by_label("Адрес").fill("https://shop.example/click")
    page.get_by_label("Оплачен").check()
    press(page, "Добавить")
    expect(page.locator("#secret")).to_contain_text("whsec_")
    looked_over(page)
    page.get_by_role("link", name="https://shop.example/click").click()
    press(page, "Отправить пробу")
    expect(page.locator(".sent")).to_contain_text("Проба")
    looked_over(page)

    page.goto(f"{site.url}/cabinet/webhooks")
    page.get_by_role("link", name="Ключи API").click()
    page.get_by_label("Для чего он").fill("1C")
    press(page, "Создать")
    expect(page.locator("#secret")).to_contain_text("click_api_")
    looked_over(page)
    page.goto(f"{site.url}/cabinet/tokens")
    expect(page.locator("#secret")).to_have_count(0)
    page.get_by_label("Отозвать: 1C").click()
    press(page, "Да, отозвать")
    expect(page.get_by_text("Их нет.")).to_be_visible()
    looked_over(page)
