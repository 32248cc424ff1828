"""Hubtel over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.hubtel import wire


class Hubtel(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Hubtel
