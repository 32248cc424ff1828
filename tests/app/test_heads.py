"""S23: connections that send the head of a request drop by drop, or nothing at all, against a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from app.serving import heads
from app.serving.heads import PatientSite

HEAD = b"POST /gateways/gw HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_S", 0.3)
    monkeypatch.setattr(heads, "LOOK_S", 0.05)


@asynccontextmanager
async def served(takes_s: float = 0.0) -> AsyncIterator[tuple[str, int]]:
    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(takes_s)
        return web.Response(text=f"got {len(body)}")

    app = web.Application()
    app.router.add_post("/gateways/gw", answer)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=1.5)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await PatientSite(runner, listener).start()
    try:
        yield listener.getsockname()
    finally:
        await runner.cleanup()


async def dribble(writer: asyncio.StreamWriter, octets: bytes, every_s: float) -> None:
    for octet in octets:
        if writer.is_closing():
            return
        writer.write(bytes((octet,)))
        await asyncio.sleep(every_s)


async def closed_after(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    began = asyncio.get_running_loop().time()
    try:
        said = await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:  # what was still being written found nobody
        said = b""
    return asyncio.get_running_loop().time() - began, said


async def test_s23_a_head_that_dribbles_in_is_closed_in_bounded_time() -> None:
    async with served() as address:
        reader, writer = await asyncio.open_connection(*address)
        dribbling = asyncio.create_task(dribble(writer, HEAD * 5, 0.02))
        lasted, said = await closed_after(reader)
        dribbling.cancel()

    assert said in (heads.LATE, b"")
    assert 0.2 < lasted < 3


async def test_s23_a_connection_that_says_nothing_is_closed_too() -> None:
    async with served() as address:
        reader, _ = await asyncio.open_connection(*address)
        lasted, said = await closed_after(reader)

    assert said == heads.LATE
    assert lasted < 3


async def test_s23_the_head_of_a_later_request_has_no_more_time() -> None:
    async with served() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(HEAD + b"ok")
        assert (await reader.readuntil(b"got 2")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.5)  # an idle connection is kept
        dribbling = asyncio.create_task(dribble(writer, HEAD * 5, 0.02))
        lasted, said = await closed_after(reader)
        dribbling.cancel()

    assert said in (heads.LATE, b"")
    assert 0.2 < lasted < 3


async def test_s23_half_a_head_sent_behind_a_whole_request_is_not_forgotten() -> None:
    async with served(takes_s=0.1) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(HEAD + b"ok" + HEAD[:20])
        await reader.readuntil(b"got 2")
        lasted, _ = await closed_after(reader)

    assert lasted < 3


async def test_a_body_and_an_answer_may_take_longer_than_a_head() -> None:
    async with served(takes_s=0.5) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(HEAD + b"o")
        await asyncio.sleep(0.5)
        writer.write(b"k")

        assert (await asyncio.wait_for(reader.readuntil(b"got 2"), 5)).startswith(b"HTTP/1.1 200")


async def test_s23_three_hundred_such_connections_do_not_keep_out_a_gateway() -> None:
    async with served() as address:
        slow = [await asyncio.open_connection(*address) for _ in range(300)]
        for _, writer in slow:
            writer.write(HEAD[:30])
        reader, writer = await asyncio.open_connection(*address)
        writer.write(HEAD + b"ok")
        assert (await asyncio.wait_for(reader.readuntil(b"got 2"), 5)).startswith(b"HTTP/1.1 200")
        ends = await asyncio.gather(*(asyncio.wait_for(one.read(), 5) for one, _ in slow))

    assert set(ends) == {heads.LATE}
