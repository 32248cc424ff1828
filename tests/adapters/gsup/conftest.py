"""An HLR with subscribers, a switch behind it, a small service to play, and the gateway between them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.gsup.gateway import Gsup, Options
from tests.peers.gsup_hlr import CTRL_PORT, Hlr, osmo_hlr
from tests.peers.gsup_msc import Msc, switch
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
PHONE, NUMBER = "901700000000001", "998901112233"
NAMELESS, STRANGER = "901700000000002", "901700000000009"
"""Known without a number; not known."""
GUARD_S = 2

Told = list[tuple[str, str]]


class Kept:
    """A journal in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    @property
    def events(self) -> list[str]:
        return [type(entry.event).__name__ for entry in self.entries]


class House:
    """A gateway and what it told."""

    def __init__(self, gateway: Gsup, kept: Kept, told: Told) -> None:
        self.gateway = gateway
        self.kept = kept
        self.told = told


@pytest.fixture
async def hlr(tmp_path: Path) -> AsyncIterator[Hlr]:
    async with osmo_hlr(tmp_path, GUARD_S) as started:
        await started.add({PHONE: NUMBER, NAMELESS: ""})
        yield started


@pytest.fixture
async def msc(hlr: Hlr) -> AsyncIterator[Msc]:
    async with switch(hlr.address) as known:
        yield known


@asynccontextmanager
async def house(address: str, engine: Any = None, **options: Any) -> AsyncIterator[House]:
    """A gateway that runs until the block ends; connected already."""
    kept, told = Kept(), Told()
    engine = engine or kiosk(kept)
    given: dict[str, Any] = {"host": address, "ctrl_port": CTRL_PORT, "idle_s": 1.5} | options
    gateway = Gsup("hlr", Options(**given), lambda *what: told.append(what), "Trouble")
    running = asyncio.create_task(gateway.run(engine))
    try:
        await until(lambda: gateway.state.up or running.done())
        yield House(gateway, kept, told)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def kiosk(kept: Kept, store: MemoryStore | None = None) -> Engine:
    service = compile_menus({"kiosk.yaml": MENU}, {})
    store = MemoryStore() if store is None else store
    return Engine(service, store=store, actions={}, key=b"tests", clock=time.time, journal=kept)


async def until(true: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait for something that comes about by itself."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)
