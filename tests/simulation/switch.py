"""The simulated card switch with the bank behind it, and the line to it. It keeps books of its own.

The bank does what a bank does: it judges each RRN once and answers a repeat the same; a reversal of something
it never received is acknowledged and keeps that purchase out from then on. All its faults are on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from invoicing import (
    Approved,
    Credit,
    Declined,
    NotReversed,
    PurchaseRequest,
    ReversalRequest,
    Reversed,
    Unknown,
)
from invoicing.ports import Outcome
from tests.simulation.orders import SWITCH_TIMEOUT_MS, Attempt, Way
from tests.simulation.scheduler import Scheduler, current


@dataclass
class Operation:
    """One purchase or refund as the bank's books have it."""

    rrn: str
    stan: str
    token: str
    amount_tiyin: int
    code: str
    refund: bool = False
    credit: Credit | None = None
    """Who was given what was taken."""
    reversed: bool = False

    @property
    def moved_tiyin(self) -> int:
        """What was taken, or given back by a refund, and still is."""
        return self.amount_tiyin if self.code == "00" and not self.reversed else 0

    @property
    def taken_tiyin(self) -> int:
        return -self.moved_tiyin if self.refund else self.moved_tiyin


@dataclass
class Bank:
    balances: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """The phones of cards that may be linked by one phone only, by number."""
    operations: dict[str, Operation] = field(default_factory=dict)

    def judge(
        self, request: PurchaseRequest, *, refund: bool, code: str = "00", amount_tiyin: int
    ) -> Operation:
        """Judge once: refuse with `code`, or move the sum, if the card holds it."""
        known = self.operations.get(request.rrn)
        if known is None:
            if code == "00" and not refund and self.balances[request.token] < amount_tiyin:
                code = "51"
            words = (request.rrn, request.stan, request.token, amount_tiyin, code, refund, request.credit)
            known = Operation(*words)
            self._move(known, known.taken_tiyin)
            self.operations[request.rrn] = known
        return known

    def reverse(self, request: ReversalRequest) -> bool:
        """Whether there was anything to give back."""
        known = self.operations.get(request.rrn)
        if known is None:
            self.operations[request.rrn] = Operation(
                request.rrn, request.stan, request.token, request.amount_tiyin, "12", reversed=True
            )
            return False
        self._move(known, -known.taken_tiyin)
        known.reversed = True
        return known.code == "00"

    def give_back(self, rrn: str) -> None:
        """By hand; a request that is still on its way is refused when it comes."""
        known = self.operations.setdefault(rrn, Operation(rrn, "", "", 0, "12"))
        if known.moved_tiyin:
            self._move(known, -known.taken_tiyin)
        known.reversed = True

    def _move(self, operation: Operation, taken_tiyin: int) -> None:
        self.balances[operation.token] -= taken_tiyin
        if operation.credit is not None:
            given = self.balances.setdefault(operation.credit.account, 0)
            self.balances[operation.credit.account] = given + taken_tiyin


class Line:
    """One life's connection to the switch; a `CardProcessor`. `stray` gets what nobody waits for any more."""

    terminal = "CLICK001"

    def __init__(
        self,
        switch: Switch,
        scheduler: Scheduler,
        stray: Callable[[str, Outcome], None],
    ) -> None:
        self._switch = switch
        self._scheduler = scheduler
        self._stray = stray
        self.open = True

    def available(self) -> bool:
        return self._switch.up

    def tokenise(self, pan: str, _exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        if not self._switch.up:
            raise ConnectionError("the switch is down")
        owner = self._switch.bank.owners.get(pan)
        return None if msisdn is not None and owner not in (None, msisdn) else f"tok-{pan}"

    def balance(self, token: str) -> int | None:
        return self._switch.bank.balances.get(token)

    def purchase(self, request: PurchaseRequest) -> Outcome:
        return self._ask(request, refund=False)

    def refund(self, request: PurchaseRequest) -> Outcome:
        return self._ask(request, refund=True)

    def _ask(self, request: PurchaseRequest, *, refund: bool) -> Outcome:
        task = current()
        what = task.order.what
        way = what.way if isinstance(what, Attempt) else Way()
        self._switch.attempts.setdefault(request.rrn, way)
        kind = "refund" if refund else "purchase"
        self._switch.note(f"0200 {kind} {request.rrn} {request.amount_tiyin} ({way.does})")
        if way.does == "cut_before":
            raise ConnectionError("the line was cut before anything was sent")
        outcome = task.wait(
            lambda answer: self._carry(request, way, answer, refund=refund), SWITCH_TIMEOUT_MS, Unknown()
        )
        if isinstance(outcome, ConnectionError):
            raise outcome
        assert isinstance(outcome, Approved | Declined | Unknown)
        return outcome

    def _carry(
        self, request: PurchaseRequest, way: Way, answer: Callable[[Any], bool], *, refund: bool
    ) -> None:
        def arrive() -> None:
            if way.does == "lost" or not self._switch.up:
                return
            done = self._switch.bank.judge(
                request,
                refund=refund,
                code={"decline": "05", "other_stan": "96"}.get(way.does, "00"),
                amount_tiyin=request.amount_tiyin - {"less": 1, "more": -1}.get(way.does, 0),
            )
            self._switch.note(f"bank: {done.rrn} {done.code}{' reversed before' if done.reversed else ''}")
            if way.does != "silent":
                self._scheduler.after(way.back_ms, lambda: come_back(told(done)))
            if way.does == "twice":
                self._scheduler.after(way.back_ms + 40, lambda: come_back(told(done)))

        def told(done: Operation) -> Any:
            if way.does == "cut_after":
                return ConnectionError("the line was cut while waiting")
            if way.does == "other_stan":  # another attempt's approval, while this one failed
                return Approved("999999", done.rrn, done.amount_tiyin, "000001")
            if done.code != "00" or done.reversed:
                return Declined("12" if done.reversed else done.code)
            return Approved(done.stan, done.rrn, done.amount_tiyin, done.rrn[-6:])

        def come_back(outcome: Any) -> None:
            if not self.open or answer(outcome):
                return
            if not isinstance(outcome, ConnectionError):
                self._switch.note(f"0210 {request.rrn} {outcome}, nobody waits")
                self._stray(request.rrn, outcome)

        self._scheduler.after(way.there_ms, arrive)

    def reverse(self, request: ReversalRequest) -> Reversed | NotReversed:
        attempt = self._switch.attempts.get(request.rrn)
        sent = self._switch.reversals.get(request.rrn, 0)
        self._switch.reversals[request.rrn] = sent + 1
        faults = attempt.reversals if attempt is not None else ()
        fault = "" if self._switch.healed or sent >= len(faults) else faults[sent]
        self._switch.note(f"{'0421' if request.repeat else '0420'} {request.rrn} ({fault or 'answered'})")
        if fault == "cut_before":
            raise ConnectionError("the line was cut before anything was sent")
        outcome = current().wait(
            lambda answer: self._carry_back(request, fault, answer), SWITCH_TIMEOUT_MS, NotReversed()
        )
        if isinstance(outcome, ConnectionError):
            raise outcome
        assert isinstance(outcome, Reversed | NotReversed)
        return outcome

    def _carry_back(self, request: ReversalRequest, fault: str, answer: Callable[[Any], bool]) -> None:
        def arrive() -> None:
            if fault == "lost" or not self._switch.up:
                return
            known = self._switch.bank.reverse(request)
            if fault != "silent":
                told = ConnectionError("cut") if fault == "cut_after" else Reversed(original_known=known)
                self._scheduler.after(60, lambda: self._hear(answer, told))

        self._scheduler.after(40, arrive)

    def _hear(self, answer: Callable[[Any], bool], told: Reversed | ConnectionError) -> None:
        if self.open:
            answer(told)


class Switch:
    """What outlives our process: the bank, and which faults the plan has for each attempt."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.bank = Bank()
        self.up = True
        self.healed = False
        self.attempts: dict[str, Way] = {}
        self.reversals: dict[str, int] = {}
        self.note = note
