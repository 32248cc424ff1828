"""Screens pushed by MADAPI: its answer says whether they were taken, requests to us bring what is typed."""

from __future__ import annotations

from adapters.madapi.wire import Madapi, Options
from adapters.outward import Silence, send
from ussd_engine import PushOutcome, WireError


class MadapiPusher:
    """Pushes of one gateway; a `ussd_engine.Pusher`."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._codec = Madapi(name, options)
        self.screen_octets = options.screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`."""
        call = self._codec.push(dialogue, msisdn, text, ask=ask)
        told = await send(self._name, call, self._codec.options.push_within_s)
        if isinstance(told, Silence):
            return PushOutcome.TROUBLE if told is Silence.NOT_SENT else PushOutcome.UNKNOWN
        if not 200 <= told.status < 300:
            return PushOutcome.REFUSED
        try:
            taken = self._codec.taken(told.content_type, told.body)
        except WireError:
            return PushOutcome.UNKNOWN
        return PushOutcome.ACCEPTED if taken else PushOutcome.REFUSED
