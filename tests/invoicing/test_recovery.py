"""T5 and T6: unknown outcomes, crashes at every commit, late answers, reversals in order (F2-F8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event

from invoicing import (
    Approved,
    Declined,
    NotReversed,
    Paid,
    Pending,
    PurchaseRequest,
    Recovered,
    Refusal,
    Refused,
    ReversalRequest,
    Reversed,
    Status,
    Unknown,
    payments,
)
from invoicing.storage import audit
from invoicing.storage.connect import reading, write
from invoicing.storage.payments import by_id
from tests.invoicing.world import CUSTOMER, FIFTY, PIN, SHOP, SOUM, World

BACK = "CLICK: платеж №5000001 (счет №1001) отменен, 50 000 сум возвращены"


def lost(world: World, pan: str = "8600490000090068") -> str:
    """A card whose answers are lost, after the money was taken (0068) or before (0069)."""
    return world.link(pan, 60_000)


@pytest.mark.parametrize("pan", ["8600490000090068", "8600490000080069"])
def test_an_unknown_outcome_is_reversed_and_the_invoice_may_be_paid_again(world: World, pan: str) -> None:
    card, invoice = lost(world, pan), world.issue()
    token = world.bank.tokenise(pan, "")

    answer = world.service.pay(world.key(), CUSTOMER, invoice.id, card, PIN)
    meanwhile = world.pay(invoice)
    recovered = world.workers.recover()

    assert answer == Pending(1001, 5_000_001)
    assert meanwhile == Refused(Refusal.BEING_PAID, {"number": 1001})
    assert recovered == Recovered(given_up=0, reversed=1)
    assert world.bank.balance(token) == 60_000 * SOUM
    assert world.now_of(invoice).status is Status.AWAITING
    assert world.texts(CUSTOMER)[1:] == [
        "CLICK: платеж по счету №1001 обрабатывается. Не платите повторно",
        BACK,
    ]
    assert world.texts(SHOP) == []
    assert isinstance(world.pay(invoice), Paid)
    assert world.sound()


def test_a_reversal_after_the_invoices_time_closes_it_as_expired(world: World) -> None:
    card, invoice = lost(world), world.issue()
    world.service.pay(world.key(), CUSTOMER, invoice.id, card, PIN)
    world.clock.advance(days=2)

    assert world.workers.expire_due() == 0
    assert world.workers.recover().reversed == 1
    assert world.now_of(invoice).status is Status.EXPIRED
    assert world.texts(CUSTOMER)[-1] == BACK
    assert world.texts(SHOP) == ["Срок счета №1001 на сумму 50 000 сум истек, счет закрыт"]
    assert world.sound()


def test_the_repeat_of_a_payment_that_was_reversed_gets_its_first_answer(world: World) -> None:
    card, invoice, key = lost(world), world.issue(), world.key()
    first = world.service.pay(key, CUSTOMER, invoice.id, card, PIN)
    world.workers.recover()

    assert world.service.pay(key, CUSTOMER, invoice.id, card, PIN) == first


class Crash(BaseException):
    """The process dies here: nothing after it runs, what was committed stays."""


class CrashAt:
    """Dies at the nth border between transactions: before the nth commit, or before the nth begin."""

    def __init__(self, world: World, border: int, when: str) -> None:
        self.world, self.left, self.when = world, border, when

    def __call__(self, conn: Connection) -> None:
        if conn.get_execution_options().get("invoicing_reads_only"):
            return
        if self.left == 0:
            self.left = -1
            raise Crash
        self.left -= 1

    def __enter__(self) -> CrashAt:
        event.listen(self.world.engine, self.when, self)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.world.engine, self.when, self)


PAYMENT_BORDERS = [(when, border) for when in ("commit", "begin") for border in range(5)]


@pytest.mark.parametrize(("when", "border"), PAYMENT_BORDERS)
def test_a_crash_at_any_commit_of_a_payment_loses_and_doubles_nothing(
    world: World, when: str, border: int
) -> None:
    # The five transactions: begin, start, mark sent, the bank's own, conclude.
    invoice, key = world.issue(), world.key()

    with CrashAt(world, border, when), pytest.raises(Crash):
        world.pay(invoice, key=key)
    world.play(world.bank)
    repeated = world.pay(invoice, key=key)
    world.clock.advance(seconds=36)
    world.workers.recover()

    present = world.now_of(invoice)
    if present.status is Status.PAID:
        assert isinstance(repeated, Paid)
        assert world.balance_soum == 10_000
    else:
        assert present.status is Status.AWAITING
        assert world.balance_soum == 60_000
        assert isinstance(repeated, Pending)
        assert isinstance(world.pay(invoice), Paid)
        assert world.balance_soum == 10_000
    assert len(world.texts(SHOP)) == 1
    assert world.sound()


@pytest.mark.parametrize(("when", "border"), [(when, n) for when in ("commit", "begin") for n in range(3)])
def test_a_crash_at_any_commit_of_recovery_is_made_good_by_the_next_run(
    world: World, when: str, border: int
) -> None:
    # Its three transactions: take the reversal, the bank's own, finish it.
    card, invoice = lost(world), world.issue()
    world.service.pay(world.key(), CUSTOMER, invoice.id, card, PIN)

    with CrashAt(world, border, when), pytest.raises(Crash):
        world.workers.recover()
    world.clock.advance(seconds=10)
    world.workers.recover()

    assert world.now_of(invoice).status is Status.AWAITING
    assert world.bank.balance(world.bank.tokenise("8600490000090068", "")) == 60_000 * SOUM
    assert world.texts(CUSTOMER).count(BACK) == 1
    assert world.sound()


@pytest.mark.parametrize("when", ["commit", "begin"])
def test_a_crash_around_the_commit_of_an_issue_leaves_all_or_nothing(world: World, when: str) -> None:
    key = world.key()
    with CrashAt(world, 0, when), pytest.raises(Crash):
        world.service.issue(key, SHOP, CUSTOMER, FIFTY)

    world.service.issue(key, SHOP, CUSTOMER, FIFTY)

    assert world.count("invoice") == world.count("outbox") == 1


def test_a_pin_check_that_died_is_closed_by_a_repeat_without_taking_money(world: World) -> None:
    invoice, key = world.issue(), world.key()
    with CrashAt(world, 1, "begin"), pytest.raises(Crash):
        world.pay(invoice, key=key)

    early = world.pay(invoice, key=key)
    world.clock.advance(seconds=10)
    late = world.pay(invoice, key=key)

    assert early == Pending(1001, None)
    assert late == world.pay(invoice, key=key) == Refused(Refusal.INTERRUPTED)
    assert world.count("payment") == 0
    assert isinstance(world.pay(invoice), Paid)


@pytest.mark.parametrize("border", [2, 3])
def test_the_request_of_an_attempt_that_died_is_answered_by_recovery(world: World, border: int) -> None:
    invoice, key = world.issue(), world.key()
    with CrashAt(world, border, "begin"), pytest.raises(Crash):
        world.pay(invoice, key=key)
    world.clock.advance(seconds=36)

    assert world.workers.recover() == Recovered(given_up=1, reversed=1)
    assert world.pay(invoice, key=key) == Pending(1001, 5_000_001)


@pytest.mark.parametrize(("age_s", "given_up"), [(34, 0), (35, 1)])
def test_recovery_leaves_an_attempt_its_time(world: World, age_s: int, given_up: int) -> None:
    with CrashAt(world, 3, "begin"), pytest.raises(Crash):
        world.pay(world.issue())
    world.clock.advance(seconds=age_s)

    assert world.workers.recover().given_up == given_up


class Switch:
    """A bank link whose calls run what the test sets."""

    terminal = "TEST0001"

    def __init__(self, world: World) -> None:
        self.world = world
        self.on_purchase: Callable[[PurchaseRequest], Approved | Declined | Unknown] = world.bank.purchase
        self.on_reverse: Callable[[ReversalRequest], Reversed | NotReversed] = world.bank.reverse
        self.reversals: list[tuple[str, bool]] = []

    def available(self) -> bool:
        return True

    def tokenise(self, pan: str, exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        return self.world.bank.tokenise(pan, exp_yymm, msisdn)

    def purchase(self, request: PurchaseRequest) -> Approved | Declined | Unknown:
        return self.on_purchase(request)

    def refund(self, request: PurchaseRequest) -> Approved | Declined | Unknown:
        return self.world.bank.refund(request)

    def reverse(self, request: ReversalRequest) -> Reversed | NotReversed:
        self.reversals.append((request.rrn, request.repeat))
        return self.on_reverse(request)

    def balance(self, token: str) -> int | None:
        return self.world.bank.balance(token)


@pytest.fixture
def switch(world: World) -> Switch:
    link = Switch(world)
    world.play(link)
    return link


def audited(world: World, object_: str) -> list[str]:
    with reading(world.engine) as conn:
        return [row.action for row in audit.all_of(conn, object_)]


def test_an_approval_after_the_reversal_was_queued_pays_nothing_and_is_given_back(
    world: World, switch: Switch
) -> None:
    invoice = world.issue()

    def late(request: PurchaseRequest) -> Approved | Declined | Unknown:
        answer = world.bank.purchase(request)
        world.clock.advance(seconds=36)
        world.workers.recover()
        return answer

    switch.on_purchase = late
    answer = world.pay(invoice)
    world.workers.recover()

    assert answer == Pending(1001, 5_000_001)
    assert world.now_of(invoice).status is Status.AWAITING
    assert world.balance_soum == 60_000
    assert "answer_late" in audited(world, "payment:1")
    assert world.texts(SHOP) == []
    assert world.sound()


class ForgetfulBank:
    """A bank that, unlike the sandbox, takes the money of a purchase that arrives after its reversal."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def purchase(self, request: PurchaseRequest) -> Approved:
        self.taken.add(request.rrn)
        return Approved(request.stan, request.rrn, request.amount_tiyin, "000001")

    def reverse(self, request: ReversalRequest) -> Reversed:
        known = request.rrn in self.taken
        self.taken.discard(request.rrn)
        return Reversed(original_known=known)


def test_a_purchase_that_reaches_the_bank_after_its_reversal_is_reversed_once_more(
    world: World, switch: Switch
) -> None:
    bank, invoice = ForgetfulBank(), world.issue()

    def stalled(request: PurchaseRequest) -> Approved:
        world.clock.advance(seconds=36)
        world.workers.recover()  # the bank knows no such payment: closed as reversed
        return bank.purchase(request)

    switch.on_purchase, switch.on_reverse = stalled, bank.reverse
    world.pay(invoice)

    assert len(bank.taken) == 1
    assert world.workers.recover().reversed == 1
    assert bank.taken == set()
    assert world.now_of(invoice).status is Status.AWAITING
    assert "reversed_again" in audited(world, "payment:1")
    assert world.texts(CUSTOMER).count(BACK) == 1
    assert world.sound()


def test_an_approval_that_overtakes_its_reversals_answer_is_reversed_once_more(
    world: World, switch: Switch
) -> None:
    bank, invoice = ForgetfulBank(), world.issue()
    purchases: list[PurchaseRequest] = []

    def never(request: PurchaseRequest) -> Unknown:
        purchases.append(request)
        return Unknown()

    def crossing(request: ReversalRequest) -> Reversed:
        answer = bank.reverse(request)
        if purchases:  # the stalled 0200 arrives just after this 0420, its answer before the 0430
            approved = bank.purchase(purchases.pop())
            write(
                world.engine,
                lambda conn: payments.conclude(conn, world.clock.now(), by_id(conn, 1), approved),
            )
        return answer

    switch.on_purchase, switch.on_reverse = never, crossing
    world.pay(invoice)
    first = world.workers.recover()
    taken = len(bank.taken)
    world.workers.recover()

    # The first run sees its acknowledgement outdated and sends once more at once.
    assert (first.reversed, taken, len(switch.reversals)) == (1, 0, 2)
    assert bank.taken == set()
    assert world.now_of(invoice).status is Status.AWAITING
    assert world.sound()


def test_a_declining_answer_after_the_reversal_was_queued_sends_no_second_reversal(
    world: World, switch: Switch
) -> None:
    def late(request: PurchaseRequest) -> Declined:
        world.clock.advance(seconds=36)
        world.workers.recover()
        return Declined("05")

    switch.on_purchase = late
    world.pay(world.issue())
    world.workers.recover()

    assert len(switch.reversals) == 1


def test_a_second_answer_to_one_attempt_changes_nothing(world: World, switch: Switch) -> None:
    answers: list[Approved] = []

    def keep(request: PurchaseRequest) -> Approved | Declined | Unknown:
        answer = world.bank.purchase(request)
        assert isinstance(answer, Approved)
        answers.append(answer)
        return answer

    switch.on_purchase = keep
    first = world.pay(world.issue())
    again = write(
        world.engine, lambda conn: payments.conclude(conn, world.clock.now(), by_id(conn, 1), answers[0])
    )

    assert again == first
    assert world.count("entry") == 2
    assert world.count("reversal") == 0
    assert len(world.texts(SHOP)) == 1


def test_reversals_go_out_in_order_and_a_blocked_one_blocks_the_rest(world: World, switch: Switch) -> None:
    switch.on_purchase = lambda _: Unknown()
    for _ in range(3):
        world.pay(world.issue(1_000 * SOUM))
    switch.on_reverse = lambda _: NotReversed()

    assert world.workers.recover().reversed == 0
    assert world.workers.recover().reversed == 0
    world.clock.advance(seconds=10)
    switch.on_reverse = world.bank.reverse
    assert world.workers.recover().reversed == 3
    first, second, third = "000005000001", "000005000002", "000005000003"
    assert switch.reversals == [(first, False), (first, True), (second, False), (third, False)]


def test_a_reversal_that_fails_is_sent_again_after_growing_pauses(world: World, switch: Switch) -> None:
    def fail(_: ReversalRequest) -> Reversed:
        raise OSError("line cut")

    switch.on_purchase = lambda _: Unknown()
    switch.on_reverse = fail
    world.pay(world.issue())
    sent_at: list[int] = []
    for second in range(200):
        before = len(switch.reversals)
        world.workers.recover()
        if len(switch.reversals) > before:
            sent_at.append(second)
        world.clock.advance(seconds=1)

    assert sent_at == [0, 10, 30, 70, 150]


def test_an_hour_without_the_bank_refuses_new_payments_and_keeps_the_reversals(world: World) -> None:
    card, invoice = lost(world), world.issue()
    world.service.pay(world.key(), CUSTOMER, invoice.id, card, PIN)
    world.bank.switch_off()

    refused = world.pay(world.issue())
    world.workers.recover()
    world.clock.advance(hours=1)
    world.bank.switch_on()

    assert refused == Refused(Refusal.UNAVAILABLE)
    assert world.workers.recover().reversed == 1
    assert world.now_of(invoice).status is Status.AWAITING


def test_a_switch_lost_in_the_middle_leaves_the_outcome_unknown(world: World, switch: Switch) -> None:
    def cut(request: PurchaseRequest) -> Approved | Declined | Unknown:
        world.bank.switch_off()
        return world.bank.purchase(request)

    switch.on_purchase = cut
    assert world.pay(world.issue()) == Pending(1001, 5_000_001)
