"""How long a request's head may take to arrive (domain.md S23): aiohttp waits for one as long as it keeps a
connection, an hour, so that a client which dribbles headers could hold as many as it likes.

Between aiohttp and each of its connections stands a guard that knows whether a request is being waited for.
Before the end it makes the next answer the last one: a connection that is cut while a client writes into it
costs that client a turn, one that is closed by an answer costs nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage

HEAD_S: Final = 10.0
"""From the first octet of a request to the last of its head; for the first one from the connecting."""
IDLE_S: Final = 300.0
"""A connection that asks nothing more is kept so long; proxies keep theirs for a minute or so."""
LOOK_S: Final = 1.0
LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PatientSite(web.SockSite):
    """Serves a listening socket; its connections have `HEAD_S` for a head."""

    async def start(self) -> None:
        """Listen."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None, "the runner is set up first"
        self._watch = watch = Watch(asyncio.get_running_loop())
        self._server = await watch.loop.create_server(
            lambda: _Guard(server(), watch), sock=self._sock, backlog=self._backlog
        )

    async def stand_down(self, linger_s: float) -> None:
        """Take no more connections, and close each that is open with its next answer.

        Args:
            linger_s: so long those that ask nothing more are left open.
        """
        assert self._server is not None, "it was started"
        self._server.close()
        watch = self._watch
        for guard in watch.open:
            guard.answer_once_more()
        with suppress(TimeoutError):
            async with asyncio.timeout(linger_s):
                while watch.open:
                    watch.left.clear()
                    await watch.left.wait()


class Watch:
    """The connections that a head is awaited from, the longest waiting first; one timer for all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.open: set[_Guard] = set()
        self.left = asyncio.Event()
        """Set when one of `open` has left."""
        self._due: dict[_Guard, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, guard: _Guard) -> None:
        """A head is awaited from now, if it wasn't already."""
        self._due.setdefault(guard, self.loop.time() + HEAD_S)
        if self._timer is None:
            self._timer = self.loop.call_later(LOOK_S, self._look)

    def end(self, guard: _Guard) -> None:
        """It has come, or will not."""
        self._due.pop(guard, None)

    def _look(self) -> None:
        now = self.loop.time()
        for guard, due in list(self._due.items()):
            if due > now:
                break
            del self._due[guard]
            guard.give_up()
        self._timer = self.loop.call_later(LOOK_S, self._look) if self._due else None


class _Guard(asyncio.Protocol):
    """Hands everything on to aiohttp's own protocol; looks on while it waits for a head."""

    def __init__(self, inner: web.RequestHandler, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch
        self._waits = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._inner.connection_made(transport)
        self._watch.open.add(self)
        self._watch.begin(self)

    def data_received(self, octets: bytes) -> None:
        inner = self._inner
        inner.data_received(octets)
        waiter = inner._waiter  # noqa: SLF001 - a future while aiohttp waits for a request; done once one is there
        if waiter is not None and not waiter.done():
            self._waits = True
            self._watch.begin(self)
        elif self._waits:
            self._waits = False
            self._watch.end(self)

    def eof_received(self) -> bool | None:
        self._inner.eof_received()
        return None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._watch.end(self)
        self._watch.open.discard(self)
        self._watch.left.set()
        self._inner.connection_lost(error)

    def answer_once_more(self) -> None:
        """Treat every request from now on as one that asks for the connection to be closed."""
        inner = self._inner
        made = inner._request_factory  # noqa: SLF001 - a hook of the application would cost every turn of a worker's life
        if made is not None:

            def last(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
                return made(message._replace(should_close=True), *rest)

            inner._request_factory = last  # noqa: SLF001

    def give_up(self) -> None:
        """Say why, as far as the other side reads, and close."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(LATE)
        self._inner.force_close()
