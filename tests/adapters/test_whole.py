"""Answers that leave in one write are HTTP like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest
from aiohttp import web

from adapters.whole import Heads

BODY = "CON Счет".encode()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    heads = Heads()

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        size = int(request.query.get("size", "0"))
        return heads.answer(request, BODY + b"x" * size, "text/plain; charset=utf-8")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def answered(port: int, octets: bytes, *, until: bytes | None = None) -> bytes:
    """What comes back for `octets`, to the end of the connection or of `until`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    got = await (reader.readuntil(until) if until else reader.read())
    writer.close()
    return got


async def test_an_answer_has_a_head_that_any_client_understands(port: int) -> None:
    got = await answered(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", until=BODY)

    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 200 OK"
    assert body == BODY
    assert headers["Content-Length"] == str(len(BODY))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert parsedate_to_datetime(headers["Date"]).tzinfo is not None


async def test_requests_sent_together_are_answered_in_turn(port: int) -> None:
    one = b"GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n"

    got = await answered(port, one % 1 + one % 2 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert [part.partition(b"\r\n\r\n")[2] for part in got.split(b"HTTP/1.1 200 OK\r\n")[1:]] == [
        BODY + b"x",
        BODY + b"xx",
        BODY,
    ]


@pytest.mark.parametrize(
    "request_line", ["GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"]
)
async def test_a_connection_that_is_not_kept_is_closed_after_the_answer(port: int, request_line: str) -> None:
    got = await answered(port, f"{request_line}\r\n".encode())

    assert got.endswith(BODY)


async def test_a_head_request_is_told_the_length_and_gets_no_body(port: int) -> None:
    got = await answered(port, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert f"Content-Length: {len(BODY)}".encode() in got
    assert BODY not in got


async def test_a_client_that_does_not_read_is_not_answered_without_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    written = 0
    request = b"GET /?size=60000 HTTP/1.1\r\nHost: a\r\nX-Padding: %b\r\n\r\n" % (b"x" * 4000)
    # The server stops reading once its answers are stuck, and then so does our writing.
    while True:
        writer.write(request * 10)
        written += 10
        try:
            async with asyncio.timeout(0.5):
                await writer.drain()
        except TimeoutError:
            break
        assert written < 10_000, "the server goes on taking requests that nobody reads the answers of"
    writer.transport.abort()
    del reader
