"""Looking numbers up over a control line that does not always answer."""

from __future__ import annotations

import asyncio

import pytest

from adapters.gsup import wire
from adapters.gsup.numbers import Numbers, Unreachable

IMSI, NUMBER = "901700000000001", "998901112233"


async def test_a_control_line_that_has_gone_silent_is_made_anew() -> None:
    """A machine that loses its power closes no connection: for minutes nothing tells that it has gone."""
    lines: list[asyncio.StreamWriter] = []

    async def silent_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        frames, first = wire.Frames(), len(lines) == 1
        while octets := await reader.read(4096):
            for one in frames.feed(octets):
                _, number, what = one.payload[1:].decode().split(" ")
                if not first:
                    said = f"GET_REPLY {number} {what} {NUMBER}".encode()
                    writer.write(wire.frame(wire.OSMO, bytes((wire.CTRL,)) + said))
        writer.close()

    server = await asyncio.start_server(silent_at_first, "127.0.0.1", 0)
    numbers = Numbers("hlr", "127.0.0.1", server.sockets[0].getsockname()[1], within_s=0.2, keep_s=60)
    try:
        with pytest.raises(Unreachable):
            await numbers.msisdn(IMSI)

        assert await numbers.msisdn(IMSI) == NUMBER
        assert len(lines) == 2
    finally:
        await numbers.close()
        server.close()
