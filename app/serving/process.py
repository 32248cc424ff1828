"""A process that serves: its socket, its signals, its loop. `supervisor` keeps several of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from app.planning import Plan
from app.serving.heads import IDLE_S, PatientSite
from app.serving.straight import shorten
from app.wiring import House, open_house

BACKLOG: Final = 1024
TURNS_END_MAX_S: Final = 20.0
"""After SIGTERM open turns may take this long; no gateway waits longer."""
LINGER_S: Final = 1.0
"""After SIGTERM connections that ask nothing are left open so long; others close with their next answer."""
RELIEVED_LINGER_S: Final = 5.0
"""The same for a worker that another has relieved: nobody waits for its end."""
ORPHAN_MAX_S: Final = 40.0
PROVEN_MAX_S: Final = 5.0
LOOK_S: Final = 0.2
SIGNALS: Final = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD},
)
"""What a supervisor takes one at a time; its workers begin with these blocked."""

log = logging.getLogger(__name__)

Ready = Callable[["Running"], None]


class PortTaken(Exception):
    """The address can't be listened on; the message says why."""


class NotReady(Exception):
    """A worker that was to relieve another can't play turns; the message says what it lacks."""


@dataclass(frozen=True)
class Post:
    """What a worker is told by its supervisor.

    Attributes:
        lifeline: a pipe that ends with the supervisor.
        relieves: another works in its place: nothing may come in before turns can be played.
        rereads: the menus were read again after the supervisor had read them.
    """

    lifeline: int
    relieves: bool = False
    rereads: bool = False


class Running:
    """A server that answers; `stop` may be called from any thread."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        self.url = url
        self._loop = loop
        self._stopping = stopping

    def stop(self) -> None:
        """Let open turns end, then leave."""
        self._loop.call_soon_threadsafe(self._stopping.set)


def listen(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """`count` listening sockets on one address; the kernel deals connections out between them.

    Raises:
        PortTaken: somebody listens there, or the address is not this machine's.
    """
    first = _bind(host, port, shared=False)
    if count == 1:
        return [first]
    # The bind that is not shared showed that the port is free; SO_REUSEPORT alone would join a stranger.
    port = first.getsockname()[1]
    first.close()
    return [_bind(host, port, shared=True) for _ in range(count)]


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(plan: Plan, listener: socket.socket, ready: Ready) -> None:
    """Serve on `listener` until SIGTERM, SIGINT or `Running.stop`; SIGHUP reads the menus again.

    Args:
        ready: called once the port answers.
    """
    run_house(open_house(plan), listener, ready)


def run_house(
    opening: AbstractAsyncContextManager[House],
    listener: socket.socket,
    ready: Ready,
    post: Post | None = None,
) -> None:
    """As `run`, with any house: the benchmarks measure the very server that serves.

    Raises:
        NotReady: of a worker that was to relieve another.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(opening, listener, ready, post))


async def _serve(
    opening: AbstractAsyncContextManager[House], listener: socket.socket, ready: Ready, post: Post | None
) -> None:
    stop = _Stop(asyncio.get_running_loop(), post)
    async with opening as house:
        stop.loop.add_signal_handler(signal.SIGHUP, house.reload)
        if stop.rereads:
            house.reload()
        if post is not None and post.relieves:
            await _proven(house, stop)
        runner = web.AppRunner(
            house.application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=TURNS_END_MAX_S,
            keepalive_timeout=IDLE_S,
        )
        await runner.setup()
        assert runner.server is not None, "it was set up"
        shorten(runner.server, house.application)
        site = PatientSite(runner, listener, backlog=BACKLOG)
        await site.start()
        # What start-up made stays for ever: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        ready(Running(url_of(listener), stop.loop, stop.asked))
        try:
            await stop.asked.wait()
        finally:
            log.info("stopping")
            await site.stand_down(stop.linger_s)
            await runner.cleanup()


class _Stop:
    """Whoever may end this process: its signals, and the end of its supervisor.

    Attributes:
        rereads: the menus are to be read again as soon as they can be.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Post | None) -> None:
        self.loop = loop
        self.asked = asyncio.Event()
        self.linger_s = LINGER_S
        self.rereads = post is not None and post.rereads
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.asked.set)
        # Until the menus are there to be read again: without a handler the signal would end the process.
        loop.add_signal_handler(signal.SIGHUP, self._reread)
        if post is not None:
            loop.add_signal_handler(signal.SIGUSR2, self._relieved)
            loop.add_reader(post.lifeline, self._orphaned, post.lifeline)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _reread(self) -> None:
        self.rereads = True

    def _relieved(self) -> None:
        self.linger_s = RELIEVED_LINGER_S
        self.asked.set()

    def _orphaned(self, lifeline: int) -> None:
        """Nobody would end this process if it could not end by itself."""
        self.loop.remove_reader(lifeline)
        log.error("the supervisor is gone")
        self.loop.call_later(ORPHAN_MAX_S, os._exit, 1)
        self.asked.set()


async def _proven(house: House, stop: _Stop) -> None:
    """Wait until turns can be played here.

    Raises:
        NotReady
    """
    end = stop.loop.time() + PROVEN_MAX_S
    while True:
        if stop.asked.is_set():
            raise NotReady("it was stopped first")
        answers, told = await house.look()
        if answers:
            return
        if stop.loop.time() > end:
            lacking = {
                name: one.get("detail", "")
                for name, one in told["dependencies"].items()
                if one["needed"] and one["state"] != "ok"
            }
            raise NotReady(", ".join(f"{name}: {why}" for name, why in lacking.items()))
        await asyncio.sleep(LOOK_S)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror):
            raise PortTaken(f"can't listen on {host}: no such host") from None
        raise PortTaken(f"can't listen on {host}:{port}: {error.strerror}") from None
    return bound
