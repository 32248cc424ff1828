"""How often a password may be tried (ASVS 6.1.1, 6.3.1, 2.4.1; domain.md S10, S11).

Five wrong tries at an account from one address are free; each further one has to wait longer, from half a
minute to fifteen. Thirty at one account from all addresses, and a hundred from one address at all accounts,
slow strangers down the same way. A browser that the account was signed in from before counts for itself: who
attacks an account from elsewhere cannot shut its owner out. A phone that has no account is counted alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from invoicing.storage.cabinet import Tries

WINDOW: Final = timedelta(hours=12)
FREE_HERE: Final = 5
FREE_AT_ACCOUNT: Final = 30
FREE_FROM_ADDRESS: Final = 100
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(minutes=15)


def wait(tries: Tries, now: datetime) -> timedelta | None:
    """How long nothing more is tried from here, if so."""
    waits = [
        left
        for count, last, free in (
            (tries.here, tries.last_here, FREE_HERE),
            (tries.account, tries.last_account, FREE_AT_ACCOUNT),
            (tries.address, tries.last_address, FREE_FROM_ADDRESS),
        )
        if last is not None and (left := last + _pause(count, free) - now) > timedelta(0)
    ]
    return max(waits, default=None)


def _pause(count: int, free: int) -> timedelta:
    if count < free:
        return timedelta(0)
    doubled: timedelta = _FIRST_WAIT * 2 ** min(count - free, 20)
    return min(doubled, _LONGEST_WAIT)
