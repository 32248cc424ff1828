"""Who lives in the simulated world: two shops, three customers with two cards each, and their PINs."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from argon2.exceptions import VerifyMismatchError

from invoicing import Done, Invoicing, pins

V = TypeVar("V")

SHOPS: Final = ("998901112233", "998933334455")
CUSTOMERS: Final = ("998901234567", "998939876543", "998977654321")
FEES_BP: Final = (0, 130)
PINS: Final = ("24680", "97531", "86420")
WRONG_PIN: Final = "13579"
NEWCOMERS: Final = ("998902020202", "998933030303")
"""Phones that nobody registers; they come by themselves."""
NEW_PINS: Final = ("31975", "64208", "80642")
_LANGUAGES: Final = ("ru", "uz", "en")
_PANS: Final = tuple(
    tuple(f"86004900{customer}{card}0000{{}}" for card in (1, 2)) for customer in range(1, len(CUSTOMERS) + 1)
)


def token(customer: int, card: int) -> str:
    return f"tok-{pan(customer, card)}"


def newcomers_pan(newcomer: int) -> str:
    return _whole(f"98600150{newcomer}00000{{}}")


def newcomers_token(newcomer: int) -> str:
    return f"tok-{newcomers_pan(newcomer)}"


def pan(customer: int, card: int) -> str:
    return _whole(_PANS[customer][card])


def _whole(start: str) -> str:
    """Sixteen digits, the last two chosen so that the check digit is right."""
    return next(digits for tail in range(100) if _luhn(digits := start.format(f"{tail:02d}")) == 0)


def _luhn(digits: str) -> int:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10


def by_merchant(values: Sequence[V]) -> dict[int, V]:
    """One value for each shop, by the id its merchant has: they are the first that are registered."""
    return dict(enumerate(values, start=1))


def register(service: Invoicing) -> None:
    for phone, fee_bp in zip(SHOPS, FEES_BP, strict=True):
        assert isinstance(service.add_merchant(f"SHOP {fee_bp}", phone, fee_bp=fee_bp), Done)
    for place, phone in enumerate(CUSTOMERS):
        assert isinstance(service.add_customer(phone, PINS[place], _LANGUAGES[place]), Done)
        for card in (0, 1):
            assert isinstance(service.add_card(phone, pan(place, card), "1235"), Done)


class _Plain:
    """In argon2's place: everything but the hash is simulated, and a comparison takes simulated time."""

    def __init__(self, compared: Callable[[bool], None]) -> None:
        self._compared = compared

    def hash(self, secret: bytes) -> str:
        return secret.hex()

    def verify(self, kept: str, secret: bytes) -> bool:
        right = hmac.compare_digest(kept, secret.hex())
        self._compared(right)
        if not right:
            raise VerifyMismatchError
        return True


@contextmanager
def plain_pins(compared: Callable[[bool], None]) -> Iterator[None]:
    """PINs hashed by nothing while the block lasts; `compared` is told each verdict before it is given."""
    before = pins._HASHER
    pins._HASHER = _Plain(compared)  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        pins._HASHER = before  # type: ignore[misc]
