"""Centres to bind to, a small service to play, and the gateway between them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from adapters.smpp.gateway import Options, Smpp
from adapters.smpp.receipts import Report
from tests.peers.smpp import Centre, node_centre
from ussd_engine import Engine, compile_menus
from ussd_engine.ports import Entry
from ussd_engine.stores.memory import MemoryStore

MENU = """\
menu: kiosk
service_code: "*880#"
languages: [en]
start: home
states:
  home:
    text: "Kiosk [[1]]"
    options:
      - {text: Bill, goto: cyrillic}
      - {text: Amount, goto: amount}
  cyrillic:
    text: Сумма счёта
    options: [{text: Назад, goto: home}]
  amount:
    ask: How much?
    as: amount
    type: {integer: {min: 1, max: 1000}}
    goto: done
  done: {end: "Paid {amount}"}
"""

Told = list[tuple[str, str]]


class Kept:
    """A journal in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


class House:
    """A gateway and what it told."""

    def __init__(self, gateway: Smpp, kept: Kept, told: Told, reports: list[Report]) -> None:
        self.gateway = gateway
        self.kept = kept
        self.told = told
        self.reports = reports


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with node_centre() as started:
        yield started


@asynccontextmanager
async def house(centre: Centre, engine: Any = None, **options: Any) -> AsyncIterator[House]:
    """A gateway that runs until the block ends; bound already."""
    kept, told, reports = Kept(), Told(), list[Report]()
    service = compile_menus({"kiosk.yaml": MENU}, {})
    engine = engine or Engine(
        service, store=MemoryStore(), actions={}, key=b"tests", clock=time.time, journal=kept
    )
    given: dict[str, Any] = {
        "host": "127.0.0.1", "port": centre.port, "system_id": "ussd", "password": "sesame", "source": "CLICK"
    } | options  # fmt: skip
    gateway = Smpp(
        "smsc1", Options(**given), lambda *what: told.append(what), "Trouble", on_report=reports.append
    )
    running = asyncio.create_task(gateway.run(engine))
    try:
        await until(lambda: gateway.state.up or running.done())
        yield House(gateway, kept, told, reports)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait for something that comes about by itself."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)


async def quickly(work: Awaitable[Any]) -> Any:
    """A result that is due."""
    return await asyncio.wait_for(work, 15)
