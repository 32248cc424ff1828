"""CLICK-PINs: argon2id over a keyed hash, so that a stolen table without the pepper is worth nothing.

Five digits have 100 000 values: without a pepper a stolen argon2 hash would fall in under an hour. One check
takes about 30 ms and 19 MiB (OWASP's figures, domain.md 2.5); it never runs inside a transaction.
"""

from __future__ import annotations

import hmac
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hash_pin(pepper: bytes, pin: str) -> str:
    return _HASHER.hash(_peppered(pepper, pin))


def is_right(pepper: bytes, pin_hash: str, pin: str) -> bool:
    try:
        return _HASHER.verify(pin_hash, _peppered(pepper, pin))
    except VerifyMismatchError:
        return False


def _peppered(pepper: bytes, pin: str) -> bytes:
    return hmac.digest(pepper, pin.encode(), "sha256")
