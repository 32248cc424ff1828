from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cabinet.admin.telling import Standing, Written, back_over
from tests.cabinet.pages.web import Browser, Here, Page, here_over
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import CHEAP, World, on_file


@dataclass
class Desk:
    """The operators' pages over a small world, and its journal."""

    here: Here
    written: Written
    running: Standing

    @property
    def world(self) -> World:
        return self.here.world

    @property
    def now(self) -> float:
        return self.world.clock.now().timestamp()

    async def stranger(self) -> Browser:
        return await self.here.browser("/admin")

    async def operator(self, name: str = "bank01") -> Browser:
        """A browser of an operator who has signed in."""
        self.here.people.accounts.set_operator(name, PASSWORD)
        browser = await self.stranger()
        page = await enter(browser, name)
        assert page.path == "/admin/", page.text
        return browser


async def enter(browser: Browser, name: str = "bank01", password: str = PASSWORD, **more: str) -> Page:
    return await browser.post("/signin", {"name": name, "password": password, **more})


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Passwords cost nothing to hash."""
    monkeypatch.setattr("invoicing.pins._HASHER", CHEAP)
    world, written = World(on_file(tmp_path)), Written(tmp_path / "journal")
    back, running = back_over(world, written.folder)
    async with here_over(world, back) as here:
        yield Desk(here, written, running)
