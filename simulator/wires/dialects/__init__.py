"""The network's half of the HTTP families: what they ask a service, and how they read its answer."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from simulator.wires.dialects.dialect import Dialect
from simulator.wires.wire import NoService, Options

_WHERE: Final = {
    "africastalking": "forms:AfricasTalking",
    "airtel": "forms:Airtel",
    "cellulant": "forms:Cellulant",
    "yate": "forms:Yate",
    "hubtel": "objects:Hubtel",
    "infobip": "objects:Infobip",
    "madapi": "objects:Madapi",
    "junebug": "objects:Junebug",
    "vumi": "objects:Vumi",
    "restcomm": "documents:RestComm",
    "sads": "documents:Sads",
    "truroute": "documents:TruRoute",
    "declared": "described:Described",
}
_SHIPPED: Final = (
    "advanta", "arkesel", "bonga", "crossgate", "emergent", "hellio", "imimobile", "korba", "mobilesasa",
    "nalo", "oltranz", "safaricom",
)  # fmt: skip
KINDS: Final = tuple(sorted((*_WHERE, *_SHIPPED)))
"""The `kind`s of gateway that can be played; a declared form by its own name too."""


def dialect(kind: str, options: Options) -> Dialect:
    """The network's half of a gateway's `kind`; `options` as its table in the settings has them.

    Raises:
        NoService: no such kind, or the options lack what it needs.
    """
    if kind in _SHIPPED:
        kind, options = "declared", {"form": kind, **options}
    if kind not in _WHERE:
        raise NoService(f"no wire '{kind}'. There are: here, smpp, gsup, {', '.join(KINDS)}")
    module, _, name = _WHERE[kind].partition(":")
    # Each is imported when it is asked for: a described form needs a schema's library, XML its readers.
    found: Dialect = getattr(import_module(f"simulator.wires.dialects.{module}"), name)(options)
    return found
