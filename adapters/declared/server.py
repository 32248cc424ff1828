"""Described forms over HTTP; the ones that come along are kinds of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.codec import Codec
from adapters.codec import Options as CommonOptions
from adapters.declared import wire
from adapters.declared.description import read
from adapters.exchange import Exchange


class Declared(Exchange):
    """`kind = "declared"`: the description stands in the settings or in a file of the operator's."""

    options_type: ClassVar[type[CommonOptions]] = wire.Options
    codec_type: ClassVar[type[Codec[Any]]] = wire.Declared


def shipped(name: str) -> type[Declared]:
    """A kind whose description is `forms/<name>.yaml`; `form` is given only where an operator differs."""

    @dataclass(frozen=True, kw_only=True)
    class Options(wire.Options):
        form: wire.Form = field(default_factory=lambda: read(name))

    return type(name, (Declared,), {"options_type": Options, "__doc__": f'`kind = "{name}"`.'})


Advanta = shipped("advanta")
Arkesel = shipped("arkesel")
Bonga = shipped("bonga")
CrossGate = shipped("crossgate")
Emergent = shipped("emergent")
Hellio = shipped("hellio")
IMImobile = shipped("imimobile")
Korba = shipped("korba")
MobileSasa = shipped("mobilesasa")
Nalo = shipped("nalo")
Oltranz = shipped("oltranz")
Safaricom = shipped("safaricom")
