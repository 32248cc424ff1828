"""The relay: order, retries, refusals, nothing lost (F11, F12)."""

from __future__ import annotations

import pytest

from invoicing import Notice, Relayed, SendLater, SendNever
from invoicing.storage.connect import write
from tests.invoicing.world import CUSTOMER, PIN, SHOP, SOUM, STRANGER, World


class Provider:
    """Takes messages while it is up; refuses phones it does not know."""

    def __init__(self, unknown: str = "") -> None:
        self.up, self.unknown = True, unknown
        self.taken: list[Notice] = []

    def send(self, notice: Notice) -> str:
        if not self.up:
            raise SendLater
        if notice.recipient == self.unknown:
            raise SendNever("unknown subscriber")
        self.taken.append(notice)
        return "id"


def run(world: World, provider: Provider) -> Relayed:
    return world.relay.run_once(provider)


def test_each_recipient_gets_his_oldest_notice_first_and_waits_for_no_other(world: World) -> None:
    world.issue()
    world.issue()
    world.issue(customer=STRANGER)
    provider = Provider()

    due = world.relay.due(world.clock.now(), 10)
    first, second, third = (run(world, provider) for _ in range(3))

    assert [(notice.recipient, "№1001" in notice.text) for notice in due] == [
        (CUSTOMER, True),
        (STRANGER, False),
    ]
    assert (first, second, third) == (Relayed(sent=2), Relayed(sent=1), Relayed())
    assert ["№1001" in n.text for n in provider.taken if n.recipient == CUSTOMER] == [True, False]


def test_what_cannot_be_sent_now_is_tried_again_after_growing_pauses(world: World) -> None:
    world.issue()
    provider = Provider()
    provider.up = False
    tried: list[int] = []
    for second in range(100):
        if run(world, provider).later:
            tried.append(second)
        world.clock.advance(seconds=1)

    assert tried == [0, 5, 15, 35, 75]


def test_a_day_without_the_provider_loses_nothing_and_keeps_the_order(world: World) -> None:
    provider = Provider()
    provider.up = False
    for _ in range(3):
        world.pay(world.issue(1_000 * SOUM))
        run(world, provider)
    for _ in range(24):
        world.clock.advance(hours=1)
        run(world, provider)
    provider.up = True
    world.clock.advance(hours=1)
    while run(world, provider).sent:
        pass

    sent = [notice.text for notice in provider.taken if notice.recipient == CUSTOMER]
    assert [next(n for n in ("1001", "1002", "1003") if f"№{n}" in text) for text in sent] == [
        "1001", "1001", "1002", "1002", "1003", "1003",
    ]  # fmt: skip
    assert len(provider.taken) == 9


def test_after_three_days_a_notice_fails_and_lets_the_next_one_go(world: World) -> None:
    world.issue()
    provider = Provider()
    provider.up = False
    run(world, provider)
    world.clock.advance(days=3)
    world.issue()

    given_up = run(world, provider)
    provider.up = True
    after = run(world, provider)

    assert (given_up, after) == (Relayed(failed=1), Relayed(sent=1))
    assert "№1002" in provider.taken[0].text


def test_a_permanent_refusal_fails_one_notice_and_no_other(world: World) -> None:
    world.issue(customer=STRANGER)
    world.issue(customer=STRANGER)
    world.issue()
    provider = Provider(unknown=STRANGER)

    assert run(world, provider) == Relayed(sent=1, failed=1)
    assert run(world, provider) == Relayed(failed=1)
    assert run(world, provider) == Relayed()


def test_a_notice_that_was_sent_but_not_marked_goes_again_under_the_same_id(world: World) -> None:
    world.issue()
    notice = world.relay.due(world.clock.now(), 1)[0]
    world.inbox.send(notice)  # and the process dies here

    world.deliver()

    assert world.relay.due(world.clock.now(), 1) == ()
    assert len(world.inbox.inbox(CUSTOMER)) == 1  # this provider drops the repeat by its id


def test_marks_on_a_notice_that_has_left_the_queue_change_nothing(world: World) -> None:
    world.issue()
    notice = world.relay.due(world.clock.now(), 1)[0]
    world.relay.mark_sent(notice.id, "p-1")
    world.relay.mark_retry(notice.id)
    world.relay.mark_failed(notice.id, "late")

    with world.engine.connect() as conn:
        row = conn.exec_driver_sql("SELECT state, tries, provider_id, failure FROM outbox").one()
    assert tuple(row) == ("sent", 0, "p-1", None)


@pytest.mark.parametrize("column", ["template", "lang", "params"])
def test_a_row_without_a_text_fails_alone(world: World, column: str) -> None:
    world.issue()
    world.issue(customer=STRANGER)
    write(
        world.engine,
        lambda conn: conn.exec_driver_sql(f"UPDATE outbox SET {column} = '?' WHERE id = 1").rowcount,
    )

    assert run(world, Provider()) == Relayed(sent=1)
    assert world.relay.due(world.clock.now(), 9) == ()


def test_the_inbox_tells_when_from_whom_what_and_in_how_many_parts(world: World) -> None:
    world.issue()
    world.deliver()

    message = world.inbox.inbox(CUSTOMER)[0]
    assert (message.at, message.sender, message.parts) == (world.clock.now(), "CLICK", 1)
    assert "№1001" in message.text
    assert world.inbox.inbox(SHOP) == ()


def test_money_does_not_wait_for_sms(world: World) -> None:
    provider = Provider()
    provider.up = False
    run(world, provider)

    world.service.pay(world.key(), CUSTOMER, world.issue().id, world.card_id, PIN)

    assert world.balance_soum == 10_000
