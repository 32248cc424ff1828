"""How many parts a short message takes (3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")

# TS 23.040 §9.2.3.24.1: the six octets of a concatenation header leave 134 of 140 octets in each part.
_GSM7_ONE, _GSM7_EACH = 160, 153
_UCS2_ONE, _UCS2_EACH = 70, 67


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM 7-bit default alphabet or its extension table."""
    return all(character in _BASIC or character in _EXTENSION for character in text)


def parts(text: str) -> int:
    """SMS parts of `text`: 160, or 153 each, in GSM 7-bit; 70, or 67 each, in UCS-2.

    A character that takes two units (an extension character, a surrogate pair) never straddles two parts.
    """
    if is_gsm7(text):
        return _fill((2 if character in _EXTENSION else 1 for character in text), _GSM7_ONE, _GSM7_EACH)
    return _fill((2 if ord(character) > 0xFFFF else 1 for character in text), _UCS2_ONE, _UCS2_EACH)


def _fill(costs: Iterable[int], one: int, each: int) -> int:
    sizes = list(costs)
    if sum(sizes) <= one:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > each:
            count, used = count + 1, 0
        used += size
    return count
