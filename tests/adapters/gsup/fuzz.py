"""Spoilt messages by the thousand: `python -m tests.adapters.gsup.fuzz 1000000 [SEED]`."""

from __future__ import annotations

import random
import sys

from adapters.gsup import component, wire
from ussd_engine import WireError

WHOLE = [
    bytes.fromhex(octets)
    for octets in (
        "0011fe0401080107010201030104010501010100",
        "0001fe06",
        "002bee0520010809710000000000f130040e98e10a3101013514a11202010102013b300a04010f04052a1c0e3602",
        "0029ee0522010809710000000000f130040e98e10a3101023512a210020101300b02013c300604010f040131",
        "001dee0521010809710000000000f130040e98e10a310103020160",
        "0020ee0520010809710000000000f130040e98e10a310103350aa305020101020115",
    )
]


def fuzz(count: int, seed: int) -> int:
    """Read `count` streams, each spoilt and perhaps cut; whatever is no WireError comes through.

    Returns:
        How many were refused.
    """
    drawn, refused = random.Random(seed), 0
    for _ in range(count):
        try:
            _read(_spoilt(drawn))
        except WireError:
            refused += 1
    return refused


def _spoilt(drawn: random.Random) -> bytes:
    octets = bytearray(drawn.choice(WHOLE))
    for _ in range(drawn.randrange(1, 6)):
        octets[drawn.randrange(3, len(octets))] = drawn.randrange(256)
    if drawn.random() < 0.3:
        octets = octets[: drawn.randrange(3, len(octets) + 1)]
    if drawn.random() < 0.9:
        octets[:2] = (len(octets) - 3).to_bytes(2, "big")
    return bytes(octets)


def _read(octets: bytes) -> None:
    """All that is done with what comes before it is a turn."""
    for one in wire.Frames().feed(octets):
        message = wire.decode(one.payload[1:])
        if message is not None and message.component:
            heard = component.decode(message.component)
            if not isinstance(heard, component.Refusal) and heard.text is not None:
                component.plain(heard.text)


if __name__ == "__main__":
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"{count} spoilt messages, seed {seed}: {fuzz(count, seed)} refused, nothing else raised")
