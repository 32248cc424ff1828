"""Uzbek in Cyrillic, letter for letter from Latin, so that each text is written once."""

from __future__ import annotations

import re
from typing import Final

_PAIRS: Final = {
    "o'": "ў", "g'": "ғ", "sh": "ш", "ch": "ч", "yo": "ё", "yu": "ю", "ya": "я", "ye": "е",
}  # fmt: skip
_LETTERS: Final = dict(zip("abdefghijklmnopqrstuvxyz'", "абдефгҳижклмнопқрстувхйзъ", strict=True))
_PIECE: Final = re.compile(
    r"(?P<kept>\{[^}]*\}|\S*://\S*|\b(?:ru|uz-Cyrl|uz|en)\b|\b[A-Z]{2,}\b)"
    r"|(?i:o'|g'|sh|ch|yo(?!')|yu|ya|ye|[a-z'])",
    re.ASCII,
)


def cyrillic(latin: str) -> str:
    """Turn an Uzbek text from Latin to Cyrillic; `{placeholders}`, addresses and abbreviations stay.

    `e` is `э` where a word begins with it.
    """

    def letter(found: re.Match[str]) -> str:
        piece = found[0]
        if found["kept"]:
            return piece
        small = piece.lower()
        begins = found.start() == 0 or not re.match(r"[\w']", latin[found.start() - 1])
        turned = "э" if small == "e" and begins else _PAIRS.get(small) or _LETTERS.get(small, piece)
        return turned.upper() if piece[0].isupper() else turned

    return _PIECE.sub(letter, latin)
