"""What a text costs, reckoned here anew: a test must not trust the counting it tests."""

from __future__ import annotations

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""3GPP TS 23.038 §6.2.1, the default alphabet; texts of ours need nothing of its extension table."""


def fits(screen: str) -> bool:
    """Whether `CON …` or `END …` carries a text of at most 160 octets: 182 septets or 80 UCS-2 units."""
    text = screen[4:]
    return len(text) <= 182 if set(text) <= GSM else len(text.encode("utf-16-be")) <= 160
