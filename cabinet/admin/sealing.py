"""A search in an address: sealed, so that no phone stands in histories and logs (ASVS 14.2.1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from cryptography.fernet import Fernet, InvalidToken

from cabinet.office import office_of

LIFE_S: Final = 12 * 3600
"""As long as an operator's session at most."""
_LONGEST: Final = 1_000


def sealed(request: web.Request, fields: Mapping[str, str]) -> str:
    """The fields as a word that only this service can read."""
    return _seal(request).encrypt(json.dumps(dict(fields)).encode()).decode()


def unsealed(request: web.Request, word: str) -> dict[str, str]:
    """What `sealed` made it from; nothing where it is no such word, or an old one."""
    try:
        octets = _seal(request).decrypt(word[:_LONGEST].encode(), ttl=LIFE_S)
    except (InvalidToken, UnicodeEncodeError):
        return {}
    read: dict[str, str] = json.loads(octets)
    return read


def _seal(request: web.Request) -> Fernet:
    key = bytes.fromhex(office_of(request).derived("search", ""))
    return Fernet(base64.urlsafe_b64encode(key))
