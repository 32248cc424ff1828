"""Engines and transactions: how the money database is opened, written and read.

SQLite: SQLAlchemy's begin becomes BEGIN IMMEDIATE, so that a transaction that will write never reads a state
it cannot keep; with the driver's own deferred begin 240 concurrent updates lost 210 without an error. WAL,
`synchronous=FULL`, and a busy timeout below the gateways' deadline. A database in memory lives in one
connection, for which transactions queue.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

T = TypeVar("T")

BUSY_WAIT_S: Final = 4.0
TRIES_MAX: Final = 5
_BUSY: Final = "the database is busy; try again"
_POOL_SIZE: Final = 20
_VANISHED_S: Final = 8
"""A server silent on the wire so long is gone; by itself the system waits for a quarter of an hour."""
_ALIVE: Final = {
    "keepalives_idle": _VANISHED_S // 2,
    "keepalives_interval": _VANISHED_S // 4,
    "keepalives_count": 2,
    "tcp_user_timeout": _VANISHED_S * 1000,
}
_RESTED_S: Final = 2.0
_READS_ONLY: Final = "invoicing_reads_only"
_RETRYABLE_SQLSTATES: Final = frozenset({"40001", "40P01", "55P03"})


@dataclass(frozen=True, slots=True)
class _Turns:
    wait_s: float
    lock: threading.Lock = field(default_factory=threading.Lock)


# SQLite's own waiting is unfair (it sleeps and tries again, up to 100 ms a time): writers of a process queue.
_writers: WeakKeyDictionary[Engine, _Turns] = WeakKeyDictionary()


class StorageError(Exception):
    """The database is out of reach. `retryable`: nothing was written, the same call may be made again."""

    retryable = False


class StorageBusy(StorageError):
    """The transaction's turn did not come in time, or it met conflicts five times (domain.md F19)."""

    retryable = True


class StorageFailed(StorageError):
    """Disk full, connection lost, server gone (domain.md F15).

    Nothing was written unless the commit itself was cut off; the same call under the same key tells.
    """


def connect(url: str, *, wait_s: float = BUSY_WAIT_S) -> Engine:
    """An engine on `sqlite:///file`, `sqlite://` (in memory) or `postgresql://…` (through psycopg 3).

    Args:
        wait_s: how long a transaction may wait for its turn, in seconds.
    """
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres:") else url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return _on_postgresql(parsed, wait_s)
    in_memory = parsed.database in (None, "", ":memory:")
    engine = create_engine(
        parsed,
        poolclass=QueuePool,
        pool_size=1 if in_memory else _POOL_SIZE,
        max_overflow=0,
        pool_timeout=wait_s,
        hide_parameters=True,  # an error's text must not carry phones and hashes into a log
        connect_args={"check_same_thread": False, "timeout": wait_s},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    if not in_memory:
        _writers[engine] = _Turns(wait_s)
    return engine


def _on_postgresql(url: URL, wait_s: float) -> Engine:
    """READ COMMITTED with row locks and unique indexes; a commit is on the disk when it returns.

    A row that another transaction holds is waited for as long as a turn on SQLite (`lock_timeout`).
    """
    engine = create_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=0,
        pool_timeout=wait_s,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args={
            **{name: value for name, value in _ALIVE.items() if name not in url.query},
            "connect_timeout": max(2, int(wait_s)),
            "options": f"-c timezone=UTC -c lock_timeout={int(wait_s * 1000)} -c synchronous_commit=on",
        },
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _ping_rested)
    return engine


def _note_rest(_connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _ping_rested(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask a connection that has rested whether it is still there; under load nobody waits for the answer."""
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _RESTED_S:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise DisconnectionError from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `_begin_sqlite` does
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def write(engine: Engine, work: Callable[[Connection], T], *, alone: bool = False) -> T:
    """Run `work` in one transaction and commit it; on a serialisation failure run it again, with jitter.

    `work` touches nothing but the connection: no hashing, no I/O, no call that opens a transaction.

    Args:
        alone: `work` is one statement, a transaction by itself: PostgreSQL is spared two round trips.

    Raises:
        StorageBusy, StorageFailed.
    """
    for attempt in range(1, TRIES_MAX + 1):
        worked = False
        try:
            with _turn(engine), _transaction(engine, alone=alone) as connection:
                result = work(connection)
                worked = True
            return result
        except PoolTimeout as error:
            raise StorageBusy(_BUSY) from error
        except DBAPIError as error:
            # A connection that broke before the commit has written nothing; the pool makes a new one.
            broke = error.connection_invalidated and not worked and not alone
            if not (broke or _is_conflict(error)):
                raise _failure(error) from error
            if attempt == TRIES_MAX or engine.dialect.name == "sqlite":  # SQLite has waited already
                raise (_failure(error) if broke else StorageBusy(_BUSY)) from error
            time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
    raise AssertionError("the last try returns or raises")


@contextmanager
def _transaction(engine: Engine, *, alone: bool) -> Iterator[Connection]:
    if alone and engine.dialect.name == "postgresql":
        # `begin` sends nothing then, but whoever listens for transactions still hears of this one.
        at_once = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with at_once as connection, connection.begin():
            yield connection
        return
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot to read from; it neither waits for writers nor holds them up.

    Raises:
        StorageBusy, StorageFailed.
    """
    try:
        with (
            engine.connect().execution_options(**_reads_only(engine)) as connection,
            connection.begin(),
        ):
            yield connection
    except PoolTimeout as error:
        raise StorageBusy(_BUSY) from error
    except DBAPIError as error:
        raise (StorageBusy(_BUSY) if _is_conflict(error) else _failure(error)) from error


def _reads_only(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == "sqlite":
        return {_READS_ONLY: True}
    return {_READS_ONLY: True, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    turns = _writers.get(engine)
    if turns is None:
        yield
        return
    if not turns.lock.acquire(timeout=turns.wait_s):
        raise StorageBusy(_BUSY)
    try:
        yield
    finally:
        turns.lock.release()


def _failure(error: DBAPIError) -> Exception:
    """What the world did is told as such; a broken constraint or statement is our fault and stays."""
    if isinstance(error, OperationalError | InterfaceError):
        return StorageFailed(f"the database failed: {type(error.orig).__name__}")
    return error


def _is_conflict(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _RETRYABLE_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)
