"""The switch's own ISO 8583: py8583, another hand than the one our side is written with.

py8583 keeps numeric fields as numbers; here all are text again, at their full width where that is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping

from py8583.py8583 import LT, Iso8583, ParseError  # type: ignore[import-untyped]
from py8583.py8583spec import IsoSpec1987ASCII  # type: ignore[import-untyped]

_SPEC = IsoSpec1987ASCII()
FIELDS = range(2, 129)


class Unreadable(Exception):
    """Bytes that py8583 cannot read."""


def decode(octets: bytes) -> tuple[str, dict[int, str]]:
    """Type and fields of one message without its length."""
    try:
        message = Iso8583(octets, _SPEC)
    except (ParseError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(str(error)) from error
    return message.MTI(), {number: _text(message, number) for number in FIELDS if message.Field(number) == 1}


def _text(message: Iso8583, number: int) -> str:
    text = str(message.FieldData(number))
    fixed = _SPEC.LengthType(number) == LT.FIXED and _SPEC.ContentType(number) == "n"
    return text.zfill(_SPEC.MaxLength(number)) if fixed else text


def encode(mti: str, fields: Mapping[int, str]) -> bytes:
    """One message after its length in two octets."""
    message = Iso8583(IsoSpec=_SPEC)
    message.MTI(mti)
    for number, text in sorted(fields.items()):
        message.Field(number, 1)
        numeric = _SPEC.ContentType(number) == "n"
        message.FieldData(number, int(text) if numeric else text)
    octets: bytes = message.BuildIso()
    return len(octets).to_bytes(2, "big") + octets
