"""YateUSGW over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.http import TurnHandler
from adapters.outward import CallPusher
from adapters.yate import wire


class Yate(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Yate

    @classmethod
    def pusher(cls, name: str, options: wire.Options, _engine: TurnHandler) -> CallPusher | None:
        """What pushes by it, where the settings say where to."""
        if not options.push_url:
            return None
        codec, within_s = wire.Yate(name, options), options.push_within_s
        return CallPusher(name, codec, within_s=within_s, screen_octets=options.screen_octets)
