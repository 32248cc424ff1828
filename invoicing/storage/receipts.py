"""Rows of the parts of sent SMS: the provider's id of each, and what it last reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select

from invoicing.storage.rows import add_once, change, many, one
from invoicing.storage.tables import outbox, receipt


@dataclass(frozen=True, slots=True)
class Part:
    """`outbox_id` is `None` where the report came before anything was known of the message."""

    id: int
    message_id: str
    outbox_id: int | None
    state: str | None
    reported_at: datetime | None


_parts = select(
    receipt.c.id, receipt.c.message_id, receipt.c.outbox_id, receipt.c.state, receipt.c.reported_at
)


def add(
    conn: Connection,
    provider: str,
    message_id: str,
    *,
    at: datetime,
    outbox_id: int | None = None,
) -> bool:
    """Whether the provider's id was free."""
    values = {"provider": provider, "message_id": message_id, "outbox_id": outbox_id, "created_at": at}
    return add_once(conn, receipt, values)


def find(conn: Connection, provider: str, ids: Sequence[str], recipient: str | None) -> Part | None:
    """The part with one of these ids, held; with a `recipient` only his, or one whose message is unknown."""
    query = _parts.outerjoin(outbox, outbox.c.id == receipt.c.outbox_id).where(
        receipt.c.provider == provider, receipt.c.message_id.in_(ids)
    )
    if recipient is not None:
        query = query.where(or_(receipt.c.outbox_id.is_(None), outbox.c.recipient == recipient))
    newest_first = query.order_by(receipt.c.outbox_id.is_(None), receipt.c.id.desc()).limit(1)
    return one(conn, newest_first.with_for_update(of=receipt), Part)


def own(conn: Connection, part_id: int, outbox_id: int, at: datetime, *, anew: bool) -> None:
    """Say whose part it is; `anew`: the provider gave the id of an older message once more."""
    values: dict[str, object] = {"outbox_id": outbox_id, "created_at": at}
    change(
        conn,
        receipt,
        [receipt.c.id == part_id],
        values | ({"state": None, "reported_at": None} if anew else {}),
    )


def report(conn: Connection, part_id: int, state: str, at: datetime) -> None:
    change(conn, receipt, [receipt.c.id == part_id], {"state": state, "reported_at": at})


def hold_message(conn: Connection, outbox_id: int) -> None:
    """Have others who report of its parts wait until the transaction ends, and see what it wrote."""
    conn.execute(select(outbox.c.id).where(outbox.c.id == outbox_id).with_for_update(key_share=True))


def of_message(conn: Connection, outbox_id: int) -> tuple[Part, ...]:
    return many(conn, _parts.where(receipt.c.outbox_id == outbox_id).order_by(receipt.c.id), Part)


def conclude(conn: Connection, outbox_id: int, state: str, at: datetime) -> None:
    """Keep with the message what its parts come to."""
    change(conn, outbox, [outbox.c.id == outbox_id], {"delivery": state, "delivered_at": at})


def forget(conn: Connection, before: datetime) -> int:
    """Drop parts older than a moment: no provider reports of them any more. What they came to stays."""
    return conn.execute(delete(receipt).where(receipt.c.created_at < before)).rowcount
