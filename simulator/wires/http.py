"""The wire of the HTTP families: a dialect's requests to a service's gateway, and its answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from simulator.phone import Server
from simulator.wires.dialects.dialect import Dialect, Request, Response
from simulator.wires.mailbox import Mailbox
from simulator.wires.wire import PATIENCE_S, Call, Frames, Leaving, NoService
from ussd_engine import Reply, WireError

SCREEN_OCTETS: Final = 160


class HttpWire:
    """One gateway of one service."""

    def __init__(
        self,
        server: Server,
        dialect: Dialect,
        gateway: str,
        frames: Frames,
        *,
        headers: Mapping[str, str] | None = None,
        screen_octets: int = SCREEN_OCTETS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`headers`: credentials that go with each request. An address with a gateway's path keeps it."""
        self.screen_octets = screen_octets
        self._server = server
        self._dialect = dialect
        own_path = server.address.path.startswith("/gateways/")
        self._path = "" if own_path else f"/gateways/{gateway}"
        self._name = gateway
        self._frames = frames
        self._headers = dict(headers or {})
        self._patience_s = patience_s
        self._mailbox = Mailbox(dialect, frames) if dialect.later else None

    @property
    def state(self) -> str:
        """Where it leads."""
        return f"{self._server} {self._name}"

    async def open(self) -> None:
        """Listen, where the service replies by requests of its own.

        Raises:
            NoService: it can't listen where the service's `url` points.
        """
        if self._mailbox is not None:
            self._mailbox.open()

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`."""
        return await self._turn(call, self._dialect.begin(call))

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`."""
        call.answers.append(text)
        return await self._turn(call, self._dialect.answer(call, text))

    async def again(self, call: Call) -> Reply:
        """As `Wire.again`."""
        return await self._screen(call, call.last)

    async def leave(self, call: Call, why: Leaving) -> None:
        """As `Wire.leave`."""
        request = self._dialect.leave(call, why)
        if request is not None:
            await self._exchange(call, request)

    async def close(self) -> None:
        """Stop listening."""
        if self._mailbox is not None:
            await asyncio.to_thread(self._mailbox.close)

    async def _turn(self, call: Call, request: Request) -> Reply:
        call.sends(request)
        return await self._screen(call, request)

    async def _screen(self, call: Call, request: Request) -> Reply:
        if self._mailbox is None:
            response = await self._exchange(call, request)
        else:
            response = await self._reply_later(self._mailbox, call, request)
        try:
            return self._dialect.read(call, response)
        except WireError as error:
            raise NoService(str(error)) from None

    async def _reply_later(self, mailbox: Mailbox, call: Call, request: Request) -> Response:
        with mailbox.awaiting(call) as came:
            await self._exchange(call, request)
            try:
                return await asyncio.wait_for(came, self._patience_s)
            except TimeoutError:
                raise NoService(f"no reply came to {mailbox.url} within {self._patience_s:.0f} s") from None

    async def _exchange(self, call: Call, request: Request) -> Response:
        path = self._path + request.path + (f"?{request.query}" if request.query else "")
        self._frames.add(call.number, f"{request.method} {path}", _readable(request), out=True)
        headers = {**self._headers, **request.headers}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        body = request.body if request.content_type else None
        status, told, raw = await asyncio.to_thread(
            self._server.exchange, request.method, path, body, headers, self._patience_s
        )
        self._frames.add(call.number, f"HTTP {status}", _heard(told, raw), out=False)
        if not 200 <= status < 300:
            first = raw.decode("utf-8", "replace").partition("\n")[0].strip()
            raise NoService(f"the gateway refused: {first[:200] or 'no reason given'} (HTTP {status})")
        return Response(raw, told)


def _readable(request: Request) -> str:
    if request.query:
        return unquote_plus(request.query).replace("&", "\n")
    text = request.body.decode("utf-8", "replace")
    return unquote_plus(text).replace("&", "\n") if request.content_type.endswith("urlencoded") else text


def _heard(headers: Mapping[str, str], body: bytes) -> str:
    plain = ("content-type", "content-length", "date", "server", "connection")
    own = [f"{name}: {value}" for name, value in headers.items() if name not in plain]
    return "\n".join([*own, body.decode("utf-8", "replace")])
