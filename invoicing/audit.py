"""The audit trail: who did what to which object, hash-chained by a sealer that runs behind (decisions 6).

Rows commit unsealed, because a chain inside each transaction would make all of them wait for one another. The
hash is keyed: someone who can edit rows but does not hold the key cannot mend the chain (domain.md S24).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from sqlalchemy import Connection

from invoicing.storage import audit as storage
from invoicing.storage.audit import AuditRow

_BEFORE_FIRST: Final = bytes(32)
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a phone, or the name of an operator or of the service itself, over which channel."""

    name: str
    channel: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the chain: number and hash of its last whole row; `broken`: the id of the row after it."""

    seal: int
    hash: bytes
    broken: int | None = None


START: Final = Place(0, _BEFORE_FIRST)
SERVICE: Final = Actor("service", "worker")


def note(
    conn: Connection,
    now: datetime,
    actor: Actor,
    action: str,
    object_: str,
    *,
    before: str | None = None,
    after: str | None = None,
) -> None:
    """Write one row, in the transaction of what it tells about."""
    storage.write(
        conn,
        at=now,
        actor=actor.name,
        channel=actor.channel,
        action=action,
        object_=object_,
        before=before,
        after=after,
    )


def seal(conn: Connection, key: bytes, limit: int = _BATCH) -> int:
    """Chain the rows not chained yet, oldest first; how many."""
    if not storage.unsealed(conn, 1):
        return 0
    storage.begin_sealing(conn)
    previous = storage.last_hash(conn) or _BEFORE_FIRST
    rows = storage.unsealed(conn, limit)
    for row in rows:
        hash_ = _hash(key, previous, row)
        storage.seal(conn, row.id, prev_hash=previous, hash_=hash_)
        previous = hash_
    return len(rows)


def first_broken(conn: Connection, key: bytes) -> int | None:
    """The id of the first sealed row that was edited, or that follows a row taken out; `None`: all whole."""
    at = START
    while (further := walk(conn, key, at)) != at:
        if further.broken is not None:
            return further.broken
        at = further
    return None


def walk(conn: Connection, key: bytes, at: Place, limit: int = _BATCH) -> Place:
    """Check the rows after `at`; the place where that came to, the same one where the chain ends."""
    previous, place = at.hash, at.seal
    for row in storage.sealed(conn, place, limit):
        whole = row.seal == place + 1 and row.prev_hash == previous and row.hash == _hash(key, previous, row)
        if not whole or row.hash is None:
            return Place(place, previous, row.id)
        previous, place = row.hash, place + 1
    return Place(place, previous)


def counts(conn: Connection) -> tuple[int, int]:
    """How many rows are sealed, and how many wait for it."""
    return storage.counts(conn)


def _hash(key: bytes, previous: bytes, row: AuditRow) -> bytes:
    fields = (row.id, row.at, row.actor, row.channel, row.ip, row.action, row.object, row.before, row.after)
    return hmac.digest(key, previous + msgspec.json.encode(fields), sha256)
