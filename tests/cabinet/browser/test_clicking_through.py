"""A33-A50 clicked through in a real browser: on a desk and in a hand, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cabinet.browser.conftest import OpenPage
from tests.cabinet.browser.eyes import Look, looked_over
from tests.cabinet.browser.site import Site
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, SHOP, SOUM, STRANGER

pytestmark = pytest.mark.timeout(300)
PAID_SMS = "Оплата по счету №{} на сумму {} сум успешно произведена"


@pytest.fixture
def front(look: Look) -> str:
    """The desk has the cabinet, the hand has the app; both have the same pages."""
    return "/app" if look.is_phone else "/cabinet"


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()


def sign_in(page: Page, site: Site, front: str, phone: str = SHOP) -> None:
    page.goto(f"{site.url}{front}/signin")
    page.get_by_label("Телефон, зарегистрированный в банке").fill(phone)
    page.get_by_label("Пароль").fill(PASSWORD)
    press(page, "Войти")
    expect(page.get_by_role("heading", name="Invoice")).to_be_visible()


def test_a_first_visit(opened: OpenPage, site: Site, front: str) -> None:  # A33, A40-A42, S18
    page = opened()
    page.goto(f"{site.url}{front}/")
    looked_over(page)
    page.get_by_role("link", name="Первый вход или забыли пароль").click()
    looked_over(page)

    page.get_by_label("Телефон, зарегистрированный в банке").fill(STRANGER)
    press(page, "Отправить код")
    expect(page.get_by_text("код уже отправлен")).to_be_visible()
    assert site.world.texts(STRANGER) == []  # A33

    page.goto(f"{site.url}{front}/signin/code")
    page.get_by_label("Телефон, зарегистрированный в банке").fill(SHOP)
    press(page, "Отправить код")
    looked_over(page)
    expect(
        page.get_by_role("button", name=re.compile(r"^Новый код можно отправить через \d+ с$"))
    ).to_be_disabled()
    code = site.people.code()
    assert page.get_by_label("Код").get_attribute("autocomplete") == "one-time-code"
    page.get_by_label("Код").fill("000000" if code != "000000" else "111111")
    press(page, "Продолжить")
    expect(page.get_by_role("alert")).to_contain_text("Осталось попыток: 2")  # A41
    looked_over(page)
    page.get_by_label("Код").fill(code)
    press(page, "Продолжить")

    looked_over(page)
    page.get_by_label("Новый пароль").fill("12345678")
    press(page, "Сохранить и войти")
    expect(page.get_by_role("alert")).to_contain_text("подбирают первым")  # A42
    page.get_by_label("Новый пароль").fill(PASSWORD)
    press(page, "Сохранить и войти")
    expect(page.get_by_role("heading", name="Счетов нет")).to_be_visible()
    looked_over(page)


def test_an_invoice_from_the_form_to_the_receipt(
    opened: OpenPage, site: Site, front: str, look: Look
) -> None:  # A35-A39, A44, A45, A48
    site.sign_up(SHOP)
    page = opened()
    sign_in(page, site, front)

    page.get_by_role("button", name="Выставить счет").first.click()
    looked_over(page)
    page.get_by_label("Телефон покупателя").fill("99890123456")
    page.get_by_label("Сумма, сум").fill("5x")
    press(page, "Далее")
    expect(page.get_by_text("Номер телефона неверный")).to_be_visible()  # A35
    expect(page.get_by_text("Это не сумма")).to_be_visible()
    looked_over(page)

    page.get_by_label("Телефон покупателя").fill("998901234567")
    page.get_by_label("Сумма, сум").fill("50000")
    press(page, "Далее")
    expect(page.get_by_text("+998 90 123 45 67")).to_be_visible()
    looked_over(page)
    press(page, "Назад")  # A36
    expect(page.get_by_label("Телефон покупателя")).to_have_value("998901234567")
    assert site.world.count("invoice") == 0
    press(page, "Далее")
    page.get_by_role("button", name="Подтвердить и выставить").dblclick()  # A37
    expect(page.get_by_text("Счет №1001 выставлен")).to_be_visible()
    assert site.world.count("invoice") == 1
    looked_over(page)

    invoice = site.people.papers.invoice(site.people.sign_in().who, "1")
    site.world.service.pay(site.world.key(), CUSTOMER, "1", site.world.card_id, "24680")
    site.world.deliver()
    assert getattr(invoice, "amount_tiyin", 0) == FIFTY
    # The open page hears of it (A39), and the SMS has the seed's words (A45).
    expect(page.locator("#invoice .chip").first).to_have_text("Оплачен")
    assert site.world.texts(SHOP)[-1] == PAID_SMS.format(1001, "50 000")
    looked_over(page)

    page.get_by_role("main").get_by_role("button", name="Чек").click()
    for said in ("MAGAZIN-24", "5000001", "24.11.2026 07:20", "Пятьдесят тысяч сум", "*1234", "99890***4567"):
        expect(page.get_by_text(said).first).to_be_visible()
    assert "4567890" not in page.content()
    assert CUSTOMER not in page.content()
    looked_over(page)
    if not look.is_phone:
        printed = page.pdf(format="A5")
        assert printed.startswith(b"%PDF-")


def test_a_list_of_two_hundred_and_fifty(opened: OpenPage, site: Site, front: str) -> None:  # A39, A43
    site.sign_up(SHOP)
    for place in range(250):
        site.world.issue(FIFTY + place * SOUM, customer=CUSTOMER if place % 50 else STRANGER)
    page = opened()
    sign_in(page, site, front)

    rows = page.locator(".row:not(.heads)")
    expect(rows).to_have_count(50)
    expect(page.locator("#sums")).to_contain_text("250")
    page.get_by_role("button", name="Показать еще").click()
    expect(rows).to_have_count(100)
    looked_over(page)

    page.locator("#q").fill("1007")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("q=1007"))
    page.locator("#q").fill(STRANGER)
    expect(rows).to_have_count(5)
    page.get_by_label("Статус").select_option("paid")
    expect(page.get_by_text("Ничего не найдено")).to_be_visible()
    looked_over(page)
    page.get_by_role("button", name="Сбросить фильтр").first.click()
    expect(rows).to_have_count(50)

    newest = page.locator(".row:not(.heads)").first
    site.world.service.pay(site.world.key(), CUSTOMER, "250", site.world.card_id, "24680")
    expect(newest.locator(".chip")).to_have_text("Оплачен")  # by itself, within a second or two
    expect(page.locator(".toast").first).to_contain_text("№1250: Оплачен")
    looked_over(page)


def test_a_list_that_could_not_be_fetched_says_that_it_is_the_old_one(chromium: Browser, site: Site) -> None:
    site.sign_up(SHOP)
    site.busy_week()
    page = chromium.new_context(locale="ru-RU").new_page()  # which may complain of what it asked in vain
    sign_in(page, site, "/cabinet")
    page.route("**/invoices?*", lambda route: route.fulfill(status=503, body="busy"))

    page.get_by_label("Номер счета или телефон").fill("1002")

    expect(page.locator(".toast")).to_contain_text("на экране прежние данные")
    expect(page.get_by_role("link", name="№1001")).to_have_count(1)
    page.context.close()


def test_a_named_period_and_days_of_ones_own_take_each_others_place(
    opened: OpenPage, site: Site, front: str
) -> None:
    site.sign_up(SHOP)
    site.busy_week()
    page = opened()
    sign_in(page, site, front)
    page.get_by_text("Свои даты и суммы").click()
    page.get_by_label("С какого дня").fill("2026-11-20")
    expect(page).to_have_url(re.compile("since=2026-11-20"))

    page.get_by_label("Выставлен").select_option("today")
    expect(page).to_have_url(re.compile("period=today&since=&"))
    expect(page.get_by_label("С какого дня")).to_have_value("")

    page.get_by_label("По какой день").fill("2026-11-19")
    expect(page).to_have_url(re.compile("period=&since=&until=2026-11-19"))
    expect(page.get_by_label("Выставлен")).to_have_value("")


def test_reports_and_files(opened: OpenPage, site: Site, front: str, tmp_path: Path) -> None:  # A46-A50
    site.sign_up(SHOP)
    site.busy_week()
    page = opened()
    site.world.clock.advance(hours=1)
    sign_in(page, site, front)
    page.get_by_role("link", name="Отчеты").click()
    page.get_by_role("link", name="7 дней").click()

    expect(page.locator("#total")).to_have_text("1\u00a0102\u00a0500\u00a0сум")
    expect(page.locator(".chart .bar")).to_have_count(7)
    expect(page.locator(".row:not(.heads)")).to_have_count(14)
    looked_over(page)

    page.get_by_text("Скачать").click()
    looked_over(page)
    for suffix, magic in ((".xls", "d0cf11e0a1b11ae1"), (".xlsx", "504b0304"), (".csv", "efbbbf")):
        with page.expect_download() as download:
            page.get_by_role("button", name=suffix, exact=True).first.click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.suffix == suffix
        assert path.read_bytes().hex().startswith(magic)

    page.get_by_label("С какого дня").fill("2026-11-24")
    page.get_by_label("По какой день").fill("2026-11-01")
    press(page, "Показать")
    expect(page.get_by_role("alert")).to_contain_text("Период неверный")  # A47
    looked_over(page)
    page.get_by_label("С какого дня").fill("2026-09-01")
    page.get_by_label("По какой день").fill("2026-09-02")
    press(page, "Показать")
    expect(page.locator("#total")).to_have_text("0\u00a0сум")
    looked_over(page)


def test_cancelling_and_returning_money(opened: OpenPage, site: Site, front: str) -> None:
    site.sign_up(SHOP)
    waiting, paid = site.world.issue(FIFTY // 2), site.world.issue(FIFTY // 5)
    site.world.pay(paid)
    page = opened()
    sign_in(page, site, front)

    page.goto(f"{site.url}{front}/invoices/{waiting.id}")
    page.get_by_text("Отменить счет").click()
    looked_over(page)
    page.get_by_role("button", name="Да, отменить №1001").click()
    expect(page.locator("#invoice .chip").first).to_have_text("Отменен")

    site.world.clock.advance(minutes=11)
    page.goto(f"{site.url}{front}/invoices/{paid.id}")
    page.get_by_text("Вернуть деньги").click()
    page.get_by_label("Ваш пароль").fill(PASSWORD)
    looked_over(page)
    page.get_by_role("button", name=re.compile("Да, вернуть")).click()
    expect(page.locator("#invoice .chip").first).to_have_text("Возвращен")
    looked_over(page)


def test_settings_languages_and_devices(opened: OpenPage, site: Site, front: str) -> None:
    site.sign_up(SHOP)
    page, second = opened(), opened()
    sign_in(page, site, front)
    sign_in(second, site, front)

    page.goto(f"{site.url}{front}/settings")
    looked_over(page)
    expect(page.locator(".devices li")).to_have_count(3)
    for name, heading in (("O‘zbekcha", "Sozlamalar"), ("Ўзбекча", "Созламалар"), ("English", "Settings")):
        page.get_by_role("main").get_by_role("button", name=name).click()
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        looked_over(page)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    second.goto(f"{site.url}{front}/")
    expect(second.get_by_role("heading", name="Войти")).to_be_visible()  # S18


def test_a_cashier_is_taken_on_works_and_is_shut_out(opened: OpenPage, site: Site, look: Look) -> None:
    site.sign_up(SHOP)
    owner, cashier = opened(), opened()
    sign_in(owner, site, "/cabinet")
    owner.goto(f"{site.url}/cabinet/staff")
    looked_over(owner)
    owner.get_by_label("Имя", exact=True).fill("Малика")
    owner.get_by_label("Телефон", exact=True).fill("998935550177")
    owner.get_by_role("button", name="Добавить").click()
    expect(owner.get_by_text("пароля еще нет")).to_be_visible()
    looked_over(owner)

    site.world.clock.advance(minutes=2)
    site.sign_up("998935550177")
    sign_in(cashier, site, "/cabinet", "998935550177")
    expect(cashier.get_by_role("link", name="Кассиры")).to_have_count(0)
    cashier.goto(f"{site.url}/cabinet/staff")
    expect(cashier.get_by_text("Вам это недоступно")).to_be_visible()
    looked_over(cashier)

    owner.reload()
    owner.get_by_role("button", name=re.compile("Закрыть доступ")).click()
    expect(owner.get_by_text("доступ закрыт")).to_be_visible()
    cashier.goto(f"{site.url}/cabinet/")
    expect(cashier.get_by_role("heading", name="Войти")).to_be_visible()


def test_anothers_invoice_and_a_wrong_address(opened: OpenPage, site: Site, front: str) -> None:  # S4
    site.sign_up(SHOP)
    theirs = site.world.issue(shop=OTHER_SHOP)
    page = opened()
    sign_in(page, site, front)

    for path in (f"/invoices/{theirs.id}", "/invoices/987654", "/no-such-page"):
        page.goto(f"{site.url}{front}{path}")
        expect(page.get_by_role("heading", name="Такой страницы нет")).to_be_visible()
        looked_over(page)


def test_the_keyboard_alone_is_enough_and_is_seen(opened: OpenPage, site: Site, front: str) -> None:
    site.sign_up(SHOP)
    for _ in range(12):
        site.world.issue()
    page = opened()
    sign_in(page, site, front)

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    covered = """() => {
      const one = document.activeElement, box = one.getBoundingClientRect();
      if (one === document.body || !box.height || one.closest('.skip')) return '';
      const x = box.left + box.width / 2, y = box.top + box.height / 2;
      const there = document.elementFromPoint(Math.min(x, innerWidth - 1), Math.min(y, innerHeight - 1));
      return there && (one.contains(there) || there.contains(one)) ? '' : one.outerHTML.slice(0, 120);
    }"""
    for _ in range(28):
        page.keyboard.press("Tab")
        page.wait_for_timeout(20)
        assert page.evaluate(covered) == ""  # WCAG 2.4.11: no bar lies over what is focused


def test_a_form_waits_in_one_tab_while_somebody_works_in_another(chromium: Browser, site: Site) -> None:
    site.sign_up(SHOP)
    context = chromium.new_context(locale="ru-RU")
    context.clock.install()
    busy, form = context.new_page(), context.new_page()
    sign_in(busy, site, "/cabinet")
    form.goto(f"{site.url}/cabinet/invoices/new")
    form.get_by_label("Телефон покупателя").fill("901234567")

    context.clock.fast_forward("14:00")
    expect(form.get_by_text("Через две минуты вы выйдете")).to_be_visible()
    busy.goto(f"{site.url}/cabinet/settings")
    context.clock.fast_forward("04:00")

    expect(form.get_by_text("Через две минуты вы выйдете")).to_be_hidden()
    expect(form.get_by_label("Телефон покупателя")).to_have_value("901234567")
    context.close()


def test_the_keyboard_goes_on_at_the_first_of_the_rows_it_asked_for(
    opened: OpenPage, site: Site, front: str
) -> None:
    site.sign_up(SHOP)
    for _ in range(53):
        site.world.issue()
    page = opened()
    sign_in(page, site, front)

    page.get_by_role("button", name="Показать еще").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="№1003")).to_be_focused()
