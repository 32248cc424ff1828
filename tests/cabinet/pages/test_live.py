"""Pages that stay open: what becomes of those that do not."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from tests.cabinet.pages.web import Here


async def test_whoever_leaves_before_the_stream_begins_is_no_fault(
    here: Here, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await here.owner()
    asked, gone = threading.Event(), threading.Event()
    look = here.people.accounts.session

    def slowly(*given: Any, **named: Any) -> Any:
        asked.set()
        assert gone.wait(20)
        return look(*given, **named)

    monkeypatch.setattr(here.people.accounts, "session", slowly)

    with caplog.at_level(logging.ERROR):
        call = asyncio.create_task(browser.get("/events"))
        assert await asyncio.to_thread(asked.wait, 20)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.wait_for(here.left_alone(), 20)
        gone.set()
        monkeypatch.undo()
        page = await browser.get("/settings")

    assert page.status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
