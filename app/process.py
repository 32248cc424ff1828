"""Processes: sockets, signals, one loop or several workers."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace

from aiohttp import web

from app.heads import IDLE_S, PatientSite
from app.wiring import House, Plan, open_house

BACKLOG = 1024
TURNS_END_MAX_S = 20.0
"""After SIGTERM open turns may take this long; no gateway waits longer."""
RESTART_PAUSE_S = 1.0

log = logging.getLogger(__name__)

Ready = Callable[["Running"], None]


class PortTaken(Exception):
    """The address can't be listened on; the message says why."""


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


def run_house(opening: AbstractAsyncContextManager[House], listener: socket.socket, ready: Ready) -> None:
    """As `run`, with any house: the benchmarks measure the very server that serves."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(opening, listener, ready))


def supervise(plan: Plan, listeners: Sequence[socket.socket], ready: Callable[[str], None]) -> None:
    """One worker process for each of `listeners`; one that dies is replaced. The first does the chores.

    Args:
        ready: called with the address once all workers answer.
    """
    answering, told = os.pipe()
    workers: dict[int, int] = {}
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        _tell(workers, signal.SIGTERM)

    for number in range(len(listeners)):
        workers[_fork(plan, listeners, number, told)] = number
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, lambda _signal, _frame: _tell(workers, signal.SIGHUP))
    os.close(told)
    count = len(listeners)

    def wait_for_all() -> None:
        if _all_answer(answering, count):
            ready(url_of(listeners[0]))

    threading.Thread(target=wait_for_all, daemon=True).start()
    while workers:
        pid, status = os.wait()
        number = workers.pop(pid)
        if stopping:
            continue
        log.error("a worker died", extra={"worker": number, "status": os.waitstatus_to_exitcode(status)})
        time.sleep(RESTART_PAUSE_S)
        if not stopping:
            workers[_fork(plan, listeners, number, None)] = number


async def _serve(opening: AbstractAsyncContextManager[House], listener: socket.socket, ready: Ready) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with opening as house:
        loop.add_signal_handler(signal.SIGHUP, house.reload)
        runner = web.AppRunner(
            house.application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=TURNS_END_MAX_S,
            keepalive_timeout=IDLE_S,
        )
        await runner.setup()
        await PatientSite(runner, listener, backlog=BACKLOG).start()
        # What start-up made stays for ever: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        ready(Running(url_of(listener), loop, stopping))
        try:
            await stopping.wait()
        finally:
            log.info("stopping")
            await runner.cleanup()


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


def _fork(plan: Plan, listeners: Sequence[socket.socket], number: int, told: int | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1

    def tell(_running: Running) -> None:
        if told is not None:
            os.write(told, b"1")

    try:
        for other in listeners:
            if other is not listeners[number]:
                other.close()
        mine = replace(plan, does_chores=plan.does_chores and number == 0, worker=number)
        run(mine, listeners[number], tell)
        status = 0
    except Exception:
        log.exception("a worker can't go on", extra={"worker": number})
    finally:
        os._exit(status)


def _all_answer(pipe: int, count: int) -> bool:
    """Wait for each worker's sign; the pipe ends where all that hold it have died."""
    while count and os.read(pipe, 1):
        count -= 1
    os.close(pipe)
    return count == 0


def _tell(workers: dict[int, int], number: signal.Signals) -> None:
    for pid in list(workers):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
