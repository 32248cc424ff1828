"""A fast wire for the HTTP families: one connection a handset, kept open, and no library between.

What is measured is the service: the client must cost far less than it. So answers are read by hand, and only
as much of HTTP/1.1 (RFC 9112) as a gateway's answers need: a length or chunks, and nothing else.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final, cast
from urllib.parse import unquote

from simulator.phone import Server
from simulator.wires.dialects.dialect import Dialect, Request, Response
from simulator.wires.wire import PATIENCE_S, Call, Leaving, NoService
from ussd_engine import Reply, WireError

ANSWER_MAX: Final = 256 * 1024
Timed = Callable[[float], None]
"""Told how many seconds each answer took."""


class Lines:
    """Makes one `Line` for each handset of a load; all lead to one gateway of one service."""

    def __init__(
        self,
        server: Server,
        dialect: Dialect,
        gateway: str,
        patience_s: float = PATIENCE_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers`: credentials that go with each request."""
        self.dialect = dialect
        self.patience_s = patience_s
        address = server.address
        assert address.hostname is not None
        secure = address.scheme == "https"
        self.host = address.hostname
        self.port = address.port or (443 if secure else 80)
        self.tls = ssl.create_default_context() if secure else None
        own_path = address.path.startswith("/gateways/")
        self.path = address.path.rstrip("/") + ("" if own_path else f"/gateways/{gateway}")
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.head = f"Host: {host}:{self.port}\r\n"
        if address.username is not None:
            pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
            self.head += f"Authorization: Basic {b64encode(pair.encode()).decode()}\r\n"
        self.head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())

    async def open(self) -> None:
        """Nothing: each handset connects when it begins."""

    async def close(self) -> None:
        """Nothing: each handset hangs up when it ends."""

    def line(self, timed: Timed) -> Line:
        """A handset's own line."""
        return Line(self, timed)

    def octets(self, request: Request) -> bytes:
        """A request as it goes over the line."""
        target = f"{self.path}{request.path}" + (f"?{request.query}" if request.query else "")
        own = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        if request.content_type:
            own += f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n"
        return f"{request.method} {target} HTTP/1.1\r\n{self.head}{own}\r\n".encode() + request.body


class Line:
    """`Wire` of one handset, as far as a load needs it."""

    def __init__(self, lines: Lines, timed: Timed) -> None:
        self._lines = lines
        self._timed = timed
        self._peer: _Peer | None = None

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`."""
        return await self._turn(call, self._lines.dialect.begin(call))

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`."""
        call.answers.append(text)
        return await self._turn(call, self._lines.dialect.answer(call, text))

    async def leave(self, call: Call, why: Leaving) -> None:
        """As `Wire.leave`."""
        request = self._lines.dialect.leave(call, why)
        if request is not None:
            await self._exchange(request)

    def close(self) -> None:
        """Hang the line up."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    async def _turn(self, call: Call, request: Request) -> Reply:
        response = await self._exchange(request)
        try:
            return self._lines.dialect.read(call, response)
        except WireError as error:
            raise NoService(f"unreadable answer: {error}") from None

    async def _exchange(self, request: Request) -> Response:
        octets = self._lines.octets(request)
        peer = self._peer
        if peer is None or peer.is_closed:
            peer = self._peer = await self._connected()
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._lines.patience_s):
                status, response = await peer.exchange(octets)
        except TimeoutError:
            self.close()
            raise NoService(f"no answer within {self._lines.patience_s:g} s") from None
        except BaseException:
            self.close()
            raise
        self._timed(time.perf_counter() - began)
        if not 200 <= status < 300:
            raise NoService(f"HTTP {status}")
        return response

    async def _connected(self) -> _Peer:
        lines, loop = self._lines, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(lines.patience_s):
                _, peer = await loop.create_connection(_Peer, lines.host, lines.port, ssl=lines.tls)
        except TimeoutError:
            raise NoService("no connection in time") from None
        except OSError as error:
            raise NoService(f"no connection: {error.strerror or type(error).__name__}") from None
        return peer


class _Peer(asyncio.Protocol):
    """One connection; one exchange at a time."""

    def __init__(self) -> None:
        self.is_closed = False
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._awaited: asyncio.Future[tuple[int, Response]] | None = None
        self._loop = asyncio.get_running_loop()

    def exchange(self, octets: bytes) -> asyncio.Future[tuple[int, Response]]:
        """Send a request; the future is its status and answer."""
        assert self._transport is not None
        self._awaited = self._loop.create_future()
        self._transport.write(octets)
        return self._awaited

    def close(self) -> None:
        """Cut the connection."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """As `asyncio.Protocol`."""
        self.is_closed = True
        self._fail("the connection was cut")

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._received += data
        if self._awaited is None or self._awaited.done():
            self.close()  # more than was asked for: what follows could be taken for another's answer
            return
        try:
            found = read_response(self._received)
        except ValueError as error:
            self._fail(str(error))
            self.close()
            return
        if found is None:
            if len(self._received) > ANSWER_MAX:
                self._fail(f"an answer of more than {ANSWER_MAX} octets")
                self.close()
            return
        status, response, stays = found
        self._received.clear()
        if not stays:
            self.close()
        self._awaited.set_result((status, response))

    def _fail(self, why: str) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(NoService(why))


def read_response(received: bytes | bytearray) -> tuple[int, Response, bool] | None:
    """Read one whole answer (RFC 9112 §2.1, §6): its status, the answer, and whether the connection stays.

    Returns:
        None while something is missing.

    Raises:
        ValueError: it is none, or has neither a length nor chunks.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(received[:end]).decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/1.") or not first[9:12].isdigit():
        raise ValueError("what came is no HTTP")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    rest = memoryview(received)[end + 4 :]
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _chunks(bytes(rest))
    elif (length := headers.get("content-length", "0" if first[9:12] == "204" else "")).isdigit():
        if len(rest) > int(length):
            raise ValueError("more came than the answer's length")
        body = bytes(rest) if len(rest) == int(length) else None
    else:
        raise ValueError("the answer has no length")
    rest.release()
    if body is None:
        return None
    stays = headers.get("connection", "").lower() != "close" and not first.startswith("HTTP/1.0")
    return int(first[9:12]), Response(body, headers), stays


def _chunks(rest: bytes) -> bytes | None:
    """The body of a chunked answer (RFC 9112 §7.1); None while a part is missing."""
    body, at = b"", 0
    while True:
        end = rest.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(rest[at:end].partition(b";")[0], 16)
        if size == 0:
            return body if rest.find(b"\r\n", end + 2) >= 0 else None
        if len(rest) < end + 2 + size + 2:
            return None
        body += rest[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
