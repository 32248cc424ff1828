"""T7, T8, T9: declining, cancelling, expiring, and the moves that do not exist."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from invoicing import (
    InvoiceCancelled,
    InvoiceDeclined,
    InvoiceView,
    Paid,
    Refusal,
    Refused,
    Status,
    invoices,
    moves,
)
from invoicing.audit import SERVICE
from invoicing.states import INVOICE_MOVES, PAYMENT_MOVES, InvoiceState, PaymentState
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import payments as payment_rows
from invoicing.storage import people
from invoicing.storage.connect import reading, write
from tests.invoicing.world import CUSTOMER, MORNING, OTHER_SHOP, SHOP, SOUM, STRANGER, World

CASHIER, OTHER_CASHIER = "998901110001", "998901110002"


def test_a_declined_invoice_is_closed_and_its_merchant_told(world: World) -> None:
    invoice = world.issue()

    answer = world.service.decline(world.key(), CUSTOMER, invoice.id)

    assert isinstance(answer, InvoiceDeclined)
    assert answer.invoice.status is Status.DECLINED
    assert world.texts(SHOP) == ["Клиент 998901234567 отклонил счет №1001 на сумму 50 000 сум"]
    assert world.count("payment") == 0
    assert world.service.open_invoices(CUSTOMER).rows == ()


@pytest.mark.parametrize("by", [STRANGER, SHOP])
def test_only_the_invoiced_customer_declines(world: World, by: str) -> None:
    invoice = world.issue()

    assert world.service.decline(world.key(), by, invoice.id) == Refused(Refusal.NOT_FOUND)
    assert world.now_of(invoice).status is Status.AWAITING


def test_a_stranger_may_decline_what_was_sent_to_him(world: World) -> None:
    invoice = world.issue(customer=STRANGER)

    assert isinstance(world.service.decline(world.key(), STRANGER, invoice.id), InvoiceDeclined)


def test_a_cancelled_invoice_is_closed_and_its_customer_told(world: World) -> None:
    invoice = world.issue()

    answer = world.service.cancel(world.key(), SHOP, invoice.id)

    assert isinstance(answer, InvoiceCancelled)
    assert answer.invoice.status is Status.CANCELLED
    assert world.texts(CUSTOMER)[1:] == ["CLICK: MAGAZIN-24 отменил счет №1001, 50 000 сум. Не платите"]


def test_another_shop_cannot_cancel_and_is_noticed(world: World) -> None:
    invoice = world.issue()

    assert world.service.cancel(world.key(), OTHER_SHOP, invoice.id) == Refused(Refusal.NOT_FOUND)
    assert world.service.cancel(world.key(), CUSTOMER, invoice.id) == Refused(Refusal.NOT_MERCHANT)
    assert world.now_of(invoice).status is Status.AWAITING


def test_a_cashier_cancels_what_he_issued_and_the_owner_anything(world: World) -> None:
    for phone in (CASHIER, OTHER_CASHIER):
        write(
            world.engine,
            lambda conn, phone=phone: people.add_merchant_user(  # type: ignore[misc]
                conn, merchant_id=1, msisdn=phone, role="cashier"
            ),
        )
    first, second = world.issue(shop=CASHIER), world.issue(shop=CASHIER)

    assert world.service.cancel(world.key(), OTHER_CASHIER, first.id) == Refused(Refusal.NOT_ALLOWED)
    assert isinstance(world.service.cancel(world.key(), CASHIER, first.id), InvoiceCancelled)
    assert isinstance(world.service.cancel(world.key(), SHOP, second.id), InvoiceCancelled)


def test_the_phone_that_issued_is_the_one_that_is_told(world: World) -> None:
    write(
        world.engine,
        lambda conn: people.add_merchant_user(conn, merchant_id=1, msisdn=CASHIER, role="cashier"),
    )
    world.pay(world.issue(shop=CASHIER))

    assert len(world.texts(CASHIER)) == 1
    assert world.texts(SHOP) == []


def test_an_invoice_expires_when_its_time_is_over_and_not_before(world: World) -> None:
    invoice = world.issue()
    world.clock.advance(hours=23, minutes=59, seconds=59)
    early = world.workers.expire_due()
    world.clock.advance(seconds=1)

    assert (early, world.workers.expire_due(), world.workers.expire_due()) == (0, 1, 0)
    assert world.now_of(invoice).status is Status.EXPIRED
    assert world.texts(SHOP) == ["Срок счета №1001 на сумму 50 000 сум истек, счет закрыт"]
    assert len(world.texts(CUSTOMER)) == 1


def test_expiry_takes_the_oldest_first_and_no_more_than_asked(world: World) -> None:
    old, new = world.issue(), world.issue()
    world.clock.advance(days=2)

    assert world.workers.expire_due(limit=1) == 1
    assert world.now_of(old).status is Status.EXPIRED
    assert world.now_of(new).status is Status.AWAITING


@pytest.mark.parametrize("state", ["declined", "cancelled", "expired"])
def test_a_closed_invoice_refuses_everything_with_its_own_reason(world: World, state: str) -> None:
    invoice = world.issue()
    if state == "declined":
        world.service.decline(world.key(), CUSTOMER, invoice.id)
    elif state == "cancelled":
        world.service.cancel(world.key(), SHOP, invoice.id)
    else:
        world.clock.advance(days=2)
        world.workers.expire_due()

    refused = Refused(Refusal(f"already_{state}"), {"number": 1001})
    assert world.pay(invoice) == refused
    assert world.service.decline(world.key(), CUSTOMER, invoice.id) == refused
    assert world.service.cancel(world.key(), SHOP, invoice.id) == refused


def row(world: World, invoice: InvoiceView) -> invoice_rows.Invoice:
    return write(world.engine, lambda conn: invoice_rows.by_id(conn, int(invoice.id)))


def test_every_other_move_of_an_invoice_is_refused(world: World) -> None:
    invoice, audited = row(world, world.issue()), world.count("audit")

    for before, after in product(InvoiceState, repeat=2):
        if (before, after) in INVOICE_MOVES:
            continue
        stale = replace(invoice, state=before)
        with pytest.raises(ValueError, match=f"never goes from {before} to {after}"):
            write(world.engine, partial(invoices.move, now=MORNING, invoice=stale, to=after, actor=SERVICE))

    assert row(world, world.now_of(invoices.view(invoice))) == invoice
    assert world.count("audit") == audited


def test_every_other_move_of_a_payment_is_refused(world: World) -> None:
    world.pay(world.issue())
    with reading(world.engine) as conn:
        payment = payment_rows.by_id(conn, 1)

        for before, after in product(PaymentState, repeat=2):
            if (before, after) not in PAYMENT_MOVES:
                with pytest.raises(ValueError, match=f"never goes from {before} to {after}"):
                    moves.move(conn, replace(payment, state=before), after)


def test_the_loser_of_a_race_changes_nothing(world: World) -> None:
    invoice = world.issue()
    stale = row(world, invoice)
    world.service.decline(world.key(), CUSTOMER, invoice.id)
    audited = world.count("audit")

    moved = write(
        world.engine,
        lambda conn: invoices.move(conn, world.clock.now(), stale, InvoiceState.CANCELLED, SERVICE),
    )
    refused = write(world.engine, lambda conn: invoices.lost_race(conn, stale.id))

    assert not moved
    assert refused == Refused(Refusal.ALREADY_DECLINED, {"number": 1001})
    assert row(world, invoice).state == "declined"
    assert world.count("audit") == audited


def test_each_move_counts_a_version(world: World) -> None:
    world.pay(world.issue(60_001 * SOUM))  # issued -> paying -> issued

    with world.engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT version FROM invoice").scalar_one() == 3


def test_a_merchant_whose_invoice_was_declined_can_be_paid_by_a_new_one(world: World) -> None:
    world.service.decline(world.key(), CUSTOMER, world.issue().id)

    assert isinstance(world.pay(world.issue()), Paid)
    assert world.sound()
