"""What the soak runs in: the service as operators run it, PostgreSQL, Valkey, a card switch, an SMSC.

The switch and the SMSC are the tests' peers, processes of their own. People are registered before the service
starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app import configuring
from app.money import Money
from bench.contestants import ROOT
from bench.rounds import redis
from invoicing import CodeSent, Grant, NewSession, Notice, Origin, SessionKind
from tests.peers.control import SwitchProcess
from tests.peers.postgres import Cluster, cluster

KEY: Final = "a-long-random-text-for-the-soak"
PIN: Final = "24680"
BALANCE_TIYIN: Final = 10**13
ANSWER_S: Final = 3
START_MAX_S: Final = 60.0
STOP_MAX_S: Final = 60.0
_CENTRE: Final = ROOT / "tests" / "peers" / "smpp_node"
_HERE: Final = Origin("127.0.0.1", "the soak")
_SETTINGS: Final = """\
[security]
key = "{key}"
[http]
port = 0
[log]
level = "warning"
[redis]
url = "redis://127.0.0.1:{redis}/0"
[database]
url = "{database}"
[sms]
sender = "smsc1"
[limits]
open_per_pair_a_day = 1000000
issues_per_minute = 1000000
issues_per_day = 1000000
sms_per_pair_a_day = 1000000
[bank]
processor = "iso8583"
[bank.link]
host = "127.0.0.1"
port = {bank}
terminals = [{terminals}]
acquirer = "860001"
acceptor = "CLICK"
answer_s = {answer_s}
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
"""


@dataclass(frozen=True)
class People:
    """Who trades. `tokens` are sessions of merchants in the API."""

    merchants: tuple[str, ...]
    customers: tuple[str, ...]
    tokens: tuple[str, ...]


class Centre:
    """The SMSC: takes orders, and counts what it tells by name."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: Counter[str] = Counter()
        self.port = 0
        self.ready = asyncio.Event()

    def order(self, do: str, **more: object) -> None:
        """See `tests/peers/smpp_node/centre.js`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def listen(self) -> None:
        """Count until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            self.told[told["event"]] += 1
            if told["event"] == "ready":
                self.port = told["port"]
                self.ready.set()


@dataclass
class Town:
    """All of it, running."""

    url: str
    pid: int
    people: People
    centre: Centre
    bank: SwitchProcess
    redis_port: int
    database: Cluster
    log: Path
    workers: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        self.workers = tuple(int(pid) for pid in text.split())


@asynccontextmanager
async def town(folder: Path, workers: int, merchants: int, customers: int) -> AsyncIterator[Town]:
    """Start everything, and end it."""
    with redis() as redis_port, cluster() as database, _bank(folder) as bank:
        async with _centre() as centre:
            terminals = ", ".join(f'"CLICK{number:03}"' for number in range(workers + 2))
            config = folder / "ussd.toml"
            url = database.create("books")
            config.write_text(
                _SETTINGS.format(
                    key=KEY, redis=redis_port, database=url, bank=bank.port, smpp=centre.port,
                    terminals=terminals, answer_s=ANSWER_S,
                ),
                encoding="utf-8",
            )  # fmt: skip
            people, tokens = await asyncio.to_thread(_register, config, folder, merchants, customers)
            for token in tokens:
                bank.card(token, BALANCE_TIYIN)
            with _service(config, folder, workers) as (process, where):
                yield Town(where, process.pid, people, centre, bank, redis_port, database, folder / "log")


def _register(config: Path, folder: Path, merchants: int, customers: int) -> tuple[People, list[str]]:
    """Merchants, some signed in, customers with a card each; the cards' tokens, which the bank must know."""
    shops = tuple(f"99890{7_000_000 + number:07}" for number in range(merchants))
    phones = tuple(f"99891{7_000_000 + number:07}" for number in range(customers))
    with Money.open(configuring.load(config), folder, KEY.encode()) as money:
        money.upgrade()
        for number, shop in enumerate(shops):
            money.invoicing.add_merchant(f"SHOP {number}", shop)
        for number, phone in enumerate(phones):
            money.invoicing.add_customer(phone, PIN)
            money.invoicing.add_card(phone, _pan(number), "1230")
        sessions = tuple(_signed_in(money, shop) for shop in shops[:5])
        with money.engine.connect() as conn:
            cards = conn.exec_driver_sql("SELECT token FROM card").scalars().all()
    assert len(cards) == customers
    return People(shops, phones, sessions), [str(token) for token in cards]


def _pan(number: int) -> str:
    """A card number with its check digit (ISO/IEC 7812-1 annex B)."""
    digits = f"860049{number:09}"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return f"{digits}{-sum(value // 10 + value % 10 for value in doubled) % 10}"


class _Reader:
    """A sender that keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def send(self, notice: Notice) -> str:
        self.texts.append(notice.text)
        return f"read-{notice.id}"


def _signed_in(money: Money, shop: str) -> str:
    """As a person does it: a code by SMS, a password."""
    sms = _Reader()
    asked = money.accounts.ask_code(shop, _HERE)
    assert isinstance(asked, CodeSent), asked
    money.relay.run_once(sms)
    code = re.search(r"\d{6}", sms.texts[-1])
    assert code
    granted = money.accounts.check_code(shop, asked.request_ref, code[0], _HERE)
    assert isinstance(granted, Grant), granted
    new = money.accounts.choose_password(granted.token, "correct horse battery", _HERE, SessionKind.APP)
    assert isinstance(new, NewSession), new
    return new.token


@contextmanager
def _bank(folder: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(folder)
    process.start()
    try:
        yield process
    finally:
        process.kill()


@asynccontextmanager
async def _centre() -> AsyncIterator[Centre]:
    node = shutil.which("node") or shutil.which("nodejs") or "node"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, "centre.js", cwd=_CENTRE, stdin=pipe, stdout=pipe, limit=1 << 20
    )
    centre = Centre(process)
    listening = asyncio.create_task(centre.listen())
    try:
        await asyncio.wait_for(centre.ready.wait(), START_MAX_S)
        yield centre
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        listening.cancel()


@contextmanager
def _service(config: Path, folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [str(Path(sys.executable).with_name("ussd")), "serve", "--config", str(config)]
    command += ["--data", str(folder / "data"), "--workers", str(workers)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("USSD_")}
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=folder
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise RuntimeError((folder / "log").read_text(encoding="utf-8"))
        yield process, line.split()[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_MAX_S)
        process.stdout.close()
