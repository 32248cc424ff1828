"""What the network does to turns."""

from __future__ import annotations

import asyncio
import time

import pytest

from simulator.faults import OPERATORS, Carrier, Fault, Lost, Operator
from simulator.wires.wire import NoService
from ussd_engine import Reply

MENU = Reply("Menu", open=True)


class Service:
    """Counts what arrives."""

    def __init__(self, *replies: Reply) -> None:
        self.arrived: list[str] = []
        self._replies = list(replies)

    async def send(self) -> Reply:
        self.arrived.append("request")
        await asyncio.sleep(0)
        return self._replies.pop(0) if self._replies else MENU

    async def again(self) -> Reply:
        while not self.arrived:
            await asyncio.sleep(0)
        self.arrived.append("copy")
        await asyncio.sleep(0)
        return self._replies.pop(0) if self._replies else MENU


def carrier() -> Carrier:
    return Carrier(lost_after_s=0.01, delay_s=0.1, seed=1)


async def test_as_usual_a_turn_goes_there_and_back() -> None:
    service = Service()

    assert await carrier().carry(service.send, service.again) == (MENU, "")
    assert service.arrived == ["request"]


async def test_a_lost_request_never_arrives_and_the_next_one_does() -> None:
    service, line = Service(), carrier()
    line.arm(Fault.LOST_REQUEST)
    with pytest.raises(Lost, match="the service knows nothing of it"):
        await line.carry(service.send, service.again)
    assert service.arrived == []
    await line.carry(service.send, service.again)
    assert service.arrived == ["request"]


async def test_after_a_lost_reply_the_service_has_done_its_part() -> None:
    service, line = Service(), carrier()
    line.arm(Fault.LOST_REPLY)
    with pytest.raises(Lost, match="the service did its part"):
        await line.carry(service.send, service.again)

    assert service.arrived == ["request"]


async def test_a_duplicate_arrives_twice_and_equal_replies_are_one() -> None:
    service, line = Service(), carrier()
    line.arm(Fault.DUPLICATE)

    assert await line.carry(service.send, service.again) == (MENU, "sent twice, one reply")
    assert service.arrived == ["request", "copy"]


async def test_a_duplicate_that_is_answered_otherwise_is_told() -> None:
    service, line = Service(MENU, Reply("Twice paid", open=False)), carrier()
    line.arm(Fault.DUPLICATE)

    assert (await line.carry(service.send, service.again))[1] == "sent twice, and the replies DIFFER"


async def test_a_delayed_reply_is_late() -> None:
    service, line = Service(), carrier()
    line.arm(Fault.DELAY)
    began = time.monotonic()
    _, told = await line.carry(service.send, service.again)

    assert time.monotonic() - began >= 0.1
    assert told == "the reply came 0.1 s late"


async def test_a_gateway_that_is_down_is_not_reached() -> None:
    service, line = Service(), carrier()
    line.down = True
    with pytest.raises(NoService, match="the gateway is down"):
        await line.carry(service.send, service.again)

    assert service.arrived == []


def test_the_same_key_again_takes_a_fault_back() -> None:
    line = carrier()
    line.arm(Fault.DELAY)
    line.arm(Fault.DELAY)
    assert line.armed is None
    line.arm(Fault.DELAY)
    line.arm(Fault.LOST_REPLY)
    assert line.armed is Fault.LOST_REPLY


async def test_an_operator_takes_its_time_and_loses_its_share() -> None:
    service, line = Service(), carrier()
    line.operator = Operator("bad", 0.005, 0.005, 40)
    lost, began = 0, time.monotonic()
    for _ in range(30):
        try:
            await line.carry(service.send, service.again)
        except Lost:
            lost += 1

    assert 8 <= lost <= 28
    assert time.monotonic() - began >= 30 * 0.005


def test_operators_say_what_they_are() -> None:
    assert [str(one) for one in OPERATORS[:2]] == ["direct", "3G city 0.3 s, 0% lost"]
