"""The worst case of every SMS in every language: the domain's texts, measured by the engine's proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from invoicing.notices import REASON_TEXTS, TEXTS
from invoicing.values import soum
from ussd_engine.actions import Shape
from ussd_engine.compiler.sizes.sms import TextSize, text_size

NUMBER_MAX: Final = 9_999_999_999
"""Of an invoice or a payment: ten digits are planned for (domain.md 3.4)."""
AMOUNT_TIYIN_MAX: Final = 999_999_999_99
NAME_MAX: Final = 14
PHONE_DIGITS_MAX: Final = 15
ACCOUNT_MAX: Final = 30
"""A client's account with a shop that is paid by its service code."""
_LATIN: Final = ("uz", "en")
"""Languages whose notices show names in ASCII letters."""


@dataclass(frozen=True, slots=True)
class NoticeSize:
    """One SMS text in one language."""

    template: str
    language: str
    size: TextSize


def notice_sizes() -> Iterator[NoticeSize]:
    """Measure every notice."""
    for template, texts in TEXTS.items():
        for language, text in texts.items():
            yield NoticeSize(template, language, text_size(text, _variables(language)))


def _variables(language: str) -> Mapping[str, Shape | Sequence[str]]:
    return {
        "number": Shape("integer", NUMBER_MAX),
        "payment": Shape("integer", NUMBER_MAX),
        "sum": [soum(AMOUNT_TIYIN_MAX)],
        "name": ["N" * NAME_MAX if language in _LATIN else "Щ" * NAME_MAX],
        "phone": ["9" * PHONE_DIGITS_MAX],
        "account": ["9" * ACCOUNT_MAX],
        "code": ["9" * 6],
        "minutes": ["99"],
        "reason": [texts[language] for texts in REASON_TEXTS.values()],
    }
