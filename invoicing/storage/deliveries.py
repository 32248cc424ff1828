"""Rows of webhooks and push devices, and of what is on its way to them through the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    Connection,
    String,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from invoicing.storage.rows import add as add_row
from invoicing.storage.rows import add_once, change, many, one
from invoicing.storage.tables import device, merchant, merchant_user, outbox
from invoicing.storage.tables_cabinet import webhook, webhook_attempt

Kind = Literal["webhook", "push"]
ALL_EVENTS = "*"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: a webhook or a device, by its id."""

    kind: str
    id: int
    lang: str


@dataclass(frozen=True, slots=True)
class WebhookRow:
    id: int
    merchant_id: int
    url: str
    events: str
    key_salt: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceRow:
    id: int
    merchant_user_id: int
    push_token: str
    p256dh: str | None
    auth: str | None
    label: str | None
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event on its way to one listener."""

    id: int
    event_id: str
    kind: str
    recipient: str
    template: str
    lang: str
    params: str
    state: str
    tries: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    outbox_id: int
    at: datetime
    status: int | None
    failure: str | None
    took_ms: int


_webhooks = select(
    webhook.c.id,
    webhook.c.merchant_id,
    webhook.c.url,
    webhook.c.events,
    webhook.c.key_salt,
    webhook.c.state,
    webhook.c.created_at,
)
_devices = select(
    device.c.id,
    device.c.merchant_user_id,
    device.c.push_token,
    device.c.p256dh,
    device.c.auth,
    device.c.label,
    device.c.last_seen,
)
_deliveries = select(
    outbox.c.id,
    outbox.c.event_id,
    outbox.c.kind,
    outbox.c.recipient,
    outbox.c.template,
    outbox.c.lang,
    outbox.c.params,
    outbox.c.state,
    outbox.c.tries,
    outbox.c.created_at,
    outbox.c.next_at,
    outbox.c.sent_at,
    outbox.c.failure,
)
_shop: BindParameter[int] = bindparam("merchant_id")
_HOOKS = select(literal("webhook").label("kind"), webhook.c.id, literal("").label("lang")).where(
    webhook.c.merchant_id == _shop,
    webhook.c.state == "active",
    or_(
        webhook.c.events == ALL_EVENTS,
        (literal_column("' '") + webhook.c.events + literal_column("' '")).contains(
            bindparam("event", type_=String)
        ),
    ),
)
_LISTENERS = union_all(
    _HOOKS,
    select(
        literal("push").label("kind"),
        device.c.id,
        func.coalesce(merchant_user.c.lang, merchant.c.lang).label("lang"),
    )
    .join(merchant_user, merchant_user.c.id == device.c.merchant_user_id)
    .join(merchant, merchant.c.id == merchant_user.c.merchant_id)
    .where(
        merchant_user.c.merchant_id == _shop,
        merchant_user.c.state == "active",
        device.c.p256dh.is_not(None),
    ),
)


def listeners(conn: Connection, merchant_id: int, event: str, *, pushed: bool) -> tuple[Listener, ...]:
    """The merchant's webhooks that want an event, and where `pushed` all its people's devices."""
    query = _LISTENERS if pushed else _HOOKS
    return many(conn, query, Listener, merchant_id=merchant_id, event=f" {event} ")


# --- webhooks ---------------------------------------------------------------------------------------------


def add_webhook(
    conn: Connection, merchant_id: int, *, url: str, events: str, key_salt: str, at: datetime
) -> WebhookRow:
    values = {
        "merchant_id": merchant_id,
        "url": url,
        "events": events,
        "key_salt": key_salt,
        "state": "active",
        "created_at": at,
    }
    return WebhookRow(id=add_row(conn, webhook, values), **values)  # type: ignore[arg-type]


def webhooks_of(conn: Connection, merchant_id: int) -> tuple[WebhookRow, ...]:
    query = _webhooks.where(webhook.c.merchant_id == merchant_id, webhook.c.state != "removed")
    return many(conn, query.order_by(webhook.c.id), WebhookRow)


def webhook_of(conn: Connection, merchant_id: int, webhook_id: int) -> WebhookRow | None:
    query = _webhooks.where(
        webhook.c.id == webhook_id, webhook.c.merchant_id == merchant_id, webhook.c.state != "removed"
    )
    return one(conn, query, WebhookRow)


def webhook_by_id(conn: Connection, webhook_id: int) -> WebhookRow | None:
    """For deliveries, which have no merchant to ask as."""
    return one(conn, _webhooks.where(webhook.c.id == webhook_id), WebhookRow)


def change_webhook(conn: Connection, merchant_id: int, webhook_id: int, **values: str) -> bool:
    where = [
        webhook.c.id == webhook_id,
        webhook.c.merchant_id == merchant_id,
        webhook.c.state != "removed",
    ]
    return change(conn, webhook, where, values)


# --- devices ----------------------------------------------------------------------------------------------


def add_device(
    conn: Connection, user_id: int, *, endpoint: str, p256dh: str, auth: str, label: str, at: datetime
) -> DeviceRow:
    """Keep a subscription; a browser that another user of it had signed in with is this one's now."""
    values = {
        "merchant_user_id": user_id,
        "push_token": endpoint,
        "p256dh": p256dh,
        "auth": auth,
        "label": label,
        "last_seen": at,
    }
    if not add_once(conn, device, values):
        change(conn, device, [device.c.push_token == endpoint], values)
    found = one(conn, _devices.where(device.c.push_token == endpoint), DeviceRow)
    assert found is not None
    return found


def devices_of(conn: Connection, user_id: int) -> tuple[DeviceRow, ...]:
    return many(conn, _devices.where(device.c.merchant_user_id == user_id).order_by(device.c.id), DeviceRow)


def device_by_id(conn: Connection, device_id: int) -> DeviceRow | None:
    """For deliveries, which have nobody to ask as."""
    return one(conn, _devices.where(device.c.id == device_id), DeviceRow)


def remove_device(conn: Connection, device_id: int, user_id: int | None = None) -> bool:
    where: list[Any] = [device.c.id == device_id]
    if user_id is not None:
        where.append(device.c.merchant_user_id == user_id)
    return conn.execute(delete(device).where(*where)).rowcount == 1


# --- what is on its way -----------------------------------------------------------------------------------


def add(conn: Connection, to: Listener, *, event_id: str, event: str, params: str, at: datetime) -> None:
    """Queue one event for one listener; a second one of the same event is no new row."""
    values = {
        "event_id": event_id,
        "kind": to.kind,
        "recipient": str(to.id),
        "template": event,
        "lang": to.lang,
        "params": params,
        "urgent": False,
        "state": "queued",
        "tries": 0,
        "created_at": at,
        "next_at": at,
    }
    add_once(conn, outbox, values)


def any_due(conn: Connection, now: datetime) -> bool:
    query = select(outbox.c.id).where(
        outbox.c.kind.in_(("webhook", "push")), outbox.c.state == "queued", outbox.c.next_at <= now
    )
    return conn.execute(query.limit(1)).first() is not None


def claim(conn: Connection, now: datetime, until: datetime, limit: int) -> tuple[DeliveryRow, ...]:
    """What is due, oldest first; nobody else gets these rows until a moment. Each goes by itself: a listener
    that is out of reach for one holds up no other."""
    query = (
        _deliveries.where(
            outbox.c.kind.in_(("webhook", "push")), outbox.c.state == "queued", outbox.c.next_at <= now
        )
        .order_by(outbox.c.next_at, outbox.c.id)
        .limit(limit)
    )
    rows = many(conn, query.with_for_update(of=outbox, skip_locked=True), DeliveryRow)
    if rows:
        ids = [row.id for row in rows]
        conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(next_at=until))
    return rows


def mark(conn: Connection, row_id: int, **values: str | int | datetime) -> bool:
    """Change a row that is still queued."""
    return change(conn, outbox, [outbox.c.id == row_id, outbox.c.state == "queued"], values)


def note_attempt(conn: Connection, row: AttemptRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__match_args__}
    add_row(conn, webhook_attempt, values)


def deliveries_of(
    conn: Connection, webhook_id: int, after: int | None, limit: int
) -> tuple[DeliveryRow, ...]:
    """The log of one webhook, newest first, from below the id `after`."""
    query = _deliveries.where(
        outbox.c.kind == "webhook", outbox.c.recipient == str(webhook_id), *_below(after)
    )
    return many(conn, query.order_by(outbox.c.id.desc()).limit(limit), DeliveryRow)


def _below(after: int | None) -> Sequence[Any]:
    return () if after is None else (outbox.c.id < after,)


def attempts_of(conn: Connection, outbox_ids: Sequence[int]) -> tuple[AttemptRow, ...]:
    query = select(
        webhook_attempt.c.outbox_id,
        webhook_attempt.c.at,
        webhook_attempt.c.status,
        webhook_attempt.c.failure,
        webhook_attempt.c.took_ms,
    ).where(webhook_attempt.c.outbox_id.in_(outbox_ids))
    return many(conn, query.order_by(webhook_attempt.c.id), AttemptRow)


def queue_again(conn: Connection, webhook_id: int, delivery_id: int, now: datetime) -> bool:
    """Send one more time what was sent or has failed, or what waits, at once."""
    values = {"state": "queued", "next_at": now, "tries": 0, "failure": None, "sent_at": None}
    where = [
        outbox.c.id == delivery_id,
        outbox.c.kind == "webhook",
        outbox.c.recipient == str(webhook_id),
    ]
    return change(conn, outbox, where, values)
