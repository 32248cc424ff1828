"""T10: the whole sum back, by the owner, in the month of the payment, through the same attempt machine."""

from __future__ import annotations

import pytest

from invoicing import (
    Behaviour,
    Paid,
    Pending,
    Recovered,
    Refunded,
    Refusal,
    Refused,
    SessionKind,
    SignedIn,
    Status,
    WebRole,
    ledger,
)
from invoicing.registration import DEMO_PAN
from invoicing.reports import Reports
from invoicing.results import InvoiceView
from invoicing.storage import people
from invoicing.storage.connect import reading, write
from tests.invoicing.test_requests import at_once
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, World

CASHIER = "998907654321"


@pytest.fixture
def paid(world: World) -> InvoiceView:
    invoice = world.issue()
    assert isinstance(world.pay(invoice), Paid)
    return invoice


def refund(world: World, invoice: InvoiceView, by: str = SHOP, **words: bool) -> object:
    return world.service.refund(
        world.key(), by, invoice.id, reauthenticated=words.get("reauthenticated", True)
    )


def test_a_refund_gives_the_whole_sum_back_and_turns_the_entries_round(
    world: World, paid: InvoiceView
) -> None:
    answer = refund(world, paid)

    assert isinstance(answer, Refunded)
    assert answer.invoice.status is Status.REFUNDED
    assert world.balance_soum == 60_000
    with reading(world.engine) as conn:
        assert ledger.payable_tiyin(conn, 1) == ledger.receivable_tiyin(conn) == 0
    assert world.texts(CUSTOMER)[-1] == "CLICK: MAGAZIN-24 вернул 50 000 сум по счету №1001"
    assert world.texts(SHOP)[-1] == "Возврат по счету №1001 на сумму 50 000 сум выполнен"
    assert [row.status for row in world.service.history(CUSTOMER).rows] == [Status.REFUNDED]
    assert world.sound()


def test_a_refund_gives_the_fee_back_too(world: World) -> None:
    world.service.add_merchant("Dokon", "998935556677", fee_bp=100)
    invoice = world.issue(shop="998935556677")
    world.pay(invoice)
    refund(world, invoice, by="998935556677")

    with reading(world.engine) as conn:
        assert ledger.fee_income_tiyin(conn) == ledger.payable_tiyin(conn, 3) == 0
    assert world.sound()


def test_what_may_not_be_refunded_is_refused_with_its_reason(world: World, paid: InvoiceView) -> None:
    def add_cashier(conn: object) -> bool:
        return people.add_merchant_user(conn, merchant_id=1, msisdn=CASHIER, role="cashier")  # type: ignore[arg-type]

    write(world.engine, add_cashier)
    open_ = world.issue(1_000_00)

    assert refund(world, paid, by=OTHER_SHOP) == Refused(Refusal.NOT_FOUND)
    assert refund(world, paid, by=CUSTOMER) == Refused(Refusal.NOT_MERCHANT)
    assert refund(world, paid, by=CASHIER) == Refused(Refusal.NOT_ALLOWED)
    assert refund(world, paid, reauthenticated=False) == Refused(Refusal.NOT_AUTHENTICATED)
    assert refund(world, open_) == Refused(Refusal.NOT_PAID, {"number": 1002})
    refund(world, paid)
    assert refund(world, paid) == Refused(Refusal.ALREADY_REFUNDED, {"number": 1001})
    assert world.balance_soum == 60_000


@pytest.mark.parametrize(("days", "allowed"), [(6, True), (7, False)])
def test_the_window_is_the_calendar_month_of_tashkent(
    world: World, paid: InvoiceView, days: int, allowed: bool
) -> None:
    world.clock.advance(days=days, hours=16)  # 23:20 of the 30th, or of the 1st

    assert isinstance(refund(world, paid), Refunded) is allowed


def test_a_repeat_gets_the_first_answer_and_twenty_at_once_refund_once(file_world: World) -> None:
    world = file_world
    invoice = world.issue()
    world.pay(invoice)
    keys = [world.key() for _ in range(10)]
    asked = [key for key in keys for _ in range(2)]
    answers = at_once(
        20, lambda place: world.service.refund(asked[place], SHOP, invoice.id, reauthenticated=True)
    )
    first = next(key for key, answer in zip(asked, answers, strict=True) if isinstance(answer, Refunded))

    assert isinstance(world.service.refund(first, SHOP, invoice.id, reauthenticated=True), Refunded)
    assert world.balance_soum == 60_000
    assert world.count("transfer") == 2
    assert world.sound()


@pytest.mark.parametrize("behaviour", [Behaviour.ANSWER_LOST, Behaviour.REQUEST_LOST])
def test_an_unknown_refund_is_taken_back_and_may_be_asked_for_again(
    world: World, paid: InvoiceView, behaviour: Behaviour
) -> None:
    token = world.bank.tokenise(DEMO_PAN, "")
    world.bank.set_behaviour(token, behaviour)
    unknown = refund(world, paid)
    meanwhile = refund(world, paid)
    world.bank.set_behaviour(token, Behaviour.NORMAL)

    assert unknown == Pending(None, 5_000_002)
    assert meanwhile == Refused(Refusal.BEING_REFUNDED, {"number": 1001})
    assert world.sound()
    assert world.workers.recover() == Recovered(given_up=0, reversed=1)
    assert world.balance_soum == 10_000
    assert world.now_of(paid).status is Status.PAID
    assert isinstance(refund(world, paid), Refunded)
    assert world.balance_soum == 60_000
    assert world.sound()


def test_a_refund_that_the_bank_refuses_leaves_the_payment_as_it_was(world: World, paid: InvoiceView) -> None:
    world.bank.set_behaviour(world.bank.tokenise(DEMO_PAN, ""), Behaviour.DECLINE)
    answer = refund(world, paid)

    assert isinstance(answer, Refused)
    assert answer.reason is Refusal.CARD_DECLINED
    assert world.now_of(paid).status is Status.PAID
    assert world.texts(SHOP)[-1] == "Возврат по счету №1001 не выполнен: отказ банка"
    assert world.sound()


def test_while_the_bank_is_down_no_refund_begins(world: World, paid: InvoiceView) -> None:
    world.bank.switch_off()

    assert refund(world, paid) == Refused(Refusal.UNAVAILABLE)
    assert world.count("payment") == 1


def test_the_invoices_story_has_the_sms_of_its_refunds(world: World, paid: InvoiceView) -> None:
    token = world.bank.tokenise(DEMO_PAN, "3012")
    world.bank.set_behaviour(token, Behaviour.DECLINE)
    refund(world, paid)
    world.bank.set_behaviour(token, Behaviour.NORMAL)
    refund(world, paid)
    told = Reports(world.engine, clock=world.clock).invoice(owner_of(world), paid.id)

    assert not isinstance(told, Refused)
    assert [notice.template for notice in told[1].notices] == [
        "issued_customer",
        "paid_merchant",
        "paid_customer",
        "refund_refused_merchant",
        "refunded_customer",
        "refunded_merchant",
    ]


def owner_of(world: World) -> SignedIn:
    now = world.clock.now()
    words = ("1", SHOP, 1, "MAGAZIN-24", "ru", now, now, now)
    return SignedIn("1", SessionKind.WEB, WebRole.OWNER, *words)
