"""Sessions in Redis (or Valkey), shared by all workers.

A turn costs one read and one compare-and-set. redis-py spends 200 us on a pair of awaited commands, most of
it on waiting, so the calls that all dialogues make in one turn of the event loop go out together: the reads
as one MGET, the writes as one EVAL, whatever their number. redis-py opens connections (addresses, TLS,
authentication, Sentinel, where the slots of a Cluster lie); `ussd_engine.stores.line` speaks on them:
docs/decisions/redis-line.md.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff

from ussd_engine.core.errors import StoreError
from ussd_engine.stores.calls import Load, Save
from ussd_engine.stores.pipe import Open, Pipe

TIMEOUT_S: Final = 0.9
CALLS_PER_COMMAND_MAX: Final = 256
UNANSWERED_MAX: Final = 4_096

_VERSION_OCTETS: Final = 8

# While a server restarts nothing has been sent yet, so connecting may be tried again: within 0.15 s.
_CONNECT_RETRY: Final = Retry(ExponentialBackoff(cap=0.1, base=0.025), 2)


class RedisStore:
    """`SessionStore` over one Redis server, or the master that Sentinels lead to.

    Args:
        url: `redis://`, `rediss://` or `unix://`; redis-py's query options are understood.
        opens: how to open a connection, in place of by the URL.
        timeout_s: limit for a call, connecting included.
        unanswered_max: calls under way; above it one is refused at once.
    """

    def __init__(
        self,
        url: str = "",
        *,
        opens: Open | None = None,
        timeout_s: float = TIMEOUT_S,
        unanswered_max: int = UNANSWERED_MAX,
    ) -> None:
        self._timeout_s = timeout_s
        self._unanswered_max = unanswered_max
        self._unanswered = 0
        self._closed = False
        self._pipe = Pipe(
            opens or _opener(url, timeout_s),
            self,
            timeout_s=timeout_s,
            calls_per_command=CALLS_PER_COMMAND_MAX,
        )

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        loop = self._admit()
        call = Load(key, loop.create_future(), loop.time() + self._timeout_s)
        value = await self._answer(call)
        return None if value is None else (value[:_VERSION_OCTETS], value[_VERSION_OCTETS:])

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        loop = self._admit()
        value = os.urandom(_VERSION_OCTETS) + record
        arguments = (expect or b"", value, max(1, math.ceil(ttl_s * 1000)))
        call = Save(key, loop.create_future(), loop.time() + self._timeout_s, arguments)
        return bool(await self._answer(call))

    async def close(self) -> None:
        """Refuse what was not sent, let what was sent be answered (within the time limit), hang up."""
        self._closed = True
        await self._pipe.close()

    def refused(self, pipe: Pipe, call: Load, error: str) -> None:
        """The server wrote nothing; it may no longer be the master, and the address lead to the new one."""
        call.fail(f"Redis refused: {error}", retryable=True)
        if error.startswith("READONLY"):
            pipe.hang_up("the server is no longer the master")

    def lost(self, _pipe: Pipe, calls: Sequence[Load], reason: str, *, sent: bool) -> None:
        """A write that was sent may have been done: only the caller knows what to make of that."""
        for call in calls:
            call.fail(f"Redis is out of reach: {reason}", retryable=not sent or not isinstance(call, Save))

    def _admit(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise StoreError("the session store is closed")
        if self._unanswered >= self._unanswered_max:
            raise StoreError(f"{self._unanswered} calls wait for Redis already", retryable=True)
        return asyncio.get_running_loop()

    async def _answer(self, call: Load) -> Any:
        self._unanswered += 1
        try:
            self._send(call)
            return await call.answer
        finally:
            self._unanswered -= 1

    def _send(self, call: Load) -> None:
        self._pipe.add(call)


def behind_sentinels(
    sentinels: Sequence[tuple[str, int]],
    master: str,
    *,
    password: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Open:
    """How to open a connection to whoever `master` is at the moment, as the Sentinels have it.

    Args:
        password: the master's; the Sentinels' own are taken to have none.
    """
    watch = Sentinel(sentinels, socket_timeout=timeout_s / 3)  # type: ignore[no-untyped-call]
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]
        master,
        watch,
        protocol=2,
        decode_responses=False,
        socket_connect_timeout=timeout_s,
        password=password,
    )

    async def opens() -> AbstractConnection:
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    return opens


def _opener(url: str, timeout_s: float) -> Open:
    # RESP2: this store reads nothing that RESP3 adds.
    pool = ConnectionPool.from_url(
        url,
        protocol=2,
        decode_responses=False,
        socket_timeout=None,
        socket_connect_timeout=timeout_s,
        retry=_CONNECT_RETRY,
    )

    async def opens() -> AbstractConnection:
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    return opens
