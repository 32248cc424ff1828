"""The lists in windows of every width that people have: cheap phones, tablets, a desk at 200 %, paper."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cabinet.browser.site import Site
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import SHOP

pytestmark = pytest.mark.timeout(300)
WIDTHS = (320, 360, 390, 600, 683, 768, 993, 1366)
PAPER = 680
"""A4 between margins of 15 mm, in CSS pixels."""
STICKING_OUT = """
() => [...document.querySelectorAll('.row:not(.heads)')].flatMap(row => [...row.querySelectorAll('*')]
  .filter(one => one.getBoundingClientRect().right > row.getBoundingClientRect().right + 0.5)
  .map(one => one.textContent.trim()))
"""
OVERLAPPING = """
() => [...document.querySelectorAll('.row:not(.heads)')].flatMap(row => {
  const boxes = [...row.children].map(one => {
    const range = document.createRange();
    range.selectNodeContents(one);
    return [range.getBoundingClientRect(), one.textContent.trim()];
  });
  return boxes.flatMap(([a, said], place) => boxes.slice(place + 1)
    .filter(([b]) => a.width && b.width && a.left < b.right - 1 && b.left < a.right - 1
      && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([_, other]) => said + ' / ' + other));
})
"""


def signed_in(chromium: Browser, site: Site, language: str) -> Page:
    site.sign_up(SHOP)
    site.busy_week()
    site.world.issue(999_999_999)
    site.world.service.set_language(SHOP, language)
    page = chromium.new_context(locale="ru-RU").new_page()
    page.goto(f"{site.url}/cabinet/signin")
    page.locator("#f-phone").fill(SHOP)
    page.locator("#f-password").fill(PASSWORD)
    page.locator(".sign button").last.click()
    page.wait_for_url(f"{site.url}/cabinet/")
    return page


@pytest.mark.parametrize("language", ["ru", "uz", "uz-Cyrl", "en"])
def test_sums_and_statuses_stay_whole_and_apart_at_every_width(
    chromium: Browser, site: Site, language: str
) -> None:
    page = signed_in(chromium, site, language)

    for path in ("/cabinet/", "/cabinet/reports"):
        page.goto(site.url + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate(STICKING_OUT) == [], f"{path} at {width}"
            assert page.evaluate(OVERLAPPING) == [], f"{path} at {width}"
        page.set_viewport_size({"width": PAPER, "height": 960})
        page.emulate_media(media="print")
        assert page.evaluate(STICKING_OUT) == [], f"{path} on paper"
        assert page.evaluate(OVERLAPPING) == [], f"{path} on paper"
        page.emulate_media(media="screen")
    page.context.close()


@pytest.mark.parametrize("language", ["ru", "uz"])
def test_the_largest_sum_stays_inside_the_form_where_it_is_confirmed(
    chromium: Browser, site: Site, language: str
) -> None:
    page = signed_in(chromium, site, language)
    page.goto(f"{site.url}/cabinet/invoices/new?phone=935550101&amount=9999999,50")
    page.locator("main button[type=submit]").click()
    big = page.locator(".facts .big dd")
    expect(big).to_contain_text("9 999 999,50")

    for width in (320, 360, 390):
        page.set_viewport_size({"width": width, "height": 740})
        inner, outer = big.bounding_box(), page.locator(".facts").bounding_box()
        assert inner is not None
        assert outer is not None
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 0.5, width
    page.context.close()


def test_a_printed_report_that_is_not_whole_says_so(chromium: Browser, site: Site) -> None:
    page = signed_in(chromium, site, "ru")
    for _ in range(40):
        site.answer_now(site.world.issue(1_000_00))
    page.goto(f"{site.url}/cabinet/reports")
    page.emulate_media(media="print")
    note = page.get_by_text("Остальные платежи здесь не напечатаны")

    expect(note).to_be_visible()
    expect(page.get_by_text("Показать еще")).to_be_hidden()
    page.emulate_media(media="screen")
    expect(note).to_be_hidden()
    page.get_by_role("button", name="Показать еще").click()
    expect(page.get_by_role("button", name="Показать еще")).to_have_count(0)
    page.emulate_media(media="print")
    expect(note).to_have_count(0)
    page.context.close()
