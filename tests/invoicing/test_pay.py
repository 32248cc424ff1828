"""T2-T4: paying, and every reason not to."""

from __future__ import annotations

import pytest

from invoicing import (
    Approved,
    Behaviour,
    Declined,
    NotReversed,
    Paid,
    Pending,
    PurchaseRequest,
    Refusal,
    Refused,
    ReversalRequest,
    Status,
    Unknown,
    ledger,
)
from invoicing.registration import DEMO_PAN
from invoicing.storage.connect import reading
from tests.invoicing.world import CUSTOMER, FIFTY, PIN, SHOP, SOUM, STRANGER, WRONG_PIN, World


def test_a_paid_invoice_moves_the_money_and_tells_both(world: World) -> None:
    invoice = world.issue()

    answer = world.pay(invoice)

    assert isinstance(answer, Paid)
    assert answer.payment_number == 5_000_001
    assert answer.invoice.status is Status.PAID
    assert answer.invoice.payment_number == 5_000_001
    assert answer.invoice.paid_at == world.clock.now()
    assert world.balance_soum == 10_000
    assert world.texts(SHOP) == ["Оплата по счету №1001 на сумму 50 000 сум успешно произведена"]
    assert world.texts(CUSTOMER)[1:] == ["CLICK: счет №1001 оплачен, 50 000 сум, MAGAZIN-24. Платеж №5000001"]
    assert world.sound()


def test_the_books_owe_the_merchant_what_the_bank_owes_us(world: World) -> None:
    world.pay(world.issue())

    with reading(world.engine) as conn:
        assert ledger.receivable_tiyin(conn) == FIFTY
        assert ledger.payable_tiyin(conn, merchant_id=1) == FIFTY
        assert ledger.fee_income_tiyin(conn) == 0


def test_a_fee_is_taken_from_what_the_merchant_is_owed(world: World) -> None:
    world.service.add_merchant("Dokon", "998935556677", fee_bp=100)
    world.pay(world.issue(shop="998935556677"))

    with reading(world.engine) as conn:
        assert ledger.receivable_tiyin(conn) == 5_000_000
        assert ledger.payable_tiyin(conn, merchant_id=3) == 4_950_000
        assert ledger.fee_income_tiyin(conn) == 50_000
    assert world.sound()


@pytest.mark.parametrize(
    ("amount", "bp", "fee"), [(5_000_000, 100, 50_000), (149, 100, 1), (150, 100, 2), (1, 0, 0)]
)
def test_a_fee_is_rounded_half_up(amount: int, bp: int, fee: int) -> None:
    assert ledger.fee_tiyin(amount, bp) == fee


def test_without_the_money_the_invoice_waits_on_and_only_the_customer_is_told(world: World) -> None:
    invoice = world.issue(60_001 * SOUM)

    answer = world.pay(invoice)

    assert answer == Refused(
        Refusal.CARD_DECLINED, {"number": 1001, "code": "51", "why": "funds", "text": "нет средств"}
    )
    assert world.now_of(invoice).status is Status.AWAITING
    assert world.balance_soum == 60_000
    assert world.count("entry") == 0
    assert world.texts(CUSTOMER)[1:] == ["CLICK: счет №1001 не оплачен: нет средств. Деньги не списаны"]
    assert world.texts(SHOP) == []
    assert world.sound()


def test_a_declined_invoice_can_be_paid_from_another_card(world: World) -> None:
    invoice = world.issue(60_001 * SOUM)
    world.pay(invoice)
    other = world.link("9860490000091234", 70_000)

    answer = world.service.pay(world.key(), CUSTOMER, invoice.id, other, PIN)

    assert isinstance(answer, Paid)
    assert world.sound()


@pytest.mark.parametrize(
    ("pan", "code", "why"),
    [("8600490000050005", "05", "refused"), ("8600490000080051", "51", "funds")],
)
def test_the_sandbox_has_cards_that_always_refuse(world: World, pan: str, code: str, why: str) -> None:
    invoice = world.issue()
    card = world.link(pan, 1_000_000)

    answer = world.service.pay(world.key(), CUSTOMER, invoice.id, card, PIN)

    assert isinstance(answer, Refused)
    assert (answer.params["code"], answer.params["why"]) == (code, why)


def test_after_five_refusals_paying_pauses_for_a_quarter_of_an_hour(world: World) -> None:
    invoice = world.issue(60_001 * SOUM)
    for _ in range(5):
        world.pay(invoice)

    paused = world.pay(invoice)
    world.clock.advance(minutes=14, seconds=1)
    still = world.pay(invoice)
    world.clock.advance(seconds=59)
    after = world.pay(invoice)

    assert paused == Refused(Refusal.PAUSED, {"minutes": 15})
    assert still == Refused(Refusal.PAUSED, {"minutes": 1})
    assert isinstance(after, Refused)
    assert after.reason is Refusal.CARD_DECLINED


@pytest.mark.parametrize("by", [STRANGER, SHOP])
def test_only_the_invoiced_customer_pays(world: World, by: str) -> None:
    world.service.add_customer(by, PIN)
    world.link("9860490000091234", 100_000, customer=by)
    invoice = world.issue()

    answer = world.service.pay(world.key(), by, invoice.id, world.service.cards(by)[0].id, PIN)

    assert answer == Refused(Refusal.NOT_FOUND)
    assert world.service.open_invoice(by, invoice.id) == Refused(Refusal.NOT_FOUND)
    assert world.service.open_invoices(by).rows == ()
    assert world.now_of(invoice).status is Status.AWAITING


def test_somebody_elses_card_does_not_pay(world: World) -> None:
    world.service.add_customer(STRANGER, PIN)
    foreign = world.link("9860490000091234", 100_000, customer=STRANGER)
    invoice = world.issue()

    assert world.service.pay(world.key(), CUSTOMER, invoice.id, foreign, PIN) == Refused(Refusal.NO_CARD)


@pytest.mark.parametrize("invoice_id", ["", "x", "-1", "٣", "99", "1" * 40])
def test_an_id_that_was_never_given_out_names_no_invoice(world: World, invoice_id: str) -> None:
    world.issue()

    answer = world.service.pay(world.key(), CUSTOMER, invoice_id, world.card_id, PIN)

    assert answer == Refused(Refusal.NOT_FOUND)


def test_a_stranger_is_told_that_no_card_is_linked(world: World) -> None:
    invoice = world.issue(customer=STRANGER)

    answer = world.service.pay(world.key(), STRANGER, invoice.id, "1", PIN)

    assert answer == Refused(Refusal.NOT_CONNECTED)
    assert world.service.open_invoices(STRANGER).rows == (invoice,)


def test_an_overdue_invoice_is_not_paid_even_before_the_clock_job_ran(world: World) -> None:
    invoice = world.issue()
    world.clock.advance(hours=24)

    assert world.pay(invoice) == Refused(Refusal.ALREADY_EXPIRED, {"number": 1001})
    assert world.service.open_invoices(CUSTOMER).rows == ()


def test_a_paid_invoice_is_neither_paid_nor_declined_again(world: World) -> None:
    invoice = world.issue()
    world.pay(invoice)

    refused = Refused(Refusal.ALREADY_PAID, {"number": 1001})
    assert world.pay(invoice) == refused
    assert world.service.decline(world.key(), CUSTOMER, invoice.id) == refused
    assert world.service.cancel(world.key(), SHOP, invoice.id) == refused
    assert world.balance_soum == 10_000


class AskingBank:
    """A processor that runs something while the switch is being asked, or answers what it is told to."""

    terminal = "TEST0001"

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer: object = None
        self.up = True
        self.calls = 0

    def available(self) -> bool:
        return self.up

    def tokenise(self, pan: str, exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        return self.world.bank.tokenise(pan, exp_yymm, msisdn)

    def purchase(self, request: PurchaseRequest) -> Approved | Declined | Unknown:
        self.calls += 1
        if callable(self.answer):
            return self.answer(request)  # type: ignore[no-any-return]
        return self.world.bank.purchase(request)

    def refund(self, request: PurchaseRequest) -> Approved | Declined | Unknown:
        return self.world.bank.refund(request)

    def reverse(self, request: ReversalRequest) -> NotReversed:
        return NotReversed()

    def balance(self, token: str) -> int | None:
        return self.world.bank.balance(token)


@pytest.fixture
def asking(world: World) -> AskingBank:
    bank = AskingBank(world)
    world.play(bank)
    return bank


def test_while_it_is_being_paid_an_invoice_refuses_everything_else(world: World, asking: AskingBank) -> None:
    invoice = world.issue()
    seen: list[object] = []

    def meanwhile(request: PurchaseRequest) -> Approved | Declined | Unknown:
        seen.append(world.pay(invoice))
        seen.append(world.service.decline(world.key(), CUSTOMER, invoice.id))
        seen.append(world.service.cancel(world.key(), SHOP, invoice.id))
        world.clock.advance(hours=25)
        seen.append(world.workers.expire_due())
        seen.append([row.status for row in world.service.open_invoices(CUSTOMER).rows])
        return world.bank.purchase(request)

    asking.answer = meanwhile
    answer = world.pay(invoice)

    being_paid = Refused(Refusal.BEING_PAID, {"number": 1001})
    assert seen == [being_paid, being_paid, being_paid, 0, [Status.IN_PROGRESS]]
    assert isinstance(answer, Paid)
    assert asking.calls == 1


def test_the_attempt_is_stored_as_sent_before_the_switch_is_asked(world: World, asking: AskingBank) -> None:
    rows: list[tuple[str, str, str]] = []

    def look(request: PurchaseRequest) -> Declined:
        with reading(world.engine) as conn:
            rows.extend(tuple(row) for row in conn.exec_driver_sql("SELECT state, stan, rrn FROM payment"))
        return Declined("05")

    asking.answer = look
    world.pay(world.issue())

    assert rows == [("sent", "000007", "000005000001")]


def test_a_switch_that_is_down_refuses_before_an_attempt_begins(world: World, asking: AskingBank) -> None:
    asking.up = False
    invoice = world.issue()

    assert world.pay(invoice) == Refused(Refusal.UNAVAILABLE)
    assert world.count("payment") == 0
    assert world.now_of(invoice).status is Status.AWAITING


@pytest.mark.parametrize(
    "told",
    [
        Approved("000007", "000005000001", FIFTY - 1, "000001"),
        Approved("000007", "000005000001", FIFTY + 1, "000001"),
        Approved("000001", "000005000001", FIFTY, "000001"),
        Approved("000007", "000005000002", FIFTY, "000001"),
    ],
)
def test_an_approval_of_something_else_is_reversed_and_never_paid(
    world: World, asking: AskingBank, told: Approved
) -> None:
    asking.answer = lambda _: told
    invoice = world.issue()

    assert world.pay(invoice) == Pending(1001, 5_000_001)
    assert world.now_of(invoice).status is Status.IN_PROGRESS
    assert world.count("entry") == 0
    assert world.count("reversal") == 1
    assert world.texts(SHOP) == []
    assert world.sound()


def test_a_processor_that_fails_leaves_the_outcome_unknown(world: World, asking: AskingBank) -> None:
    def fail(request: PurchaseRequest) -> Declined:
        raise OSError("line cut")

    asking.answer = fail
    invoice = world.issue()

    assert world.pay(invoice) == Pending(1001, 5_000_001)
    assert world.texts(CUSTOMER)[1:] == [
        "CLICK: платеж по счету №1001 обрабатывается. Не платите повторно",
    ]


def test_no_pin_is_asked_for_when_the_guards_already_refuse(world: World) -> None:
    invoice = world.issue()
    world.pay(invoice)

    for _ in range(5):
        world.pay(invoice, pin=WRONG_PIN)

    assert isinstance(world.pay(world.issue(10_000 * SOUM)), Paid)


def test_the_reason_of_a_refusal_is_in_the_customers_language(world: World) -> None:
    world.service.set_language(CUSTOMER, "uz")
    world.bank.set_behaviour(world.bank.tokenise(DEMO_PAN, ""), Behaviour.BANK_DOWN)

    answer = world.pay(world.issue())

    assert isinstance(answer, Refused)
    assert answer.params["text"] == "bank ishlamayapti"
    assert world.texts(CUSTOMER)[-1] == (
        "CLICK: 1001-sonli hisob to'lanmadi: bank ishlamayapti. Pul yechilmadi"
    )
