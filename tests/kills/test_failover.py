"""F13: the primary database is lost, its standby takes over, and nothing that was acknowledged is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from sqlalchemy import Engine

from invoicing import (
    Invoicing,
    Issued,
    Paid,
    Pending,
    Refused,
    RequestKey,
    SandboxBank,
    StorageError,
    SystemClock,
    Workers,
    connect,
    upgrade,
)
from invoicing.registration import DEMO_CUSTOMER, DEMO_MERCHANT, DEMO_PIN
from invoicing.requests import Answer, encode
from tests.invoicing.world import in_memory
from tests.kills.till import LIMITS
from tests.peers.postgres import Cluster, replicated
from tests.simulation import people
from tests.simulation.database import snapshot
from tests.simulation.life import AUDIT_KEY, PEPPER

PAYERS = 3
AMOUNT = 1_000_00
BALANCE = 10**10
WAIT_MAX_S = 20


@dataclass
class Service:
    """The service over whichever of two servers takes writes; what its payers asked, and were told."""

    engine: Engine
    bank: SandboxBank
    stopping: threading.Event = field(default_factory=threading.Event)
    asked: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    told: dict[str, Answer] = field(default_factory=dict)
    refused: int = 0
    """Calls that ended in a `StorageError`."""

    def __post_init__(self) -> None:
        clock = SystemClock()
        words = {"clock": clock, "processor": self.bank, "limits": LIMITS}
        self.money = Invoicing(self.engine, pepper=PEPPER, **words)  # type: ignore[arg-type]
        self.workers = Workers(self.engine, audit_key=AUDIT_KEY, **words)  # type: ignore[arg-type]

    def ask(self, name: str, call: Callable[[RequestKey], Answer]) -> Answer | None:
        """Ask until there is an answer; under the same key, as a gateway does."""
        key = RequestKey.api("failover", name)
        self.asked[name] = lambda: call(key)
        while not self.stopping.is_set():
            try:
                answer = call(key)
            except StorageError:
                self.refused += 1
                time.sleep(0.05)
                continue
            self.told[name] = answer
            return answer
        return None

    def pay_for_ever(self, payer: int) -> None:
        card = self.money.cards(DEMO_CUSTOMER)[0].id
        for number in count():
            issued = self.ask(f"i{payer}-{number}", self._issue)
            if not isinstance(issued, Issued):
                return
            self.ask(
                f"p{payer}-{number}",
                lambda key, invoice=issued.invoice.id: self.money.pay(  # type: ignore[misc]
                    key, DEMO_CUSTOMER, invoice, card, DEMO_PIN
                ),
            )

    def _issue(self, key: RequestKey) -> Answer:
        return self.money.issue(key, DEMO_MERCHANT, DEMO_CUSTOMER, AMOUNT, again=True)

    def issue_one(self, name: str) -> Answer | None:
        return self.ask(name, self._issue)

    def paid(self) -> int:
        return sum(isinstance(answer, Paid) for answer in tuple(self.told.values()))


@pytest.fixture
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    with replicated() as (primary, standby):
        primary.create("money")
        yield primary, standby


@pytest.fixture
def service(servers: tuple[Cluster, Cluster]) -> Iterator[Service]:
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    url = f"postgresql://tests@/money?{hosts}&target_session_attrs=read-write"
    engine = connect(url, wait_s=2)
    upgrade(engine)
    with people.plain_pins(lambda _: None):
        service = Service(engine, SandboxBank(in_memory(), key=b"key of the bank"))
        service.money.seed_demo()
        token = snapshot(engine).cards[1].token
        service.bank.set_balance(token, BALANCE)
        yield service
        service.stopping.set()
        engine.dispose()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_MAX_S
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def at_work(service: Service) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=service.pay_for_ever, args=(payer,), daemon=True) for payer in range(PAYERS)
    ]
    for thread in threads:
        thread.start()
    return threads


def test_f13_no_acknowledged_invoice_or_payment_is_lost_when_the_standby_takes_over(
    servers: tuple[Cluster, Cluster], service: Service
) -> None:
    primary, standby = servers
    threads = at_work(service)
    until(lambda: service.paid() >= 20)

    primary.kill()
    before = dict(service.told)
    until(lambda: service.refused > 0)  # nobody is told that anything was done
    standby.ask("SELECT pg_promote(true, 30)")
    until(lambda: service.paid() >= sum(isinstance(one, Paid) for one in before.values()) + 20)
    service.stopping.set()
    for thread in threads:
        thread.join(WAIT_MAX_S)

    until(lambda: in_order(service))
    found = snapshot(service.engine)
    for name, answer in service.told.items():
        if isinstance(answer, Issued):
            assert found.invoices[int(answer.invoice.id)].number == answer.invoice.number, name
        if isinstance(answer, Paid):
            assert found.invoices[int(answer.invoice.id)].state == "paid", name
        if not isinstance(answer, Pending | Refused):
            assert encode(service.asked[name]()) == encode(answer), name
    assert len(service.told) > len(before) > 40
    issued = [one.invoice.id for one in service.told.values() if isinstance(one, Issued)]
    assert len(set(issued)) == len(issued)
    held = service.bank.balance(found.cards[1].token)
    taken = [row for row in found.payments.values() if row.state == "approved"]
    assert held == BALANCE - len(taken) * AMOUNT, "the bank has taken what the books say, and no more"
    assert len({row.invoice_id for row in taken}) == len(taken)
    assert service.workers.problems() == []


def in_order(service: Service) -> bool:
    """Attempts that the fall cut off are given up and reversed, in their time."""
    service.workers.recover()
    states = {row.state for row in snapshot(service.engine).payments.values()}
    return states <= {"approved", "declined", "reversed"}


def test_f13_while_no_standby_confirms_nothing_is_acknowledged(
    servers: tuple[Cluster, Cluster], service: Service
) -> None:
    _, standby = servers
    standby.kill()
    asking = threading.Thread(target=service.issue_one, args=("alone",), daemon=True)
    asking.start()
    asking.join(1)

    assert "alone" not in service.told
    standby.start()
    until(lambda: isinstance(service.told.get("alone"), Issued))
    assert len(snapshot(service.engine).invoices) == 1
