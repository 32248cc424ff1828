"""A repeated request gets the stored answer, and of two writers one wins."""

from __future__ import annotations

import asyncio

import pytest

from tests.core.kiosk import Issued
from tests.core.test_step import AMOUNT, CLIENT, HOME
from tests.engine.conftest import World, replaced
from ussd_engine import Amount, Call, Kind, Msisdn, Reply, Turn

SHORTCUT = "*880**0*901234567*50000#"
ISSUED = Reply("No 1001\n998901234567\n50 000 UZS", open=False)
OVER = "The session is over. Dial *880#"


async def test_a_begin_that_is_sent_again_gets_the_same_answer_and_one_invoice(world: World) -> None:
    """domain.md A21."""
    phone = world.phone()

    assert await phone.dial(code=SHORTCUT) == ISSUED
    world.clock.now += 60
    assert await phone.dial(code=SHORTCUT) == ISSUED
    assert len(world.shop.issued) == 1


async def test_the_same_request_id_gets_the_same_answer_however_late(world: World) -> None:
    phone = world.phone()
    await phone.dial()

    first = await phone.type("9", request_id="r1")
    world.clock.now += 60

    assert await phone.type("9", request_id="r1") == first
    assert (await world.record()).session.wrong == 1


async def test_another_request_id_with_the_same_answer_is_another_answer(world: World) -> None:
    phone = world.phone()
    await phone.dial()
    await phone.type("9", request_id="r1")

    await phone.type("9", request_id="r2")

    assert (await world.record()).session.wrong == 2


async def test_without_a_request_id_an_equal_answer_is_a_repeat_for_a_second_only(world: World) -> None:
    phone = world.phone()
    await phone.dial()

    await phone.type("9")
    world.clock.now += 0.9
    await phone.type("9")
    assert (await world.record()).session.wrong == 1

    world.clock.now += 0.2
    await phone.type("9")
    assert (await world.record()).session.wrong == 2


@pytest.mark.parametrize("back_s", [2, 7200])
async def test_an_equal_answer_is_no_repeat_because_the_clock_was_turned_back(
    world: World, back_s: int
) -> None:
    """domain.md F16; the clocks of two machines differ as well."""
    phone = world.phone()
    await phone.dial()
    await phone.type("9")

    world.clock.now -= back_s
    await phone.type("9")

    assert (await world.record()).session.wrong == 2


async def test_another_dial_string_in_the_same_dialogue_begins_anew(world: World) -> None:
    phone = world.phone()
    await phone.dial("1")

    assert await phone.dial() == Reply(HOME, open=True)


async def test_twenty_copies_at_once_act_once_and_get_identical_answers(world: World) -> None:
    phone = world.phone()

    replies = await asyncio.gather(*(phone.dial(code=SHORTCUT) for _ in range(20)))

    assert set(replies) == {ISSUED}
    assert len(world.shop.issued) == 1


async def test_twenty_copies_over_two_workers_get_identical_answers(world: World) -> None:
    other = world.worker()

    replies = await asyncio.gather(
        *(world.phone(engine=engine).dial(code=SHORTCUT) for engine in (world.engine, other) * 10)
    )

    # Both workers may run the action: its key makes that one effect. The stored reply is the first one's.
    record = await world.record()
    assert {reply.text for reply in replies} == {record.reply}


async def test_the_loser_of_two_different_answers_is_told_that_the_session_is_over(world: World) -> None:
    other = world.worker()
    phone, elsewhere = world.phone(), world.phone(engine=other)
    await phone.dial()

    one, two = await asyncio.gather(phone.type("1"), elsewhere.type("6"))

    assert sorted([one.open, two.open]) == [False, True]
    assert OVER in (one.text, two.text)
    assert (await world.record()).reply == next(reply.text for reply in (one, two) if reply.open)


async def test_two_workers_with_one_request_answer_alike_though_one_lost(world: World) -> None:
    other = world.worker()
    phone, elsewhere = world.phone(), world.phone(engine=other)
    await phone.dial()

    one, two = await asyncio.gather(phone.type("1"), elsewhere.type("1"))

    assert one == two == Reply(CLIENT, open=True)
    assert (await world.record()).session.answers == 1


async def test_an_action_gets_the_same_key_from_every_copy_and_another_for_another_answer(
    world: World,
) -> None:
    keys: list[str] = []

    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        keys.append(call.key)
        return Issued(7)

    engines = [replaced(world, "invoices.issue", issue, changes=True) for _ in range(2)]
    await world.phone(engine=engines[0]).dial("1", "901234567")
    await asyncio.gather(*(world.phone(engine=engine).type("50000") for engine in engines))
    await world.phone("d2", engine=engines[0]).dial("1", "901234567", "50000")

    assert keys[0] == keys[1] != keys[2]


async def test_where_ids_recur_an_action_of_a_later_dialogue_has_another_key_and_a_restart_changes_none(
    world: World,
) -> None:
    keys: list[str] = []

    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        keys.append(call.key)
        return Issued(7)

    async def send(kind: Kind, text: str) -> None:
        engine = replaced(world, "invoices.issue", issue, changes=True)  # a process of its own each time
        world.clock.now += 1
        sent = f"{world.clock.now}"
        await engine.handle(Turn("gw", "d1", "998901112233", kind, text, request_id=sent, ids_recur=True))

    for _ in range(2):
        await send(Kind.BEGIN, "*880#")
        began = (await world.record()).began
        for text in ("1", "901234567", "50000"):
            await send(Kind.ANSWER, text)
        assert (await world.record()).began == began
        assert f"d1@{began:.6f}|" in keys[-1]

    assert len(set(keys)) == len(keys) == 2


@pytest.mark.parametrize("named", [True, False])
async def test_where_a_wire_names_no_dialogue_each_has_its_own_key_and_the_copies_of_a_begin_share_one(
    world: World, named: bool
) -> None:
    keys: list[str] = []

    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        keys.append(call.key)
        return Issued(7)

    engines = [replaced(world, "invoices.issue", issue, changes=True) for _ in range(2)]
    for number in range(2):
        world.clock.now += 60
        for text in ("*880#", "1", "901234567", "50000"):
            kind = Kind.BEGIN if text == "*880#" else Kind.ANSWER
            request_id = f"{number}-{text}" if named else ""
            await engines[0].handle(Turn("gw", "", "998901112233", kind, text, request_id=request_id))
    assert len(set(keys)) == len(keys) == 2

    world.clock.now += 60
    dialled = Turn("gw", "", "998901112233", Kind.BEGIN, SHORTCUT, request_id="r9" if named else "")
    copies = await asyncio.gather(*(engine.handle(dialled) for engine in engines))
    assert copies[0] == copies[1]
    if named:
        world.clock.now += 5
        await world.store.close()  # sessions are lost, and the gateway asks again
        await engines[1].handle(dialled)
        assert len(set(keys)) == 3


async def test_other_requests_of_a_subscriber_wait_their_turn_in_one_worker(world: World) -> None:
    phone = world.phone()
    await phone.dial()

    replies = await asyncio.gather(phone.type("1"), phone.type("901234567"))

    assert [reply.text for reply in replies] == [CLIENT, AMOUNT]


async def test_subscribers_do_not_wait_for_one_another(world: World) -> None:
    release = asyncio.Event()

    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        await release.wait()
        return Issued(7)

    engine = replaced(world, "invoices.issue", issue, changes=True)
    slow = asyncio.ensure_future(world.phone(engine=engine).dial(code=SHORTCUT))
    await asyncio.sleep(0)

    assert (await world.phone(engine=engine, msisdn="998933334455").dial()).text == HOME
    assert not slow.done()
    release.set()
    assert "No 7" in (await slow).text


@pytest.mark.parametrize("kind", [Kind.ABORT, Kind.TIMEOUT])
async def test_a_cut_sent_twice_is_one_cut(world: World, kind: Kind) -> None:
    phone = world.phone()
    await phone.dial("1")

    assert await phone.hang_up(kind) == await phone.hang_up(kind) == Reply("", open=False)
    assert (await world.record()).session.ended


@pytest.mark.parametrize("kind", [Kind.BEGIN, Kind.ANSWER])
def test_a_turns_repr_shows_nothing_that_was_typed(kind: Kind) -> None:
    """domain.md S7."""
    turn = Turn("gw", "d1", "998901112233", kind, "*880*0*8600123412341234#", accumulated="3*24680")

    assert "8600" not in repr(turn)
    assert "24680" not in repr(turn)
    assert "998901112233" not in repr(turn)
