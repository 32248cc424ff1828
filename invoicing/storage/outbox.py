"""Rows of the outbox, and of the demo's SMS inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, update

from invoicing.storage.rows import add_later, add_once, change, many, one
from invoicing.storage.tables import inbox, outbox


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    event_id: str
    recipient: str
    template: str
    lang: str
    params: str
    urgent: bool
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InboxRow:
    at: datetime
    sender: str
    text: str
    parts: int


def add_sms(
    conn: Connection,
    *,
    event_id: str,
    recipient: str,
    template: str,
    lang: str,
    params: Mapping[str, str],
    at: datetime,
    urgent: bool = False,
) -> None:
    """One SMS to send; a second one of the same event, recipient and template is no new row."""
    values = {
        "event_id": event_id,
        "kind": "sms",
        "recipient": recipient,
        "template": template,
        "lang": lang,
        "params": dumps(params, ensure_ascii=False),
        "urgent": urgent,
        "state": "queued",
        "tries": 0,
        "created_at": at,
        "next_at": at,
    }
    add_later(conn, outbox, values, once=True)


_rows = select(
    outbox.c.id,
    outbox.c.event_id,
    outbox.c.recipient,
    outbox.c.template,
    outbox.c.lang,
    outbox.c.params,
    outbox.c.urgent,
    outbox.c.tries,
    outbox.c.created_at,
)


def due(conn: Connection, now: datetime, limit: int) -> tuple[OutboxRow, ...]:
    """Each recipient's oldest unsent SMS, where its time has come: nobody is told things out of order."""
    return many(conn, _due(now, limit), OutboxRow)


def claim(conn: Connection, now: datetime, until: datetime, limit: int) -> tuple[OutboxRow, ...]:
    """As `due`, and nobody else gets these rows until a moment, or until they are marked.

    On PostgreSQL a relay passes over rows that another one is claiming at this moment.
    """
    rows = many(conn, _due(now, limit).with_for_update(of=outbox, skip_locked=True), OutboxRow)
    if rows:
        ids = [row.id for row in rows]
        conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(next_at=until))
    return rows


def hold(conn: Connection, ids: Sequence[int], until: datetime) -> None:
    """Keep claimed rows longer."""
    conn.execute(update(outbox).where(outbox.c.id.in_(ids), outbox.c.state == "queued").values(next_at=until))


def release(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Give back claimed rows that were not tried."""
    conn.execute(update(outbox).where(outbox.c.id.in_(ids), outbox.c.state == "queued").values(next_at=now))


def _due(now: datetime, limit: int) -> Select[Any]:
    older = outbox.alias("older")
    blocked = exists().where(
        older.c.kind == outbox.c.kind,
        older.c.recipient == outbox.c.recipient,
        older.c.state == "queued",
        older.c.id < outbox.c.id,
        ~older.c.urgent,
    )
    return (
        _rows.where(
            outbox.c.kind == "sms",
            outbox.c.state == "queued",
            outbox.c.next_at <= now,
            outbox.c.urgent | ~blocked,
        )
        .order_by(outbox.c.urgent.desc(), outbox.c.id)
        .limit(limit)
    )


def queued(conn: Connection, row_id: int) -> OutboxRow | None:
    return one(conn, _rows.where(outbox.c.id == row_id, outbox.c.state == "queued"), OutboxRow)


def depth(conn: Connection) -> int:
    """How many SMS are not sent yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.state == "queued", outbox.c.kind == "sms")
    return int(conn.execute(query).scalar_one())


def mark(conn: Connection, row_id: int, **values: str | int | datetime) -> bool:
    """Change a row that is still queued; `False` where it is not."""
    return change(conn, outbox, [outbox.c.id == row_id, outbox.c.state == "queued"], values)


def put_into_inbox(
    conn: Connection, *, notice_id: int, at: datetime, msisdn: str, sender: str, text: str, parts: int
) -> None:
    values = {
        "notice_id": notice_id,
        "at": at,
        "msisdn": msisdn,
        "sender": sender,
        "text": text,
        "parts": parts,
    }
    add_once(conn, inbox, values)


def inbox_of(conn: Connection, msisdn: str) -> tuple[InboxRow, ...]:
    """Everything a phone received, newest last."""
    query = select(inbox.c.at, inbox.c.sender, inbox.c.text, inbox.c.parts)
    return many(conn, query.where(inbox.c.msisdn == msisdn).order_by(inbox.c.id), InboxRow)
