"""Sums in words, for receipts (A48): Russian, Uzbek and English; Uzbek in Cyrillic is made from Latin."""

from __future__ import annotations

from typing import Final

from cabinet.alphabet import cyrillic
from invoicing.values import TIYIN_PER_SOUM

_RU_ONES: Final = (
    "", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять",
    "одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать",
    "восемнадцать", "девятнадцать",
)  # fmt: skip
_RU_TENS: Final = (
    "", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят",
    "девяносто",
)  # fmt: skip
_RU_HUNDREDS: Final = (
    "", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот",
)  # fmt: skip
_RU_GROUPS: Final = (
    ("", "", ""),
    ("тысяча", "тысячи", "тысяч"),
    ("миллион", "миллиона", "миллионов"),
    ("миллиард", "миллиарда", "миллиардов"),
)
_UZ_ONES: Final = ("", "bir", "ikki", "uch", "to'rt", "besh", "olti", "yetti", "sakkiz", "to'qqiz")
_UZ_TENS: Final = (
    "", "o'n", "yigirma", "o'ttiz", "qirq", "ellik", "oltmish", "yetmish", "sakson", "to'qson",
)  # fmt: skip
_UZ_GROUPS: Final = ("", "ming", "million", "milliard")
_EN_ONES: Final = (
    "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_EN_TENS: Final = (
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_EN_GROUPS: Final = ("", "thousand", "million", "billion")
LESS_THAN: Final = 10**12
"""Soums that have words here; no sum of the service comes near."""


def in_words(amount_tiyin: int, language: str) -> str:
    """`Пятьдесят тысяч сум 00 тийин`.

    Raises:
        ValueError: a sum below nothing, or of `LESS_THAN` soums and more.
    """
    soums, tiyin = divmod(amount_tiyin, TIYIN_PER_SOUM)
    if not 0 <= soums < LESS_THAN:
        raise ValueError("a sum without words")
    match language:
        case "uz":
            text = f"{_uzbek(soums)} so'm {tiyin:02d} tiyin".replace("'", "ʻ")
        case "uz-Cyrl":
            text = cyrillic(f"{_uzbek(soums)} so'm {tiyin:02d} tiyin")
        case "en":
            text = f"{_english(soums)} soums {tiyin:02d} tiyin"
        case _:
            text = f"{_russian(soums)} сум {tiyin:02d} тийин"
    return text[0].upper() + text[1:]


def _groups(number: int) -> list[tuple[int, int]]:
    """Thousands from the largest down, those that are nothing left out: (power, 1-999)."""
    found = []
    power = 0
    while number:
        number, part = divmod(number, 1000)
        if part:
            found.append((power, part))
        power += 1
    return found[::-1]


def _russian(number: int) -> str:
    said: list[str] = []
    for power, part in _groups(number):
        hundreds, rest = divmod(part, 100)
        tens, ones = divmod(rest, 10) if rest >= 20 else (0, rest)
        one = _RU_ONES[ones]
        if power == 1:  # a thousand is feminine
            one = {"один": "одна", "два": "две"}.get(one, one)
        said += [_RU_HUNDREDS[hundreds], _RU_TENS[tens], one, _RU_GROUPS[power][_russian_form(part)]]
    return _joined(said) or "ноль"


def _russian_form(number: int) -> int:
    if number % 100 in range(11, 15):
        return 2
    return {1: 0, 2: 1, 3: 1, 4: 1}.get(number % 10, 2)


def _uzbek(number: int) -> str:
    said: list[str] = []
    for power, part in _groups(number):
        hundreds, rest = divmod(part, 100)
        said += [_UZ_ONES[hundreds], "yuz"] if hundreds else []
        said += [_UZ_TENS[rest // 10], _UZ_ONES[rest % 10], _UZ_GROUPS[power]]
    return _joined(said) or "nol"


def _english(number: int) -> str:
    said: list[str] = []
    for power, part in _groups(number):
        hundreds, rest = divmod(part, 100)
        said += [_EN_ONES[hundreds], "hundred"] if hundreds else []
        said += [_EN_ONES[rest]] if rest < 20 else ["-".join(_parts(rest))]
        said.append(_EN_GROUPS[power])
    return _joined(said) or "zero"


def _parts(rest: int) -> list[str]:
    return [one for one in (_EN_TENS[rest // 10], _EN_ONES[rest % 10]) if one]


def _joined(words: list[str]) -> str:
    return " ".join(word for word in words if word)
