"""A real browser (Debian's chromium) before a served cabinet: on a desk, in a hand, by day, by night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.cabinet.browser.eyes import ARGUMENTS, CHROMIUM, Look
from tests.cabinet.browser.site import Site, served
from tests.invoicing.conftest import cheap_hashing  # noqa: F401 - a fixture

expect.set_options(timeout=20_000)  # as for all else that a page does on a busy machine

LOOKS = [Look("desk-day", 1280, 900, "light"), Look("phone-night", 390, 844, "dark")]
"""What is looked over is looked at in the other scheme too: only its colours differ."""


@pytest.fixture(scope="module")
def play() -> Iterator[Playwright]:
    """One a file: two can't run at once, and while one does no other test has an event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(play: Playwright) -> Iterator[Browser]:
    browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(Site(tmp_path)) as running:
        yield running


@pytest.fixture(params=LOOKS, ids=[look.name for look in LOOKS])
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


OpenPage = Callable[[], Page]


@pytest.fixture
def opened(chromium: Browser, look: Look, site: Site) -> Iterator[OpenPage]:
    """Makes pages of a browser that nobody has used before; what one complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make() -> Page:
        context = chromium.new_context(
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            locale="ru-RU",
            has_touch=look.is_phone,
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type == "error" and "status of 4" not in said.text
                else None
            ),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
