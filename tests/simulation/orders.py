"""What can happen in a simulated run, as values: requests, chores and faults, each with its time.

A plan is a list of orders. Left out, one leaves the others as they are: ids, times and faults are written in
them, so that a failing plan can be made shorter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Final

from tests.simulation.own_orders import Own

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
    """`expire`, `recover`, `relay`, `seal`, `forget` or `settle`: work of the owner process.

    `by_hand`: people see to the reversals that were left to them.
    """

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
What = Request | ReuseKey | Look | Unlock | Chore | Fault | Own


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
    reversal_tries: int = 300
    """After so many a reversal is left to people."""


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    climate: Climate
    orders: tuple[Order, ...]


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
