"""Vumi Go and Junebug over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.codec import Codec, Options
from adapters.exchange import Exchange
from adapters.vumi import wire


class Junebug(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Junebug


class Vumi(Exchange):
    """One conversation of Vumi Go."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Vumi
