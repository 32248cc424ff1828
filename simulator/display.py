"""What a text costs on a phone's screen, and where the phone would cut it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ussd_engine.text import cost

NAMES: Final = {"gsm7": "GSM 7-bit", "ucs2": "UCS-2"}


@dataclass(frozen=True, slots=True)
class Size:
    """Octets of one text as a USSD string.

    Attributes:
        cut_at: index of the first character that no longer fits; None where all of it does.
        forced_by: the character that made it UCS-2; empty where nothing did.
    """

    octets: int
    octets_max: int
    coding: Literal["gsm7", "ucs2"]
    cut_at: int | None
    forced_by: str

    def __str__(self) -> str:
        return f"{self.octets}/{self.octets_max} octets {NAMES[self.coding]}"


def measure(text: str, octets_max: int = cost.USSD_OCTETS_MAX) -> Size:
    """Count `text` (3GPP TS 23.038 §5: a USSD string holds 160 octets, less on some links)."""
    outside = cost.first_ucs2(text)
    return Size(
        cost.octets(text),
        octets_max,
        cost.encoding(text),
        None if cost.fits(text, octets_max) else _cut_at(text, octets_max),
        "" if outside is None else text[outside],
    )


def _cut_at(text: str, octets_max: int) -> int:
    """The longest beginning that fits, in the alphabet of the whole: a network cuts octets, not meaning."""
    if cost.encoding(text) == "ucs2":
        return len(
            text.encode("utf-16-be", "surrogatepass")[: octets_max // 2 * 2].decode("utf-16-be", "ignore")
        )
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost.fits(text[:middle], octets_max) else (low, middle - 1)
    return low
