"""Sessions in Redis (or Valkey), shared by all workers.

One dialogue is one plain string: eight random octets of version, then the record. A turn costs one read
and one compare-and-set. redis-py spends 200 us on a pair of awaited commands, most of it on waiting, so the
calls that all dialogues make in one turn of the event loop go out together: the reads as one MGET, the
writes as one EVAL, whatever their number. redis-py opens the connection (addresses, TLS, authentication),
`ussd_engine.stores.line` speaks on it: docs/decisions/redis-line.md.
"""

import asyncio
import math
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError, ResponseError

from ussd_engine.core.errors import StoreError
from ussd_engine.stores.line import Line, pack

TIMEOUT_S: Final = 0.9
CALLS_PER_COMMAND_MAX: Final = 256
UNANSWERED_MAX: Final = 4_096

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
    """A read on its way. `give_up_at`: when it has taken too long, by the loop's clock."""

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

    A Cluster takes several keys in one command only where they share a slot: there `_flush` would have to
    sort its calls by node and send one command a key.

    Args:
        url: `redis://`, `rediss://` or `unix://`; redis-py's query options are understood.
        timeout_s: limit for a call, connecting included.
        unanswered_max: calls under way; above it one is refused at once.
    """

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, unanswered_max: int = UNANSWERED_MAX
    ) -> None:
        self._timeout_s = timeout_s
        self._unanswered_max = unanswered_max
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            decode_responses=False,
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            retry=_CONNECT_RETRY,
        )
        self._line: Line[_Load | _Save] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: deque[_Load | _Save] = deque()
        self._flush_due = False
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
        """Refuse what was not sent, let what was sent be answered (within the time limit), hang up."""
        self._closed = True
        for call in self._waiting:
            _fail(call, "the session store is closed", retryable=False)
        self._waiting.clear()
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._line is not None:
            await self._line.close()

    def _admit(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise StoreError("the session store is closed")
        unanswered = len(self._waiting) + (self._line.unanswered if self._line is not None else 0)
        if unanswered >= self._unanswered_max:
            raise StoreError(f"{unanswered} calls wait for Redis already", retryable=True)
        return asyncio.get_running_loop()

    def _enqueue(self, loop: asyncio.AbstractEventLoop, call: _Load | _Save) -> None:
        self._waiting.append(call)
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send what this turn of the loop has brought, each command with as many calls as it takes."""
        self._flush_due = False
        if self._line is None:
            if self._waiting and self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
            return
        loads: list[_Load | _Save] = []
        saves: list[_Load | _Save] = []
        for call in self._waiting:
            if not call.answer.done():  # its caller has given up: better never sent than sent late
                (loads if isinstance(call, _Load) else saves).append(call)
        self._waiting.clear()
        for calls, packed in ((loads, _pack_loads), (saves, _pack_saves)):
            for first in range(0, len(calls), CALLS_PER_COMMAND_MAX):
                some = calls[first : first + CALLS_PER_COMMAND_MAX]
                self._line.send(packed(some), some)

    async def _connect(self) -> None:
        """Open a line for what waits; where that fails, what waits is refused."""
        reason = f"no answer within {self._timeout_s} s"
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
                await connection.connect()
            self._line = Line(connection, self._answered, self._lost)
        except TimeoutError:
            pass
        except (RedisError, OSError) as error:
            reason = str(error)
        finally:
            self._connecting = None
            if self._line is None:
                for call in self._waiting:
                    _fail(call, f"Redis is out of reach: {reason}", retryable=True)
                self._waiting.clear()
        self._flush()

    def _answered(self, calls: Sequence[_Load | _Save], reply: Any) -> None:
        """Give each call its own part of the reply; an error of the whole is everyone's."""
        outcomes = [reply] * len(calls) if isinstance(reply, ResponseError) else reply
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, ResponseError):
                self._refuse(call, str(outcome))
            elif isinstance(call, _Save) and isinstance(outcome, bytes):
                self._refuse(call, outcome.decode(errors="replace"))
            elif not call.answer.done():
                call.answer.set_result(outcome)

    def _refuse(self, call: _Load | _Save, error: str) -> None:
        _fail(call, f"Redis refused: {error}", retryable=True)  # and so has written nothing
        if self._line is not None and error.startswith("READONLY"):
            self._line.hang_up("the server is no longer the master")  # the address may lead to the new one

    def _lost(self, calls: Sequence[_Load | _Save], reason: str) -> None:
        """The line has ended; `calls` were sent on it and have no answer."""
        self._line = None
        for call in calls:
            # A write that was sent may have been done: only the caller knows what to make of that.
            _fail(call, f"Redis is out of reach: {reason}", retryable=isinstance(call, _Load))


def _pack_loads(calls: Sequence[_Load | _Save]) -> bytes:
    return pack("MGET", *[call.key for call in calls])


def _pack_saves(calls: Sequence[_Load | _Save]) -> bytes:
    keys = [call.key for call in calls]
    arguments = [argument for call in calls if isinstance(call, _Save) for argument in call.arguments]
    return pack("EVAL", _COMPARE_AND_SET, len(keys), *keys, *arguments)


def _fail(call: _Load | _Save, message: str, *, retryable: bool) -> None:
    if not call.answer.done():
        call.answer.set_exception(StoreError(message, retryable=retryable))
