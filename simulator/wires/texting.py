"""SMS that a service submits to the centre: parts put together again, each with its place.

Source: 3GPP TS 23.040 §9.2.3.24.1 (concatenation in the user data header); SMPP 3.4 §5.3.2.22-25 (SAR).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from adapters.smpp import coding, wire
from adapters.smpp.wire import Pdu
from simulator.model import Message
from ussd_engine import WireError
from ussd_engine.text.cost import sms_parts

_UDH: Final = 0x40
UNFINISHED_MAX: Final = 100

Texted = Callable[[str, Message], None]


class Texts:
    """Messages whose parts have not all come yet."""

    def __init__(self, alphabet: coding.Alphabet, texted: Texted) -> None:
        self._alphabet = alphabet
        self._texted = texted
        self._parts: dict[tuple[str, int], dict[int, str]] = {}

    def take(self, number: str, pdu: Pdu) -> None:
        """One part, or a whole message."""
        octets, reference, total, place = _place(pdu)
        try:
            text = coding.decode(pdu.number("data_coding"), octets, self._alphabet)
        except WireError:
            text = octets.hex(" ")
        if total <= 1:
            self._told(number, pdu, text, sms_parts(text))
            return
        found = self._parts.setdefault((number, reference), {})
        found[place] = text
        if len(found) == total:
            del self._parts[number, reference]
            self._told(number, pdu, "".join(found[at] for at in sorted(found)), total)
        elif len(self._parts) > UNFINISHED_MAX:
            del self._parts[next(iter(self._parts))]

    def _told(self, number: str, pdu: Pdu, text: str, parts: int) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._texted(number, Message(at, pdu.text("source_addr"), text, parts))


def _place(pdu: Pdu) -> tuple[bytes, int, int, int]:
    """Octets of the text, reference, how many parts, which one."""
    octets = pdu.octets
    if pdu.number("esm_class") & _UDH and len(octets) > 5 and octets[1:3] == b"\0\3":
        return octets[1 + octets[0] :], octets[3], octets[4], octets[5]
    total = pdu.tlvs.get(wire.SAR_TOTAL, b"\1")[-1]
    reference = int.from_bytes(pdu.tlvs.get(wire.SAR_REFERENCE, b"\0"), "big")
    return octets, reference, total, pdu.tlvs.get(wire.SAR_NUMBER, b"\1")[-1]
