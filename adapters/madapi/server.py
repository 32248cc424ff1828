"""MTN MADAPI over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.http import TurnHandler
from adapters.madapi import wire
from adapters.madapi.push import MadapiPusher


class Madapi(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Madapi

    @classmethod
    def pusher(cls, name: str, options: wire.Options, _engine: TurnHandler) -> MadapiPusher | None:
        """What pushes by it, where the settings say where to."""
        return MadapiPusher(name, options) if options.push_url else None
