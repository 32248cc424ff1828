"""A second centre, on smpp34 (Rust): `python -m tests.peers.smpp_rust PORT`; orders and events as centre.js.

It knows `deliver` and `rule` (`statuses`) only, and answers every bind; it listens where it is told.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import smpp34


def say(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Centre:
    def __init__(self, port: int) -> None:
        self.server = smpp34.Server("127.0.0.1", port, system_id="centre")
        self.esme: Any = None
        self.statuses: list[int] = []
        self.count = 0

    async def events(self) -> None:
        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                self.submitted(event)
            elif isinstance(event, smpp34.Unbound):
                say("unbound")
            else:
                self.esme = event
                say("bound")

    def submitted(self, event: Any) -> None:
        status = self.statuses.pop(0) if self.statuses else 0
        self.count += 1
        payload = {tlv.tag: tlv.value for tlv in event.tlvs}
        told = {
            "source": event.source_addr,
            "destination": event.destination_addr,
            "coding": event.data_coding,
            "esm_class": event.esm_class,
            "octets": (payload.get(0x0424) or event.short_message).hex(),
            "tlvs": {f"{tag:04x}": value.hex() for tag, value in payload.items()},
            "id": f"rust-{self.count}",
            "status": status,
        }
        if status:
            event.reject(status)
        else:
            event.accept(told["id"])
        say("submit", **told)

    async def deliver(self, order: dict[str, Any]) -> None:
        tlvs = [smpp34.Tlv(int(tag, 16), bytes.fromhex(value)) for tag, value in order["tlvs"].items()]
        answer = await self.esme.deliver_sm(
            order["code"],
            bytes.fromhex(order["octets"]),
            source_addr=order["msisdn"],
            service_type="USSD",
            data_coding=order.get("coding", 0),
            tlvs=tlvs,
        )
        say("delivered", status=answer.command_status)

    async def orders(self) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            if order["do"] == "rule":
                self.statuses = order["statuses"]
            else:
                await self.deliver(order)


async def main(port: int) -> None:
    centre = Centre(port)
    await centre.server.start()
    say("ready", port=port)
    events = asyncio.create_task(centre.events())
    await centre.orders()
    events.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
