"""What happens in one simulated run, as data: a list of orders with their times, made from a seed.

Nothing is drawn by chance once a plan exists. So a run can be played again exactly, and a failing one can be
made shorter by leaving orders out: the others keep their ids, their times and their faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from random import Random
from typing import Final

SHOPS: Final = 2
CUSTOMERS: Final = 3
CARDS: Final = 2
"""Cards of each customer."""

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
SWITCH_TIMEOUT_MS: Final = 30 * SECOND

SWITCH_FAULTS: Final = (
    "twice", "silent", "lost", "less", "more", "other_stan", "cut_before", "cut_after", "decline",
)  # fmt: skip
REVERSAL_FAULTS: Final = ("lost", "silent", "cut_before", "cut_after")
BORDERS: Final = ("begin", "commit", "committed")


@dataclass(frozen=True, slots=True)
class Wire:
    """What the gateway does to one request: further copies after so many milliseconds, losses."""

    copies_ms: tuple[int, ...] = ()
    request_lost: bool = False
    answer_lost: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    shop: int
    customer: int
    amount_soum: int
    again: bool = False
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class Way:
    """An attempt's way to the bank and back.

    `does` is what the switch does (`answer`, or one of `SWITCH_FAULTS`), `there_ms` and `back_ms` how long
    the request and its answer travel; `reversals` are the faults that the attempt's reversals meet, one each,
    in turn.
    """

    does: str = "answer"
    there_ms: int = 100
    back_ms: int = 100
    reversals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pay:
    """`issue` is the id of the order that issued the invoice."""

    customer: int
    issue: int
    card: int
    pin_right: bool = True
    compare_ms: int = 30
    way: Way = Way()
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class PayDirect:
    """Without an invoice: `kind` is `service` (`to` is a shop), `transfer` or `topup` (a customer)."""

    kind: str
    customer: int
    to: int
    amount_soum: int
    card: int
    pin_right: bool = True
    compare_ms: int = 30
    way: Way = Way()
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class Refund:
    """Of the invoice that the order `issue` issued."""

    shop: int
    issue: int
    way: Way = Way()
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class Decline:
    customer: int
    issue: int
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class Cancel:
    shop: int
    issue: int
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class CheckPin:
    customer: int
    pin_right: bool
    compare_ms: int = 30
    wire: Wire = Wire()


@dataclass(frozen=True, slots=True)
class ReuseKey:
    """The key of an earlier request comes with another body."""

    of: int


@dataclass(frozen=True, slots=True)
class Look:
    """Every list is read and compared with the rows."""

    customer: int
    shop: int


@dataclass(frozen=True, slots=True)
class Unlock:
    customer: int


@dataclass(frozen=True, slots=True)
class Chore:
    """`expire`, `recover`, `relay`, `seal`, `forget` or `settle`: work of the owner process."""

    name: str


@dataclass(frozen=True, slots=True)
class Crash:
    """The world stops at the `nth` border of its kind from now on, counted from 0.

    Borders: `begin` (before a writing transaction), `commit` (before its commit), `committed` (after it).
    `whole`: the process dies with all it has in hand, and starts again after `down_ms`; else one worker does.
    """

    border: str
    nth: int
    whole: bool
    down_ms: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The process dies at this moment, wherever it waits."""

    down_ms: int


@dataclass(frozen=True, slots=True)
class DiskFull:
    """The `nth` commit from now on fails."""

    nth: int


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock goes forward, or back."""

    by_ms: int


@dataclass(frozen=True, slots=True)
class SmsDown:
    """The SMS provider takes nothing for a while."""

    for_ms: int


@dataclass(frozen=True, slots=True)
class SmsHiccup:
    """The provider takes the next SMS, and its answer is lost (`taken`), or refuses it for ever."""

    taken: bool


@dataclass(frozen=True, slots=True)
class SwitchDown:
    for_ms: int


Paying = Pay | PayDirect
Attempt = Paying | Refund
Request = Issue | Attempt | Decline | Cancel | CheckPin
Fault = Crash | Kill | DiskFull | Jump | SmsDown | SmsHiccup | SwitchDown
What = Request | ReuseKey | Look | Unlock | Chore | Fault


@dataclass(frozen=True, slots=True)
class Order:
    id: int
    at_ms: int
    what: What

    def __str__(self) -> str:
        return f"{self.at_ms / SECOND:9.3f} s  #{self.id} {in_short(self.what)}"


@dataclass(frozen=True, slots=True)
class Climate:
    """What holds for the whole run."""

    invoice_life_ms: int
    balance_soum: int
    """What each card holds at first."""
    to_midnight_ms: int
    """How long before the end of a Tashkent day the run begins."""
    short_keys: bool
    """Requests' keys live 15 minutes, as a dialogue's do; else 30 days."""
    haste_ms: int
    """The most that a worker waits before each writing transaction, so that others come in between."""


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    climate: Climate
    orders: tuple[Order, ...]


def plan_of(seed: int) -> Plan:
    """The plan of a seed; the same for ever, as long as this module stays as it is."""
    return _Planner(seed).plan()


class _Planner:
    """Each seed leaves some kinds of faults out altogether: rare meetings need calm around them."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # of a version-stable kind: int seeds only
        self._seed = seed
        self._length_ms = self._random.choice((1 * MINUTE, 5 * MINUTE, 20 * MINUTE))
        self._whats: list[tuple[int, What]] = []
        faults = ("wire", "switch answers", "reversal", "crash", "disk", "clock", "sms", "switch", "pin")
        self._faults = {fault for fault in faults if self._random.random() < 0.6}

    def plan(self) -> Plan:
        climate = Climate(
            invoice_life_ms=self._random.choice((40 * SECOND, 5 * MINUTE, HOUR, 24 * HOUR)),
            balance_soum=self._random.choice((30_000, 100_000)),
            to_midnight_ms=self._length_ms // 3 if self._chance(0.3) else 16 * HOUR,
            short_keys=self._chance(0.15),
            haste_ms=self._random.choice((5, 50, 2_000)),
        )
        self._people()
        self._chores()
        self._trouble()
        whats = sorted(self._whats, key=lambda timed: timed[0])
        # Issues are referred to by their order's id, so they are placed first and get the first ids.
        issues = [timed for timed in whats if isinstance(timed[1], Issue)]
        rest = [timed for timed in whats if not isinstance(timed[1], Issue)]
        numbered = [Order(place, at, what) for place, (at, what) in enumerate([*issues, *rest])]
        return Plan(self._seed, climate, tuple(sorted(numbered, key=lambda order: (order.at_ms, order.id))))

    # --- people -----------------------------------------------------------------------------------------

    def _people(self) -> None:
        amounts: list[int] = []
        issues: list[tuple[int, Issue]] = []
        for place in range(self._random.randint(3, 9)):
            twin = bool(amounts) and self._chance(0.15)
            amount = amounts[-1] if twin else self._random.randrange(1_000, 30_000, 50) + place
            amounts.append(amount)
            shop, customer = self._random.randrange(SHOPS), self._random.randrange(CUSTOMERS)
            if twin:
                shop, customer = issues[-1][1].shop, issues[-1][1].customer
            issue = Issue(shop, customer, amount, again=self._chance(0.3), wire=self._wire())
            issues.append((self._random.randrange(self._length_ms // 2), issue))
        issues.sort(key=lambda timed: timed[0])
        for place, (at, issue) in enumerate(issues):
            self._whats.append((at, issue))
            self._follow_ups(place, at, issue)
        for _ in range(self._random.randint(0, 2)):
            self._add(Look(self._random.randrange(CUSTOMERS), self._random.randrange(SHOPS)))
        for _ in range(self._random.choice((0, 0, 1, 2))):
            at, direct = self._random.randrange(self._length_ms), self._pay_direct()
            self._whats.append((at, direct))
            if self._chance(0.3):  # the same once more, at about the same time
                self._whats.append((at + self._delay(SECOND), replace(direct, way=self._way())))
        if self._chance(0.3):
            self._add(ReuseKey(self._random.randrange(len(issues))))
        if "pin" in self._faults:
            self._guesser()

    def _follow_ups(self, place: int, issued_at: int, issue: Issue) -> None:
        """What becomes of an invoice; often several things at one moment, so that they race."""
        moment = issued_at + self._delay(20 * SECOND)
        for _ in range(self._random.choice((0, 1, 1, 2, 2, 3))):
            if self._chance(0.5):
                moment += self._delay(self._length_ms // 4)
            at = moment + self._random.randrange(200)
            kind = self._random.random()
            if kind < 0.75:
                self._whats.append((at, self._pay(place, issue.customer)))
                if self._chance(0.25):
                    refund = Refund(self._mostly(issue.shop, SHOPS), place, self._way(), self._wire())
                    self._whats.append((at + self._delay(MINUTE), refund))
            elif kind < 0.88:
                self._whats.append(
                    (at, Decline(self._mostly(issue.customer, CUSTOMERS), place, self._wire()))
                )
            else:
                self._whats.append((at, Cancel(self._mostly(issue.shop, SHOPS), place, self._wire())))

    def _pay(self, place: int, customer: int) -> Pay:
        return Pay(
            customer=self._mostly(customer, CUSTOMERS),
            issue=place,
            card=self._random.randrange(CARDS),
            pin_right="pin" not in self._faults or self._chance(0.8),
            compare_ms=self._random.choice((5, 30, 300)),
            way=self._way(),
            wire=self._wire(),
        )

    def _pay_direct(self) -> PayDirect:
        kind, customer = (
            self._random.choice(("service", "transfer", "topup")),
            self._random.randrange(CUSTOMERS),
        )
        return PayDirect(
            kind=kind,
            customer=customer,
            to=self._random.randrange(SHOPS if kind == "service" else CUSTOMERS),
            amount_soum=self._random.randrange(5_000, 9_000),
            card=self._random.randrange(CARDS),
            pin_right="pin" not in self._faults or self._chance(0.8),
            way=self._way(),
            wire=self._wire(),
        )

    def _way(self) -> Way:
        way = Way(there_ms=self._delay(2 * SECOND), back_ms=self._delay(2 * SECOND))
        if "switch answers" in self._faults and self._chance(0.5):
            fault = self._random.choice((*SWITCH_FAULTS, "late", "stalled"))
            if fault == "late":
                way = replace(way, back_ms=SWITCH_TIMEOUT_MS + self._delay(30 * SECOND))
            elif fault == "stalled":
                way = replace(way, there_ms=SWITCH_TIMEOUT_MS + self._delay(60 * SECOND))
            else:
                way = replace(way, does=fault)
        if "reversal" in self._faults:
            faults = tuple(self._random.choice(REVERSAL_FAULTS) for _ in range(self._random.randint(0, 2)))
            way = replace(way, reversals=faults)
        return way

    def _guesser(self) -> None:
        """Somebody tries PINs, partly at once."""
        customer, at = self._random.randrange(CUSTOMERS), self._random.randrange(self._length_ms)
        for _ in range(self._random.randint(3, 5)):
            self._whats.append((at, CheckPin(customer, pin_right=self._chance(0.15), wire=self._wire())))
            at += self._random.choice((1, 20, 2 * SECOND))
        if self._chance(0.7):
            self._whats.append((at + self._delay(MINUTE), Unlock(customer)))

    # --- the owner's work, and trouble ------------------------------------------------------------------

    def _chores(self) -> None:
        for name, most in (
            ("expire", 5),
            ("recover", 7),
            ("relay", 7),
            ("seal", 2),
            ("forget", 1),
            ("settle", 2),
        ):
            for _ in range(self._random.randint(1, most)):
                self._add(Chore(name))

    def _trouble(self) -> None:
        for fault, most, make in (
            ("crash", 3, self._crash),
            ("disk", 2, lambda: DiskFull(self._random.randrange(8))),
            ("clock", 2, self._jump),
            ("sms", 2, self._sms),
            ("switch", 1, lambda: SwitchDown(self._delay(self._length_ms // 3))),
        ):
            if fault in self._faults:
                for _ in range(self._random.randint(1, most)):
                    self._add(make())

    def _crash(self) -> What:
        down_ms = self._random.choice((200, 3 * SECOND, MINUTE))
        if self._chance(0.3):
            return Kill(down_ms)
        return Crash(
            self._random.choice(BORDERS), self._random.randrange(8), whole=self._chance(0.7), down_ms=down_ms
        )

    def _jump(self) -> Jump:
        size = self._random.choice((30 * SECOND, 10 * MINUTE, 2 * HOUR))
        return Jump(size if self._chance(0.5) else -size)

    def _sms(self) -> What:
        if self._chance(0.4):
            return SmsHiccup(taken=self._chance(0.7))
        return SmsDown(self._delay(self._length_ms // 2))

    def _wire(self) -> Wire:
        if "wire" not in self._faults or self._chance(0.5):
            return Wire()
        copies = tuple(self._delay(5 * SECOND) for _ in range(self._random.choice((0, 1, 1, 2))))
        return Wire(copies, request_lost=self._chance(0.2), answer_lost=self._chance(0.3))

    # --- chance -----------------------------------------------------------------------------------------

    def _add(self, what: What) -> None:
        self._whats.append((self._random.randrange(self._length_ms), what))

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _delay(self, most_ms: int) -> int:
        """Mostly short, sometimes long."""
        return self._random.randrange(1, max(2, self._random.choice((50, most_ms // 8, most_ms))))

    def _mostly(self, right: int, count: int) -> int:
        """The right one; a stranger to the matter in one of twelve cases (S4, S5)."""
        return right if self._random.random() < 11 / 12 else self._random.randrange(count)


def in_short(value: object) -> str:
    """A value as its `repr` has it, less the fields that are as they are by default."""
    if not is_dataclass(value):
        return repr(value)
    told = (
        f"{one.name}={in_short(getattr(value, one.name))}"
        for one in fields(value)
        if getattr(value, one.name) != one.default
    )
    return f"{type(value).__name__}({', '.join(told)})"


def simpler(order: Order) -> Iterator[Order]:
    """The same order with one of its complications taken out, each in turn."""
    what = order.what
    variants: list[What] = []
    if isinstance(what, Request):
        wire = what.wire
        wires = (
            Wire(),
            replace(wire, copies_ms=()),
            replace(wire, request_lost=False),
            replace(wire, answer_lost=False),
        )
        variants += (replace(what, wire=one) for one in wires)
    if isinstance(what, Attempt):
        way = what.way
        ways = (
            Way(),
            replace(way, does="answer"),
            replace(way, reversals=()),
            replace(way, there_ms=100),
            replace(way, back_ms=100),
        )
        variants += (replace(what, way=one) for one in ways)
    if isinstance(what, Paying):
        variants.append(replace(what, pin_right=True))
    if isinstance(what, Issue):
        variants.append(replace(what, again=False))
    yield from (replace(order, what=variant) for variant in variants if variant != what)
