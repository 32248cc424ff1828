"""Small things every query module shares: typed rows, first-one-wins inserts, numbers by sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Insert,
    Integer,
    Table,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy import Sequence as NumberSequence
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.storage.tables import sequence

R = TypeVar("R")

_GATHERED: Final = "invoicing_gathered"
_ROWS_AT_ONCE: Final = 200
"""SQLite joins at most 500 SELECTs; a settlement has a line for each merchant."""

_GAPPED: Final = {
    name: select(NumberSequence(f"{name}_number").next_value()) for name in ("invoice", "payment")
}
_FIRST: Final = {"invoice": 1001, "payment": 5_000_001, "reversal": 1, "seal": 1, "code": 1, "settlement": 1}


def one(conn: Connection, query: Executable, record: type[R], **values: object) -> R | None:
    """The query's only row as a `record`, or `None`; `values` are those of its `bindparam`s.

    A query that is built once and asked often, with values, costs a third of one that is built each time.
    """
    found = _executed(conn, query, record, values).one_or_none()
    return None if found is None else _made(record, found)


def many(conn: Connection, query: Executable, record: type[R], **values: object) -> tuple[R, ...]:
    """All rows of the query as `record`s; `values` as for `one`."""
    return tuple(_made(record, row) for row in _executed(conn, query, record, values))


def _made(record: Callable[..., R], row: Iterable[Any]) -> R:
    return record(*row)


def _executed(
    conn: Connection, query: Executable, record: type[Any], values: Mapping[str, object]
) -> CursorResult[Any]:
    found = conn.execute(query, values)
    if tuple(found.keys()) != record.__match_args__:
        raise TypeError(f"{record.__name__} has other fields than its query: {tuple(found.keys())}")
    return found


def add_numbered(conn: Connection, table: Table, name: str, values: Mapping[str, Any]) -> tuple[int, int]:
    """Insert one row whose `number` is the next of a sequence; its id and number."""
    if conn.dialect.name == "postgresql":
        made = conn.execute(_insert_numbered(table, name), values).one()
        return int(made[0]), int(made[1])
    number = next_number(conn, name)
    return add(conn, table, {**values, "number": number}), number


@cache
def _insert_numbered(table: Table, name: str) -> Insert:
    number = NumberSequence(f"{name}_number").next_value()
    return insert(table).values(number=number).returning(table.c.id, table.c.number)


def add(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    made = conn.execute(_insert(table), values).inserted_primary_key
    assert made is not None
    return int(made[0])


def add_once(conn: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique constraint already holds an equal one; whether it was inserted."""
    return conn.execute(_insert_once(table, conn.dialect.name), values).first() is not None


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _insert_once(table: Table, dialect: str) -> Insert:
    new = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    # A returned row, not `rowcount`: drivers disagree about the count of an INSERT.
    return new.on_conflict_do_nothing().returning(literal_column("1", Integer))


@contextmanager
def gathered(conn: Connection) -> Iterator[None]:
    """Insert the rows of `add_later` that come up inside in one statement a table, when all is said.

    Where it ends by an exception nothing is inserted: the transaction is to be rolled back.
    """
    rows: dict[tuple[Table, bool], list[Mapping[str, Any]]] = {}
    info = conn.info  # a connection that has broken meanwhile gives it no more
    info[_GATHERED] = rows
    try:
        yield
    finally:
        info.pop(_GATHERED, None)
    for (table, once), found in rows.items():
        add_all(conn, table, found, once=once)


def add_later(conn: Connection, table: Table, values: Mapping[str, Any], *, once: bool = False) -> None:
    """Insert a row whose id nobody needs: at once, or with the others inside `gathered`.

    Args:
        once: an equal one that is there already, by a unique constraint, is no fault.
    """
    rows = conn.info.get(_GATHERED)
    if rows is None:
        add_all(conn, table, [values], once=once)
    else:
        rows.setdefault((table, once), []).append(values)


def add_all(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, once: bool = False) -> None:
    """Insert rows of the same columns whose ids nobody needs, two hundred a statement; `once` as above."""
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[begin : begin + _ROWS_AT_ONCE]
        values = {f"{name}_{place}": value for place, row in enumerate(part) for name, value in row.items()}
        conn.execute(_insert_many(table, tuple(part[0]), len(part), once, conn.dialect.name), values)


@cache
def _insert_many(table: Table, names: tuple[str, ...], count: int, once: bool, dialect: str) -> Insert:
    """One INSERT of so many rows with these columns.

    SQLAlchemy compiles `VALUES` of several rows anew at each execution, which takes longer than the insert;
    the text of a SELECT it keeps.
    """
    rows = [
        select(*(bindparam(f"{name}_{place}", type_=table.c[name].type) for name in names)).where(true())
        for place in range(count)
    ]
    new = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    new = new.from_select(names, union_all(*rows) if count > 1 else rows[0], include_defaults=False)
    return new.on_conflict_do_nothing() if once else new


def change(conn: Connection, table: Table, where: Iterable[Any], values: Mapping[str, Any]) -> bool:
    """Update the one row that `where` names; `False` where no row is (any more) so: a lost race."""
    return conn.execute(update(table).where(*where).values(**values)).rowcount == 1


def changed(conn: Connection, step: Update, **values: object) -> bool:
    """As `change`, by an UPDATE that was built once; `values` are those of its `bindparam`s."""
    return conn.execute(step, values).rowcount == 1


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


def take_turn(conn: Connection, name: str) -> None:
    """Wait for all others who draw numbers of this sequence, and hold them up until the transaction ends."""
    hold = update(sequence).where(sequence.c.name == name).values(next=sequence.c.next)
    if conn.execute(hold).rowcount == 0:
        add_once(conn, sequence, {"name": name, "next": _FIRST[name]})
        conn.execute(hold)


def database_time(conn: Connection) -> datetime:
    """The database's time of day, of this moment and not of the transaction's begin (PostgreSQL)."""
    at: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return at.astimezone(UTC)
