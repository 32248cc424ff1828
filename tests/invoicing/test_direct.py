"""Payments without an invoice: a shop by its code, a transfer, a top-up; the attempt is the same machine."""

from __future__ import annotations

import pytest

from invoicing import (
    Behaviour,
    CardLinked,
    Direct,
    DirectPaid,
    Pending,
    Quote,
    Recipient,
    Recovered,
    Refusal,
    Refused,
    Status,
    ToCard,
    ToPhone,
    TopUp,
    ToService,
    ledger,
)
from invoicing.processors.sandbox import airtime
from invoicing.registration import DEMO_PAN
from invoicing.storage.connect import reading
from tests.invoicing.world import CUSTOMER, PIN, SHOP, SOUM, STRANGER, World

TEN = 10_000 * SOUM
OTHER_PAN = "9860490000091234"
SERVICE_CODE = "0100001"


@pytest.fixture
def receiver(world: World) -> str:
    world.service.add_customer(STRANGER, PIN)
    world.link(OTHER_PAN, 0, customer=STRANGER)
    return STRANGER


def pay(world: World, what: Direct, *, card: str | None = None) -> DirectPaid | Pending | Refused:
    return world.service.pay_direct(world.key(), CUSTOMER, what, card or world.card_id, PIN)


def test_a_shop_is_paid_by_its_code_and_told_whose_account_it_was(world: World) -> None:
    answer = pay(world, ToService(SERVICE_CODE, "LS-4471", TEN))

    assert isinstance(answer, DirectPaid)
    assert (answer.payment.number, answer.payment.kind) == (5_000_001, "service")
    assert answer.payment.merchant_name_sms == "MAGAZIN-24"
    assert world.balance_soum == 50_000
    assert world.texts(SHOP) == ["Оплата LS-4471 на сумму 10 000 сум, платеж №5000001"]
    assert world.texts(CUSTOMER) == ["CLICK: MAGAZIN-24: 10 000 сум оплачено. Платеж №5000001"]
    with reading(world.engine) as conn:
        assert ledger.payable_tiyin(conn, 1) == ledger.receivable_tiyin(conn) == TEN
    assert world.sound()


def test_a_transfer_to_a_phone_goes_to_its_card_in_the_same_operation_and_both_are_told(
    world: World, receiver: str
) -> None:
    answer = pay(world, ToPhone(receiver, TEN))

    assert isinstance(answer, DirectPaid)
    assert answer.payment.merchant_name_sms == receiver
    assert world.texts(receiver) == ["CLICK: вам перевод 10 000 сум от 998901234567. №5000001"]
    assert (world.balance_soum, world.bank.balance(world.bank.tokenise(OTHER_PAN, ""))) == (50_000, TEN)
    with reading(world.engine) as conn:
        assert (ledger.through_tiyin(conn, "transfer"), ledger.receivable_tiyin(conn)) == (TEN, 0)
    assert world.sound()


def test_a_transfer_to_a_card_names_it_by_four_digits_and_keeps_no_number(world: World) -> None:
    known = world.service.recipient(OTHER_PAN)
    again = world.service.recipient(OTHER_PAN)
    assert isinstance(known, Recipient)
    answer = pay(world, ToCard(known.id, TEN))

    assert known == again
    assert isinstance(answer, DirectPaid)
    assert answer.payment.merchant_name_sms == "*1234"
    assert world.bank.balance(world.bank.tokenise(OTHER_PAN, "")) == TEN
    assert OTHER_PAN.encode() not in world.everything_kept()
    assert world.sound()


def test_a_phone_is_topped_up_also_ones_own(world: World) -> None:
    answers = [pay(world, TopUp(phone, TEN)) for phone in (CUSTOMER, "901112233")]

    assert all(isinstance(answer, DirectPaid) for answer in answers)
    assert [world.bank.balance(airtime(phone)) for phone in (CUSTOMER, SHOP)] == [TEN, TEN]
    assert world.balance_soum == 40_000
    with reading(world.engine) as conn:
        assert (ledger.through_tiyin(conn, "topup"), ledger.receivable_tiyin(conn)) == (2 * TEN, 0)
    assert world.sound()


REFUSED = [
    (ToService("0100009", "1", TEN), Refusal.UNKNOWN_SERVICE),
    (ToService("0099999", "1", TEN), Refusal.UNKNOWN_SERVICE),
    (ToService("100001", "1", TEN), Refusal.UNKNOWN_SERVICE),
    (ToService(SERVICE_CODE, "", TEN), Refusal.BAD_ACCOUNT),
    (ToService(SERVICE_CODE, "=1+1", TEN), Refusal.BAD_ACCOUNT),
    (ToService(SERVICE_CODE, "1", 999 * SOUM), Refusal.AMOUNT_RANGE),
    (ToPhone(CUSTOMER, TEN), Refusal.OWN_NUMBER),
    (ToPhone(STRANGER, TEN), Refusal.NO_RECEIVER),
    (ToPhone("711234567", TEN), Refusal.NOT_MOBILE),
    (ToCard("77", TEN), Refusal.NO_RECEIVER),
    (ToCard("x", TEN), Refusal.NO_RECEIVER),
    (TopUp("12345", TEN), Refusal.BAD_PHONE),
    (TopUp(CUSTOMER, -TEN), Refusal.AMOUNT_RANGE),
    (TopUp(CUSTOMER, 2**63), Refusal.AMOUNT_RANGE),
]


@pytest.mark.parametrize(("what", "reason"), REFUSED)
def test_what_cannot_be_paid_is_refused_before_and_at_the_payment(
    world: World, what: Direct, reason: Refusal
) -> None:
    quoted, paid = world.service.quote(CUSTOMER, what), pay(world, what)

    assert isinstance(quoted, Refused)
    assert isinstance(paid, Refused)
    assert quoted.reason is paid.reason is reason
    assert world.count("payment") == 0
    assert world.balance_soum == 60_000


def test_a_quote_says_who_would_get_how_much_and_a_stranger_gets_none(world: World) -> None:
    what = ToService(SERVICE_CODE, "12", TEN)

    assert world.service.quote(CUSTOMER, what) == Quote("MAGAZIN-24", TEN)
    assert world.service.quote(STRANGER, what) == Refused(Refusal.NOT_CONNECTED)


def test_the_same_request_pays_once_and_another_body_under_its_key_pays_nothing(world: World) -> None:
    key = world.key()
    first = world.service.pay_direct(key, CUSTOMER, TopUp(CUSTOMER, TEN), world.card_id, PIN)

    assert world.service.pay_direct(key, CUSTOMER, TopUp(CUSTOMER, TEN), world.card_id, PIN) == first
    other = world.service.pay_direct(key, CUSTOMER, TopUp(CUSTOMER, 2 * TEN), world.card_id, PIN)
    assert other == Refused(Refusal.KEY_REUSED)
    assert world.balance_soum == 50_000


def test_while_the_outcome_is_unknown_an_equal_payment_waits_and_the_money_comes_back(world: World) -> None:
    lost = world.link("8600490000090068", 60_000)
    token = world.bank.tokenise("8600490000090068", "")
    unknown = pay(world, TopUp(STRANGER, TEN), card=lost)
    meanwhile = pay(world, TopUp(STRANGER, TEN))
    another = pay(world, TopUp(CUSTOMER, TEN))

    assert unknown == Pending(None, 5_000_001)
    assert meanwhile == Refused(Refusal.STILL_UNDECIDED)
    assert isinstance(another, DirectPaid)
    assert world.workers.recover() == Recovered(given_up=0, reversed=1)
    assert world.bank.balance(token) == 60_000 * SOUM
    assert world.bank.balance(airtime(STRANGER)) == 0
    assert isinstance(pay(world, TopUp(STRANGER, TEN)), DirectPaid)
    assert "CLICK: платеж №5000001 отменен, 10 000 сум возвращены" in world.texts(CUSTOMER)
    assert [row.status for row in world.service.history(CUSTOMER).rows] == [
        Status.PAID, Status.PAID, Status.CANCELLED,
    ]  # fmt: skip
    assert world.sound()


def test_a_refused_payment_is_told_with_the_reason_and_books_nothing(world: World) -> None:
    answer = pay(world, TopUp(CUSTOMER, 60_001 * SOUM))

    assert isinstance(answer, Refused)
    assert (answer.reason, answer.params["code"]) == (Refusal.CARD_DECLINED, "51")
    assert world.count("transfer") == 0
    assert world.texts(CUSTOMER) == ["CLICK: 998901234567, 60 001 сум: нет средств. Деньги не списаны"]


def test_a_stranger_links_a_card_chooses_a_pin_and_pays(world: World) -> None:
    linked = world.service.link_card(world.key(), STRANGER, OTHER_PAN, "1230")
    world.bank.set_balance(world.bank.tokenise(OTHER_PAN, ""), 20_000 * SOUM)
    world.service.propose_pin(world.key(), STRANGER, PIN)
    world.service.confirm_pin(world.key(), STRANGER, PIN)
    card = world.service.cards(STRANGER)[0].id

    assert linked == CardLinked("1234", choose_pin=True)
    paid = world.service.pay_direct(world.key(), STRANGER, ToPhone(CUSTOMER, TEN), card, PIN)
    assert isinstance(paid, DirectPaid)


def test_a_transfer_whose_answer_is_lost_is_taken_from_the_receiver_again_or_never_came_to_him(
    world: World, receiver: str
) -> None:
    to, mine = world.bank.tokenise(OTHER_PAN, ""), world.bank.tokenise(DEMO_PAN, "")
    held, was = [], []
    for behaviour in (Behaviour.ANSWER_LOST, Behaviour.REQUEST_LOST):
        world.bank.set_behaviour(mine, behaviour)
        assert isinstance(pay(world, ToPhone(receiver, TEN)), Pending)
        was.append(world.bank.balance(to))
        assert world.workers.recover() == Recovered(given_up=0, reversed=1)
        held.append((world.balance_soum, world.bank.balance(to)))

    assert was == [TEN, 0]
    assert held == [(60_000, 0)] * 2
    assert world.texts(receiver) == []
    assert world.count("transfer") == 0
    assert world.sound()
