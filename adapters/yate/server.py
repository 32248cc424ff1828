"""YateUSGW over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.http import TurnHandler
from adapters.yate import wire
from adapters.yate.push import YatePusher


class Yate(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Yate

    @classmethod
    def pusher(cls, name: str, options: wire.Options, _engine: TurnHandler) -> YatePusher | None:
        """What pushes by it, where the settings say where to."""
        return YatePusher(name, options) if options.push_url else None
