"""Makes a plan from a seed. Nothing is drawn by chance after that: a run can be played again exactly."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.orders import (
    BORDERS,
    CARDS,
    CUSTOMERS,
    HOUR,
    MINUTE,
    REVERSAL_FAULTS,
    SECOND,
    SHOPS,
    SWITCH_FAULTS,
    SWITCH_TIMEOUT_MS,
    Cancel,
    CheckPin,
    Chore,
    Climate,
    Crash,
    Decline,
    DiskFull,
    Issue,
    Jump,
    Kill,
    Look,
    Order,
    Pay,
    PayDirect,
    Plan,
    Refund,
    ReuseKey,
    SmsDown,
    SmsHiccup,
    SwitchDown,
    Unlock,
    Way,
    What,
    Wire,
)
from tests.simulation.own_plan import by_hand, own_orders


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
        reversal_tries, people_come = by_hand(self._seed, self._length_ms)
        climate = Climate(
            invoice_life_ms=self._random.choice((40 * SECOND, 5 * MINUTE, HOUR, 24 * HOUR)),
            balance_soum=self._random.choice((30_000, 100_000)),
            to_midnight_ms=self._length_ms // 3 if self._chance(0.3) else 16 * HOUR,
            short_keys=self._chance(0.15),
            haste_ms=self._random.choice((5, 50, 2_000)),
            reversal_tries=reversal_tries,
        )
        self._people()
        self._chores()
        self._trouble()
        whats = sorted(self._whats, key=lambda timed: timed[0])
        # Issues are referred to by their order's id, so they are placed first and get the first ids.
        issues = [timed for timed in whats if isinstance(timed[1], Issue)]
        rest = [timed for timed in whats if not isinstance(timed[1], Issue)]
        numbered = [Order(place, at, what) for place, (at, what) in enumerate([*issues, *rest])]
        first = len(numbered)
        own = own_orders(
            self._seed,
            self._length_ms,
            [(at, issue) for at, issue in issues if isinstance(issue, Issue)],
            first,
        )
        numbered += [Order(first + place, at, what) for place, (at, what) in enumerate([*own, *people_come])]
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
