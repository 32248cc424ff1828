"""A small world to test the money domain in: the demo's people, a clock that is a value, a sandbox bank."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Engine

from invoicing import (
    CardProcessor,
    InboxSender,
    InvoiceView,
    Invoicing,
    Issued,
    Limits,
    PayAnswer,
    Relay,
    RequestKey,
    SandboxBank,
    Workers,
    connect,
    upgrade,
)
from invoicing.registration import DEMO_PAN
from invoicing.storage.connect import reading
from invoicing.storage.tables import metadata

SHOP, OTHER_SHOP, CUSTOMER, STRANGER = "998901112233", "998933334455", "998901234567", "998977654321"
PIN, WRONG_PIN = "24680", "13579"
SOUM = 100
FIFTY = 50_000 * SOUM
RAISED = Limits(
    sms_per_pair_a_day=1000,
    issues_per_minute=1000,
    issues_per_day=10_000,
    open_per_pair_a_day=1000,
    same_key_wait=timedelta(seconds=1),
)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2 with no work in it: what is tested with it is everything but the hash."""

MORNING = datetime(2026, 11, 24, 2, 20, tzinfo=UTC)  # 07:20 in Tashkent


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **parts: float) -> None:
        self.at += timedelta(**parts)


def in_memory() -> Engine:
    """An empty database: a copy of one whose tables are made once a run."""
    engine = _opened("sqlite://")
    with closing(_all_tables().raw_connection()) as made, closing(engine.raw_connection()) as copy:
        assert isinstance(made.driver_connection, sqlite3.Connection)
        assert isinstance(copy.driver_connection, sqlite3.Connection)
        made.driver_connection.backup(copy.driver_connection)
    return engine


@cache
def _all_tables() -> Engine:
    engine = connect("sqlite://")
    with engine.begin() as conn:
        metadata.create_all(conn)
    return engine


def on_file(folder: Path) -> Engine:
    """As the migrations leave an empty file, which they make once a run."""
    file = folder / "money.db"
    file.write_bytes(_migrated())
    return _opened(f"sqlite:///{file}", wait_s=20)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "money.db"
        engine = connect(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()  # the last connection writes the log into the file
        return file.read_bytes()


def _opened(url: str, **options: float) -> Engine:
    """An engine with a database of its own, which takes its SQL text from one store with all of the run's.

    To compile the statements anew for each test costs more than to carry them out.
    """
    engine = connect(url, **options)
    engine.dialect = _all_tables().dialect  # a text is kept under its dialect
    engine.update_execution_options(compiled_cache=_COMPILED)
    return engine


_COMPILED: dict[Any, Any] = {}


class World:
    def __init__(
        self, engine: Engine, *, limits: Limits = RAISED, processor: CardProcessor | None = None
    ) -> None:
        self.engine = engine
        self.clock = Hand()
        self.limits = limits
        self.bank = SandboxBank(engine, key=b"bank-key-of-the-tests")
        self._keys = count()
        self.play(processor or self.bank)
        self.service.seed_demo()

    def play(self, processor: CardProcessor) -> None:
        """(Re)build the service around a processor, as a restart does."""
        self.service = Invoicing(
            self.engine,
            clock=self.clock,
            processor=processor,
            pepper=b"pepper-of-the-tests!",
            limits=self.limits,
            sleep=lambda _: None,
        )
        self.workers = Workers(
            self.engine,
            clock=self.clock,
            processor=processor,
            audit_key=b"audit-key-of-the-tests",
            limits=self.limits,
        )
        self.relay = Relay(self.engine, clock=self.clock, limits=self.limits, pepper=b"pepper-of-the-tests!")
        self.inbox = InboxSender(self.engine, clock=self.clock)

    def key(self) -> RequestKey:
        return RequestKey.action("test", f"key-{next(self._keys)}")

    def issue(self, amount_tiyin: int = FIFTY, *, customer: str = CUSTOMER, shop: str = SHOP) -> InvoiceView:
        answer = self.service.issue(self.key(), shop, customer, amount_tiyin, again=True)
        assert isinstance(answer, Issued), answer
        return answer.invoice

    @property
    def card_id(self) -> str:
        return self.service.cards(CUSTOMER)[0].id

    def pay(self, invoice: InvoiceView, *, pin: str = PIN, key: RequestKey | None = None) -> PayAnswer:
        return self.service.pay(key or self.key(), CUSTOMER, invoice.id, self.card_id, pin)

    def now_of(self, invoice: InvoiceView) -> InvoiceView:
        """The invoice as it stands now."""
        present = self.service.open_invoice(invoice.customer_msisdn, invoice.id)
        assert isinstance(present, InvoiceView), present
        return present

    def link(self, pan: str, balance_soum: int = 0, *, customer: str = CUSTOMER) -> str:
        """Link one more card of the customer and return its id."""
        expiry = "1230"
        self.service.add_card(customer, pan, expiry)
        self.bank.set_balance(self.bank.tokenise(pan, "3012"), balance_soum * SOUM)
        return self.service.cards(customer)[-1].id

    @property
    def balance_soum(self) -> int:
        held = self.bank.balance(self.bank.tokenise(DEMO_PAN, "3012"))
        assert held is not None
        return held // SOUM

    def deliver(self) -> None:
        while self.relay.run_once(self.inbox).sent:
            pass

    def texts(self, msisdn: str) -> list[str]:
        """Every SMS the phone was sent, newest last."""
        self.deliver()
        return [message.text for message in self.inbox.inbox(msisdn)]

    def sound(self) -> bool:
        """Whether the books and the audit chain hold; the assertion names what does not."""
        self.workers.seal_audit()
        assert self.workers.problems() == []
        return True

    def count(self, table: str) -> int:
        with reading(self.engine) as conn:
            return int(conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    def everything_kept(self) -> bytes:
        """Every row of every table, as text."""
        with reading(self.engine) as conn:
            rows = [conn.execute(table.select()).all() for table in metadata.sorted_tables]
        return repr(rows).encode()
