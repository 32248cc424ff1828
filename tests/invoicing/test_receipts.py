"""What an SMS provider reports is kept with the message, however and whenever it comes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from adapters.smpp.receipts import Receipt, Report, State
from app.lines.sms import GatewaySender
from invoicing import Delivery, Notice, Receipts
from invoicing.storage import receipts as storage
from tests.invoicing.test_requests import at_once
from tests.invoicing.world import CUSTOMER, STRANGER, World, in_memory

FINAL = (Delivery.DELIVERED, Delivery.EXPIRED, Delivery.DELETED, Delivery.UNDELIVERABLE, Delivery.REJECTED)


class Centre:
    """A provider that names its messages and reports of them."""

    provider = "smsc1"

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.taken: list[Notice] = []

    def send(self, notice: Notice) -> str:
        self.taken.append(notice)
        return self.ids.pop(0)


def receipts(world: World) -> Receipts:
    return Receipts(world.engine, clock=world.clock)


def delivery(world: World, row: int = 1) -> str | None:
    with world.engine.connect() as conn:
        told = conn.exec_driver_sql(f"SELECT delivery FROM outbox WHERE id = {row}").scalar_one()
        return None if told is None else str(told)


def send(world: World, *ids: str) -> World:
    world.issue()
    world.relay.run_once(Centre(*ids))
    return world


def test_a_report_is_kept_with_its_message_and_the_second_of_it_changes_nothing(world: World) -> None:
    send(world, "A1")
    world.clock.advance(seconds=3)

    first = receipts(world).take("smsc1", ["a1"], Delivery.DELIVERED, recipient=CUSTOMER)
    at = world.clock.now()
    world.clock.advance(seconds=3)
    second = receipts(world).take("smsc1", ["a1"], Delivery.DELIVERED, recipient=CUSTOMER)

    assert (first, second, delivery(world)) == (True, False, "delivered")
    with world.engine.connect() as conn:
        kept = conn.exec_driver_sql("SELECT CAST(delivered_at AS text) FROM outbox").scalar_one()
    assert str(kept)[:19] == f"{at:%Y-%m-%d %H:%M:%S}"


def test_a_message_of_two_parts_is_delivered_with_the_last_and_lost_with_the_first(world: World) -> None:
    send(world, "1,2")
    taker = receipts(world)

    taker.take("smsc1", ["2"], Delivery.DELIVERED)
    assert delivery(world) is None
    taker.take("smsc1", ["1"], Delivery.DELIVERED)
    assert delivery(world) == "delivered"

    world.issue(customer=STRANGER)
    world.relay.run_once(Centre("3,4"))
    taker.take("smsc1", ["4"], Delivery.UNDELIVERABLE)
    assert delivery(world, 2) == "undeliv"
    taker.take("smsc1", ["3"], Delivery.DELIVERED)
    assert delivery(world, 2) == "undeliv"


@pytest.mark.parametrize("known", [True, False], ids=["whose is known", "whose is not known"])
def test_a_report_that_is_faster_than_the_answer_to_the_sending_is_taken_up_with_it(
    world: World, known: bool
) -> None:
    world.issue()
    notice = world.relay.due(world.clock.now(), 1)[0]

    receipts(world).take(
        "smsc1", ["00A1"], Delivery.DELIVERED, recipient=CUSTOMER, notice_id=notice.id if known else None
    )
    world.relay.mark_sent(notice.id, "a1", "smsc1")

    assert delivery(world) == "delivered"
    assert world.count("receipt") == 1


def test_the_same_id_of_another_provider_or_of_another_phone_is_another_message(world: World) -> None:
    send(world, "7")

    receipts(world).take("smsc2", ["7"], Delivery.DELIVERED, recipient=CUSTOMER)
    receipts(world).take("smsc1", ["7"], Delivery.DELIVERED, recipient=STRANGER)

    assert delivery(world) is None


def test_an_id_that_the_provider_uses_again_belongs_to_the_newer_message(world: World) -> None:
    send(world, "7")
    receipts(world).take("smsc1", ["7"], Delivery.DELIVERED)
    world.issue()
    world.relay.run_once(Centre("7"))

    receipts(world).take("smsc1", ["7"], Delivery.EXPIRED)

    assert (delivery(world, 1), delivery(world, 2)) == ("delivered", "expired")


def test_an_id_written_in_another_base_is_found_by_its_other_forms(world: World) -> None:
    send(world, "a1")

    receipts(world).take("smsc1", ["161", "a1", "353"], Delivery.DELIVERED, recipient=CUSTOMER)

    assert delivery(world) == "delivered"


@pytest.mark.parametrize("order", [*permutations([Delivery.ENROUTE, Delivery.ACCEPTED, Delivery.DELIVERED])])
def test_in_whatever_order_reports_come_the_farthest_stays(
    sqlite_world: World, order: tuple[Delivery, ...]
) -> None:
    send(sqlite_world, "5")

    for state in order:
        receipts(sqlite_world).take("smsc1", ["5"], state)

    assert delivery(sqlite_world) == "delivered"


@settings(deadline=None)  # each has a database of its own
@given(st.lists(st.sampled_from(Delivery), min_size=1, max_size=6))
def test_the_first_final_report_stays_and_before_it_the_farthest(told: list[Delivery]) -> None:
    engine = in_memory()
    world = send(World(engine), "5")

    for state in told:
        receipts(world).take("smsc1", ["5"], state)

    final = next((state for state in told if state in FINAL), None)
    order = [Delivery.ENROUTE, Delivery.ACCEPTED, Delivery.UNKNOWN]
    assert delivery(world) == (final or max(told, key=order.index))
    engine.dispose()


def test_ids_are_forgotten_after_a_week_and_what_they_came_to_stays(world: World) -> None:
    send(world, "5")
    receipts(world).take("smsc1", ["5"], Delivery.DELIVERED)
    world.clock.advance(days=7, seconds=1)

    assert receipts(world).forget() == 1
    assert (world.count("receipt"), delivery(world)) == (0, "delivered")


def test_two_parts_that_are_reported_at_once_make_their_message_delivered(
    file_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(file_world, "1,2")
    both, of_message = threading.Barrier(2), storage.of_message

    def together(conn: Connection, outbox_id: int) -> tuple[storage.Part, ...]:
        # Each looks at the parts before the other commits, unless one of them has to wait for the other.
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return of_message(conn, outbox_id)

    monkeypatch.setattr(storage, "of_message", together)
    at_once(2, lambda place: receipts(file_world).take("smsc1", [str(place + 1)], Delivery.DELIVERED))

    assert delivery(file_world) == "delivered"


def test_a_report_that_meets_the_answer_to_the_sending_half_kept_is_kept_with_it(
    file_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_world.issue()
    notice = file_world.relay.due(file_world.clock.now(), 1)[0]
    added, looked = threading.Event(), threading.Event()
    add, find = storage.add, storage.find

    def adding(conn: Connection, *words: str, **values: object) -> bool:
        done = add(conn, *words, **values)  # type: ignore[arg-type]
        if threading.current_thread() is relay:
            added.set()
            looked.wait(0.3)
        return done

    def finding(conn: Connection, *words: object) -> storage.Part | None:
        found = find(conn, *words)  # type: ignore[arg-type]
        looked.set()
        return found

    monkeypatch.setattr(storage, "add", adding)
    monkeypatch.setattr(storage, "find", finding)
    relay = threading.Thread(target=file_world.relay.mark_sent, args=(notice.id, "a1", "smsc1"))
    relay.start()
    assert added.wait(20)
    receipts(file_world).take("smsc1", ["a1"], Delivery.DELIVERED, recipient=CUSTOMER)
    relay.join()

    assert delivery(file_world) == "delivered"


class Carrier:
    """A gateway's side of it: names itself, and tells of receipts whoever listens."""

    name, carries_sms, sms_within_s = "smsc1", True, 1.0

    def hear_reports(self, on_report: Callable[[Report], None]) -> None:
        self.on_report = on_report

    async def send_sms(self, msisdn: str, text: str, reference: int) -> str:
        # The centre is fast: its receipt is there before the caller has the answer.
        self.on_report(Report(Receipt("00A1", msisdn, State.DELIVERED), "00A1", reference))
        return "00A1"


def test_a_receipt_on_a_line_is_kept_though_it_comes_before_the_answer_to_the_sending(
    file_world: World,
) -> None:
    carrier, loop = Carrier(), asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    sender = GatewaySender(carrier, loop)
    sender.report_to(receipts(file_world))
    file_world.issue()

    sent = file_world.relay.run_side_by_side(sender, 4)

    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()
    end = time.monotonic() + 20
    while delivery(file_world) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert sent.sent == 1
    assert delivery(file_world) == "delivered"
    assert file_world.count("receipt") == 1


def test_a_receipt_of_what_an_earlier_process_sent_is_found_by_its_id_in_another_base(
    file_world: World,
) -> None:
    send(file_world, "a1")
    carrier = Carrier()
    loop = asyncio.new_event_loop()
    sender = GatewaySender(carrier, loop)
    loop.close()
    sender.report_to(receipts(file_world))

    carrier.on_report(Report(Receipt("161", CUSTOMER, State.UNDELIVERABLE)))

    end = time.monotonic() + 20
    while delivery(file_world) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert delivery(file_world) == "undeliv"
