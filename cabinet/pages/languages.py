"""The four languages of the pages: gettext catalogues, sums, days and moments as each is read.

English is what templates are written in; `cabinet/locale/` has the others as `.po` files, read at the start.
Uzbek in Cyrillic is made from Latin letter for letter (`tests/cabinet/pages` holds the two together).
"""

from __future__ import annotations

import gettext
import io
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from invoicing.values import TASHKENT, TIYIN_PER_SOUM, masked

LANGUAGES: Final = ("ru", "uz", "uz-Cyrl", "en")
NAMES: Final = {"ru": "Русский", "uz": "O‘zbekcha", "uz-Cyrl": "Ўзбекча", "en": "English"}
LOCALE: Final = Path(__file__).resolve().parent.parent / "locale"
_SPACE: Final = "\u00a0"
_CURRENCY: Final = {"ru": "сум", "uz": "soʻm", "uz-Cyrl": "сўм", "en": "UZS"}
_EN_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Speech:
    """One language: its words, and how it writes sums and times. Times are Tashkent's."""

    language: str
    translations: gettext.NullTranslations

    def __call__(self, text: str, **values: object) -> str:
        said = self.translations.gettext(text)
        return said % values if values else said

    def plural(self, one: str, many: str, count: int) -> str:
        return self.translations.ngettext(one, many, count) % {"num": self.count(count)}

    def count(self, number: int) -> str:
        """`1 234`, in English `1,234`."""
        grouped = f"{number:,}"
        return grouped if self.language == "en" else grouped.replace(",", _SPACE)

    def figures(self, amount_tiyin: int) -> str:
        """A sum without its currency: `50 000`, or `50 000,50` where there are tiyin."""
        whole, tiyin = divmod(amount_tiyin, TIYIN_PER_SOUM)
        point = "." if self.language == "en" else ","
        return self.count(whole) + (f"{point}{tiyin:02d}" if tiyin else "")

    def money(self, amount_tiyin: int) -> str:
        return f"{self.figures(amount_tiyin)}{_SPACE}{self.currency}"

    @property
    def currency(self) -> str:
        return _CURRENCY[self.language]

    def day(self, day: date) -> str:
        """`24.11.2026`, in English `24 Nov 2026`."""
        if self.language == "en":
            return f"{day.day}{_SPACE}{_EN_MONTHS[day.month - 1]}{_SPACE}{day.year}"
        return f"{day:%d.%m.%Y}"

    def clock(self, at: datetime) -> str:
        return f"{at.astimezone(TASHKENT):%H:%M}"

    def moment(self, at: datetime) -> str:
        """Day and minute in Tashkent."""
        return f"{self.day(at.astimezone(TASHKENT).date())} {self.clock(at)}"

    def second(self, at: datetime) -> str:
        """Day and second in Tashkent."""
        return f"{self.moment(at)}:{at:%S}"

    def second_only(self, at: datetime) -> str:
        return f"{self.clock(at)}:{at:%S}"

    def rate(self, figure: float) -> str:
        """`0`, `0,25`, `12,3` or `1 234`: about three figures of it."""
        if figure >= 99.95:
            return self.count(round(figure))
        text = f"{figure:.1f}" if figure >= 9.995 else f"{figure:.2f}"
        text = text.rstrip("0").rstrip(".")
        return text if self.language == "en" else text.replace(".", ",")


def typeset(latin: str) -> str:
    """Uzbek with the letters that SMS has no room for: `oʻ` and `gʻ`, and `ʼ` for every other apostrophe."""
    return re.sub(r"(?<=[oOgG])'", "\u02bb", latin).replace("'", "\u02bc")


def phone(number: str) -> str:
    """`+998 90 123 45 67`, unbroken."""
    parts = ("+" + number[:3], number[3:5], number[5:8], number[8:10], number[10:])
    return _SPACE.join(parts)


def hidden_phone(number: str) -> str:
    return masked(number)


@cache
def speech(language: str) -> Speech:
    """A language's words, read once."""
    return Speech(language, _translations(language))


def _translations(language: str) -> gettext.NullTranslations:
    path = catalogue(language)
    if language == "en":
        return gettext.NullTranslations()
    with path.open("rb") as file:
        read = read_po(file, locale=language.replace("-", "_"))
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalogue(language: str) -> Path:
    """The file that holds a language's words."""
    return LOCALE / language.replace("-", "_") / "LC_MESSAGES" / "cabinet.po"


def known(name: str) -> str | None:
    """The language of ours that a browser's tag means."""
    lower = name.strip().lower()
    if lower.startswith("uz-cyrl"):
        return "uz-Cyrl"
    base = lower.partition("-")[0]
    return base if base in LANGUAGES else None


def preferred(accept: str) -> str:
    """The first language of `Accept-Language` that is ours, else Russian."""
    for part in accept[:200].split(","):
        found = known(part.partition(";")[0])
        if found is not None:
            return found
    return "ru"
