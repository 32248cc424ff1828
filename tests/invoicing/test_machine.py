"""The books hold after every step, whatever is done in whatever order (domain.md 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine

from invoicing import Behaviour, InvoiceView, Issued, Paid, Pending, RequestKey, Rows, Status, ledger, pins
from invoicing.registration import DEMO_PAN
from invoicing.storage.connect import reading
from tests.invoicing.world import CHEAP, CUSTOMER, OTHER_SHOP, PIN, SHOP, SOUM, WRONG_PIN, World, in_memory
from tests.peers.postgres import Cluster

START_SOUM = 60_000
shops = st.sampled_from([SHOP, OTHER_SHOP])
places = st.integers(0, 9)


class Money(RuleBasedStateMachine):
    """A model of nothing but sums: what was paid is what the customer lacks and the merchants are owed."""

    def __init__(self, fresh: Callable[[], Engine] = in_memory) -> None:
        """`fresh` gives an empty database."""
        self.fresh = fresh
        super().__init__()

    @initialize()
    def begin(self) -> None:
        pins._HASHER = CHEAP  # type: ignore[misc]
        self.world = World(self.fresh())
        self.token = self.world.bank.tokenise(DEMO_PAN, "")
        self.paid: dict[int, int] = {}
        self.last_key: RequestKey | None = None

    def teardown(self) -> None:
        self.world.engine.dispose()

    def pick(self, place: int) -> InvoiceView | None:
        found: list[InvoiceView] = []
        for shop in (SHOP, OTHER_SHOP):
            page = self.world.service.merchant_invoices(shop, limit=50)
            assert isinstance(page, Rows)
            found.extend(page.rows)
        return found[place % len(found)] if found else None

    @rule(shop=shops, soum=st.integers(1_000, 40_000), again=st.booleans())
    def issue(self, shop: str, soum: int, again: bool) -> None:
        self.world.service.issue(self.world.key(), shop, CUSTOMER, soum * SOUM, again)

    @rule(place=places, behaviour=st.sampled_from(Behaviour))
    def pay(self, place: int, behaviour: Behaviour) -> None:
        invoice = self.pick(place)
        if invoice is None:
            return
        self.world.bank.set_behaviour(self.token, behaviour)
        self.last_key = self.world.key()
        answer = self.world.pay(invoice, key=self.last_key)
        assert self.world.pay(invoice, key=self.last_key) == answer
        if isinstance(answer, Paid):
            assert invoice.number not in self.paid
            self.paid[invoice.number] = invoice.amount_tiyin

    @rule(place=places)
    def pay_with_a_wrong_pin(self, place: int) -> None:
        invoice = self.pick(place)
        if invoice is not None:
            assert not isinstance(self.world.pay(invoice, pin=WRONG_PIN), Paid | Pending)

    @rule()
    def unlock(self) -> None:
        self.world.service.unlock_customer(CUSTOMER)

    @rule(place=places)
    def decline(self, place: int) -> None:
        invoice = self.pick(place)
        if invoice is not None:
            self.world.service.decline(self.world.key(), CUSTOMER, invoice.id)

    @rule(place=places, shop=shops)
    def cancel(self, place: int, shop: str) -> None:
        invoice = self.pick(place)
        if invoice is not None:
            self.world.service.cancel(self.world.key(), shop, invoice.id)

    @rule(hours=st.sampled_from([0, 1, 25]), seconds=st.integers(0, 60))
    def wait(self, hours: int, seconds: int) -> None:
        self.world.clock.at += timedelta(hours=hours, seconds=seconds)

    @rule()
    def expire(self) -> None:
        self.world.workers.expire_due()

    @rule()
    def recover(self) -> None:
        self.world.workers.recover()

    @rule()
    def relay(self) -> None:
        self.world.deliver()

    @invariant()
    def the_books_and_the_trail_are_right(self) -> None:
        assert self.world.sound()

    @invariant()
    def the_merchants_are_owed_what_was_paid(self) -> None:
        with reading(self.world.engine) as conn:
            owed = sum(ledger.payable_tiyin(conn, merchant) for merchant in (1, 2))
            assert owed == ledger.receivable_tiyin(conn) == sum(self.paid.values())

    def money_is_neither_made_nor_lost(self) -> None:
        """Once every unknown attempt is reversed, the customer lacks exactly what was paid."""
        for _ in range(10):
            self.world.clock.advance(hours=1)
            self.world.workers.recover()
        held = self.world.bank.balance(self.token)
        assert held == START_SOUM * SOUM - sum(self.paid.values())
        for place in range(10):
            invoice = self.pick(place)
            assert invoice is None or invoice.status is not Status.IN_PROGRESS

    @rule()
    def settle(self) -> None:
        self.money_is_neither_made_nor_lost()


def played(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def test_the_books_hold_whatever_is_done_on_sqlite() -> None:
    run_state_machine_as_test(Money, settings=played(20))


def test_the_books_hold_whatever_is_done_on_postgresql(postgres_engine: Engine, postgres: Cluster) -> None:
    def fresh() -> Engine:
        postgres.empty("money")
        return postgres_engine

    run_state_machine_as_test(partial(Money, fresh), settings=played(10))  # type: ignore[arg-type]


def test_the_model_would_notice_money_that_vanished() -> None:
    machine = Money()
    machine.begin()
    answer = machine.world.service.issue(machine.world.key(), SHOP, CUSTOMER, 1_000 * SOUM)
    assert isinstance(answer, Issued)
    machine.world.service.pay(machine.world.key(), CUSTOMER, answer.invoice.id, machine.world.card_id, PIN)

    try:
        machine.money_is_neither_made_nor_lost()
    except AssertionError:
        return
    raise AssertionError("the payment was kept from the model, and it noticed nothing")
