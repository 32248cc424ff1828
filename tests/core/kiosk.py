"""The actions of kiosk.yaml, and a phone that plays it through the pure step."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from ussd_engine import Action, Amount, Call, Max, Msisdn, Rows, Secret, Service, Word, compile_menus
from ussd_engine.actions import Function, declared
from ussd_engine.core import dial
from ussd_engine.core.events import ActionDone, Answer, Begin, Close, Event, Run
from ussd_engine.core.session import Session
from ussd_engine.core.step import Step, begin, step
from ussd_engine.text.cost import fits

MERCHANT = "998901112233"
NOON = 1_795_000_000.0

MENU = (Path(__file__).parent / "kiosk.yaml").read_text()

RowT = TypeVar("RowT")
Id = Annotated[str, Max(20, "id", gsm=True)]


@dataclass(frozen=True)
class Me:
    connected: bool


@dataclass(frozen=True)
class Known:
    me: Me


@dataclass(frozen=True)
class Blocked:
    pass


@dataclass(frozen=True)
class Set:
    language: Annotated[str, Max(2, "choice")]


@dataclass(frozen=True)
class Issued:
    number: Annotated[int, Max(9_999_999_999)]


@dataclass(frozen=True)
class Duplicate:
    earlier: Annotated[int, Max(9_999_999_999)]


@dataclass(frozen=True)
class Found:
    number: Annotated[int, Max(9_999_999_999)]
    amount: Amount
    client: Msisdn
    note: Annotated[str, Max(20)] | None


@dataclass(frozen=True)
class Gone:
    pass


@dataclass(frozen=True)
class Receipt:
    id: Id
    number: Annotated[int, Max(9_999_999_999)]
    amount: Amount
    status: Word


@dataclass(frozen=True)
class Bill:
    id: Id
    amount: Amount
    shop: Annotated[str, Max(14)]


@dataclass(frozen=True)
class Payment:
    id: Id
    amount: Amount
    status: Word


@dataclass(frozen=True)
class Paid:
    pass


@dataclass(frozen=True)
class WrongPin:
    pass


@dataclass
class Shop:
    """What the actions find; they never wait, so a test can run them to their end by hand."""

    connected: bool = True
    blocked: bool = False
    duplicate_of: int | None = None
    receipts: list[Receipt] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    note: str | None = None
    issued: list[tuple[str, int]] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    def actions(self) -> dict[str, Action]:
        functions: dict[str, Function] = {
            "people.who": self.who,
            "people.speak": self.speak,
            "invoices.read": self.read,
            "invoices.recent": self.recent,
            "invoices.of": self.of,
            "bills.open": self.open,
        }
        changing: dict[str, Function] = {"invoices.issue": self.issue, "bills.pay": self.pay}
        return {name: declared(name, function) for name, function in functions.items()} | {
            name: declared(name, function, changes=True) for name, function in changing.items()
        }

    def who(self, call: Call) -> Known | Blocked:
        return Blocked() if self.blocked else Known(Me(self.connected))

    def speak(self, call: Call, language: Annotated[str, Max(2, "choice")]) -> Set:
        return Set(language)

    async def issue(
        self, call: Call, client: Msisdn, amount: Amount, again: bool = False
    ) -> Issued | Duplicate:
        if self.duplicate_of is not None and not again:
            return Duplicate(self.duplicate_of)
        self.issued.append((client, amount))
        return Issued(1000 + len(self.issued))

    async def read(self, call: Call, receipt: Id) -> Found | Gone:
        row = next((row for row in self.receipts if row.id == receipt), None)
        return Gone() if row is None else Found(row.number, row.amount, "998901234567", self.note)

    async def recent(self, call: Call, after: str | None, limit: int) -> Rows[Receipt]:
        return page(self.receipts, after, limit)

    async def open(self, call: Call, after: str | None, limit: int) -> Rows[Bill]:
        return page(self.bills, after, limit)

    async def of(self, call: Call, client: Msisdn, after: str | None, limit: int) -> Rows[Payment]:
        return page(self.payments, after, limit)

    async def pay(self, call: Call, bill: Id, pin: Secret) -> Paid | WrongPin:
        self.pins.append(pin)
        return Paid() if pin == "24680" else WrongPin()


def page(rows: list[RowT], after: str | None, limit: int) -> Rows[RowT]:
    """Cut a page out of rows in memory."""
    ids = [getattr(row, "id", "") for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    return Rows(rows[start : start + limit], more=len(rows) > start + limit)


def receipts(count: int) -> list[Receipt]:
    return [
        Receipt(f"r{n}", 1000 + n, 50_000_00 * n, "paid" if n % 2 else "issued") for n in range(1, count + 1)
    ]


SERVICE: Service = compile_menus({"kiosk.yaml": MENU}, Shop().actions())

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode


def finished(doing: Coroutine[Any, Any, ActionDone]) -> ActionDone:
    """Run an action that never waits."""
    try:
        doing.send(None)
    except StopIteration as stop:
        assert isinstance(stop.value, ActionDone)
        return stop.value
    raise AssertionError("the action waits")


@dataclass
class Phone:
    """One subscriber's dialogue through the pure step; what must hold of every step is checked at each."""

    shop: Shop = field(default_factory=Shop)
    service: Service = SERVICE
    octets: int = 160
    msisdn: str = MERCHANT
    language: str | None = None
    actions: dict[str, Action] = field(default_factory=dict)
    session: Session = field(init=False)
    screen: str = ""
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.actions = self.actions or self.shop.actions()
        self.session = begin(self.service, self.msisdn)
        if self.language is not None:
            self.session.language = self.language

    @property
    def state(self) -> str:
        return self.service.names[self.session.state].split(".", 1)[-1]

    @property
    def open(self) -> bool:
        return not self.session.ended

    def dial(self, *inputs: str, code: str = "*880#") -> str:
        """Dial, then type; return the last screen."""
        self.session = begin(self.service, self.msisdn)
        if self.language is not None:
            self.session.language = self.language
        self.take(Begin(NOON, dial.parse(code, self.service.service_code)))
        return self.type(*inputs)

    def type(self, *inputs: str) -> str:
        for text in inputs:
            self.take(Answer(NOON, text))
        return self.screen

    def take(self, event: Event) -> None:
        """Play one turn to its screen."""
        while True:
            taken = self.step(event)
            (effect,) = taken.effects
            self.session = taken.session
            if not isinstance(effect, Run):
                break
            self.runs.append(effect)
            call = Call("test", "d1", self.msisdn, self.session.language, "key", 0.0)
            event = finished(self.actions[effect.action].run(call, effect.args, NOON))
        assert fits(effect.text, self.octets), effect.text
        assert self.session.ended is isinstance(effect, Close)
        assert self.session.pending is None
        assert self.session.note == ""
        live = self.service.states[self.service.names[self.session.state]].live
        assert self.session.variables.keys() <= live
        self.screen = effect.text

    def step(self, event: Event) -> Step:
        """Take a step twice, once with a session that has been stored: nothing may differ or change."""
        before = _encode(self.session)
        taken = step(self.service, self.session, event, screen_octets=self.octets)
        assert _encode(self.session) == before
        again = step(self.service, _decode(before), event, screen_octets=self.octets)
        assert _encode(again.session) == _encode(taken.session)
        assert again.effects == taken.effects
        return taken
