"""A line dropped again and again under load: `python -m tests.adapters.smpp.drops 100`.

The centre drops every tenth message, in turn before and after it has accepted it; the sender sends again what
it has no id for, as the relay does.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace

from adapters.sms import SmsNotTaken
from tests.adapters.smpp.conftest import House, house
from tests.peers.smpp import node_centre

PHONE = "998901234567"
AT_ONCE = 8


@dataclass(frozen=True)
class Sent:
    """`lost`: messages that have an id here, and are not there under that id."""

    messages: int
    losses: int
    repeated: int
    lost: set[int]


async def drop(times: int) -> Sent:
    """Send until the line was lost so often."""
    async with node_centre() as centre, house(centre, window=AT_ONCE) as opened:
        centre.order("rule", dropAfter=10)
        link = opened.gateway._link
        link._reach = replace(
            link._options, backoff_first_s=0.005, backoff_max_s=0.02
        )  # the pauses prove nothing
        ids: dict[int, str] = {}
        while opened.gateway.state.losses < times:
            await asyncio.gather(*(_deliver(opened, len(ids) + one, ids) for one in range(AT_ONCE)))
        centre.order("accepted")
        accepted = (await centre.event("accepted"))["messages"]
        there = {one["id"]: bytes.fromhex(one["octets"]).decode() for one in accepted}
        lost = {number for number, one in ids.items() if there.get(one) != f"message {number}"}
        return Sent(len(ids), opened.gateway.state.losses, len(accepted) - len(ids), lost)


async def _deliver(opened: House, number: int, ids: dict[int, str]) -> None:
    while number not in ids:
        try:
            ids[number] = await opened.gateway.send_sms(PHONE, f"message {number}", number)
        except SmsNotTaken as refused:
            assert refused.again
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    print(asyncio.run(drop(int(sys.argv[1]))))
