"""Rows of the request log: who asked what under which key, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from invoicing.storage.rows import add_once, change, changed, one
from invoicing.storage.tables import request_log


@dataclass(frozen=True, slots=True)
class Request:
    scope: str
    key: str
    body_hash: str
    status: str
    answer: str | None
    created_at: datetime
    valid_until: datetime


_FIND = select(request_log).where(
    request_log.c.scope == bindparam("scope"), request_log.c.key == bindparam("key")
)
_row = (request_log.c.scope == bindparam("of_scope"), request_log.c.key == bindparam("of_key"))
_answered: dict[str, Any] = {"status": bindparam("after"), "answer": bindparam("with_answer")}
_ADVANCE = (
    update(request_log)
    .where(
        *_row,
        request_log.c.status == bindparam("before"),
        request_log.c.created_at == bindparam("made_at"),
    )
    .values(_answered)
)
_CLOSE = (
    update(request_log)
    .where(
        *_row,
        request_log.c.created_at == bindparam("made_at"),
        request_log.c.answer.is_(None),
    )
    .values(_answered)
)


def insert(conn: Connection, row: Request) -> bool:
    """Whether the key was free; on PostgreSQL this waits for another transaction that holds it."""
    return add_once(conn, request_log, _values(row) | {"scope": row.scope, "key": row.key})


def renew(conn: Connection, old: Request, new: Request) -> bool:
    """Take over a key whose time is over; `False`: another request did."""
    return change(
        conn, request_log, [*_same(old), request_log.c.valid_until == old.valid_until], _values(new)
    )


def find(conn: Connection, scope: str, key: str) -> Request | None:
    return one(conn, _FIND, Request, scope=scope, key=key)


def advance(conn: Connection, row: Request, status: str, answer: str | None = None) -> bool:
    """Move the request on from `row`'s status; `False`: it is no longer there, somebody else has it."""
    return changed(
        conn,
        _ADVANCE,
        of_scope=row.scope,
        of_key=row.key,
        before=row.status,
        made_at=row.created_at,
        after=status,
        with_answer=answer,
    )


def close(conn: Connection, scope: str, key: str, made_at: datetime, status: str, answer: str) -> None:
    """Answer a request that has no answer yet, if it is still the one of `made_at`."""
    changed(conn, _CLOSE, of_scope=scope, of_key=key, made_at=made_at, after=status, with_answer=answer)


def forget(conn: Connection, before: datetime) -> int:
    """Drop keys whose time was over before a moment."""
    return conn.execute(delete(request_log).where(request_log.c.valid_until < before)).rowcount


def _same(row: Request) -> list[Any]:
    return [
        request_log.c.scope == row.scope,
        request_log.c.key == row.key,
        request_log.c.status == row.status,
        request_log.c.created_at == row.created_at,
    ]


def _values(row: Request) -> dict[str, Any]:
    return {
        "body_hash": row.body_hash,
        "status": row.status,
        "answer": row.answer,
        "created_at": row.created_at,
        "valid_until": row.valid_until,
    }
