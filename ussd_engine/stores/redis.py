"""Sessions in Redis (or Valkey), shared by all workers: the only file that imports redis-py.

One dialogue is one plain string: eight random octets of version, then the record. A turn costs one read
and one compare-and-set. redis-py spends 200 us on a pair of awaited commands, most of it on waiting, so the
calls that all dialogues make in one turn of the event loop go out together: the reads as one MGET, the
writes as one EVAL, whatever their number. redis-py keeps its part: addresses, TLS, authentication,
reconnecting, RESP.
"""

import asyncio
import math
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError, ResponseError

from ussd_engine.core.errors import StoreError

TIMEOUT_S: Final = 0.9
EXCHANGES_MAX: Final = 1  # what waits meanwhile goes out together: a second one would halve that
CALLS_PER_EXCHANGE_MAX: Final = 256
PENDING_MAX: Final = 4_096

_VERSION_OCTETS: Final = 8

# While a server restarts nothing has been sent yet, so connecting may be tried again: within 0.15 s.
_CONNECT_RETRY: Final = Retry(ExponentialBackoff(cap=0.1, base=0.025), 2)

# Compare-and-set for each key in turn: 1 written, 0 lost, or the text of the error that this one key met.
# EVAL, not EVALSHA: nothing to load again after a restart, and redis-py's cluster pipeline refuses EVALSHA.
_COMPARE_AND_SET: Final = b"""
local outcomes = {}
for i, key in ipairs(KEYS) do
  local held = redis.pcall('GETRANGE', key, 0, 7)
  if type(held) == 'table' then
    outcomes[i] = held.err
  elseif held ~= ARGV[3 * i - 2] then
    outcomes[i] = 0
  else
    local done = redis.pcall('SET', key, ARGV[3 * i - 1], 'PX', ARGV[3 * i])
    outcomes[i] = done.err or 1
  end
end
return outcomes
"""


@dataclass(slots=True, eq=False)
class _Load:
    """A read on its way. `give_up_at`: when waiting to be sent ends, by the loop's clock."""

    key: str
    answer: asyncio.Future[Any]
    give_up_at: float


@dataclass(slots=True, eq=False)
class _Save:
    """A compare-and-set on its way: what to expect, to write, and for how many milliseconds."""

    arguments: tuple[bytes, bytes, int]
    key: str
    answer: asyncio.Future[Any]
    give_up_at: float


class RedisStore:
    """`SessionStore` over one Redis server, or the master that its address leads to.

    A Cluster takes several keys in one command only where they share a slot: there `_converse` would have to
    sort its calls by node and send one command a key.

    Args:
        url: `redis://`, `rediss://` or `unix://`; redis-py's query options are understood.
        timeout_s: limit for waiting to be sent, and again for the answer.
        exchanges_max: exchanges in flight, each on a connection of its own.
        pending_max: calls that may wait to be sent; above it a call is refused at once.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        exchanges_max: int = EXCHANGES_MAX,
        pending_max: int = PENDING_MAX,
    ) -> None:
        self._timeout_s = timeout_s
        self._exchanges_max = exchanges_max
        self._pending_max = pending_max
        # RESP2: with RESP3 redis-py takes unread data on an idle connection for a notice, not for an end.
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            decode_responses=False,
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            retry=_CONNECT_RETRY,
        )
        self._idle = [self._pool.make_connection() for _ in range(exchanges_max)]  # type: ignore[no-untyped-call]
        self._pending: deque[_Load | _Save] = deque()
        self._exchanges: set[asyncio.Task[None]] = set()
        self._flush_due = False
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        loop = self._admit()
        call = _Load(key, loop.create_future(), loop.time() + self._timeout_s)
        self._enqueue(loop, call)
        value = await call.answer
        return None if value is None else (value[:_VERSION_OCTETS], value[_VERSION_OCTETS:])

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        loop = self._admit()
        value = os.urandom(_VERSION_OCTETS) + record
        call = _Save(
            (expect or b"", value, max(1, math.ceil(ttl_s * 1000))),
            key,
            loop.create_future(),
            loop.time() + self._timeout_s,
        )
        self._enqueue(loop, call)
        return bool(await call.answer)

    async def close(self) -> None:
        """Refuse what waits, let what is in flight end (within the time limit), close the connections."""
        self._closed = True
        for call in self._pending:
            _fail(call, "the session store is closed", retryable=False)
        self._pending.clear()
        if self._expiry is not None:
            self._expiry.cancel()
        await asyncio.gather(*self._exchanges, return_exceptions=True)
        await asyncio.gather(*[connection.disconnect() for connection in self._idle])

    def _admit(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise StoreError("the session store is closed")
        if len(self._pending) >= self._pending_max:
            raise StoreError(f"{self._pending_max} calls wait for Redis already", retryable=True)
        return asyncio.get_running_loop()

    def _enqueue(self, loop: asyncio.AbstractEventLoop, call: _Load | _Save) -> None:
        self._pending.append(call)
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        while self._pending and len(self._exchanges) < self._exchanges_max:
            calls: list[_Load | _Save] = []
            while self._pending and len(calls) < CALLS_PER_EXCHANGE_MAX:
                call = self._pending.popleft()
                if not call.answer.done():  # its caller has given up: better never sent than sent late
                    calls.append(call)
            if calls:
                exchange = asyncio.create_task(self._exchange(calls))
                self._exchanges.add(exchange)
                exchange.add_done_callback(self._exchanged)
        if self._pending and self._expiry is None:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_at(self._pending[0].give_up_at, self._expire)

    def _exchanged(self, exchange: asyncio.Task[None]) -> None:
        self._exchanges.discard(exchange)
        if self._pending:
            self._flush()

    def _expire(self) -> None:
        """Refuse what has waited too long behind exchanges that hang."""
        self._expiry = None
        loop = asyncio.get_running_loop()
        while self._pending and self._pending[0].give_up_at <= loop.time():
            _fail(self._pending.popleft(), "Redis is too slow", retryable=True)
        if self._pending:
            self._expiry = loop.call_at(self._pending[0].give_up_at, self._expire)

    async def _exchange(self, calls: Sequence[_Load | _Save]) -> None:
        """Send `calls` and give each its answer; whatever happens, none is left without one."""
        connection = self._idle.pop()
        sent = whole = False
        reason = "the exchange broke off"
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._pool.ensure_connection(connection)
                sent = True
                await _converse(connection, calls)
            whole = True
        except TimeoutError:
            reason = f"no answer within {self._timeout_s} s"
        except (RedisError, OSError) as error:
            reason = str(error)
        finally:
            if not whole:
                for call in calls:
                    # A write that was sent may have been done: only the caller knows what to make of that.
                    may_repeat = not sent or isinstance(call, _Load)
                    _fail(call, f"Redis is out of reach: {reason}", retryable=may_repeat)
                # Half an answer may be under way, and would be taken for the next exchange's.
                await connection.disconnect(nowait=True)
            self._idle.append(connection)


async def _converse(connection: AbstractConnection, calls: Sequence[_Load | _Save]) -> None:
    loads = [call for call in calls if isinstance(call, _Load)]
    saves = [call for call in calls if isinstance(call, _Save)]
    packed = b""
    if loads:
        packed += _pack("MGET", *[load.key for load in loads])
    if saves:
        keys = [save.key for save in saves]
        arguments = [argument for save in saves for argument in save.arguments]
        packed += _pack("EVAL", _COMPARE_AND_SET, len(keys), *keys, *arguments)
    await connection.send_packed_command(packed)
    if loads:
        _settle(loads, await _reply(connection))
    if saves:
        _settle(saves, await _reply(connection))


def _pack(*command: str | bytes | int) -> bytes:
    """Pack in C; redis-py's asynchronous connection would pack each argument in Python."""
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # its stub knows only tuples of one
    return packed


async def _reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _settle(calls: Sequence[_Load | _Save], reply: Any) -> None:
    """Give each call its own part of the reply; an error of the whole is everyone's."""
    outcomes = [reply] * len(calls) if isinstance(reply, ResponseError) else reply
    for call, outcome in zip(calls, outcomes, strict=True):
        if isinstance(outcome, ResponseError):
            _refuse(call, str(outcome))
        elif isinstance(call, _Save) and isinstance(outcome, bytes):
            _refuse(call, outcome.decode(errors="replace"))
        elif not call.answer.done():
            call.answer.set_result(outcome)


def _refuse(call: _Load | _Save, error: str) -> None:
    _fail(call, f"Redis refused: {error}", retryable=True)  # and so has written nothing


def _fail(call: _Load | _Save, message: str, *, retryable: bool) -> None:
    if not call.answer.done():
        call.answer.set_exception(StoreError(message, retryable=retryable))
