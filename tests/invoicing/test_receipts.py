"""What an SMS provider reports is kept with the message, however and whenever it comes."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing import Delivery, Notice, Receipts
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
