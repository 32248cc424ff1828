"""Where a request comes from: the address that limits count by, and whether our own page sent it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from cabinet.office import office_of

_LABEL_MAX: Final = 120
_UNKNOWN: Final = "unknown"
_OURS: Final = ("same-origin", "none")


def address_of(request: web.Request) -> str:
    """The client's address: the last hop that no trusted proxy is, and of IPv6 its network of 64 bits.

    What a stranger writes into `X-Forwarded-For` counts for nothing.
    """
    proxies = office_of(request).options.proxies
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    address = _parsed(request.remote or "")
    while address is not None and hops and any(address in network for network in proxies):
        address = _parsed(hops.pop())
    if address is None:
        return _UNKNOWN
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False).network_address)
    return str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def label_of(request: web.Request) -> str:
    """What the device calls itself, for the list of signed-in devices; one line (domain.md S19)."""
    return "".join(c for c in request.headers.get("User-Agent", "") if c.isprintable())[:_LABEL_MAX]


def is_ours(request: web.Request) -> bool:
    """Whether the browser says that a page of ours sent this (ASVS 3.5.1).

    Every browser of today sends `Sec-Fetch-Site` to a secure origin, and `Origin` with what is no GET; a
    request with neither is not taken for ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OURS:
        return False
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.host
    return site is not None
