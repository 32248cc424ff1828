"""The shell of every family whose codec is an `adapters.codec.Codec`: a request, a turn, an answer.

A family that answers later gets its empty answer at once; the turn follows in a task of its own, and its
reply goes out as a request of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from adapters.codec import Answer, Asked, Call, Codec, Heard, Options
from adapters.http import Door, HttpGateway
from ussd_engine import Reply

SEND_S = 5.0
"""How long a gateway may take over a reply that we send it."""
CLOSED = Reply("", open=False)

log = logging.getLogger(__name__)


class Exchange(HttpGateway):
    """One configured gateway; a family names its codec and its options, no more."""

    options_type: ClassVar[type[Options]]
    codec_type: ClassVar[type[Codec[Any]]]

    def __init__(self, name: str, options: Options, door: Door) -> None:
        super().__init__(name, door, rate=options.rate)
        self._codec = self.codec_type(name, options)
        self._path = f"/gateways/{name}"
        self._following: set[asyncio.Task[None]] = set()

    def routes(self) -> Iterable[web.RouteDef]:
        """What the codec reads; other methods get aiohttp's 405."""
        answer = self.guarded(self._answer)
        return tuple(
            # aiohttp would answer a HEAD by playing the GET: a turn for nobody to see.
            web.get(self._path + path, answer, allow_head=False)
            if method == "GET"
            else web.route(method, self._path + path, answer)
            for method, path in self._codec.routes
        )

    async def close(self) -> None:
        """Let replies that are still to be sent go out; turns and sending are bounded, so this ends."""
        while self._following:
            await asyncio.wait(self._following)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await self.read(request)
        path, _, query = request.raw_path.partition("?")
        headers = request.headers
        asked = Asked(
            request.method,
            path.removeprefix(self._path),
            query,
            headers.get("Content-Type", ""),
            body,
            headers.get("Cookie", ""),
        )
        heard = self._codec.decode(asked)
        if heard.turn is None:
            return self._respond(request, self._codec.encode(CLOSED, heard))
        if self._codec.later:
            if len(self._following) >= self._door.in_flight_max:
                return self._refuse("busy", 503, "too many replies are on their way")
            task = asyncio.create_task(self._follow(heard))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
            return self._respond(request, self._codec.encode(CLOSED, heard))
        return self._respond(request, self._codec.encode(await self.take(heard.turn), heard))

    def _respond(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.status == 200 and not answer.headers:
            return self.answer(request, answer.body, answer.content_type)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    async def _follow(self, heard: Heard) -> None:
        assert heard.turn is not None
        call = self._codec.call(await self.take(heard.turn), heard)
        if call is not None:
            await self._send(call)

    async def _send(self, call: Call) -> None:
        """Send a reply. One that fails is not sent again: the network has let the dialogue go by then."""
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=SEND_S)) as session,
                session.request(
                    call.method,
                    call.url,
                    data=call.body,
                    headers={"Content-Type": call.content_type, **call.headers},
                    allow_redirects=False,
                ) as response,
            ):
                status = response.status
        except (ClientError, TimeoutError, ValueError) as error:
            status = 0
            log.warning("a reply was not sent", extra={"gateway": self.name, "why": type(error).__name__})
        if not 200 <= status < 300:
            self._door.observe(self.name, "unsent")
