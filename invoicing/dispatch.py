"""What waits to go to webhooks and devices: taken by whoever carries it, put off longer each time, given up.

As the SMS relay: a row is claimed for a while, so that two never carry it; a crash repeats one message at
most, under the same id. One that is not taken for three days (a push: one) has failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from invoicing.limits import Limits
from invoicing.notices import Template, render
from invoicing.ports import Clock
from invoicing.storage import deliveries as storage
from invoicing.storage.connect import reading, write
from invoicing.storage.deliveries import AttemptRow, DeliveryRow
from invoicing.values import soum
from invoicing.webhooks import key_of

log: Final = logging.getLogger(__name__)

CLAIM: Final = timedelta(seconds=45)
"""Longer than a batch takes; after a crash the next one carries it then."""
PUSH_LIFE: Final = timedelta(days=1)
_FAILURE_MAX: Final = 120
_TEXTS: Final = {
    "invoice.paid": Template.PAID_MERCHANT,
    "invoice.declined": Template.DECLINED,
    "invoice.expired": Template.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class ToWebhook:
    """`body` is signed and sent as it is, octet for octet, at each try."""

    id: int
    tries: int
    created_at: datetime
    event_id: str
    url: str
    body: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToDevice:
    """`message` is the JSON that the service worker shows."""

    id: int
    tries: int
    created_at: datetime
    device_id: int
    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)
    message: str


Parcel = ToWebhook | ToDevice


class Dispatch:
    """Thread-safe."""

    def __init__(self, engine: Engine, *, clock: Clock, pepper: bytes, limits: Limits | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._pepper = pepper
        self._limits = limits or Limits()

    def now(self) -> datetime:
        return self._clock.now()

    def take(self, limit: int) -> tuple[Parcel, ...]:
        """What is due, ready to be sent; nobody else gets it for a while."""
        now = self._clock.now()
        with reading(self._engine) as conn:  # a run that finds nothing takes no write lock
            if not storage.any_due(conn, now):
                return ()

        def work(conn: Connection) -> tuple[Parcel, ...]:
            rows = storage.claim(conn, now, now + CLAIM, limit)
            return tuple(parcel for row in rows if (parcel := self._parcel(conn, row)) is not None)

        return write(self._engine, work)

    def delivered(self, parcel: Parcel, status: int, took_ms: int) -> None:
        now = self._clock.now()

        def work(conn: Connection) -> None:
            storage.mark(conn, parcel.id, state="sent", sent_at=now)
            _note(conn, parcel, now, status, None, took_ms)

        write(self._engine, work)

    def put_off(self, parcel: Parcel, status: int | None, failure: str | None, took_ms: int) -> bool:
        """Try again later, or `False`: it is too old now and has failed."""
        now = self._clock.now()
        life = PUSH_LIFE if isinstance(parcel, ToDevice) else self._limits.notice_life
        over = now - parcel.created_at >= life

        def work(conn: Connection) -> None:
            why = (failure or f"status {status}")[:_FAILURE_MAX]
            if over:
                storage.mark(conn, parcel.id, state="failed", failure=why)
            else:
                pause = self._pause(parcel.tries)
                storage.mark(conn, parcel.id, tries=parcel.tries + 1, next_at=now + pause, failure=why)
            _note(conn, parcel, now, status, failure, took_ms)

        write(self._engine, work)
        return not over

    def gone(self, parcel: ToDevice, status: int) -> None:
        """The push service knows no such subscription any more: it is removed (RFC 8030 §7.3)."""

        def work(conn: Connection) -> None:
            storage.remove_device(conn, parcel.device_id)
            storage.mark(conn, parcel.id, state="failed", failure=f"status {status}, subscription removed")

        write(self._engine, work)

    def _parcel(self, conn: Connection, row: DeliveryRow) -> Parcel | None:
        made = self._to_webhook(conn, row) if row.kind == "webhook" else self._to_device(conn, row)
        if made is None:
            storage.mark(conn, row.id, state="failed", failure="nobody is there any more")
        return made

    def _to_webhook(self, conn: Connection, row: DeliveryRow) -> ToWebhook | None:
        hook = storage.webhook_by_id(conn, int(row.recipient))
        if hook is None or hook.state != "active":
            return None
        key = key_of(self._pepper, hook.key_salt)
        return ToWebhook(row.id, row.tries, row.created_at, row.event_id, hook.url, row.params, key)

    def _to_device(self, conn: Connection, row: DeliveryRow) -> ToDevice | None:
        found = storage.device_by_id(conn, int(row.recipient))
        if found is None or found.p256dh is None or found.auth is None:
            return None
        return ToDevice(
            row.id,
            row.tries,
            row.created_at,
            found.id,
            found.push_token,
            found.p256dh,
            found.auth,
            _message(row),
        )

    def _pause(self, tries: int) -> timedelta:
        doubled: timedelta = self._limits.notice_retry * 2 ** min(tries, 20)
        return min(doubled, self._limits.notice_retry_max)


def _message(row: DeliveryRow) -> str:
    told = msgspec.json.decode(row.params)
    params = {
        "number": str(told["number"]),
        "sum": soum(told["amount_tiyin"]),
        "name": told["name"],
        "phone": told["phone"],
    }
    shown = {
        "title": "CLICK",
        "body": render(_TEXTS[row.template], row.lang, params),
        "event": row.template,
        "invoice": told["number"],
        "id": told["id"],
        "amount_tiyin": told["amount_tiyin"],
        "lang": row.lang,
    }
    return msgspec.json.encode(shown).decode()


def _note(
    conn: Connection, parcel: Parcel, now: datetime, status: int | None, failure: str | None, took_ms: int
) -> None:
    if isinstance(parcel, ToWebhook):
        why = None if failure is None else failure[:_FAILURE_MAX]
        storage.note_attempt(conn, AttemptRow(parcel.id, now, status, why, took_ms))
