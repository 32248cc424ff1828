"""A wire to a service that is still being started: what is sent meanwhile waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from simulator.model import Message
from simulator.standing import Service, Standing
from simulator.wires.wire import Call, Leaving, NoService, Pushed, Wire
from ussd_engine import Reply

Start = Callable[[], Awaitable[tuple[Wire, Service | None]]]


class Awaited:
    """Both the wire and what the service tells, once it is there."""

    def __init__(self, start: Start, doing: str, screen_octets: int = 160) -> None:
        """`doing`: what is said meanwhile, as in `starting the demo`."""
        self.screen_octets = screen_octets
        self._start = start
        self._doing = doing
        self._wire: Wire | None = None
        self._service: Service | None = None
        self._starting: asyncio.Task[None] | None = None
        self._failed = ""
        self._listening: list[tuple[str, Callable[[Pushed], None]]] = []

    @property
    def state(self) -> str:
        """What is being done, or the wire's own."""
        if self._wire is not None:
            return self._wire.state
        return self._failed or f"{self._doing}…"

    async def open(self) -> None:
        """Begin to start it; returns at once."""
        self._starting = asyncio.create_task(self._run())

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`."""
        return await (await self._there()).begin(call)

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`."""
        return await (await self._there()).answer(call, text)

    async def again(self, call: Call) -> Reply:
        """As `Wire.again`."""
        return await (await self._there()).again(call)

    async def leave(self, call: Call, why: Leaving) -> None:
        """As `Wire.leave`."""
        await (await self._there()).leave(call, why)

    async def close(self) -> None:
        """Let go of it, started or not."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self.stop()
        if self._wire is not None:
            await self._wire.close()

    async def inbox(self, number: str) -> list[Message]:
        """As `Service.inbox`."""
        await self._there()
        return await self._service.inbox(number) if self._service is not None else []

    async def standing(self, number: str) -> Standing | None:
        """As `Service.standing`."""
        await self._there()
        return await self._service.standing(number) if self._service is not None else None

    def listen(self, number: str, take: Callable[[Pushed], None]) -> None:
        """As `Service.listen`, once it is there."""
        if self._service is not None:
            self._service.listen(number, take)
        else:
            self._listening.append((number, take))

    def stop(self) -> None:
        """As `Service.stop`."""
        if self._service is not None:
            self._service.stop()

    async def _run(self) -> None:
        try:
            wire, service = await self._start()
            await wire.open()
        except NoService as error:
            self._failed = str(error)
            return
        self._wire, self._service = wire, service
        while self._listening and service is not None:
            service.listen(*self._listening.pop())
        self.screen_octets = wire.screen_octets

    async def _there(self) -> Wire:
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._wire is None:
            raise NoService(self._failed or "the service was not started")
        return self._wire
