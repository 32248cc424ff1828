"""How long a request's head may take to arrive (domain.md S23): aiohttp waits for one as long as it keeps a
connection, an hour, so that a client which dribbles headers could hold as many as it likes.

Between aiohttp and each of its connections stands a guard that knows whether a request is being waited for.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from aiohttp import web

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
        watch = Watch(asyncio.get_running_loop())
        self._server = await watch.loop.create_server(
            lambda: _Guard(server(), watch), sock=self._sock, backlog=self._backlog
        )


class Watch:
    """The connections that a head is awaited from, the longest waiting first; one timer for all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
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
        self._inner.connection_lost(error)

    def give_up(self) -> None:
        """Say why, as far as the other side reads, and close."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(LATE)
        self._inner.force_close()
