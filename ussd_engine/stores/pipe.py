"""The way to one Redis server: calls wait for a line, and leave together once a turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from ussd_engine.stores.calls import Load, Save, pack_loads, pack_saves
from ussd_engine.stores.line import Line

Open = Callable[[], Awaitable[AbstractConnection]]
"""Opens a connection to the server, as redis-py does it."""


class Owner(Protocol):
    """What becomes of calls that weren't answered."""

    def refused(self, pipe: Pipe, call: Load, error: str) -> None:
        """The server refused `call` alone, and has written nothing."""

    def lost(self, pipe: Pipe, calls: Sequence[Load], reason: str, *, sent: bool) -> None:
        """The server is out of reach; of a write that was `sent` nobody knows whether it was done."""


class Pipe:
    """Calls in, answers back; it opens a line when there is something to send and none is open."""

    def __init__(self, opens: Open, owner: Owner, *, timeout_s: float, calls_per_command: int) -> None:
        self._opens = opens
        self._owner = owner
        self._timeout_s = timeout_s
        self._calls_per_command = calls_per_command
        self._line: Line | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[Load] = []
        self._flush_due = False

    def add(self, call: Load) -> None:
        """Send `call` with what else this turn of the loop brings."""
        self._waiting.append(call)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def hang_up(self, why: str) -> None:
        """End the line; the next call opens another."""
        if self._line is not None:
            self._line.hang_up(why)

    async def close(self) -> None:
        """Refuse what was not sent, let what was sent be answered (within the time limit), hang up."""
        for call in self._waiting:
            call.fail("the session store is closed", retryable=False)
        self._waiting.clear()
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._line is not None:
            await self._line.close()

    def _flush(self) -> None:
        self._flush_due = False
        if self._line is None:
            if self._waiting and self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
            return
        loads: list[Load] = []
        saves: list[Load] = []
        for call in self._waiting:
            if not call.answer.done():  # its caller has given up: better never sent than sent late
                (saves if isinstance(call, Save) else loads).append(call)
        self._waiting.clear()
        packed: list[bytes] = []
        commands: list[Sequence[Load]] = []
        for calls, pack in ((loads, pack_loads), (saves, pack_saves)):
            for first in range(0, len(calls), self._calls_per_command):
                commands.append(calls[first : first + self._calls_per_command])
                packed.append(pack(commands[-1]))
        if commands:
            self._line.send(b"".join(packed), commands)

    async def _connect(self) -> None:
        reason = f"no answer within {self._timeout_s} s"
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._opens()
            self._line = Line(connection, self._answered, self._lost)
        except TimeoutError:
            pass
        except (RedisError, OSError) as error:
            reason = str(error)
        finally:
            self._connecting = None
            if self._line is None:
                calls, self._waiting = self._waiting, []
                self._owner.lost(self, calls, reason, sent=False)
        self._flush()

    def _answered(self, calls: Sequence[Load], reply: Any) -> None:
        """Give each call its own part of the reply; an error of the whole is everyone's."""
        outcomes = [reply] * len(calls) if isinstance(reply, ResponseError) else reply
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, ResponseError):
                self._owner.refused(self, call, str(outcome))
            elif isinstance(call, Save) and isinstance(outcome, bytes):
                self._owner.refused(self, call, outcome.decode(errors="replace"))
            elif not call.answer.done():
                call.answer.set_result(outcome)

    def _lost(self, calls: Sequence[Load], reason: str) -> None:
        self._line = None
        self._owner.lost(self, calls, reason, sent=True)
