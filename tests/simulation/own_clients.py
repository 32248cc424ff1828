"""People at their own cards, PINs, codes and phones; operators who block; processes that claim the lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import pytest

from invoicing import (
    CardLinked,
    CodeSent,
    DirectPaid,
    Done,
    PinRight,
    Refusal,
    Refused,
    RequestKey,
    StorageError,
    TopUp,
    codes,
)
from tests.simulation import people
from tests.simulation.answers import SOUM, Answers, in_a_word
from tests.simulation.database import written
from tests.simulation.life import Life
from tests.simulation.orders import SECOND, Order
from tests.simulation.own_oracle import Choice
from tests.simulation.own_orders import (
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
from tests.simulation.scheduler import current
from tests.simulation.verdict import must
from tests.simulation.world import World

_SCOPE: Final = "own"
_EXPIRY: Final = "1235"
_RENEW_MS: Final = 2 * SECOND


class OwnClients:
    """Each order is carried out once; whoever is cut off by a crash does not ask again."""

    def __init__(self, world: World, answers: Answers) -> None:
        self._world = world
        self._answers = answers
        self._asked: dict[int, str] = {}
        self._contending: set[int] = set()

    def carry_out(self, order: Order, what: Own) -> None:
        if self._world.life is None:
            return
        if isinstance(what, TypeCode):
            for copy in range(what.copies):
                self._spawn(order, copy, lambda life: self._type_code(life, what))
            return
        if isinstance(what, Contend):
            if what.contender not in self._contending:
                self._contending.add(what.contender)
                ended = self._contending.discard
                self._world.spawn(
                    f"#{order.id}",
                    lambda life: self._contend(life, what),
                    order=order,
                    ended=lambda _: ended(what.contender),
                )
            return
        self._spawn(order, 0, lambda life: self._do(life, order, what))

    def _spawn(self, order: Order, copy: int, work: object) -> None:
        self._world.spawn(f"#{order.id}.{copy}", work, order=order)  # type: ignore[arg-type]

    def _do(self, life: Life, order: Order, what: Own) -> None:
        match what:
            case Link():
                self._link(life, order, what)
            case Choose():
                self._choose(life, order, what)
            case Spend():
                self._spend(life, order, what)
            case AskCode(shop):
                sent = life.service.request_code(people.SHOPS[shop], codes.LOGIN)
                if isinstance(sent, CodeSent):
                    self._asked[order.id] = sent.request_ref
                    self._world.counts["code"] += 1
            case SeeSim(customer, sim):
                if life.service.see_sim(people.CUSTOMERS[customer], f"imsi-{sim}"):
                    self._world.counts["SIM changed"] += 1
            case VerifySim(customer):
                life.service.verify_sim(people.CUSTOMERS[customer])
            case BlockShop(shop, blocked):
                service, phone = life.service, people.SHOPS[shop]
                done = service.block_merchant(phone) if blocked else service.unblock_merchant(phone)
                must("blocks_hold", isinstance(done, Done), f"{phone} was not blocked: {done}")
                self._world.counts["shop blocked"] += blocked
            case BlockPair():
                self._block_pair(life, order, what)

    def _key(self, order: Order, step: str) -> RequestKey:
        return RequestKey.api(_SCOPE, f"own-{order.id}-{step}")

    # --- cards and PINs ---------------------------------------------------------------------------------

    def _link(self, life: Life, order: Order, what: Link) -> None:
        phone, pan = people.NEWCOMERS[what.newcomer], people.newcomers_pan(what.of)
        answer = life.service.link_card(self._key(order, "link"), phone, pan, _EXPIRY)
        self._world.note(f"#{order.id} is answered {in_a_word(answer)}")
        if isinstance(answer, CardLinked):
            self._world.counts["card linked"] += 1
            self._world.oracle.own.card_told(self._world.oracle.now, phone, people.newcomers_token(what.of))

    def _choose(self, life: Life, order: Order, what: Choose) -> None:
        phone = people.NEWCOMERS[what.newcomer]
        choice = Choice(people.NEW_PINS[what.pin], people.NEW_PINS[what.again])
        choices = self._world.oracle.own.choosing[phone]
        choices.append(choice)
        try:
            self._type_pins(life, order, phone, what, choice)
        finally:
            choices.remove(choice)

    def _type_pins(self, life: Life, order: Order, phone: str, what: Choose, choice: Choice) -> None:
        service, task = life.service, current()
        if what.old is not None:
            task.typed = people.NEW_PINS[what.old]
            may = True  # where a crash keeps the answer back, it may have been right
            try:
                begun = service.begin_pin_change(self._key(order, "old"), phone, task.typed)
                may = isinstance(begun, PinRight)
            finally:
                if may:
                    self._world.oracle.own.let.add(phone)
            task.typed = None
            if not may:
                return
            task.pause(what.pause_ms)
        if service.propose_pin(self._key(order, "new"), phone, choice.pin) != Done():
            return
        task.pause(what.pause_ms)
        answer = service.confirm_pin(self._key(order, "again"), phone, choice.again)
        self._world.note(f"#{order.id} is answered {in_a_word(answer)}")
        if isinstance(answer, Done):
            self._world.counts["PIN chosen" if what.old is None else "PIN changed"] += 1
            self._world.oracle.own.pin_told(self._world.oracle.now, phone, choice.again)

    def _spend(self, life: Life, order: Order, what: Spend) -> None:
        service, phone = life.service, people.NEWCOMERS[what.newcomer]
        cards = service.cards(phone)
        if not cards:
            return
        task = current()
        task.typed = people.NEW_PINS[what.pin]
        to = TopUp(phone, what.amount_soum * SOUM)
        answer = service.pay_direct(self._key(order, "spend"), phone, to, cards[0].id, task.typed)
        task.typed = None
        self._world.note(f"#{order.id} is answered {in_a_word(answer)}")
        if isinstance(answer, DirectPaid):
            self._world.oracle.promise_payment(f"#{order.id}", answer.payment.number)

    # --- codes ------------------------------------------------------------------------------------------

    def _type_code(self, life: Life, what: TypeCode) -> None:
        ref = self._asked.get(what.ask)
        if ref is None:
            return
        oracle = self._world.oracle
        row = next(one for one in oracle.now.codes.values() if one.request_ref == ref)
        code = oracle.own.codes[ref]
        typed = code if what.right else f"{(int(code) + 1) % 10**6:06d}"
        answer = life.service.use_code(row.msisdn, codes.LOGIN, ref, typed)
        now = written(self._world.clock.now())
        if isinstance(answer, Done):
            self._world.counts["code used"] += 1
        if isinstance(answer, Done) or answer.reason is Refusal.CODE_OVER:
            oracle.own.code_told(oracle.now, ref, typed, now, right=isinstance(answer, Done))

    # --- blocks, the lease ------------------------------------------------------------------------------

    def _block_pair(self, life: Life, order: Order, what: BlockPair) -> None:
        invoice = self._answers.issued.get(what.issue)
        if invoice is None:
            return
        customer = people.CUSTOMERS[what.customer]
        answer = life.service.block_merchant_of(self._key(order, "block"), customer, str(invoice))
        row = self._world.oracle.now.invoices[invoice]
        own = row.customer_msisdn == customer
        must("own_invoices_only", own or isinstance(answer, Refused), f"#{order.id} is told {answer}")
        if isinstance(answer, Done):
            self._world.counts["pair blocked"] += 1
            pairs = {(pair.merchant_id, pair.customer_msisdn) for pair in self._world.oracle.now.pairs}
            must("acknowledged", (row.merchant_id, customer) in pairs, f"#{order.id}: the block is not kept")

    def _contend(self, life: Life, what: Contend) -> None:
        lease = life.leases[what.contender]
        for _ in range(what.times):
            try:
                self._world.counts["lease held"] += lease.keep()
            except StorageError as error:
                self._world.note(f"the lease is not kept: {error}")
            current().pause(_RENEW_MS)
        if what.release:
            lease.release()


@contextmanager
def known_codes(made: dict[str, str]) -> Iterator[None]:
    """Codes in a row in place of random ones while the block lasts; `made` gets each by its reference."""
    numbers = count(1)

    def make(_cls: type[codes.Fresh]) -> codes.Fresh:
        number = next(numbers)
        fresh = codes.Fresh(f"{(number * 736_457) % 10**6:06d}", f"{number:032x}")
        made[fresh.request_ref] = fresh.code
        return fresh

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes.Fresh, "make", classmethod(make))
        yield
