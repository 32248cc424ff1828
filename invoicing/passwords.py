"""Which passwords are taken: long enough and not among the first that a guesser tries (OWASP ASVS 6.2).

No rules about capitals and digits (6.2.5): they make passwords harder to remember, not to guess. Hashing is
that of the PINs: argon2id over a keyed hash (6.2.x, 11.4.2), outside any transaction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from invoicing.results import Refusal, Refused

MIN: Final = 8
MAX: Final = 128
"""Far above the 64 that must be taken (6.2.9); it bounds the work of one request."""

_LIST: Final = Path(__file__).with_name("common_passwords.txt")


def check(password: str, msisdn: str) -> Refused | None:
    """Why a new password is not taken, if so. `msisdn` is its owner's phone."""
    if len(password) < MIN:
        return Refused(Refusal.TOO_SHORT, {"min": MIN})
    if len(password) > MAX:
        return Refused(Refusal.TOO_LONG, {"max": MAX})
    if password.lower() in _common():
        return Refused(Refusal.TOO_COMMON)
    if msisdn and msisdn[3:] in password:
        return Refused(Refusal.HOLDS_PHONE)
    return None


@cache
def _common() -> frozenset[str]:
    """The 3,000 most used passwords of eight characters and more (6.2.4), most used first in the file."""
    return frozenset(_LIST.read_text(encoding="utf-8").split())
