"""What people do with cards, PINs, codes and phones, as orders; and who claims the owner's lease.

The newcomers are phones that nobody registered: they link a card by themselves and then choose a PIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NEWCOMERS: Final = 2
CONTENDERS: Final = 2
NEW_PINS: Final = 3
"""How many PINs there are to choose from."""


@dataclass(frozen=True, slots=True)
class Link:
    """A newcomer links the card of newcomer `of`, his own or not."""

    newcomer: int
    of: int


@dataclass(frozen=True, slots=True)
class Choose:
    """A newcomer chooses his first PIN, or another after typing `old`; the second typing may be another."""

    newcomer: int
    pin: int
    again: int
    old: int | None = None
    pause_ms: int = 500
    """Between one typing and the next."""


@dataclass(frozen=True, slots=True)
class Spend:
    """A newcomer tops his own phone up, typing a PIN that he chose once, or never."""

    newcomer: int
    pin: int
    amount_soum: int


@dataclass(frozen=True, slots=True)
class AskCode:
    """A shop's owner asks for a code to log in with."""

    shop: int


@dataclass(frozen=True, slots=True)
class TypeCode:
    """The code that the order `ask` brought, or a wrong one, typed so many times at one moment."""

    ask: int
    right: bool
    copies: int = 1


@dataclass(frozen=True, slots=True)
class SeeSim:
    """A customer's phone dials with one of two SIMs."""

    customer: int
    sim: int


@dataclass(frozen=True, slots=True)
class VerifySim:
    customer: int


@dataclass(frozen=True, slots=True)
class BlockShop:
    """An operator blocks a shop, or lets it work again."""

    shop: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class BlockPair:
    """A customer wants no more invoices of the shop whose invoice the order `issue` issued."""

    customer: int
    issue: int


@dataclass(frozen=True, slots=True)
class Contend:
    """One of two processes claims the owner's lease, and keeps it up so many times, every two seconds."""

    contender: int
    times: int
    release: bool


Own = Link | Choose | Spend | AskCode | TypeCode | SeeSim | VerifySim | BlockShop | BlockPair | Contend
