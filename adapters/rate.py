"""How many turns a gateway may send: `500/second`, by the `limits` library."""

from __future__ import annotations

from collections.abc import Callable

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter


def check_rate(rate: str) -> None:
    """Refuse what is no rate; empty is none asked for.

    Raises:
        ValueError: with the mend.
    """
    if not rate:
        return
    try:
        parse(rate)
    except ValueError:
        raise ValueError(f'rate \'{rate}\' is none. Write it as "500/second" or "20000/minute"') from None


def limiter(rate: str) -> Callable[[], bool]:
    """A function that counts a turn and says whether it is still within `rate`.

    The window is fixed: across its edge twice the rate may pass. A hit costs some 50 us, no rate nothing.
    """
    if not rate:
        return lambda: True
    limit, strategy = parse(rate), FixedWindowRateLimiter(MemoryStorage())
    return lambda: strategy.hit(limit)
