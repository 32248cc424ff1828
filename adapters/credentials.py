"""Who may speak to a gateway's URL: address, client certificate, shared secret, or signature."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from adapters.certificates import HEADER, told_fingerprint

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

CLOCK_TOLERANCE_S = 300
NONCE_MEMORY_S = 600
"""Twice the tolerance: a request stamped ahead by all of it stays acceptable that long."""
NONCE_MAX = 128
NONCES_KEPT_MAX = 200_000


class Denied(Exception):
    """The request is not let in; `status` is 401 (credentials) or 403 (address)."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Nonces:
    """Nonces seen lately, so that a captured request can't be played again."""

    _seen: dict[str, float] = field(default_factory=dict)

    def first_time(self, nonce: str, now: float) -> bool:
        """Remember `nonce`; False where it was seen within `NONCE_MEMORY_S`.

        Full of fresh ones it refuses too: forgetting one early would let it be played again.
        """
        for old, at in list(self._oldest()):
            if now - at <= NONCE_MEMORY_S:
                break
            del self._seen[old]
        if nonce in self._seen or len(self._seen) >= NONCES_KEPT_MAX:
            return False
        self._seen[nonce] = now
        return True

    def _oldest(self) -> Sequence[tuple[str, float]]:
        # Insertion order is time order; a few a call keep up with any rate of arrival.
        return [pair for _, pair in zip(range(8), self._seen.items(), strict=False)]


def signature(secret: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over method, path (with its query), timestamp, nonce and body, joined by line feeds."""
    head = _octets(f"{method}\n{path}\n{timestamp}\n{nonce}\n")
    return hmac.new(secret.encode(), head + body, "sha256").hexdigest()


@dataclass(frozen=True)
class Credentials:
    """The conditions of one gateway; all that are set must hold.

    Attributes:
        name: the gateway's name, which is also the user name of Basic.
        secret: proves the caller by signature, as `X-API-Key` or by Basic; None asks for none of them.
        allow: networks that may call; empty lets every address.
        certificates: SHA-256 of the client certificates that may call; empty asks for none.
        proxies: peers whose word counts: `X-Forwarded-For`, and `certificate_header`.
        clock: Unix seconds.
    """

    name: str
    clock: Callable[[], float]
    secret: str | None = field(default=None, repr=False)
    allow: tuple[Network, ...] = ()
    certificates: frozenset[str] = frozenset()
    certificate_header: str = HEADER
    proxies: tuple[Network, ...] = ()
    nonces: Nonces = field(default_factory=Nonces, repr=False)

    @property
    def open(self) -> bool:
        """Nothing is asked of a caller."""
        return self.secret is None and not self.allow and not self.certificates

    def check_address(self, peer: str | None, headers: Mapping[str, str]) -> None:
        """Before the body is read.

        Raises:
            Denied: the caller's address is in none of `allow`, or its certificate is not known (403).
        """
        if self.allow:
            caller = self._caller(peer, headers)
            if caller is None or not _within(caller, self.allow):
                raise Denied("this address may not call this gateway", status=403)
        if self.certificates:
            self._check_certificate(peer, headers)

    def _check_certificate(self, peer: str | None, headers: Mapping[str, str]) -> None:
        """By the word of a trusted proxy, which has to put its own header in the place of a caller's."""
        here = _address(peer)
        told = _all(headers, self.certificate_header)
        if here is None or not _within(here, self.proxies) or len(told) != 1:
            raise Denied("a client certificate is asked for", status=403)
        if told_fingerprint(told[0]) not in self.certificates:
            raise Denied("this client certificate may not call this gateway", status=403)

    def check_secret(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """With the body at hand, since a signature covers it.

        Raises:
            Denied: no credentials, wrong ones, a stale time or a nonce used before (401).
        """
        if self.secret is None:
            return
        if "X-Signature" in headers:
            self._check_signature(self.secret, method, path, headers, body)
        elif "X-API-Key" in headers:
            if not hmac.compare_digest(headers["X-API-Key"].encode("utf-8", "replace"), self.secret.encode()):
                raise Denied("wrong credentials", status=401)
        elif "Authorization" in headers:
            self._check_basic(self.secret, headers["Authorization"])
        else:
            raise Denied("credentials are missing", status=401)

    def _check_basic(self, secret: str, header: str) -> None:
        scheme, _, encoded = header.partition(" ")
        try:
            given = b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (Base64Error, ValueError):
            given = b""
        if not hmac.compare_digest(given, f"{self.name}:{secret}".encode()):
            raise Denied("wrong credentials", status=401)

    def _check_signature(
        self, secret: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        timestamp, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Denied("X-Timestamp is not Unix seconds", status=401)
        if not 1 <= len(nonce) <= NONCE_MAX:
            raise Denied(f"X-Nonce is not 1 to {NONCE_MAX} characters", status=401)
        now = self.clock()
        if abs(now - int(timestamp)) > CLOCK_TOLERANCE_S:
            raise Denied(f"X-Timestamp is more than {CLOCK_TOLERANCE_S} s away from now", status=401)
        wanted = signature(secret, method, path, timestamp, nonce, body)
        given = headers["X-Signature"].lower()
        if not hmac.compare_digest(_octets(given), wanted.encode()):
            raise Denied("wrong signature", status=401)
        # Only now: a stranger must neither fill the memory nor burn a nonce that is to come.
        if not self.nonces.first_time(nonce, now):
            raise Denied("this X-Nonce was used before", status=401)

    def _caller(self, peer: str | None, headers: Mapping[str, str]) -> Address | None:
        """The nearest address that is no trusted proxy: what lies beyond is the caller's own word."""
        here = _address(peer)
        # A proxy may add its hop in a header of its own, behind the one that the caller has sent.
        forwarded = ",".join(_all(headers, "X-Forwarded-For"))
        hops = [hop for hop in forwarded.split(",") if hop.strip()]
        while here is not None and hops and _within(here, self.proxies):
            here = _address(hops.pop())
        return here


def _octets(text: str) -> bytes:
    """A text of a request's head as it was sent: what is no UTF-8 there has come as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _all(headers: Mapping[str, str], name: str) -> list[str]:
    """The values of a header that may come several times."""
    return [value for one, value in headers.items() if one.lower() == name.lower()]


def _address(text: str | None) -> Address | None:
    try:
        found = ip_address((text or "").strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
