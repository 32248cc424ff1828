"""The relay: order, retries, refusals, nothing lost (F11, F12)."""

from __future__ import annotations

import threading
import time

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


class Counter:
    """Takes a moment for each message; knows how many were on their way at once, and their order."""

    def __init__(self, stuck: str = "") -> None:
        self.stuck, self.free = stuck, threading.Event()
        self.lock = threading.Lock()
        self.here = self.most = 0
        self.taken: list[Notice] = []

    def send(self, notice: Notice) -> str:
        with self.lock:
            self.here += 1
            self.most = max(self.most, self.here)
        if notice.recipient == self.stuck:
            self.free.wait(20)
        else:
            time.sleep(0.02)
        with self.lock:
            self.here -= 1
            self.taken.append(notice)
        return "id"


def phones(count: int) -> list[str]:
    return [f"99890{1_000_000 + number}" for number in range(count)]


def test_notices_to_different_phones_go_side_by_side_and_those_to_one_in_their_order(
    file_world: World,
) -> None:
    for _ in range(3):
        for phone in phones(6):
            file_world.issue(customer=phone)
    sender = Counter()

    done = file_world.relay.run_side_by_side(sender, 4)

    assert done == Relayed(sent=18)
    assert 1 < sender.most <= 4
    for phone in phones(6):
        ids = [notice.id for notice in sender.taken if notice.recipient == phone]
        assert len(ids) == 3
        assert ids == sorted(ids)


def test_one_slow_phone_holds_up_no_other_and_its_notice_is_held_while_it_lasts(
    file_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invoicing.outbox._HOLD_AGAIN_S", 0.05)
    slow, *others = phones(4)
    for phone in (slow, slow, *others, *others):
        file_world.issue(customer=phone)
    sender = Counter(stuck=slow)
    relaying = threading.Thread(target=file_world.relay.run_side_by_side, args=(sender, 2))
    relaying.start()
    end = time.monotonic() + 20
    while len(sender.taken) < 6 and time.monotonic() < end:
        time.sleep(0.01)

    went = {notice.recipient for notice in sender.taken}
    for _ in range(3):  # its hold is renewed over and over by this clock, which another relay looks at too
        file_world.clock.advance(seconds=3)
        time.sleep(0.5)
    elsewhere = file_world.relay.due(file_world.clock.now(), 10)
    sender.free.set()
    relaying.join(20)

    assert went == set(others)
    assert elsewhere == ()
    assert [n.recipient for n in sender.taken].count(slow) == 2


def test_a_slow_phones_notice_is_sent_once_though_others_land_all_the_time(file_world: World) -> None:
    world = file_world
    slow, *others = phones(9)
    for phone in (slow, *others):
        world.issue(customer=phone)
    asked: list[str] = []
    free = threading.Event()

    class Uneven:
        def send(self, notice: Notice) -> str:
            asked.append(notice.recipient)
            if notice.recipient == slow:
                free.wait(20)
            else:
                world.clock.advance(seconds=1)
                if notice.recipient == others[-1]:
                    free.set()
            return "id"

    done = world.relay.run_side_by_side(Uneven(), 2)

    assert sorted(asked) == [slow, *others]
    assert done == Relayed(sent=9)


def test_what_a_dead_relay_had_on_its_way_goes_four_seconds_later_once_more(file_world: World) -> None:
    file_world.issue()

    class Dying(BaseException):
        pass

    class Dead:
        def send(self, _notice: Notice) -> str:
            raise Dying

    with pytest.raises(Dying):
        file_world.relay.run_side_by_side(Dead(), 4)
    provider, tries = Provider(), []
    for _ in range(5):
        tries.append(file_world.relay.run_side_by_side(provider, 4).sent)
        file_world.clock.advance(seconds=1)

    assert tries == [0, 0, 0, 0, 1]
