"""Addresses on the web that people give us to send to: their form; where they lead is seen when sending."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-~]*)?",
    re.ASCII,
)


def is_address(url: str, *, longest: int, plain: bool) -> bool:
    """Whether this is an `https://` address, or where `plain` an `http://` one too, without a user's name."""
    found = _ADDRESS.fullmatch(url) if len(url) <= longest else None
    if found is None or (found["scheme"] == "http" and not plain):
        return False
    return found["port"] is None or 0 < int(found["port"]) < 65536
