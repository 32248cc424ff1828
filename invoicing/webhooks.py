"""Webhooks of merchants' own systems: where, for what, signed with which key, and the log of deliveries.

Signed by the Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`, with a key that is shown once.
The key is made from a salt and a secret of the service: a stolen database signs nothing. A delivery is tried
again with growing pauses for three days, and may come twice; its id tells.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from invoicing import audit
from invoicing.accounts import CHANNEL
from invoicing.addresses import is_address
from invoicing.audit import Actor
from invoicing.events import EVENTS, PING
from invoicing.paying import cursor, row_id
from invoicing.ports import Clock
from invoicing.results import Done, Refusal, Refused, Rows
from invoicing.signedin import SignedIn
from invoicing.storage import deliveries as storage
from invoicing.storage.connect import reading, write
from invoicing.storage.deliveries import ALL_EVENTS, AttemptRow, DeliveryRow, Listener, WebhookRow

ENDPOINTS_MAX: Final = 10
_URL_MAX: Final = 500
_LOG_PAGE_MAX: Final = 100
_NOT_FOUND: Final = Refused(Refusal.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class WebhookView:
    id: str
    url: str
    events: tuple[str, ...]
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """`key` (`whsec_…`) is shown this once."""

    webhook: WebhookView
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; `status` is the answer's, or else `failure` says why there was none."""

    at: datetime
    status: int | None
    failure: str | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way. `state`: queued, sent or failed; `next_at` is when a queued one is tried next."""

    id: str
    event_id: str
    event: str
    state: str
    created_at: datetime
    next_at: datetime | None
    delivered_at: datetime | None
    attempts: tuple[Attempt, ...]


def key_of(pepper: bytes, salt: str) -> bytes:
    """The signing key, 32 octets."""
    return hmac.digest(pepper, f"webhook:{salt}".encode(), "sha256")


class Webhooks:
    """Thread-safe. Everything is asked as a merchant's owner."""

    def __init__(self, engine: Engine, *, clock: Clock, pepper: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._pepper = pepper

    def list(self, who: SignedIn) -> tuple[WebhookView, ...]:
        with reading(self._engine) as conn:
            return tuple(_view(row) for row in storage.webhooks_of(conn, _owner(who)))

    def one(self, who: SignedIn, webhook_id: str) -> WebhookView | Refused:
        with reading(self._engine) as conn:
            found = _found(conn, who, webhook_id)
        return _NOT_FOUND if found is None else _view(found)

    def add(
        self, who: SignedIn, url: str, events: Sequence[str], *, plain: bool = False
    ) -> NewWebhook | Refused:
        """A new webhook; no `events` are all of them. `plain` lets it be `http://`."""
        chosen = _checked(url, events, plain=plain)
        if isinstance(chosen, Refused):
            return chosen
        now, salt = self._clock.now(), secrets.token_hex(16)

        def work(conn: Connection) -> WebhookRow | Refused:
            if len(storage.webhooks_of(conn, _owner(who))) >= ENDPOINTS_MAX:
                return Refused(Refusal.TOO_MANY, {"max": ENDPOINTS_MAX})
            row = storage.add_webhook(conn, _owner(who), url=url, events=chosen, key_salt=salt, at=now)
            _note(conn, now, who, "webhook_added", row.id)
            return row

        made = write(self._engine, work)
        if isinstance(made, Refused):
            return made
        return NewWebhook(_view(made), "whsec_" + base64.b64encode(key_of(self._pepper, salt)).decode())

    def change(self, who: SignedIn, webhook_id: str, *, active: bool) -> WebhookView | Refused:
        """Pause it, or let it go on; what happened meanwhile is not told."""
        return self._set(who, webhook_id, "active" if active else "paused")

    def remove(self, who: SignedIn, webhook_id: str) -> Done | Refused:
        removed = self._set(who, webhook_id, "removed")
        return removed if isinstance(removed, Refused) else Done()

    def _set(self, who: SignedIn, webhook_id: str, state: str) -> WebhookView | Refused:
        now, known = self._clock.now(), row_id(webhook_id)

        def work(conn: Connection) -> WebhookView | Refused:
            found = None if known is None else storage.webhook_of(conn, _owner(who), known)
            if found is None or not storage.change_webhook(conn, _owner(who), found.id, state=state):
                return _NOT_FOUND
            _note(conn, now, who, f"webhook_{state}", found.id)
            return _view(found, state == "active")

        return write(self._engine, work)

    def ping(self, who: SignedIn, webhook_id: str) -> Done | Refused:
        """Send a `ping`, to try the webhook out."""
        now, event_id = self._clock.now(), f"{PING}:{secrets.token_hex(8)}"
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        body = msgspec.json.encode({"id": event_id, "type": PING, "at": at}).decode()

        def work(conn: Connection) -> Done | Refused:
            found = _found(conn, who, webhook_id)
            if found is None:
                return _NOT_FOUND
            to = Listener("webhook", found.id, "")
            storage.add(conn, to, event_id=event_id, event=PING, params=body, at=now)
            return Done()

        return write(self._engine, work)

    def log(
        self, who: SignedIn, webhook_id: str, after: str | None = None, limit: int = 50
    ) -> Rows[Delivery] | Refused:
        """The deliveries of one webhook, newest first, each with its attempts."""
        limit = max(1, min(limit, _LOG_PAGE_MAX))
        with reading(self._engine) as conn:
            found = _found(conn, who, webhook_id)
            if found is None:
                return _NOT_FOUND
            rows = storage.deliveries_of(conn, found.id, cursor(after), limit + 1)
            tries = storage.attempts_of(conn, [row.id for row in rows])
        shown = rows[:limit]
        listed = tuple(_delivery(row, [one for one in tries if one.outbox_id == row.id]) for row in shown)
        return Rows(listed, str(shown[-1].id) if len(rows) > limit else None)

    def send_again(self, who: SignedIn, webhook_id: str, delivery_id: str) -> Done | Refused:
        """One more time, at once, whatever became of it."""
        now, known = self._clock.now(), row_id(delivery_id)

        def work(conn: Connection) -> Done | Refused:
            found = _found(conn, who, webhook_id)
            if found is None or known is None or not storage.queue_again(conn, found.id, known, now):
                return _NOT_FOUND
            return Done()

        return write(self._engine, work)


def _owner(who: SignedIn) -> int:
    if who.merchant_id is None or not who.owns:
        raise ValueError("webhooks are the owner's")
    return who.merchant_id


def _found(conn: Connection, who: SignedIn, webhook_id: str) -> WebhookRow | None:
    known = row_id(webhook_id)
    return None if known is None else storage.webhook_of(conn, _owner(who), known)


def _checked(url: str, events: Sequence[str], *, plain: bool) -> str | Refused:
    """The events as they are kept; where the address leads is seen when something is sent."""
    if not is_address(url, longest=_URL_MAX, plain=plain):
        return Refused(Refusal.BAD_URL)
    if not set(events) <= set(EVENTS):
        return Refused(Refusal.BAD_EVENTS)
    return " ".join(event for event in EVENTS if event in events) if events else ALL_EVENTS


def _note(conn: Connection, now: datetime, who: SignedIn, action: str, webhook_id: int) -> None:
    audit.note(conn, now, Actor(who.msisdn, CHANNEL), action, f"webhook:{webhook_id}")


def _view(row: WebhookRow, active: bool | None = None) -> WebhookView:
    events = EVENTS if row.events == ALL_EVENTS else tuple(row.events.split())
    now_active = row.state == "active" if active is None else active
    return WebhookView(str(row.id), row.url, events, now_active, row.created_at)


def _delivery(row: DeliveryRow, tries: Sequence[AttemptRow]) -> Delivery:
    return Delivery(
        id=str(row.id),
        event_id=row.event_id,
        event=row.template,
        state=row.state,
        created_at=row.created_at,
        next_at=row.next_at if row.state == "queued" else None,
        delivered_at=row.sent_at,
        attempts=tuple(Attempt(one.at, one.status, one.failure, one.took_ms) for one in tries),
    )
