"""What a text costs on the wire: octets of a USSD string, parts of an SMS.

One character outside the GSM 7-bit alphabet turns the whole text into UCS-2, which holds less than half.
All of it is called several times a turn, so it makes one pass over the text and raises nothing.

Source: 3GPP TS 23.038 §5 (coding schemes), §6.1.2.3; TS 23.040 §9.2.3.24.1 (concatenated messages).
"""

from collections.abc import Iterable
from typing import Final, Literal

from ussd_engine.text.gsm import EXTENDED, count_septets, first_outside

USSD_OCTETS_MAX: Final = 160
"""Octets of one USSD string: 182 septets, or 80 UCS-2 code units."""

SMS_SEPTETS_MAX: Final = 160
SMS_PART_SEPTETS_MAX: Final = 153
SMS_UNITS_MAX: Final = 70
SMS_PART_UNITS_MAX: Final = 67


def octets(text: str) -> int:
    """Count the octets `text` takes as a USSD string: packed septets, or UCS-2 if it has to be."""
    count = count_septets(text)
    if count is None:
        return len(text.encode("utf-16-be", "surrogatepass"))
    return (7 * count + 7) // 8


def fits(text: str, octets_max: int) -> bool:
    """Tell whether `text` takes at most `octets_max` octets."""
    # No character takes more than a surrogate pair, four octets: a short text needs no counting.
    return 4 * len(text) <= octets_max or octets(text) <= octets_max


def encoding(text: str) -> Literal["gsm7", "ucs2"]:
    """Name the alphabet `text` is sent in."""
    return "ucs2" if count_septets(text) is None else "gsm7"


def first_ucs2(text: str) -> int | None:
    """Index of the first character that forces UCS-2, or None where the text is GSM 7-bit."""
    return first_outside(text)


def sms_parts(text: str) -> int:
    """Count the SMS that carry `text`: one of 160 septets or 70 units, else parts of 153 or 67.

    Neither an escape pair nor a surrogate pair is split, so a part may hold one less.
    """
    count = count_septets(text)
    if count is None:
        units = len(text.encode("utf-16-be", "surrogatepass")) // 2
        if units <= SMS_UNITS_MAX:
            return 1
        return _parts((2 if character > "\uffff" else 1 for character in text), SMS_PART_UNITS_MAX)
    if count <= SMS_SEPTETS_MAX:
        return 1
    return _parts((2 if character in EXTENDED else 1 for character in text), SMS_PART_SEPTETS_MAX)


def _parts(weights: Iterable[int], part_max: int) -> int:
    parts, used = 1, 0
    for weight in weights:
        used += weight
        if used > part_max:
            parts, used = parts + 1, weight
    return parts
