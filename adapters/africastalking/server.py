"""Africa's Talking over HTTP: `POST /gateways/<name>` for turns, `…/events` for ends of dialogues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from adapters.africastalking import wire
from adapters.codec import Options as CommonOptions
from adapters.http import Door, HttpGateway

_CONTENT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Options(CommonOptions):
    """What `[[gateways]]` may say of this kind; Africa's Talking waits 15 s for a reply.

    Attributes:
        deep_in_text: text in a dialogue not seen before is answers typed ahead.
    """

    deep_in_text: bool = True


class AfricasTalking(HttpGateway):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = Options

    def __init__(self, name: str, options: Options, door: Door) -> None:
        super().__init__(name, door, rate=options.rate)
        self._options = options

    def routes(self) -> Iterable[web.RouteDef]:
        """Other methods than POST get aiohttp's 405."""
        path = f"/gateways/{self.name}"
        return (
            web.post(path, self.guarded(self._turn)),
            web.post(f"{path}/events", self.guarded(self._event)),
        )

    async def _turn(self, request: web.Request) -> web.StreamResponse:
        body = await self.read(request)
        options = self._options
        turn = wire.decode(
            body,
            request.headers.get("Content-Type", ""),
            gateway=self.name,
            deep_in_text=options.deep_in_text,
            screen_octets=options.screen_octets,
            deadline_s=options.deadline_s,
        )
        return self.answer(request, wire.encode(await self.take(turn)), _CONTENT_TYPE)

    async def _event(self, request: web.Request) -> web.Response:
        body = await self.read(request)
        turn = wire.decode_event(body, request.headers.get("Content-Type", ""), gateway=self.name)
        if turn is not None:
            await self.take(turn)
        return web.Response()
