"""Small things every query module shares: typed rows, first-one-wins inserts, numbers by sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    Executable,
    Integer,
    Sequence,
    Table,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.storage.tables import sequence

R = TypeVar("R")

_GAPPED: Final = {name: select(Sequence(f"{name}_number").next_value()) for name in ("invoice", "payment")}
_FIRST: Final = {"invoice": 1001, "payment": 5_000_001, "reversal": 1, "seal": 1, "code": 1, "settlement": 1}


def one(conn: Connection, query: Executable, record: type[R]) -> R | None:
    """The query's only row as a `record`, or `None`."""
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else record(**row)


def many(conn: Connection, query: Executable, record: type[R]) -> tuple[R, ...]:
    """All rows of the query as `record`s."""
    return tuple(record(**row) for row in conn.execute(query).mappings())


def add(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    made = conn.execute(insert(table).values(**values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def add_once(conn: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique constraint already holds an equal one; whether it was inserted."""
    new = sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
    # A returned row, not `rowcount`: drivers disagree about the count of an INSERT.
    once = new.values(**values).on_conflict_do_nothing().returning(literal_column("1", Integer))
    return conn.execute(once).first() is not None


def change(conn: Connection, table: Table, where: Iterable[Any], values: Mapping[str, Any]) -> bool:
    """Update the one row that `where` names; `False` where no row is (any more) so: a lost race."""
    return conn.execute(update(table).where(*where).values(**values)).rowcount == 1


def next_number(conn: Connection, name: str) -> int:
    """The next number of a sequence.

    Invoices and payments on PostgreSQL may leave gaps and hold nobody up. All others are rolled back together
    with their transaction, and its end is waited for: they grow in the order of the commits.
    """
    if name in _GAPPED and conn.dialect.name == "postgresql":
        return int(conn.execute(_GAPPED[name]).scalar_one())
    step = (
        update(sequence)
        .where(sequence.c.name == name)
        .values(next=sequence.c.next + 1)
        .returning(sequence.c.next - 1)
    )
    number = conn.execute(step).scalar_one_or_none()
    if number is None:
        add_once(conn, sequence, {"name": name, "next": _FIRST[name]})
        number = conn.execute(step).scalar_one()
    return int(number)


def database_time(conn: Connection) -> datetime:
    """The database's time of day, of this moment and not of the transaction's begin (PostgreSQL)."""
    at: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return at.astimezone(UTC)
