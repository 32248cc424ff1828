"""RestComm's USSD gateway over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.http import TurnHandler
from adapters.restcomm import wire
from adapters.restcomm.push import RestCommPusher


class RestComm(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.RestComm

    @classmethod
    def pusher(cls, name: str, options: wire.Options, engine: TurnHandler) -> RestCommPusher | None:
        """What pushes by it, where the settings say where to."""
        return RestCommPusher(name, options, engine) if options.push_url else None
