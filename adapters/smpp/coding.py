"""Texts on an SMPP link: alphabets by `data_coding`, and long messages cut into parts.

Source: SMPP 3.4 §5.2.19 (`data_coding`), §5.3.2.22-25 (SAR); 3GPP TS 23.038 §5 (cell broadcast coding, which
USSD centres put there instead); TS 23.040 §9.2.3.24.1 (concatenation in the user data header).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from adapters.smpp import wire
from ussd_engine import WireError
from ussd_engine.text.cost import (
    SMS_PART_SEPTETS_MAX,
    SMS_PART_UNITS_MAX,
    SMS_SEPTETS_MAX,
    SMS_UNITS_MAX,
    encoding,
)
from ussd_engine.text.gsm import decode_septets, encode_septets

Alphabet = Literal["gsm", "latin1"]
"""What `data_coding` 0, the centre's default, means on a link; one septet an octet for `gsm`."""
Joining = Literal["udh", "sar", "payload"]

DEFAULT: Final = 0x00
ASCII: Final = 0x01
LATIN1: Final = 0x03
BINARY: Final = 0x04
UCS2: Final = 0x08
CBS_UCS2: Final = 0x48
"""TS 23.038 §5: general coding, UCS-2, no class."""
_NAMED_GSM: Final = 0x10
_NAMED_UCS2: Final = 0x11
"""TS 23.038 §5: the text's language stands before it, two letters and CR, or two letters packed in a unit."""
_UDH: Final = 0x40
"""`esm_class`: the message begins with a user data header (§5.2.12)."""


class Coded(NamedTuple):
    """A text as it travels."""

    data_coding: int
    octets: bytes


class Part(NamedTuple):
    """What one submit_sm of a message carries."""

    esm_class: int
    octets: bytes
    tlvs: dict[int, bytes]


def encode(text: str, *, alphabet: Alphabet = "gsm", plain: int = DEFAULT, ucs2: int = UCS2) -> Coded:
    """The cheapest coding that holds the whole text; `plain` and `ucs2` are what the link calls them."""
    if alphabet == "latin1":
        try:
            return Coded(plain, text.encode("latin-1"))
        except UnicodeEncodeError:
            return Coded(ucs2, _utf16(text))
    if encoding(text) == "gsm7":
        return Coded(plain, encode_septets(text))
    return Coded(ucs2, _utf16(text))


def decode(data_coding: int, octets: bytes, alphabet: Alphabet = "gsm") -> str:
    """What was written.

    Raises:
        WireError: octets that are no text in that coding.
    """
    kind = _kind(data_coding, alphabet)
    if data_coding in (_NAMED_GSM, _NAMED_UCS2):
        octets = _without_language(data_coding, octets)
    try:
        if kind == "gsm":
            return decode_septets(octets)
        if kind == "binary":
            raise WireError(f"data_coding {data_coding:#04x} is no text")
        return octets.decode(kind)
    except ValueError:
        raise WireError(f"octets that data_coding {data_coding:#04x} doesn't have") from None


def _without_language(data_coding: int, octets: bytes) -> bytes:
    """What follows the language, where it is there: packed letters begin with 0x41 at least."""
    if data_coding == _NAMED_GSM:
        return octets[3:] if octets[2:3] == b"\r" else octets
    return octets[2:] if octets[:1] >= b"A" else octets


def _kind(data_coding: int, alphabet: Alphabet) -> str:
    if data_coding in (UCS2, _NAMED_UCS2):
        return "utf-16-be"
    if data_coding == ASCII:
        return "ascii"
    if data_coding == LATIN1:
        return "latin-1"
    if data_coding in (0x02, BINARY):
        return "binary"
    if 0x40 <= data_coding <= 0x7F:  # TS 23.038 §5: bits 3 and 2 name the alphabet
        return ("gsm", "binary", "utf-16-be", "binary")[data_coding >> 2 & 3]
    if data_coding >= 0xF0:
        return "binary" if data_coding & 4 else "gsm"
    return "latin-1" if alphabet == "latin1" and data_coding == DEFAULT else "gsm"


def parts(coded: Coded, joining: Joining, reference: int) -> tuple[Part, ...]:
    """Cut a message so that each part fits an SMS; neither an escape pair nor a surrogate pair is split.

    Args:
        reference: the same in all parts, other in the recipient's next message; a header holds it modulo 256.

    Raises:
        ValueError: more than 255 parts.
    """
    wide = coded.data_coding != DEFAULT
    octets = coded.octets
    if len(octets) <= (2 * SMS_UNITS_MAX if wide else SMS_SEPTETS_MAX):
        return (Part(0, octets, {}),)
    if joining == "payload":
        return (Part(0, b"", {wire.PAYLOAD: octets}),)
    cut = tuple(_cut(octets, 2 * SMS_PART_UNITS_MAX if wide else SMS_PART_SEPTETS_MAX, wide=wide))
    total = len(cut)
    if total > 255:
        raise ValueError(f"{total} parts; a message has 255 at most")
    if joining == "udh":
        head = bytes((5, 0, 3, reference & 0xFF, total))
        return tuple(Part(_UDH, head + bytes((n,)) + part, {}) for n, part in enumerate(cut, 1))
    told = {wire.SAR_REFERENCE: (reference & 0xFFFF).to_bytes(2, "big"), wire.SAR_TOTAL: bytes((total,))}
    return tuple(Part(0, part, told | {wire.SAR_NUMBER: bytes((n,))}) for n, part in enumerate(cut, 1))


def _cut(octets: bytes, part_max: int, *, wide: bool) -> Iterator[bytes]:
    at = 0
    while len(octets) - at > part_max:
        after = at + part_max
        if wide and 0xD8 <= octets[after - 2] <= 0xDB:
            after -= 2  # a high surrogate goes with its low one
        elif not wide and _ends_in_escape(octets, at, after):
            after -= 1
        yield octets[at:after]
        at = after
    yield octets[at:]


def _ends_in_escape(octets: bytes, at: int, after: int) -> bool:
    """Whether the last septet is an escape: it goes with the code that follows."""
    return after > at and octets[after - 1] == 0x1B


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
