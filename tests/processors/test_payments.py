"""Payments of the domain over a real switch, by the cases of domain.md 6: F2-F8, S22."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from invoicing import (
    CardLinked,
    InvoiceView,
    LateAnswers,
    Paid,
    Pending,
    Recipient,
    Recovered,
    Refusal,
    Refused,
    Status,
    connect,
    payments,
)
from invoicing.payments import PayAnswer
from invoicing.processors.iso8583 import Stray, StrayAnswer
from invoicing.storage import audit
from invoicing.storage.connect import reading, write
from invoicing.storage.payments import by_id
from tests.invoicing.world import CUSTOMER, FIFTY, PIN, SHOP, World, on_file
from tests.peers.control import SwitchProcess
from tests.processors.conftest import MakeTill, Till, until

PAN = "8600490000061234"
BALANCE = 500_000_00


class Shop:
    """The domain on a file, a switch that knows one card, and the link between them."""

    def __init__(self, folder: Path, switch: SwitchProcess, till: Till) -> None:
        self._url = f"sqlite:///{folder / 'money.db'}"
        self.switch, self.till = switch, till
        self.token = switch.card("tok-1", BALANCE, pan=PAN)
        self.world = World(on_file(folder))
        self.world.play(till.host)
        self.world.service.add_card(CUSTOMER, PAN, "1230")
        self.card_id = self.world.service.cards(CUSTOMER)[-1].id

    def pay(self, invoice: InvoiceView) -> PayAnswer:
        return self.world.service.pay(self.world.key(), CUSTOMER, invoice.id, self.card_id, PIN)

    def status(self, invoice: InvoiceView) -> Status:
        return self.world.now_of(invoice).status

    def restart(self, till: Till) -> None:
        """Another process takes over: nothing but the file is kept."""
        self.world.engine.dispose()
        self.world.engine = connect(self._url, wait_s=20)
        self.till = till
        self.world.play(till.host)

    def recover(self, *, after_s: float = 0) -> Recovered:
        self.world.clock.advance(seconds=after_s)
        return self.world.workers.recover()

    def audited(self, number: int = 1) -> list[str]:
        with reading(self.world.engine) as conn:
            return [row.action for row in audit.all_of(conn, f"payment:{number}")]

    @property
    def held(self) -> int:
        return self.switch.balance(self.token)


@pytest.fixture
def shop(tmp_path: Path, switch: SwitchProcess, till: Till) -> Iterator[Shop]:
    shop = Shop(tmp_path, switch, till)
    yield shop
    shop.world.engine.dispose()


@pytest.fixture
def patient_shop(tmp_path: Path, switch: SwitchProcess, patient_till: Till) -> Iterator[Shop]:
    shop = Shop(tmp_path, switch, patient_till)
    yield shop
    shop.world.engine.dispose()


def test_a_payment_over_the_switch_is_paid_once_and_told(shop: Shop) -> None:
    invoice = shop.world.issue()

    assert isinstance(shop.pay(invoice), Paid)
    assert shop.held == BALANCE - FIFTY
    assert shop.status(invoice) is Status.PAID
    assert len(shop.world.texts(SHOP)) == 1
    assert shop.world.sound()


def test_a_refused_card_leaves_the_invoice_to_be_paid(shop: Shop) -> None:
    invoice = shop.world.issue()
    shop.switch.rule(shop.token, "54")

    answer = shop.pay(invoice)

    assert isinstance(answer, Refused)
    assert (answer.reason, answer.params["code"]) == (Refusal.CARD_DECLINED, "54")
    assert shop.status(invoice) is Status.AWAITING
    assert shop.switch.reversals() == []


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("after_sending", "known"), [(False, False), (True, True)])
def test_f2_f3_a_crash_around_sending_is_reversed_by_the_next_life(
    shop: Shop, make_till: MakeTill, monkeypatch: pytest.MonkeyPatch, after_sending: bool, known: bool
) -> None:
    invoice, purchase = shop.world.issue(), shop.till.host.purchase

    def die(request: object) -> None:
        if after_sending:
            purchase(request)  # type: ignore[arg-type]
        raise Crash

    monkeypatch.setattr(shop.till.host, "purchase", die)
    with pytest.raises(Crash):
        shop.pay(invoice)
    assert shop.held == (BALANCE - FIFTY if after_sending else BALANCE)
    fresh = make_till()
    fresh.open()
    shop.restart(fresh)

    assert shop.recover(after_s=36) == Recovered(given_up=1, reversed=1)
    assert shop.status(invoice) is Status.AWAITING
    assert shop.held == BALANCE
    assert [one["code"] for one in shop.switch.history("sent", "0430")] == ["00" if known else "25"]
    assert isinstance(shop.pay(invoice), Paid)
    assert shop.world.sound()


def test_f4_a_crash_while_an_approval_is_applied_leaves_none_of_it_and_the_money_comes_back(
    shop: Shop, make_till: MakeTill
) -> None:
    invoice = shop.world.issue()
    commits = iter(range(10))

    def fail(_: object) -> None:
        if next(commits) == 3:  # begin, start, mark sent, conclude
            raise Crash

    event.listen(shop.world.engine, "commit", fail)
    with pytest.raises(Crash):
        shop.pay(invoice)
    event.remove(shop.world.engine, "commit", fail)
    fresh = make_till()
    fresh.open()
    shop.restart(fresh)

    assert shop.held == BALANCE - FIFTY
    assert shop.world.count("entry") == 0
    shop.recover(after_s=36)
    assert shop.held == BALANCE
    assert shop.status(invoice) is Status.AWAITING
    assert shop.world.texts(SHOP) == []
    assert shop.world.sound()


def test_f5_a_lost_answer_is_unknown_then_reversed_and_nobody_pays_meanwhile(shop: Shop) -> None:
    invoice = shop.world.issue()
    shop.switch.fault("never")

    assert shop.pay(invoice) == Pending(1001, 5_000_001)
    assert shop.pay(invoice) == Refused(Refusal.BEING_PAID, {"number": 1001})
    shop.switch.fault("never", on="0420")
    shop.switch.fault("never", on="0421")
    assert [shop.recover(after_s=600).reversed for _ in range(3)] == [0, 0, 1]
    assert [mti for mti, _ in shop.switch.reversals()] == ["0420", "0421", "0421"]
    assert shop.status(invoice) is Status.AWAITING
    assert shop.held == BALANCE
    assert isinstance(shop.pay(invoice), Paid)
    assert shop.world.sound()


def test_f6_an_approval_after_the_reversal_was_queued_pays_nothing_and_is_audited(shop: Shop) -> None:
    invoice = shop.world.issue()
    shop.switch.fault("late", seconds=0.8)

    assert shop.pay(invoice) == Pending(1001, 5_000_001)
    until(lambda: bool(shop.till.strays))
    apply_late(shop, shop.till.strays[0])

    assert "answer_late" in shop.audited()
    assert shop.status(invoice) is Status.IN_PROGRESS
    assert shop.recover().reversed == 1
    assert shop.status(invoice) is Status.AWAITING
    assert shop.held == BALANCE
    assert shop.world.texts(SHOP) == []
    assert shop.world.sound()


def apply_late(shop: Shop, stray: StrayAnswer) -> None:
    """What a listener does with a late answer: conclude the attempt with its RRN, which changes nothing."""
    outcome = stray.outcome
    assert stray.kind is Stray.LATE
    assert stray.rrn == f"{5_000_001:012d}"
    assert outcome is not None
    write(
        shop.world.engine,
        lambda conn: payments.conclude(conn, shop.world.clock.now(), by_id(conn, 1), outcome),
    )


def test_f7_an_answer_that_comes_twice_is_applied_once(shop: Shop) -> None:
    invoice = shop.world.issue()
    shop.switch.fault("twice")

    assert isinstance(shop.pay(invoice), Paid)
    until(lambda: bool(shop.till.strays))
    assert shop.world.count("entry") == 2
    assert len(shop.world.texts(SHOP)) == 1
    assert shop.world.sound()


@pytest.mark.parametrize("fields", [{"4": "000004999999"}, {"11": "000999"}, {"37": "000000000999"}])
def test_f7_s22_an_approval_of_another_sum_or_attempt_is_refused_reported_and_reversed(
    shop: Shop, fields: dict[str, str]
) -> None:
    invoice = shop.world.issue()
    shop.switch.fault("other", fields=fields)

    assert isinstance(shop.pay(invoice), Pending)
    assert [stray.kind for stray in shop.till.strays] == [Stray.MISMATCH]
    assert "answer_mismatch" in shop.audited()
    assert shop.recover().reversed == 1
    assert shop.held == BALANCE
    assert shop.status(invoice) is Status.AWAITING
    assert shop.world.sound()


@pytest.mark.parametrize(
    "fields",
    [
        {"41": "OTHER001"},
        {"49": "840"},
        {"3": "200000"},
        {"39": "51", "4": "000000000001"},
        {"39": "05", "11": "000077"},
    ],
)
def test_f7_an_answer_that_contradicts_its_request_concludes_nothing_by_the_way_of_strays_either(
    shop: Shop, fields: dict[str, str]
) -> None:
    listen(shop)
    invoice = shop.world.issue()
    shop.switch.fault("other", fields=fields)

    assert isinstance(shop.pay(invoice), Pending)
    assert "stray_mismatch" in shop.audited()
    assert shop.status(invoice) is Status.IN_PROGRESS
    assert shop.world.count("entry") == 0
    assert shop.recover().reversed == 1
    assert shop.held == BALANCE
    assert shop.world.sound()


def listen(shop: Shop) -> None:
    """Hand what nobody waited for to the domain, as the service does."""
    late = LateAnswers(shop.world.engine, clock=shop.world.clock)
    shop.till.hear = lambda stray: late.take(stray.rrn, stray.kind.value, stray.outcome)


def test_f8_while_the_switch_is_down_payments_are_refused_at_once(patient_shop: Shop) -> None:
    shop = patient_shop
    invoice = shop.world.issue()
    shop.switch.order("down")
    until(lambda: not shop.till.host.available())
    began = time.monotonic()

    assert shop.pay(invoice) == Refused(Refusal.UNAVAILABLE)
    assert time.monotonic() - began < 5
    assert shop.status(invoice) is Status.AWAITING
    assert shop.world.count("payment") == 0


def test_f8_reversals_keep_their_order_over_restarts_of_both_sides_and_none_passes_a_blocked_one(
    shop: Shop, make_till: MakeTill
) -> None:
    invoices = [shop.world.issue() for _ in range(3)]
    shop.switch.fault("never", times=3)
    assert [type(shop.pay(invoice)) for invoice in invoices] == [Pending] * 3
    rrns = [one["rrn"] for one in shop.switch.history("got", "0200")]

    shop.switch.kill()
    until(lambda: not shop.till.host.available())
    assert shop.recover().reversed == 0
    shop.till.host.stop()
    shop.switch.start()
    fresh = make_till()
    fresh.open()
    shop.restart(fresh)
    shop.switch.fault("code", on="0421", code="96")  # the first is blocked
    assert shop.recover(after_s=60).reversed == 0
    assert shop.switch.reversals() == [("0421", rrns[0])]

    assert shop.recover(after_s=900).reversed == 3
    assert shop.switch.reversals() == [
        ("0421", rrns[0]),
        ("0421", rrns[0]),
        ("0420", rrns[1]),
        ("0420", rrns[2]),
    ]
    assert shop.held == BALANCE
    assert {shop.status(invoice) for invoice in invoices} == {Status.AWAITING}
    assert shop.world.sound()


def test_a_phone_links_its_own_card_and_nobody_elses(shop: Shop) -> None:
    own, others = "8600490000071209", "8600490000081208"
    shop.switch.card("tok-own", BALANCE, pan=own, phone=CUSTOMER)
    shop.switch.card("tok-others", BALANCE, pan=others, phone=SHOP)
    service = shop.world.service

    assert isinstance(service.link_card(shop.world.key(), CUSTOMER, own, "1230"), CardLinked)
    refused = service.link_card(shop.world.key(), CUSTOMER, others, "1230")
    assert refused == Refused(Refusal.BAD_CARD_NUMBER)
    assert [card.last4 for card in service.cards(CUSTOMER)].count(others[-4:]) == 0
    assert shop.switch.history("got", "0100")[-1]["phone"] == CUSTOMER


def test_a_card_to_send_money_to_is_checked_without_expiry_and_phone(shop: Shop) -> None:
    assert isinstance(shop.world.service.recipient(PAN), Recipient)
    asked = shop.switch.history("got", "0100")[-1]
    assert (asked["expiry"], asked["phone"]) == (None, None)


def test_a_silent_switch_refuses_to_link_a_card_for_now(shop: Shop) -> None:
    shop.switch.fault("lost", on="0100")

    answer = shop.world.service.link_card(shop.world.key(), CUSTOMER, PAN, "1230")

    assert answer == Refused(Refusal.UNAVAILABLE)
    shop.switch.fault("lost", on="0100")
    assert shop.world.service.add_card(CUSTOMER, PAN, "1230") == answer


@pytest.mark.parametrize("code", ["91", "92", "96", "68"])
def test_a_card_whose_bank_is_down_is_told_to_come_later_and_not_to_be_wrong(shop: Shop, code: str) -> None:
    shop.switch.fault("code", on="0100", code=code, times=2)

    linked = shop.world.service.link_card(shop.world.key(), CUSTOMER, PAN, "1230")
    sent = shop.world.service.recipient(PAN)

    assert linked == sent == Refused(Refusal.UNAVAILABLE)
