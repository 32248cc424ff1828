"""Rows of leases: which process owns a work that only one may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from invoicing.storage.rows import add_once, change, one
from invoicing.storage.tables import lease


@dataclass(frozen=True, slots=True)
class LeaseRow:
    owner: str
    epoch: int
    expires_at: datetime


def find(conn: Connection, name: str) -> LeaseRow | None:
    query = select(lease.c.owner, lease.c.epoch, lease.c.expires_at).where(lease.c.name == name)
    return one(conn, query, LeaseRow)


def acquire(conn: Connection, name: str, owner: str, seen: LeaseRow | None, until: datetime) -> int | None:
    """Take the lease over from the state it was `seen` in; the new epoch, `None`: another was first."""
    if seen is None:
        first = {"name": name, "owner": owner, "epoch": 1, "expires_at": until}
        return 1 if add_once(conn, lease, first) else None
    where = [lease.c.name == name, lease.c.epoch == seen.epoch, lease.c.expires_at == seen.expires_at]
    taken = {"owner": owner, "epoch": seen.epoch + 1, "expires_at": until}
    return seen.epoch + 1 if change(conn, lease, where, taken) else None


def renew(conn: Connection, name: str, owner: str, epoch: int, now: datetime, until: datetime) -> bool:
    """`False`: it was taken over, or ran out before."""
    where = [
        lease.c.name == name, lease.c.owner == owner, lease.c.epoch == epoch, lease.c.expires_at > now
    ]  # fmt: skip
    return change(conn, lease, where, {"expires_at": until})


def release(conn: Connection, name: str, owner: str, epoch: int, now: datetime) -> bool:
    where = [lease.c.name == name, lease.c.owner == owner, lease.c.epoch == epoch]
    return change(conn, lease, where, {"expires_at": now})
