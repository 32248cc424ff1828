"""Rows of the audit trail and of its hash chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from invoicing.storage.rows import add_later, change, many, next_number, take_turn
from invoicing.storage.tables import audit

BOOKED: Final = "booked"
"""The action of the rows that repeat what the ledger's transfers moved."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: int
    at: datetime
    actor: str
    channel: str
    ip: str | None
    action: str
    object: str
    before: str | None
    after: str | None
    seal: int | None
    prev_hash: bytes | None
    hash: bytes | None


def write(
    conn: Connection,
    *,
    at: datetime,
    actor: str,
    channel: str,
    action: str,
    object_: str,
    before: str | None,
    after: str | None,
) -> None:
    values = {
        "at": at,
        "actor": actor,
        "channel": channel,
        "action": action,
        "object": object_,
        "before": before,
        "after": after,
    }
    add_later(conn, audit, values)


def begin_sealing(conn: Connection) -> None:
    """Those who seal take turns: what is read from now on stays true until the transaction ends."""
    take_turn(conn, "seal")


def unsealed(conn: Connection, limit: int) -> tuple[AuditRow, ...]:
    return many(conn, select(audit).where(audit.c.seal.is_(None)).order_by(audit.c.id).limit(limit), AuditRow)


def sealed(conn: Connection, after: int, limit: int) -> tuple[AuditRow, ...]:
    """Sealed rows in chain order, from above the place `after`."""
    return many(conn, select(audit).where(audit.c.seal > after).order_by(audit.c.seal).limit(limit), AuditRow)


def last_hash(conn: Connection) -> bytes | None:
    query = select(audit.c.hash).where(audit.c.seal.is_not(None)).order_by(audit.c.seal.desc()).limit(1)
    return conn.execute(query).scalar_one_or_none()


def counts(conn: Connection) -> tuple[int, int]:
    """Sealed rows, unsealed rows."""
    all_, sealed_ = conn.execute(select(func.count(), func.count(audit.c.seal)).select_from(audit)).one()
    return sealed_, all_ - sealed_


def seal(conn: Connection, row_id: int, *, prev_hash: bytes, hash_: bytes) -> None:
    values = {"seal": next_number(conn, "seal"), "prev_hash": prev_hash, "hash": hash_}
    change(conn, audit, [audit.c.id == row_id, audit.c.seal.is_(None)], values)


def all_of(conn: Connection, object_: str) -> tuple[AuditRow, ...]:
    """What happened to one object, oldest first."""
    return many(conn, select(audit).where(audit.c.object == object_).order_by(audit.c.id), AuditRow)
