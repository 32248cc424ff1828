"""Carries webhooks and web-push messages: signed or sealed, side by side, and never into a private network.

A merchant chooses where a webhook goes, so what answers there must not be ours: the address that a name
resolves to is looked at when the socket is made, for that very address, and redirects are not followed.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from invoicing.dispatch import Dispatch, Parcel, ToDevice, ToWebhook

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

log: Final = logging.getLogger(__name__)

AT_ONCE: Final = 20
TIMEOUT_S: Final = 10.0
"""From the first octet out to the last one in."""
_PUSH_TTL_S: Final = 24 * 3600
_GONE: Final = (404, 410)
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: private keys are 1 to this less one (FIPS 186-4 D.1.2.3)."""


class PrivateAddress(OSError):
    """The name leads into a private network, or to this machine."""


class PushKey:
    """The service's own key for push services (VAPID, RFC 8292), made from the security key: the same after
    every start and in every worker, and kept nowhere."""

    def __init__(self, key: bytes) -> None:
        self._number = int.from_bytes(hmac.digest(key, b"vapid", "sha512"), "big") % (_ORDER - 1) + 1

    @cached_property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        # The libraries take long to import, and a start pushes nothing yet.
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(self._number, ec.SECP256R1())

    @cached_property
    def vapid(self) -> Any:
        """As the library signs with it."""
        from py_vapid import Vapid02  # type: ignore[import-untyped]

        return Vapid02(self._private)

    @property
    def public(self) -> str:
        """What a page gives `pushManager.subscribe` as `applicationServerKey`: base64url of 65 octets."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


class Courier:
    """Carries what `dispatch` holds.

    Args:
        contact: whom a push service may write to.
        private: private addresses and this machine are allowed, as in the demo.
    """

    def __init__(self, dispatch: Dispatch, push_key: PushKey, *, contact: str, private: bool = False) -> None:
        self._dispatch = dispatch
        self._push_key = push_key
        self._contact = contact
        self._private = private

    def run_once(self) -> int:
        """Carry what is due; how many parcels were tried. It blocks, in a loop of its own."""
        parcels = self._dispatch.take(AT_ONCE)
        if parcels:
            asyncio.run(self._carry(parcels))
        return len(parcels)

    async def _carry(self, parcels: tuple[Parcel, ...]) -> None:
        async with self._session() as session:
            await asyncio.gather(*(self._one(session, parcel) for parcel in parcels))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[ClientSession]:
        connector = TCPConnector(
            limit=AT_ONCE, force_close=True, socket_factory=_any_socket if self._private else _public_socket
        )
        timeout = ClientTimeout(total=TIMEOUT_S)
        async with ClientSession(
            connector=connector, timeout=timeout, cookie_jar=DummyCookieJar(), trust_env=False
        ) as session:
            yield session

    async def _one(self, session: ClientSession, parcel: Parcel) -> None:
        began = time.monotonic()
        status, failure = None, None
        try:
            if isinstance(parcel, ToWebhook):
                status = await self._to_webhook(session, parcel)
            else:
                status = await self._to_device(session, parcel)
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            failure = _why(error)
        took_ms = int((time.monotonic() - began) * 1000)
        # The loop is this batch's own, and marking is short: it waits for nobody else.
        if status is not None and 200 <= status < 300:
            self._dispatch.delivered(parcel, status, took_ms)
        elif isinstance(parcel, ToDevice) and status in _GONE:
            self._dispatch.gone(parcel, status)
        elif not self._dispatch.put_off(parcel, status, failure, took_ms):
            log.warning("a delivery was given up", extra={"delivery": parcel.id})

    async def _to_webhook(self, session: ClientSession, parcel: ToWebhook) -> int:
        at, body = int(self._dispatch.now().timestamp()), parcel.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "click-webhooks/1",
            "Webhook-Id": parcel.event_id,
            "Webhook-Timestamp": str(at),
            "Webhook-Signature": signature(parcel.key, parcel.event_id, at, body),
        }
        async with session.post(parcel.url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status

    async def _to_device(self, session: ClientSession, parcel: ToDevice) -> int:
        from pywebpush import WebPushException, webpush_async  # type: ignore[import-untyped]

        subscription: dict[str, Any] = {
            "endpoint": parcel.endpoint,
            "keys": {"p256dh": parcel.p256dh, "auth": parcel.auth},
        }
        try:
            answer = await webpush_async(
                subscription,
                parcel.message,
                vapid_private_key=self._push_key.vapid,
                vapid_claims={"sub": self._contact},
                ttl=_PUSH_TTL_S,
                headers={"Urgency": "high"},
                timeout=TIMEOUT_S,
                aiohttp_session=session,
            )
        except WebPushException as error:
            status = getattr(error.response, "status", None)
            if status is None:
                raise ValueError("the subscription's keys fit no message") from None
            return int(status)
        return 201 if isinstance(answer, str) else answer.status


def signature(key: bytes, event_id: str, at: int, body: bytes) -> str:
    """`v1,…` of the Standard Webhooks scheme.

    Args:
        at: the moment of sending, in seconds of Unix time; a receiver refuses one over five minutes old.
    """
    signed = f"{event_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _any_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)


def _public_socket(address: Any) -> socket.socket:
    """A socket for an address of the open Internet.

    Raises:
        PrivateAddress: any other.
    """
    host = ip_address(str(address[4][0]).partition("%")[0])
    inner = getattr(host, "ipv4_mapped", None) or getattr(host, "sixtofour", None) or host
    if not (host.is_global and inner.is_global) or host.is_multicast:
        raise PrivateAddress("a private address")
    return _any_socket(address)


def _why(error: Exception) -> str:
    """The kind of failure; a peer's own words stay out of the log."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, PrivateAddress):
            return "private address"
        inner = getattr(inner, "os_error", None) or inner.__cause__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__
