"""Normal forms of what people type: phones, sums, names, PINs and card numbers.

Everything here is pure. A value that cannot be brought to its normal form comes back as `None`; the rules
turn that into a refusal, so no exception carries what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Final

TASHKENT: Final = timezone(timedelta(hours=5), "Asia/Tashkent")
"""UTC+5 the whole year: Uzbekistan has had no summer time since 1992 (domain.md 1.4)."""

TIYIN_PER_SOUM: Final = 100
LANGUAGES: Final = ("ru", "uz", "uz-Cyrl", "en")
NAME_SMS_MAX: Final = 14
NAME_MAX: Final = 60

_MOBILE_CODES: Final = frozenset(
    ("20", "33", "50", "70", "77", "80", "87", "88", "90", "91", "92", "93", "94", "95", "97", "98", "99")
)
"""Codes that are mobile as a whole; the few scattered blocks inside 61-79 count as fixed (domain.md 1.4)."""


def msisdn(typed: str) -> str | None:
    """The 12 digits of an Uzbek number typed as 9 digits, 12 digits or `+998…`; spaces and dashes allowed."""
    digits = re.sub(r"[ \-]", "", typed)
    if re.fullmatch(r"\+?998[0-9]{9}", digits, re.ASCII):
        return digits.removeprefix("+")
    if re.fullmatch(r"[0-9]{9}", digits, re.ASCII):
        return "998" + digits
    return None


def is_mobile(number: str) -> bool:
    """Whether a 12-digit number can receive SMS and USSD by its code (portability never changes that)."""
    return number[3:5] in _MOBILE_CODES


def masked(number: str) -> str:
    """A phone for logs and receipts: `99890***4567` (domain.md A48)."""
    return f"{number[:5]}***{number[-4:]}"


def soum(amount_tiyin: int) -> str:
    """A sum as people read it: `50 000`, or `50 000,50` where there are tiyin.

    Plain spaces: CLDR's NO-BREAK SPACE is outside GSM 03.38 and would turn an SMS into UCS-2 (domain.md 1.4).
    """
    whole, tiyin = divmod(amount_tiyin, TIYIN_PER_SOUM)
    text = f"{whole:,}".replace(",", " ")
    return f"{text},{tiyin:02d}" if tiyin else text


_NAME_LETTERS: Final = (
    "A-Za-z"
    "\u0410-\u044f\u0401\u0451"  # Russian
    "\u040e\u045e\u049a\u049b\u0492\u0493\u04b2\u04b3"  # the Uzbek Cyrillic letters
)
_NAME_STRANGER: Final = re.compile(rf"[^{_NAME_LETTERS}0-9 .&'+-]")
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u02bb\u02bc\u2018\u2019`\u00b4", "'"))


def shop_name(typed: str) -> str | None:
    """A merchant's name cut to a printable allow-list, or `None` where nothing is left or it poses as CLICK.

    Line breaks, `*`, `#`, `%`, control and bidi characters go; a full stop after a digit goes too, so that a
    name can never read as a menu's numbered line (domain.md S13).
    """
    text = unicodedata.normalize("NFKC", typed.translate(_APOSTROPHES))
    if _poses_as_click(text):
        return None
    text = re.sub(r"\s+", " ", text)
    text = _NAME_STRANGER.sub("", text)
    text = re.sub(r"(?<=[0-9])\.", "", text)
    # A leading sign would also make the name a formula in a spreadsheet (domain.md S16).
    text = re.sub(r" +", " ", text).strip(" .&'+-")[:NAME_MAX].rstrip()
    return text if text and not _poses_as_click(text) else None


_LOOKS_LIKE: Final = str.maketrans(
    dict.fromkeys("1!|L\u041b\u0418\u0406\u04c0\u0399", "I") | dict.fromkeys("K\u0421\u041a\u039a\u03f9", "C")
)
"""Letters and signs that read as the I, L, C and K of CLICK, in Latin, Cyrillic and Greek."""


def _poses_as_click(name: str) -> bool:
    """Whether the name reads as CLICK in Latin, Cyrillic or a mix of both (S13: «CLICK БАНК», «С1ICK»)."""
    folded = re.sub(r"[^\w]", "", name.upper()).translate(_LOOKS_LIKE)
    return "CIIC" in folded


def short_name(name: str) -> str:
    """The name as SMS and screens carry it: at most 14 characters, cut with a full stop (domain.md 3.4)."""
    if len(name) <= NAME_SMS_MAX:
        return name
    return name[: NAME_SMS_MAX - 1].rstrip(" .&'+-") + "."


_LATIN: Final = (
    dict(zip("абвгдезийклмнопрстуфхыэқҳ", "abvgdeziyklmnoprstufxieqh", strict=True))
    | {"ж": "j", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "'", "ь": "", "ю": "yu", "я": "ya"}
    | {"ё": "yo", "ў": "o'", "ғ": "g'"}
)


def latin_name(name: str) -> str:
    """The name in ASCII letters by the Uzbek Latin alphabet, for texts that must stay in GSM 03.38."""
    letters = []
    for place, letter in enumerate(name):
        latin = _LATIN.get(letter.lower(), letter)
        if letter.isupper():
            latin = latin.capitalize() if name[place + 1 : place + 2].islower() else latin.upper()
        letters.append(latin)
    return "".join(letters)


def pin_is_well_formed(pin: str) -> bool:
    """A CLICK-PIN is five ASCII digits (domain.md 1.1)."""
    return re.fullmatch(r"[0-9]{5}", pin, re.ASCII) is not None


def pin_is_weak(pin: str) -> bool:
    """Whether a guesser tries it first: one digit repeated, a run up or down, or a birth year in it (3.5)."""
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    years = (int(pin[:4]), int(pin[1:]))
    return steps in ({0}, {1}, {-1}) or any(1930 <= year <= 2029 for year in years)


def card_scheme(pan: str) -> str | None:
    """`uzcard` or `humo` for 16 digits with a right check digit (Luhn), else `None` (domain.md 1.1)."""
    if not re.fullmatch(r"[0-9]{16}", pan, re.ASCII) or _luhn(pan) % 10:
        return None
    return {"8600": "uzcard", "9860": "humo"}.get(pan[:4])


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total


def card_expiry(mmyy: str, today: date) -> str | None:
    """`MMYY` as stored `YYMM`, or `None` where it is no month or already over."""
    if not re.fullmatch(r"(0[1-9]|1[0-2])[0-9]{2}", mmyy, re.ASCII):
        return None
    yymm = mmyy[2:] + mmyy[:2]
    return yymm if yymm >= f"{today:%y%m}" else None


def tashkent_day(at: datetime) -> date:
    """The business day of a moment: days in limits and reports are Tashkent's (domain.md 1.4)."""
    return at.astimezone(TASHKENT).date()


def tashkent_midnight(at: datetime) -> datetime:
    """The UTC moment at which the business day of `at` began."""
    return datetime.combine(tashkent_day(at), datetime.min.time(), TASHKENT).astimezone(UTC)
