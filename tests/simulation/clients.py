"""Merchants, customers and the gateway between them and us: requests come late, twice, or not; so do answers.

Whoever gets no answer asks again under the same key, a few times. Every answer is compared with what the key
was answered before, and with what the database holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from invoicing import (
    Done,
    InvoiceView,
    Refusal,
    Refused,
    RequestKey,
    Rows,
    Status,
    ToPhone,
    TopUp,
    ToService,
)
from invoicing.orders import Direct
from invoicing.requests import Answer
from tests.simulation import people
from tests.simulation.answers import ABOUT_INVOICES, SOUM, Answers, in_a_word
from tests.simulation.database import InvoiceRow, written
from tests.simulation.life import Life
from tests.simulation.orders import (
    SECOND,
    Cancel,
    CheckPin,
    Decline,
    Issue,
    Look,
    Order,
    PayDirect,
    Paying,
    Refund,
    Request,
    ReuseKey,
    Unlock,
)
from tests.simulation.reading import read_all
from tests.simulation.verdict import must
from tests.simulation.world import World

TRIES_MAX: Final = 5
_PATIENCE_MS: Final = 3 * SECOND
_SCOPE: Final = "gateway"
_ALL: Final = 50
_LAST_COPY: Final = 99


class Clients:
    def __init__(self, world: World) -> None:
        self._world = world
        self.answers = Answers(world)
        self._sent: dict[int, Order] = {}
        assert world.life is not None
        shops = world.life.service.list_merchants()
        self._codes = {shop.msisdn: shop.service_code for shop in shops}

    # --- sending, and sending again ---------------------------------------------------------------------

    def send(self, order: Order) -> None:
        assert isinstance(order.what, Request)
        self._sent[order.id] = order
        for copy, delay_ms in enumerate(order.what.wire.copies_ms, start=1):
            self._world.scheduler.after(delay_ms, lambda copy=copy: self._arrive(order, copy, 0))  # type: ignore[misc]
        self._arrive(order, 0, 0)

    def send_all_again(self) -> None:
        """Every request that has its answer once more: it must be the same one, with no effect."""
        for order in self._sent.values():
            if self.answers.kept(self.key_of(order.id)) is not None:
                self._arrive(order, _LAST_COPY, 0)

    def _arrive(self, order: Order, copy: int, tries: int) -> None:
        assert isinstance(order.what, Request)
        lost = order.what.wire.request_lost and (copy, tries) == (0, 0)
        if lost or self._world.life is None:
            self._again(order, copy, tries)
        else:
            self._world.counts["request"] += 1
            self._world.spawn(
                f"#{order.id}.{copy}.{tries}",
                lambda life: self._perform(order, life),
                order=order,
                ended=lambda outcome: self._ended(order, copy, tries, outcome),
            )

    def _again(self, order: Order, copy: int, tries: int) -> None:
        if copy == 0 and tries < TRIES_MAX:
            self._world.scheduler.after(_PATIENCE_MS, lambda: self._arrive(order, copy, tries + 1))

    def _ended(self, order: Order, copy: int, tries: int, outcome: object) -> None:
        assert isinstance(order.what, Request)
        if isinstance(outcome, BaseException) or (order.what.wire.answer_lost and tries == 0):
            self._again(order, copy, tries)

    # --- one request ------------------------------------------------------------------------------------

    def key_of(self, order_id: int) -> RequestKey:
        make = RequestKey.action if self._world.plan.climate.short_keys else RequestKey.api
        return make(_SCOPE, f"request-{order_id}")

    def _perform(self, order: Order, life: Life) -> None:
        call = self._call(order, life)
        if call is None:
            return  # there is no such invoice yet
        key = self.key_of(order.id)
        before = self.answers.kept(key)
        answer = call(key)
        self._world.note(f"#{order.id} is answered {in_a_word(answer)}")
        self.answers.compare(key, before, answer)
        self.answers.believe(order, answer)

    def _call(self, order: Order, life: Life) -> Callable[[RequestKey], Answer] | None:
        service, what = life.service, order.what
        if isinstance(what, Issue):
            shop, customer = people.SHOPS[what.shop], people.CUSTOMERS[what.customer]
            return lambda key: service.issue(key, shop, customer, what.amount_soum * SOUM, what.again)
        if isinstance(what, CheckPin):
            return lambda key: service.check_pin(key, people.CUSTOMERS[what.customer], _pin(what))
        if isinstance(what, PayDirect):
            return self._call_direct(what, life)
        assert isinstance(what, ABOUT_INVOICES)
        invoice = self._invoice(order)
        if invoice is None:
            return None
        if isinstance(what, Refund):
            seller = people.SHOPS[what.shop]
            return lambda key: service.refund(key, seller, invoice, reauthenticated=True)
        if isinstance(what, Cancel):
            return lambda key: service.cancel(key, people.SHOPS[what.shop], invoice)
        customer = people.CUSTOMERS[what.customer]
        if isinstance(what, Decline):
            return lambda key: service.decline(key, customer, invoice)
        card = service.cards(customer)[what.card].id
        return lambda key: service.pay(key, customer, invoice, card, _pin(what))

    def _call_direct(self, what: PayDirect, life: Life) -> Callable[[RequestKey], Answer]:
        service, customer = life.service, people.CUSTOMERS[what.customer]
        card, amount = service.cards(customer)[what.card].id, what.amount_soum * SOUM
        to: Direct
        if what.kind == "service":
            to = ToService(self._codes[people.SHOPS[what.to]], "42", amount)
        elif what.kind == "transfer":
            to = ToPhone(people.CUSTOMERS[what.to], amount)
        else:
            to = TopUp(people.CUSTOMERS[what.to], amount)
        return lambda key: service.pay_direct(key, customer, to, card, _pin(what))

    def _invoice(self, order: Order) -> str | None:
        """What the order is about, as its sender saw it when it was first sent; every copy says the same."""
        what, answers = order.what, self.answers
        assert isinstance(what, ABOUT_INVOICES)
        if order.id not in answers.targets and what.issue in answers.issued:
            answers.targets[order.id] = str(answers.issued[what.issue])
        return answers.targets.get(order.id)

    # --- other things people do -------------------------------------------------------------------------

    def reuse_key(self, order: Order) -> None:
        what, life = order.what, self._world.life
        assert isinstance(what, ReuseKey)
        key = self.key_of(what.of)
        if (
            life is not None
            and self.answers.kept(key) is not None
            and not self._world.plan.climate.short_keys
        ):
            self._world.spawn(f"#{order.id}", lambda life: self._reuse(life, key), order=order)

    def _reuse(self, life: Life, key: RequestKey) -> None:
        answer = life.service.issue(key, people.SHOPS[0], people.CUSTOMERS[0], 7_777 * SOUM)
        must("key_reused", answer == Refused(Refusal.KEY_REUSED), f"{key.key} with another body: {answer}")

    def unlock(self, order: Order) -> None:
        what = order.what
        assert isinstance(what, Unlock)
        if self._world.life is None:
            return
        phone, unlocking = people.CUSTOMERS[what.customer], self._world.oracle.unlocking
        unlocking.add(phone)

        def work(life: Life) -> None:
            must("unlocks", life.service.unlock_customer(phone) == Done(), "an unlock was refused")

        self._world.spawn(f"#{order.id}", work, order=order, ended=lambda _: unlocking.discard(phone))

    def look(self, order: Order) -> None:
        if self._world.life is not None:
            self._world.spawn(f"#{order.id}", lambda life: self._look(life, order), order=order)

    def _look(self, life: Life, order: Order) -> None:
        what = order.what
        assert isinstance(what, Look)
        customer, shop = people.CUSTOMERS[what.customer], people.SHOPS[what.shop]
        rows = self._world.oracle.now.invoices.values()
        now = written(self._world.clock.now())
        to_decide = [
            row
            for row in rows
            if row.customer_msisdn == customer
            and (row.state == "paying" or (row.state == "issued" and row.expires_at > now))
        ]
        _equal(life.service.open_invoices(customer, limit=_ALL), to_decide)
        own = [row for row in rows if self._world.oracle.issuers[row.merchant_id] == shop]
        checked = [row for row in own if row.customer_msisdn == customer]
        if self._is_blocked(shop):
            refused = life.service.merchant_invoices(shop, limit=_ALL)
            must("blocks_hold", refused == Refused(Refusal.BLOCKED), f"{shop} is blocked and sees its list")
        else:
            _equal(life.service.merchant_invoices(shop, limit=_ALL), own)
            _equal(life.service.merchant_check(shop, customer, limit=_ALL), checked)
        for merchant, owner in self._world.oracle.issuers.items():
            if owner == shop:
                read_all(life, self._world.oracle.now, merchant)
        for view in life.service.history(customer, limit=_ALL).rows:
            state = self._world.oracle.now.payments[int(view.id)].state
            must(
                "lists_are_true",
                (view.status is Status.PAID) == (state in ("approved", "refunding")),
                f"{view}: {state}",
            )

    def _is_blocked(self, shop: str) -> bool:
        oracle = self._world.oracle
        return any(
            row.state == "blocked" for row in oracle.now.shops.values() if oracle.issuers[row.id] == shop
        )


def _equal(shown: Rows[InvoiceView] | Refused, rows: list[InvoiceRow]) -> None:
    assert isinstance(shown, Rows)
    found = [(int(view.id), view.amount_tiyin) for view in shown.rows]
    expected = [(row.id, row.amount_tiyin) for row in reversed(rows)]
    must("lists_are_true", found == expected, f"shown {found}, stored {expected}")


def _pin(what: Paying | CheckPin) -> str:
    return people.PINS[what.customer] if what.pin_right else people.WRONG_PIN
