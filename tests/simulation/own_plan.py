"""Plans what people do with cards, PINs, codes, phones and blocks, and who contends for the lease.

It draws from a chance of its own and its orders come last, so that the rest of a seed stays as it was.
"""

from __future__ import annotations

from random import Random
from typing import Final

from tests.simulation.orders import CUSTOMERS, SECOND, SHOPS, Chore, Decline, Issue
from tests.simulation.own_orders import (
    CONTENDERS,
    NEW_PINS,
    NEWCOMERS,
    AskCode,
    BlockPair,
    BlockShop,
    Choose,
    Contend,
    Link,
    Own,
    SeeSim,
    Spend,
    TypeCode,
    VerifySim,
)

_SALT: Final = 880_880_880
_SALT_BY_HAND: Final = 998_712_310
_CONTENDED_MS: Final = 30 * SECOND


Timed = tuple[int, Own | Issue | Decline]


def by_hand(seed: int, length_ms: int) -> tuple[int, list[tuple[int, Chore]]]:
    """After how many tries a reversal is left to people, and when they see to those."""
    random = Random(seed + _SALT_BY_HAND)
    if random.random() < 0.6:
        return 300, []
    moments = [random.randrange(2 * length_ms) for _ in range(random.randint(0, 3))]
    return random.choice((1, 1, 2, 3)), [(at, Chore("by_hand")) for at in moments]


def own_orders(seed: int, length_ms: int, issues: list[tuple[int, Issue]], first_id: int) -> list[Timed]:
    """Moments and orders; `issues` are the issuing orders by their ids, with their moments.

    `first_id` is the id that the first of these orders gets: typing a code names the order that asked for it.
    """
    return _Planner(seed, length_ms, first_id).plan(issues)


class _Planner:
    def __init__(self, seed: int, length_ms: int, first_id: int) -> None:
        self._random = Random(seed + _SALT)
        self._length_ms = length_ms
        self._first_id = first_id
        self._found: list[Timed] = []

    def plan(self, issues: list[tuple[int, Issue]]) -> list[Timed]:
        for chance, part in (
            (0.75, self._newcomer),
            (0.4, self._codes),
            (0.35, self._sims),
            (0.35, self._shop_blocked),
            (0.35, self._contenders),
        ):
            if self._random.random() < chance:
                part()
        if self._random.random() < 0.35:
            self._pairs_blocked(issues)
        return self._found

    def _newcomer(self) -> None:
        """A card, a first PIN, payments, another PIN, payments with the old and the new one."""
        random, who = self._random, self._random.randrange(NEWCOMERS)
        at = random.randrange(self._length_ms // 2)
        for _ in range(random.choice((1, 1, 2))):
            at += self._soon()
            self._found.append((at, Link(who, self._mostly(who, NEWCOMERS))))
        first, second = random.randrange(NEW_PINS), random.randrange(NEW_PINS)
        at = self._chosen(at, who, first, None)
        for _ in range(random.choice((1, 1, 2))):
            at += self._soon()
            self._found.append((at, self._spent(who, first)))
        for _ in range(random.choice((1, 1, 2))):  # two may change it at once
            self._chosen(at, who, second, self._mostly(first, NEW_PINS) if random.random() < 0.7 else None)
        for pin in random.choice(((first,), (first, second), (second, first, first))):
            at += self._soon()
            self._found.append((at, self._spent(who, pin)))

    def _chosen(self, at: int, who: int, pin: int, old: int | None) -> int:
        pause_ms = self._random.choice((50, 500, 20 * SECOND))
        at += self._soon()
        again = self._mostly(pin, NEW_PINS)
        self._found.append((at, Choose(who, pin, again, old, pause_ms)))
        return at + 3 * pause_ms

    def _spent(self, who: int, pin: int) -> Spend:
        return Spend(who, self._mostly(pin, NEW_PINS), self._random.randrange(1_000, 3_000))

    def _codes(self) -> None:
        random, shop = self._random, self._random.randrange(SHOPS)
        at = random.randrange(self._length_ms // 2)
        for _ in range(random.choice((1, 2))):
            ask = self._first_id + len(self._found)
            self._found.append((at, AskCode(shop)))
            typed = at
            for _ in range(random.choice((1, 2, 3))):
                typed += self._soon()
                self._found.append((typed, TypeCode(ask, random.random() < 0.6, random.choice((1, 1, 2, 4)))))
            at += random.choice((5, 61, 320)) * SECOND

    def _sims(self) -> None:
        random, customer = self._random, self._random.randrange(CUSTOMERS)
        for sim in random.choice(((0, 1), (0, 1, 0), (0, 0, 1, 1))):
            self._add(SeeSim(customer, sim))
        if random.random() < 0.6:
            self._add(VerifySim(customer))

    def _shop_blocked(self) -> None:
        shop, at = self._random.randrange(SHOPS), self._random.randrange(self._length_ms // 4)
        self._found.append((at, BlockShop(shop, blocked=True)))
        if self._random.random() < 0.6:
            at += self._random.randrange(self._length_ms // 2)
            self._found.append((at, BlockShop(shop, blocked=False)))

    def _pairs_blocked(self, issues: list[tuple[int, Issue]]) -> None:
        """Whoever declines may block; some try who did not. The shop issues once more, at about that time."""
        random = self._random
        place = random.randrange(len(issues))
        at, issue = issues[place]
        at += self._soon()
        if random.random() < 0.8:
            self._found.append((at, Decline(issue.customer, place)))
        for _ in range(random.choice((1, 2))):
            at += self._soon()
            self._found.append((at, BlockPair(self._mostly(issue.customer, CUSTOMERS), place)))
        for _ in range(random.choice((1, 2, 3))):
            again = Issue(issue.shop, issue.customer, random.randrange(1_000, 30_000), again=True)
            self._found.append((at + random.randrange(1, self._length_ms // 3), again))

    def _contenders(self) -> None:
        at = self._random.randrange(self._length_ms)
        apart_ms = self._random.choice((20, _CONTENDED_MS))  # at one moment, or one after the other
        for place in range(self._random.choice((2, 3))):
            times, release = self._random.randint(1, 5), self._random.random() < 0.3
            claim = Contend(place % CONTENDERS, times, release)
            self._found.append((at + self._random.randrange(apart_ms), claim))

    def _add(self, what: Own) -> None:
        self._found.append((self._random.randrange(self._length_ms), what))

    def _soon(self) -> int:
        return self._random.randrange(1, self._random.choice((50, 3 * SECOND, 30 * SECOND)))

    def _mostly(self, right: int, count: int) -> int:
        return right if self._random.random() < 0.88 else self._random.randrange(count)
