"""Where a service sends its replies when they are requests of its own (Junebug, Vumi, YateUSGW)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from simulator.wires.dialects.dialect import Dialect, Response
from simulator.wires.wire import Call, Frames, NoService
from ussd_engine import WireError

BODY_MAX: Final = 64 * 1024


class Mailbox:
    """A small HTTP server at the address that the gateway's setting `url` names."""

    def __init__(self, dialect: Dialect, frames: Frames) -> None:
        self.url = dialect.reply_url
        self._dialect = dialect
        self._frames = frames
        self._waiting: dict[str, tuple[Call, asyncio.Future[Response]]] = {}
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen.

        Raises:
            NoService: not there.
        """
        address = urlsplit(self.url)
        if not address.hostname or address.port is None:
            raise NoService(
                "the gateway's `url` has to name this machine and a port: that is where replies come"
            )
        loop = asyncio.get_running_loop()

        def take(response: Response) -> None:
            loop.call_soon_threadsafe(self._take, response)

        try:
            self._server = ThreadingHTTPServer((address.hostname, address.port), _handler(take))
        except OSError as error:
            raise NoService(f"can't listen at {self.url}: {error.strerror}") from None
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @contextmanager
    def awaiting(self, call: Call) -> Iterator[asyncio.Future[Response]]:
        """The reply to what is sent within the block."""
        name = call.kept["awaits"]
        _, came = self._waiting.setdefault(name, (call, asyncio.get_running_loop().create_future()))
        try:
            yield asyncio.shield(came)
        finally:
            self._waiting.pop(name, None)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _take(self, response: Response) -> None:
        try:
            name = self._dialect.addressed(response)
        except WireError:
            name = ""
        call, came = self._waiting.get(name, (None, None))
        number = call.number if call is not None else ""
        self._frames.add(number, "the service's request", response.body.decode("utf-8", "replace"), out=False)
        if came is not None and not came.done():
            came.set_result(response)


def _handler(take: object) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _receive(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), BODY_MAX)
            body = self.rfile.read(length)
            assert callable(take)
            take(Response(body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = _receive  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The screen is the handset's."""

    return Handler
