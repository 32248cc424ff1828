"""What gateways that keep a line have in common, whatever they speak: its life, and what it tells of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, Protocol

from ussd_engine import WireError

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line is.

    Attributes:
        up: bound, registered: requests can be sent.
        unanswered: our requests on the way.
        waiting: those that wait for the window or the rate.
        losses: how often it was up and got lost, since the start.
        window: most requests on the way at once; 0: no limit is known.
        peer: whom it leads to, `host:port`.
        error: why it was lost or could not be made the last time; empty: it never was.
    """

    up: bool = False
    unanswered: int = 0
    waiting: int = 0
    losses: int = 0
    window: int = 0
    peer: str = ""
    error: str = ""


class Reach(Protocol):
    """Where a line leads, and how patiently it is made; times in seconds."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def connect_s(self) -> float: ...
    @property
    def backoff_first_s(self) -> float: ...
    @property
    def backoff_max_s(self) -> float: ...


class LineLost(Exception):
    """The line is of no use any more; the message says why."""


class Line(ABC):
    """One connection, made anew as often as it is lost; never a second beside it. Belongs to one event loop.

    A kind says by `work` what is done while there is one, sets `_up` once its peer has taken it, and raises
    `LineLost` or `WireError` where it has to be given up.
    """

    def __init__(self, gateway: str, reach: Reach, tls: SSLContext | None = None) -> None:
        self._gateway = gateway
        self._reach = reach
        self._tls = tls
        self._writer: asyncio.StreamWriter | None = None
        self._up = asyncio.Event()
        self._error = ""
        self._losses = 0

    @abstractmethod
    def work(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Iterable[Coroutine[None, None, None]]:
        """What goes on side by side while the connection lasts; the first that ends, ends it."""

    async def farewell(self) -> None:  # noqa: B027 - most have nothing to say
        """Said to the peer before an end of ours; the work still goes on."""

    def gone(self) -> None:  # noqa: B027
        """The connection is over, whatever the reason."""

    @property
    def up(self) -> bool:
        """Whether the peer has taken us."""
        return self._up.is_set()

    @property
    def state(self) -> LineState:
        """How the line is; a kind adds what it knows of its requests."""
        peer = f"{self._reach.host}:{self._reach.port}"
        return LineState(self._up.is_set(), losses=self._losses, peer=peer, error=self._error)

    async def run(self) -> None:
        """Keep the line up until cancelled; then close it. May be run again afterwards."""
        failures = 0
        while True:
            if await self._one():
                failures = 0
                self._losses += 1
            longest = min(self._reach.backoff_max_s, self._reach.backoff_first_s * 2 ** min(failures, 20))
            failures += 1
            # Never at once, and not all lines of a farm together: the peer has to see that the old connection
            # is closed before it sees a new one.
            await asyncio.sleep(longest * random.uniform(0.5, 1.0))

    async def _one(self) -> bool:
        """One connection from its beginning to its end; whether it ever was up."""
        reach = self._reach
        try:
            async with asyncio.timeout(reach.connect_s):
                reader, writer = await asyncio.open_connection(reach.host, reach.port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            self._failed("the peer can't be reached", type(error).__name__)
            return False
        self._writer = writer
        try:
            return await self._live(reader, writer)
        finally:
            self._up.clear()
            self._writer = None
            self.gone()
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(reach.connect_s):
                    await writer.wait_closed()

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        tasks = {asyncio.create_task(one) for one in self.work(reader, writer)}
        was_up = False
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            was_up = self._up.is_set()
            for task in done:
                task.result()
        except (LineLost, WireError) as lost:
            self._failed("the line is lost", str(lost))
        except (OSError, EOFError) as error:
            self._failed("the line is lost", type(error).__name__)
        except Exception as error:  # a fault of our own must not leave the service without a line
            self._error = type(error).__name__
            log.exception("the line is given up", extra={"gateway": self._gateway})
        except asyncio.CancelledError:
            await self.farewell()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return was_up

    def _failed(self, what: str, why: str) -> None:
        self._error = why
        log.warning(what, extra={"gateway": self._gateway, "why": why})
