"""Cellulant over HTTP; all of it is `adapters.exchange` and the codec."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.cellulant import wire
from adapters.codec import Codec, Options
from adapters.exchange import Exchange


class Cellulant(Exchange):
    """One configured gateway of this family."""

    options_type: ClassVar[type[Options]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Cellulant
