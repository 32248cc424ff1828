"""What the machine allows: two bare aiohttp servers that store a constant session and answer a constant.

    python -m bench.limits redis --port 8881

`redis`: one GET and one SET with a TTL, awaited through redis-py: how such servers are usually written.
`cas`: one HMGET and one compare-and-set script on a single connection that knows nothing but RESP: no
reconnecting, no time limits, no authentication. A limit, not a product.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

import hiredis
import uvloop
from aiohttp import web
from redis.asyncio import BlockingConnectionPool, Redis

from app.benchmenu import redis_url

SESSION = os.urandom(240)
TTL_S = 180
COMPARE_AND_SET = b"""
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'session', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

Store = Callable[[bytes], Awaitable[None]]


async def redis_store(url: str) -> Store:
    """GET and SET, one await each."""
    redis = Redis(connection_pool=BlockingConnectionPool.from_url(url, protocol=2, max_connections=100))

    async def store(key: bytes) -> None:
        await redis.get(key)
        await redis.set(key, SESSION, ex=TTL_S)

    return store


class Wire(asyncio.Protocol):
    """Commands of one turn of the loop in one write, answers in the order of the commands."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.waiting: deque[asyncio.Future[Any]] = deque()
        self.unsent: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while (answer := self.reader.gets()) is not False:
            self.waiting.popleft().set_result(answer)

    def ask(self, *command: bytes | int) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if not self.unsent:
            loop.call_soon(self.flush)
        self.unsent.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        answer: asyncio.Future[Any] = loop.create_future()
        self.waiting.append(answer)
        return answer

    def flush(self) -> None:
        self.transport.write(b"".join(self.unsent))
        self.unsent.clear()


async def cas_store(url: str) -> Store:
    """HMGET and a script by its hash."""
    host, port = url.removeprefix("redis://").partition("/")[0].split(":")
    _, wire = await asyncio.get_running_loop().create_connection(Wire, host, int(port))
    await wire.ask(b"SCRIPT", b"LOAD", COMPARE_AND_SET)
    script = hashlib.sha1(COMPARE_AND_SET).hexdigest().encode()  # noqa: S324 - Redis names scripts so

    async def store(key: bytes) -> None:
        seen = (await wire.ask(b"HMGET", key, b"version", b"session"))[0] or b"0"
        await wire.ask(b"EVALSHA", script, 1, key, seen, int(seen) + 1, SESSION, TTL_S)

    return store


STORES = {"redis": redis_store, "cas": cas_store}


async def serve(mode: str, port: int) -> None:
    """Answer `CON ok` for ever."""
    store = await STORES[mode](redis_url(os.environ))

    async def answer(request: web.Request) -> web.Response:
        await store((await request.read()).partition(b"&")[0])
        return web.Response(text="CON ok")

    server = web.Application()
    server.router.add_post("/ussd", answer)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=STORES)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvloop.run(serve(given.mode, given.port))
