"""Fold typographic characters to plain ones, so that an Uzbek or English text stays GSM 7-bit.

Uzbek `oʻ`, `gʻ` and the tutuq belong to U+02BB and U+02BC, but people and phones write any of ʻ ʼ ‘ ’ `
for them; all become the ASCII apostrophe. What a handset cannot show or what could turn a line around
(control and bidirectional characters) is taken out.

Source: domain.md 1.4 (numbers, money, text, time).
"""

import re
from typing import Final

_PLAIN: Final = {
    "'": "\u02bb\u02bc\u2018\u2019\u201a\u201b`\u00b4",
    '"': "\u00ab\u00bb\u201c\u201d\u201e\u201f",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    "...": "\u2026",
    # NO-BREAK SPACE and NARROW NO-BREAK SPACE come from CLDR number formats, the others from copied text.
    " ": "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u0085\u2028\u2029",
}

# C0 and C1 controls, soft hyphen, zero-width and bidirectional marks, byte order mark, lone surrogates.
_REMOVED: Final = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x061C, 0x061C),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
)

_TABLE: Final[dict[int, str]] = {code: "" for first, last in _REMOVED for code in range(first, last + 1)} | {
    ord(character): plain for plain, characters in _PLAIN.items() for character in characters
}
del _TABLE[ord("\n")]

_UNCLEAN: Final = re.compile(f"[{re.escape(''.join(map(chr, sorted(_TABLE))))}]")

_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")


def fold(text: str) -> str:
    r"""Give `text` with plain apostrophes, quotes, dashes and spaces, and without controls except `\n`.

    Folding twice changes nothing more. A text that is clean already comes back as it is.
    """
    return text if _UNCLEAN.search(text) is None else text.translate(_TABLE)


def fold_value(text: str) -> str:
    """Fold a variable's value: one line, never longer than it was, one UCS-2 unit a character at most.

    A size proof counts on it. An ellipsis becomes one full stop, what UCS-2 has no code for a question mark.
    """
    return _ASTRAL.sub("?", fold(text.replace("\u2026", "."))).replace("\n", " ")
