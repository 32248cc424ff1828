"""Screens pushed by YateUSGW: its answer says that they were taken, callbacks bring what is typed."""

from __future__ import annotations

from adapters.outward import Silence, send
from adapters.yate.wire import Options, Yate
from ussd_engine import PushOutcome


class YatePusher:
    """Pushes of one gateway; a `ussd_engine.Pusher`."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._codec = Yate(name, options)
        self.screen_octets = options.screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`. What its errors say is not documented: any but 200 is a refusal."""
        call = self._codec.push(dialogue, msisdn, text, ask=ask)
        told = await send(self._name, call, self._codec.options.push_within_s)
        if isinstance(told, Silence):
            return PushOutcome.TROUBLE if told is Silence.NOT_SENT else PushOutcome.UNKNOWN
        return PushOutcome.ACCEPTED if told.status == 200 else PushOutcome.REFUSED
