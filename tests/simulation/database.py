"""The database under a simulated process: the real engine, with borders at which a process can die.

`Fragile` is what one life of the process sees. A life that has ended never begins a transaction again, so
that no `finally` of the code under test can do after its death what a dead process could not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.exc import OperationalError

from invoicing import connect
from invoicing.storage.tables import metadata
from tests.simulation.scheduler import Died


def disk_full() -> OperationalError:
    return OperationalError("COMMIT", None, sqlite3.OperationalError("database or disk is full"))


class Fragile:
    """Stands in for an `Engine` where the domain opens transactions.

    `at_border` is told each border of a writing transaction (`begin`, `commit`, `committed`) and may raise;
    before `begin` it may also let other tasks have their turn. `written` tells of each commit.
    """

    def __init__(self, engine: Engine, at_border: Callable[[str], None], written: Callable[[], None]) -> None:
        self._engine = engine
        self._at_border = at_border
        self._written = written
        self.alive = True

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._at_border("begin")
        self._check()
        with self._engine.begin() as connection:
            yield connection
            self._at_border("commit")
            self._check()
        self._written()
        self._at_border("committed")

    def connect(self) -> _Connecting:
        self._check()
        return _Connecting(self)

    def connection(self) -> Connection:
        """A real one, which no border watches: to read with."""
        return self._engine.connect()

    def _check(self) -> None:
        if not self.alive:
            raise Died

    def as_engine(self) -> Engine:
        return cast(Engine, self)


class _Connecting:
    """A connection whose options say what it is for."""

    def __init__(self, fragile: Fragile) -> None:
        self._fragile = fragile

    def execution_options(self, **options: Any) -> Connection | _Alone:
        if options.get("isolation_level") == "AUTOCOMMIT":
            return _Alone(self._fragile)
        return self._fragile.connection().execution_options(**options)


class _Alone:
    """A statement that commits by itself: a transaction like any other, with all its borders."""

    def __init__(self, fragile: Fragile) -> None:
        self._transaction = fragile.begin()
        self._connection: Connection | None = None

    def __enter__(self) -> _Alone:
        self._connection = self._transaction.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        return self._transaction.__exit__(kind, error, trace)

    def begin(self) -> AbstractContextManager[None]:
        """Has begun."""
        return nullcontext()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class SqliteStock:
    """One database in memory for all runs: each begins with an image of the same registered people."""

    def __init__(self) -> None:
        self.engine = connect("sqlite://")
        with self.engine.begin() as connection:
            metadata.create_all(connection)
        self._image: bytes | None = None

    def fresh(self, register: Callable[[Engine], None]) -> Engine:
        """The engine, its database as it is right after `register`, which must always do the same."""
        with self._raw() as raw:
            if self._image is not None:
                raw.deserialize(self._image)
                return self.engine
        register(self.engine)
        with self._raw() as raw:
            self._image = raw.serialize()
        return self.engine

    @contextmanager
    def _raw(self) -> Iterator[sqlite3.Connection]:
        pooled = self.engine.raw_connection()
        try:
            raw = pooled.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            yield raw
        finally:
            pooled.close()


@cache
def sqlite_stock() -> SqliteStock:
    return SqliteStock()


class InvoiceRow(NamedTuple):
    id: int
    number: int
    merchant_id: int
    customer_msisdn: str
    amount_tiyin: int
    state: str
    issued_at: str
    expires_at: str


class PaymentRow(NamedTuple):
    id: int
    number: int
    kind: str
    customer_id: int
    invoice_id: int | None
    merchant_id: int | None
    refund_of: int | None
    payee: str | None
    amount_tiyin: int
    state: str
    stan: str
    rrn: str
    answered_at: str | None
    request_scope: str
    request_key: str


class ReversalRow(NamedTuple):
    id: int
    payment_id: int
    state: str


class EntryRow(NamedTuple):
    id: int
    transfer_id: int
    kind: str
    ref_payment: int | None
    account: str
    owner_id: int
    side: str
    amount_tiyin: int


class NoticeRow(NamedTuple):
    id: int
    event_id: str
    recipient: str
    template: str
    state: str


class RequestRow(NamedTuple):
    scope: str
    key: str
    status: str
    answer: str | None
    created_at: str
    valid_until: str


class PinRow(NamedTuple):
    id: int
    msisdn: str
    pin_failed: int
    pin_locked: bool
    pin_hash: str | None
    imsi_changed_at: str | None


class CardRow(NamedTuple):
    id: int
    customer_id: int
    token: str
    state: str


class CodeRow(NamedTuple):
    id: int
    msisdn: str
    purpose: str
    request_ref: str
    expires_at: str
    tries: int
    used_at: str | None


class ShopRow(NamedTuple):
    id: int
    state: str


class PairRow(NamedTuple):
    merchant_id: int
    customer_msisdn: str


class LeaseRow(NamedTuple):
    name: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class Snapshot:
    """All that was committed at one moment, read without the storage code under test."""

    invoices: dict[int, InvoiceRow] = field(default_factory=dict)
    payments: dict[int, PaymentRow] = field(default_factory=dict)
    """Purchases and refunds."""
    reversals: tuple[ReversalRow, ...] = ()
    entries: tuple[EntryRow, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    requests: dict[tuple[str, str], RequestRow] = field(default_factory=dict)
    pins: dict[int, PinRow] = field(default_factory=dict)
    cards: dict[int, CardRow] = field(default_factory=dict)
    codes: dict[int, CodeRow] = field(default_factory=dict)
    shops: dict[int, ShopRow] = field(default_factory=dict)
    pairs: frozenset[PairRow] = frozenset()
    leases: dict[str, LeaseRow] = field(default_factory=dict)


_R = TypeVar("_R", bound=NamedTuple)
_FROM: Final[dict[Any, str]] = {
    InvoiceRow: "FROM invoice ORDER BY id",
    PaymentRow: "FROM payment ORDER BY id",
    ReversalRow: "FROM reversal ORDER BY id",
    NoticeRow: "FROM outbox ORDER BY id",
    RequestRow: "FROM request_log",
    PinRow: "FROM customer ORDER BY id",
    CardRow: "FROM card ORDER BY id",
    CodeRow: "FROM otp ORDER BY id",
    ShopRow: "FROM merchant ORDER BY id",
    PairRow: "FROM pair_block",
    LeaseRow: "FROM lease",
}
_QUERIES: Final[dict[Any, str]] = {
    record: f"SELECT {', '.join(record._fields)} {source}" for record, source in _FROM.items()
} | {
    EntryRow: (
        "SELECT entry.id, transfer.id, transfer.kind, transfer.ref_payment, account.kind, account.owner_id, "
        "entry.side, entry.amount_tiyin FROM transfer LEFT JOIN entry ON entry.transfer_id = transfer.id "
        "LEFT JOIN account ON account.id = entry.account_id ORDER BY transfer.id, entry.id"
    )
}
_MOMENT: Final = "%Y-%m-%d %H:%M:%S.%f"


def written(moment: datetime) -> str:
    """A moment as snapshots have it: SQLite's form, which sorts as text."""
    return moment.astimezone(UTC).strftime(_MOMENT)


def snapshot(engine: Engine) -> Snapshot:
    pooled = engine.raw_connection()  # past SQLAlchemy: this is read after every single commit
    try:
        cursor = pooled.cursor()

        def rows(record: type[_R]) -> list[_R]:
            cursor.execute(_QUERIES[record])
            found = cursor.fetchall()
            if found and engine.dialect.name != "sqlite":
                found = [[written(one) if isinstance(one, datetime) else one for one in row] for row in found]
            return [record._make(row) for row in found]

        return Snapshot(
            invoices={row.id: row for row in rows(InvoiceRow)},
            payments={row.id: row for row in rows(PaymentRow)},
            reversals=tuple(rows(ReversalRow)),
            entries=tuple(rows(EntryRow)),
            notices=tuple(rows(NoticeRow)),
            requests={(row.scope, row.key): row for row in rows(RequestRow)},
            pins={row.id: row for row in rows(PinRow)},
            cards={row.id: row for row in rows(CardRow)},
            codes={row.id: row for row in rows(CodeRow)},
            shops={row.id: row for row in rows(ShopRow)},
            pairs=frozenset(rows(PairRow)),
            leases={row.name: row for row in rows(LeaseRow)},
        )
    finally:
        pooled.close()
