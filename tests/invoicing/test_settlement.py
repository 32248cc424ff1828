"""Closing a business day: once, in order, and what is owed moves to the bank."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest

from invoicing import Refusal, Refused, Settled, ledger, write_totals
from invoicing.storage.connect import reading
from invoicing.values import tashkent_day
from tests.invoicing.test_requests import at_once
from tests.invoicing.world import OTHER_SHOP, SHOP, SOUM, World

TODAY = date(2026, 11, 24)
TOMORROW = date(2026, 11, 25)


def paid_out(settled: object) -> list[tuple[int, int]]:
    assert isinstance(settled, Settled), settled
    return [(total.merchant_id, total.paid_out_tiyin) for total in settled.totals]


def test_a_day_that_is_over_is_closed_once_and_the_bank_pays_the_merchants(world: World) -> None:
    world.pay(world.issue(20_000 * SOUM))
    world.pay(world.issue(10_000 * SOUM, shop=OTHER_SHOP))
    world.clock.advance(days=1)
    first, second = world.service.settle(TODAY), world.service.settle(TODAY)

    assert paid_out(first) == paid_out(second) == [(1, 20_000 * SOUM), (2, 10_000 * SOUM)]
    assert isinstance(first, Settled)
    assert isinstance(second, Settled)
    assert (first.fresh, second.fresh) == (True, False)
    with reading(world.engine) as conn:
        owed = [ledger.payable_tiyin(conn, 1), ledger.payable_tiyin(conn, 2), ledger.receivable_tiyin(conn)]
    assert owed == [0, 0, 0]
    assert world.sound()


def test_a_day_ends_at_tashkents_midnight(world: World) -> None:
    world.clock.advance(hours=16, minutes=39, seconds=59)  # 23:59:59
    world.pay(world.issue(20_000 * SOUM))
    early = world.service.settle(TODAY)
    world.clock.advance(seconds=1)
    world.pay(world.issue(10_000 * SOUM))

    assert early == Refused(Refusal.DAY_NOT_OVER)
    assert paid_out(world.service.settle(TODAY)) == [(1, 20_000 * SOUM)]
    world.clock.advance(days=1)
    assert paid_out(world.service.settle(TOMORROW)) == [(1, 10_000 * SOUM)]
    assert world.sound()


def test_days_are_closed_in_order_and_one_left_out_is_in_the_next(world: World) -> None:
    world.pay(world.issue(20_000 * SOUM))
    world.clock.advance(days=1)
    world.pay(world.issue(10_000 * SOUM))
    world.clock.advance(days=1)

    assert paid_out(world.service.settle(TOMORROW)) == [(1, 30_000 * SOUM)]
    assert world.service.settle(TODAY) == Refused(Refusal.DAY_CLOSED)


def test_a_refund_after_the_settlement_is_taken_from_what_comes_next(world: World) -> None:
    invoice = world.issue(20_000 * SOUM)
    world.pay(invoice)
    world.clock.advance(days=1)
    world.service.settle(TODAY)
    world.service.refund(world.key(), SHOP, invoice.id, reauthenticated=True)
    world.pay(world.issue(5_000 * SOUM))
    world.clock.advance(days=1)
    nothing = world.service.settle(TOMORROW)
    world.pay(world.issue(30_000 * SOUM))
    world.clock.advance(days=1)

    assert paid_out(nothing) == [(1, 0)]
    assert paid_out(world.service.settle(date(2026, 11, 26))) == [(1, 15_000 * SOUM)]
    assert world.sound()


def test_two_that_close_one_day_at_once_close_it_once(file_world: World) -> None:
    world = file_world
    world.pay(world.issue(20_000 * SOUM))
    world.clock.advance(days=1)

    closed = at_once(4, lambda _: world.service.settle(TODAY))

    assert sum(isinstance(one, Settled) and one.fresh for one in closed) == 1
    assert {tuple(paid_out(one)) for one in closed} == {((1, 20_000 * SOUM),)}
    assert world.sound()


def test_the_banks_file_has_a_line_per_merchant_in_soums(world: World) -> None:
    world.service.add_merchant("Dokon", "998935556677", fee_bp=100, bank_account_ref="=2020 8000")
    world.pay(world.issue(20_000 * SOUM, shop="998935556677"))
    world.pay(world.issue(1_000_050))
    world.clock.advance(days=1)
    settled = world.service.settle(TODAY)
    assert isinstance(settled, Settled)
    file = io.StringIO(newline="")
    write_totals(settled, file)
    file.seek(0)
    lines = list(csv.DictReader(file))

    assert [line["name"] for line in lines] == ["MAGAZIN-24", "Dokon"]
    assert lines[0]["paid_out"] == "10000.50"
    sums = [lines[1][name] for name in ("paid", "fee", "refunded", "paid_out")]
    assert sums == ["20000.00", "200.00", "0.00", "19800.00"]
    assert lines[1]["account"] == "'=2020 8000", "a spreadsheet shall not take it for a formula"


def test_a_fee_that_goes_back_on_another_day_stands_in_the_banks_file_with_its_sign(world: World) -> None:
    world.service.add_merchant("Dokon", "998935556677", fee_bp=150)
    invoice = world.issue(1_001_00, shop="998935556677")
    world.pay(invoice)
    world.clock.advance(days=1)
    world.service.settle(TODAY)
    world.service.refund(world.key(), "998935556677", invoice.id, reauthenticated=True)
    world.clock.advance(days=1)
    settled = world.service.settle(TOMORROW)
    assert isinstance(settled, Settled)
    file = io.StringIO(newline="")
    write_totals(settled, file)
    file.seek(0)
    (line,) = csv.DictReader(file)

    sums = [line[name] for name in ("paid", "fee", "refunded", "paid_out")]
    assert sums == ["0.00", "-15.02", "1001.00", "0.00"], "1.5 % of 1001 soums is 15.015"


@pytest.mark.parametrize("fee_bp", [0, 133, 9_999, 10_000])
def test_what_the_days_say_of_a_merchant_adds_up_to_what_was_booked(world: World, fee_bp: int) -> None:
    world.service.add_merchant("Dokon", "998935556677", fee_bp=fee_bp)
    told = [0, 0, 0, 0]
    for day in range(3):
        kept, refunded = (world.issue(1_003_57 + day, shop="998935556677") for _ in range(2))
        world.pay(kept)
        world.pay(refunded)
        world.clock.advance(days=day % 2)  # given back the same day, and after its close
        settled = world.service.settle(tashkent_day(world.clock.now()) - timedelta(days=1))
        world.service.refund(world.key(), "998935556677", refunded.id, reauthenticated=True)
        world.clock.advance(days=1)
        for one in (settled, world.service.settle(tashkent_day(world.clock.now()) - timedelta(days=1))):
            if isinstance(one, Settled) and one.fresh:
                sums = [
                    (line.paid_tiyin, line.fee_tiyin, line.refunded_tiyin, line.paid_out_tiyin)
                    for line in one.totals
                ]
                told = [sum(column) for column in zip(told, *sums, strict=True)]

    kept_tiyin = 3 * 1_003_57 + 3
    fees = sum(ledger.fee_tiyin(1_003_57 + day, fee_bp) for day in range(3))
    assert told == [2 * kept_tiyin, fees, kept_tiyin, kept_tiyin - fees]
    assert world.sound()
