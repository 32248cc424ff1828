"""What all HTTP families share: from a request to the engine and back, and every way to be refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from adapters.binding import Bindings
from adapters.credentials import Credentials, Denied
from adapters.patience import Patience
from adapters.rate import limiter
from adapters.whole import Heads
from ussd_engine import Kind, Reply, Turn, WireError

BODY_MAX = 64 * 1024
"""Octets of a request's body; no family needs a tenth of it."""
READ_S = 5.0
"""How long a body may take to arrive (domain.md S23): a gateway sends it in one piece."""
GRACE_S = 1.0
"""The engine keeps a turn's deadline itself; the shell looks this often for turns that outlasted it."""

log = logging.getLogger(__name__)


class TurnHandler(Protocol):
    """The part of the engine that a gateway sees."""

    async def handle(self, turn: Turn) -> Reply:
        """Take one turn; answers in any case, if only that the service is in trouble."""


class Observer(Protocol):
    """Told of every request that the engine didn't answer."""

    def __call__(self, gateway: str, outcome: str) -> None:
        """`outcome`: denied, malformed, busy, flooded, late, failed, hijack or unsent."""


class HttpAdapter(Protocol):
    """A gateway family that is called over HTTP. `Options` is a frozen dataclass of its settings."""

    name: str

    def routes(self) -> Iterable[web.RouteDef]:
        """What to serve, all under `/gateways/<name>`."""

    async def close(self) -> None:
        """The service ends, and asks nothing any more."""


@dataclass(frozen=True)
class Door:
    """What stands between the network and one gateway's codec.

    Attributes:
        in_flight_max: turns at once; one more is refused at once, in the family's own form.
        busy: what its subscriber reads then; also where a turn failed or outlasted its deadline.
    """

    engine: TurnHandler
    credentials: Credentials
    observe: Observer
    in_flight_max: int = 2000
    busy: str = "Сервис занят, повторите позже. Xizmat band, keyinroq urinib koʻring."


class HttpGateway:
    """Base of the HTTP families: checks, bounds and error answers; the codec stays with the family."""

    def __init__(self, name: str, door: Door, *, rate: str = "") -> None:
        self.name = name
        self._door = door
        self._in_flight = 0
        self._open = door.credentials.open
        self._patience = Patience(GRACE_S)
        self._bindings = Bindings()
        self._has_room = limiter(rate)
        self.answer = Heads().answer

    async def close(self) -> None:
        """At the end of the service, when nothing is asked any more: let what is still on its way go out."""

    async def read(self, request: web.Request) -> bytes:
        """The body, once the caller has proved itself.

        Raises:
            Denied: by address or credentials.
            WireError: longer than `BODY_MAX` (413), it took longer than `READ_S` (408), or can't be decoded.
        """
        credentials = self._door.credentials
        if not self._open:
            credentials.check_address(request.remote, request.headers)
        if (request.content_length or 0) > BODY_MAX:
            raise WireError(f"the body is longer than {BODY_MAX} octets", status=413)
        if request.content.is_eof():  # it has arrived whole, as nearly all do
            body = request.content.read_nowait()
        else:
            body = await self._patiently(request)
        if len(body) > BODY_MAX:
            raise WireError(f"the body is longer than {BODY_MAX} octets", status=413)
        if not self._open:
            credentials.check_secret(request.method, request.raw_path, request.headers, body)
        return body

    async def _patiently(self, request: web.Request) -> bytes:
        try:
            return await self._patience.wait(request.read(), READ_S)
        except TimeoutError:
            raise WireError(f"the body took longer than {READ_S:g} s", status=408) from None
        except web.RequestPayloadError:
            raise WireError("the body is not encoded as it says") from None

    async def take(self, turn: Turn) -> Reply:
        """One turn through the engine, bounded in number, rate and time; always a reply.

        A phone that speaks in another's dialogue is refused, and that dialogue is closed (domain.md S2).
        """
        if self._in_flight >= self._door.in_flight_max:
            return self._closing("busy")
        if not self._has_room():
            return self._closing("flooded")
        self._in_flight += 1
        try:
            if turn.dialogue:
                owner = self._bindings.owner(turn.dialogue, turn.msisdn, asyncio.get_running_loop().time())
                if owner != turn.msisdn:
                    return await self._hijacked(turn, owner)
            reply = await self._patience.wait(self._door.engine.handle(turn), turn.deadline_s)
            if not reply.open:
                self._bindings.end(turn.dialogue)
            return reply
        except TimeoutError:
            return self._closing("late")
        except Exception:
            log.exception("a turn failed", extra={"gateway": self.name})
            return self._closing("failed")
        finally:
            self._in_flight -= 1

    async def _hijacked(self, turn: Turn, owner: str) -> Reply:
        """Close the dialogue that was broken into; its id stays its owner's until it is forgotten."""
        log.warning(
            "another phone spoke in an open dialogue, which is closed",
            extra={"gateway": self.name, "session_id": turn.dialogue},
        )
        closing = Turn(gateway=turn.gateway, dialogue=turn.dialogue, msisdn=owner, kind=Kind.ABORT)
        await self._patience.wait(self._door.engine.handle(closing), turn.deadline_s)
        return self._closing("hijack")

    def guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """`handler`, with what it raises turned into one short sentence of plain text."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except WireError as error:
                return self._refuse("malformed", error.status, str(error))
            except Denied as error:
                return self._refuse("denied", error.status, str(error))
            except web.HTTPRequestEntityTooLarge:
                return self._refuse("malformed", 413, f"the body is longer than {BODY_MAX} octets")

        return answer

    def _refuse(self, outcome: str, status: int, why: str) -> web.Response:
        self._door.observe(self.name, outcome)
        log.info("a request was refused", extra={"gateway": self.name, "status": status, "why": why})
        headers = {"WWW-Authenticate": f'Basic realm="{self.name}"'} if status == 401 else None
        return web.Response(status=status, text=f"{why}\n", headers=headers)

    def _closing(self, outcome: str) -> Reply:
        self._door.observe(self.name, outcome)
        return Reply(self._door.busy, open=False)
