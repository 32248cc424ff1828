"""A short answer in one write, head and body together.

aiohttp's `Response` makes its headers, checks and joins them anew for every answer: more than a third of what
a bare handler costs (docs/performance.md). A gateway's answers differ in their bodies only.
"""

from __future__ import annotations

import time
from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.http import SERVER_SOFTWARE


class _Whole(web.StreamResponse):
    """What `Heads.answer` answers with: the octets are ready when the handler returns it.

    Of a `StreamResponse` it has the methods that the server calls, and none of the state, headers above all.
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def keep_alive(self) -> bool:
        """Only requests that keep the connection are answered so."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send everything."""
        if request.transport is None:
            raise ConnectionResetError("the gateway has hung up")
        request.transport.write(self._octets)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


class Heads:
    """The heads of one gateway's answers, by content type, with the time of the second."""

    def __init__(self) -> None:
        self._second = 0
        self._heads: dict[str, bytes] = {}

    def of(self, content_type: str) -> bytes:
        """All of the head but the length of the body and the empty line."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._heads.clear()
        head = self._heads.get(content_type)
        if head is None:
            date = formatdate(now, usegmt=True)
            head = self._heads[content_type] = (
                f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nDate: {date}\r\n"
                f"Server: {SERVER_SOFTWARE}\r\nContent-Length: "
            ).encode("ascii")
        return head

    def answer(self, request: web.BaseRequest, body: bytes, content_type: str) -> web.StreamResponse:
        """A 200 with `body`; by aiohttp's own way where a connection is anything but idle and kept alive."""
        transport = request.transport
        if (
            request.version == HttpVersion11
            and request.keep_alive
            and request.method != "HEAD"
            and transport is not None
            and not transport.get_write_buffer_size()  # else wait for a gateway that doesn't read
        ):
            return _Whole(b"%b%d\r\n\r\n%b" % (self.of(content_type), len(body), body))
        return web.Response(body=body, headers={"Content-Type": content_type})
