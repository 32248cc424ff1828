"""One connection to Redis on which commands leave at once and answers are matched in order.

redis-py opens it: addresses, TLS, authentication, the database. What is left, RESP, is hiredis' part, and who
gets which answer is this one's. redis-py's own way of reading costs two tasks' worth of waiting an exchange
(docs/decisions/redis-line.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from hiredis import HiredisError, Reader
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from ussd_engine.stores.calls import Load


class Line(asyncio.Protocol):
    """Commands out, answers back, until the connection ends or an answer is overdue."""

    def __init__(
        self,
        connection: AbstractConnection,
        answered: Callable[[Sequence[Load], Any], None],
        lost: Callable[[Sequence[Load], str], None],
    ) -> None:
        """Take over a connection that redis-py has opened and on which nothing is under way.

        Args:
            answered: gets the calls of a command and its reply, a `ResponseError` where the server refused.
            lost: called once, when the line ends: the calls that have no answer, and why.
        """
        writer = connection._writer  # noqa: SLF001 - its public way to the stream would read for us
        assert writer is not None, "the connection is open"
        connection._writer = connection._reader = None  # noqa: SLF001 - else it closes the stream at its end
        self._stream = writer
        self._transport = writer.transport
        self._transport.set_protocol(self)
        self._answered, self._lost = answered, lost
        self._reader = Reader(replyError=ResponseError)
        self._sent: deque[Sequence[Load]] = deque()
        self._why = "the connection ended"
        self._over = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None

    def send(self, packed: bytes, commands: Sequence[Sequence[Load]]) -> None:
        """Send commands, one for each group of calls, whose answers it asks for."""
        self._transport.write(packed)
        self._sent.extend(commands)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(commands[0][0].give_up_at, self._overdue)

    def hang_up(self, why: str) -> None:
        """End the line at once: half an answer may be under way, and would be taken for the next one's."""
        self._why = why
        self._transport.abort()
        self._end()

    async def close(self) -> None:
        """Wait for the answers that are due, then end."""
        while self._sent:
            await asyncio.wait([self._over], timeout=0.01)
        self.hang_up("the session store is closed")

    def data_received(self, data: bytes) -> None:
        """Give each whole reply to the calls that asked for it."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False and self._sent:
                self._answered(self._sent.popleft(), reply)
        except HiredisError as error:
            self.hang_up(f"its answer is no RESP: {error}")

    def eof_received(self) -> None:
        """The peer will say no more: nothing may be sent any longer that would wait for its answer."""
        self.hang_up(self._why)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer, or we, ended it."""
        if exc is not None:
            self._why = str(exc)
        self._end()

    def _overdue(self) -> None:
        """Look whether the oldest call has waited too long; else come again when it will have."""
        self._timer = None
        if not self._sent:
            return
        due, loop = self._sent[0][0].give_up_at, asyncio.get_running_loop()
        if due <= loop.time():
            self.hang_up("no answer in time")
        else:
            self._timer = loop.call_at(due, self._overdue)

    def _end(self) -> None:
        if self._over.done():
            return
        self._over.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        calls = [call for some in self._sent for call in some]
        self._sent.clear()
        self._lost(calls, self._why)
