r"""The GSM 7-bit default alphabet and its packing for USSD.

Our own tables: the codecs at hand map `ç` for `Ç`, a backtick for nothing, or forget the extension table.

Source: 3GPP TS 23.038 §6.2.1 (default alphabet), §6.2.1.1 (extension table), §6.1.2.3 (USSD packing).
"""

import re
from typing import Final

ESC: Final = 0x1B
CR: Final = 0x0D

# §6.2.1, code by code. ESC stands at its own place (0x1B) so that a character's index is its code.
_DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# §6.2.1.1: the code that follows ESC.
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

EXTENDED: Final = frozenset(_EXTENSION.values())
"""Characters that take two septets."""

_CODES: Final = {character: bytes((code,)) for code, character in enumerate(_DEFAULT) if code != ESC} | {
    character: bytes((ESC, code)) for code, character in _EXTENSION.items()
}

_NOT_BASIC: Final = re.compile(f"[^{re.escape(_DEFAULT.replace(chr(ESC), ''))}]")
_NOT_GSM7: Final = re.compile(f"[^{re.escape(''.join(_CODES))}]")
_TWO_SEPTETS: Final = re.compile(f"[{re.escape(''.join(sorted(EXTENDED)))}]")

_BITS: Final = tuple(f"{septet:07b}" for septet in range(128))


class NotGsm7(ValueError):
    """A character has no place in the alphabet; `index` is where it stands in the text, from 0."""

    def __init__(self, character: str, index: int) -> None:
        super().__init__(f"character U+{ord(character):04X} at {index} is not in the GSM 7-bit alphabet")
        self.index = index


def count_septets(text: str) -> int | None:
    """Count septets as `septets` does, but give None where a character is outside the alphabet.

    One pass over the usual text, and no exception: screens are counted several times a turn.
    """
    stray = _NOT_BASIC.search(text)
    if stray is None:
        return len(text)
    if stray[0] not in EXTENDED or _NOT_GSM7.search(text, stray.end()):
        return None
    return len(text) + len(_TWO_SEPTETS.findall(text))


def first_outside(text: str) -> int | None:
    """Index of the first character outside the alphabet (both tables), or None."""
    stray = _NOT_GSM7.search(text)
    return None if stray is None else stray.start()


def septets(text: str) -> int:
    r"""Count the septets `text` takes in the GSM 7-bit default alphabet.

    Returns:
        Septets, not characters: `€ [ ] { } \ ^ ~ |` and form feed take two each (escape
        and code). One USSD string holds 182, the whole septets in 160 octets.

    Raises:
        NotGsm7: a character outside the alphabet; `.index` is its place, from 0.

    Source: 3GPP TS 23.038 §6.2.1, §6.2.1.1 (extension table), §6.1.2.3 (USSD packing).
    """
    count = count_septets(text)
    if count is None:
        raise _stray(text)
    return count


def is_gsm7(text: str) -> bool:
    """Tell whether every character of `text` is in the default alphabet or its extension table."""
    return count_septets(text) is not None


def encode_septets(text: str) -> bytes:
    """Encode `text`, one septet per octet (the form SMPP carries with data_coding 0).

    Raises:
        NotGsm7: a character outside the alphabet.
    """
    try:
        return b"".join([_CODES[character] for character in text])
    except KeyError:
        raise _stray(text) from None


def decode_septets(codes: bytes) -> str:
    """Decode one septet per octet.

    An unknown code after the escape shows the basic character of that code, a second escape shows a
    space, an escape at the very end shows nothing (§6.2.1, note 1; §6.2.1.1).

    Raises:
        ValueError: an octet above 0x7F, which is no septet.
    """
    if not codes.isascii():
        raise ValueError("an octet above 0x7F is not a septet")
    if ESC not in codes:
        return "".join([_DEFAULT[code] for code in codes])
    shown = []
    escaped = False
    for code in codes:
        if escaped:
            shown.append(" " if code == ESC else _EXTENSION.get(code, _DEFAULT[code]))
            escaped = False
        elif code == ESC:
            escaped = True
        else:
            shown.append(_DEFAULT[code])
    return "".join(shown)


def pack_ussd(text: str) -> bytes:
    """Pack `text` as a USSD string, least significant bit first; any length (160 octets go on air).

    USSD carries no count of septets, so the spare bits are given away by CR: seven of them hold one (they
    would read as `@`), and a text that really ends with CR on an octet boundary gets a second one.

    Raises:
        NotGsm7: a character outside the alphabet.

    Source: 3GPP TS 23.038 §6.1.2.3.
    """
    codes = encode_septets(text)
    if len(codes) % 8 == 7 or (codes and len(codes) % 8 == 0 and codes[-1] == CR):
        codes += b"\r"
    if not codes:
        return b""
    # The first septet takes the lowest bits, so the written-out number lists the last septet first.
    number = int("".join([_BITS[code] for code in reversed(codes)]), 2)
    return number.to_bytes((7 * len(codes) + 7) // 8, "little")


def unpack_ussd(octets: bytes) -> str:
    """Unpack a USSD string; the CR that only fills the last octet is dropped.

    A text that ended with CR on an octet boundary comes back with two (§6.1.2.3 calls that harmless).

    Source: 3GPP TS 23.038 §6.1.2.3.
    """
    number = int.from_bytes(octets, "little")
    count = 8 * len(octets) // 7
    codes = bytes([number >> shift & 0x7F for shift in range(0, 7 * count, 7)])
    if count and count % 8 == 0 and codes[-1] == CR:
        codes = codes[:-1]
    return decode_septets(codes)


def _stray(text: str) -> NotGsm7:
    index = first_outside(text)
    assert index is not None, "asked only about texts with a stray character"
    return NotGsm7(text[index], index)
