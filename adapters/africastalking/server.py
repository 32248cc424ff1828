"""Africa's Talking over HTTP: `POST /gateways/<name>` for turns, `…/events` for ends of dialogues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from adapters.africastalking import wire
from adapters.http import Door, HttpGateway

_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Options:
    """What `[[gateways]]` may say of this kind, beside what all kinds share.

    Attributes:
        deep_in_text: text in a dialogue not seen before is answers typed ahead.
        screen_octets: what one screen holds (3GPP TS 23.038 §5: 160; less on some links).
        deadline_s: patience of the gateway; Africa's Talking waits 15 s.
    """

    deep_in_text: bool = True
    screen_octets: int = 160
    deadline_s: float = 10.0


class AfricasTalking(HttpGateway):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = Options

    def __init__(self, name: str, options: Options, door: Door) -> None:
        super().__init__(name, door)
        self._options = options

    def routes(self) -> Iterable[web.RouteDef]:
        """Other methods than POST get aiohttp's 405."""
        path = f"/gateways/{self.name}"
        return (
            web.post(path, self.guarded(self._turn)),
            web.post(f"{path}/events", self.guarded(self._event)),
        )

    async def _turn(self, request: web.Request) -> web.Response:
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
        return web.Response(body=wire.encode(await self.take(turn)), headers=_HEADERS)

    async def _event(self, request: web.Request) -> web.Response:
        body = await self.read(request)
        turn = wire.decode_event(body, request.headers.get("Content-Type", ""), gateway=self.name)
        if turn is not None:
            await self.take(turn)
        return web.Response()
