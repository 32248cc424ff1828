"""Web-push subscriptions of merchants' people (A34, A38): kept, listed, removed, and gone with a SIM (S8)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing.addresses import is_address
from invoicing.paying import row_id
from invoicing.ports import Clock
from invoicing.results import Done, Refusal, Refused
from invoicing.signedin import SignedIn
from invoicing.storage import deliveries as storage
from invoicing.storage.connect import reading, write
from invoicing.storage.deliveries import DeviceRow

DEVICES_MAX: Final = 10
_ENDPOINT_MAX: Final = 1000
_POINT, _SECRET = 65, 16
"""Octets of an uncompressed P-256 point, and of the secret beside it (RFC 8291 §2.1, §3.2)."""


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    id: str
    label: str
    last_seen: datetime


class Subscriptions:
    """Thread-safe. Everything is asked as a merchant's user."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def add(
        self, who: SignedIn, endpoint: str, p256dh: str, auth: str, label: str, *, plain: bool = False
    ) -> SubscriptionView | Refused:
        """Keep what `pushManager.subscribe` gave; the same endpoint again is no new one."""
        whole = is_address(endpoint, longest=_ENDPOINT_MAX, plain=plain)
        if not (whole and _is_of(p256dh, _POINT) and _is_of(auth, _SECRET)):
            return Refused(Refusal.BAD_SUBSCRIPTION)
        now, user = self._clock.now(), int(who.user_id)

        def work(conn: Connection) -> SubscriptionView | Refused:
            kept = storage.devices_of(conn, user)
            if len(kept) >= DEVICES_MAX and endpoint not in {one.push_token for one in kept}:
                return Refused(Refusal.TOO_MANY, {"max": DEVICES_MAX})
            row = storage.add_device(
                conn, user, endpoint=endpoint, p256dh=p256dh, auth=auth, label=label[:120], at=now
            )
            return _view(row)

        return write(self._engine, work)

    def list(self, who: SignedIn) -> tuple[SubscriptionView, ...]:
        with reading(self._engine) as conn:
            return tuple(_view(row) for row in storage.devices_of(conn, int(who.user_id)))

    def remove(self, who: SignedIn, device_id: str) -> Done | Refused:
        known = row_id(device_id)
        removed = known is not None and write(
            self._engine, lambda conn: storage.remove_device(conn, known, int(who.user_id))
        )
        return Done() if removed else Refused(Refusal.NOT_FOUND)


def _view(row: DeviceRow) -> SubscriptionView:
    return SubscriptionView(str(row.id), row.label or "", row.last_seen)


def _is_of(text: str, octets: int) -> bool:
    """Whether this is base64url of so many octets."""
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)) == octets
    except (binascii.Error, ValueError):
        return False
