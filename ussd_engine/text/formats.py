"""Formats: how `{variable|format}` writes a value, and the widest text each can write.

Separators are plain ASCII: CLDR's own (NO-BREAK SPACE, U+02BB) lie outside the GSM 7-bit alphabet and
would turn a Uzbek or English text into UCS-2 (domain.md 1.4). Errors name the format and what it needs,
never the value: it may be a secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

Value = str | int
"""What a variable of a dialogue holds."""

Kind = Literal["int", "whole", "str", "gsm"]
"""What a declared maximum bounds: an integer from 0 up (`whole`: money that is whole main units, the only
sums a handset can type), or the characters of a text in any script, or of a GSM 7-bit text."""

MINOR_PER_MAIN: Final = 100
"""Tiyin in a soum (ISO 4217: UZS, 2 decimals)."""

PHONE_DIGITS: Final = 12
"""998 and nine digits."""

_WIDEST_LETTER: Final = "Щ"
_WIDEST_GSM_CHARACTER: Final = "€"


@dataclass(frozen=True, slots=True)
class FormatContext:
    """What a format needs beside the value: the zone in which dates are shown."""

    zone: ZoneInfo


class FormatError(ValueError):
    """A value that the format cannot write; `format` is its name."""

    def __init__(self, format_: str, needs: str) -> None:
        super().__init__(f"format '{format_}' needs {needs}")
        self.format = format_


Format = Callable[[Value, FormatContext], str]


def money(value: Value, _context: FormatContext) -> str:
    """Write integer minor units: 5000000 is `50 000`, 5000050 is `50 000,50`."""
    minor = _integer("money", value, "an integer of minor units")
    whole, rest = divmod(abs(minor), MINOR_PER_MAIN)
    sign = "-" if minor < 0 else ""
    return f"{sign}{_grouped(whole)},{rest:02d}" if rest else f"{sign}{_grouped(whole)}"


def number(value: Value, _context: FormatContext) -> str:
    """Write an integer in groups of three: 1234567 is `1 234 567`."""
    return _grouped(_integer("number", value, "an integer"))


def phone(value: Value, _context: FormatContext) -> str:
    """Write a number as its digits, without spaces or plus: `998901234567`."""
    return _digits(value)


def masked_phone(value: Value, _context: FormatContext) -> str:
    """Write a number with its middle hidden: `99890***4567`; another length shows its end at most."""
    digits = _digits(value)
    if len(digits) == PHONE_DIGITS:
        return f"{digits[:5]}***{digits[-4:]}"
    return f"***{digits[-4:]}" if len(digits) >= 9 else "***"


def date(value: Value, context: FormatContext) -> str:
    """Write a moment (Unix seconds, UTC) as its day in the context's zone: `24.11.2026`."""
    return _date(_moment("date", value, context))


def time(value: Value, context: FormatContext) -> str:
    """Write a moment (Unix seconds, UTC) as its time of day in the context's zone: `07:20`."""
    return _time(_moment("time", value, context))


def date_time(value: Value, context: FormatContext) -> str:
    """Write a moment (Unix seconds, UTC) as day and time of day: `24.11.2026 07:20`."""
    moment = _moment("datetime", value, context)
    return f"{_date(moment)} {_time(moment)}"


def upper(value: Value, _context: FormatContext) -> str:
    """Write a text in capitals, one for one: a letter whose capital is longer (`ß`) stays as it is."""
    text = str(value)
    capitals = text.upper()
    if len(capitals) == len(text):
        return capitals
    return "".join([letter if len(letter.upper()) > 1 else letter.upper() for letter in text])


def card(value: Value, _context: FormatContext) -> str:
    """Write a card as a star and its last four digits: `*1234`. More digits than four are never shown."""
    return f"*{_digits(value)[-4:]}"


FORMATS: Final[Mapping[str, Format]] = {
    "money": money,
    "number": number,
    "phone": phone,
    "masked_phone": masked_phone,
    "date": date,
    "time": time,
    "datetime": date_time,
    "upper": upper,
    "card": card,
}
"""Formats by the name a menu uses."""


def widest(format_: str, kind: Kind, maximum: int) -> str:
    """Give a text at least as dear, in septets and in UCS-2 units, as any that `format_` writes.

    Args:
        format_: a name of `FORMATS`, or "" for a variable shown as it is.
        kind: what `maximum` bounds.
        maximum: the greatest value of an integer (0 at least), or the characters of a text.

    A text in any script is taken as letters outside GSM 7-bit, one UCS-2 unit each; a proof that uses
    it needs variables without characters beyond U+FFFF.

    Raises:
        KeyError: no format of that name.
        FormatError: the format never writes a value of that kind (`money` of a text).
    """
    return WIDEST[format_](kind, maximum)


def _widest_plain(kind: Kind, maximum: int) -> str:
    if kind == "str":
        return _WIDEST_LETTER * maximum
    if kind == "gsm":
        return _WIDEST_GSM_CHARACTER * maximum
    return "9" * len(str(maximum))


def _widest_money(kind: Kind, maximum: int) -> str:
    greatest = _maximum("money", kind, maximum)
    if kind == "whole":
        return _nines(_grouped(greatest // MINOR_PER_MAIN))
    # One tiyin below a whole sum is longer than the sum: 999,99 beats 1 000.
    texts = [money(amount, _NOWHERE) for amount in (greatest, max(greatest - 1, 0))]
    return _nines(max(texts, key=len))


def _widest_number(kind: Kind, maximum: int) -> str:
    return _nines(_grouped(_maximum("number", kind, maximum)))


def _widest_digits(kind: Kind, maximum: int) -> str:
    return "9" * (maximum if kind in ("str", "gsm") else len(str(maximum)))


def _widest_masked_phone(kind: Kind, maximum: int) -> str:
    return masked_phone(_widest_digits(kind, maximum)[:PHONE_DIGITS], _NOWHERE)


def _widest_moment(format_: str, text: str) -> Callable[[Kind, int], str]:
    def of(kind: Kind, maximum: int) -> str:
        _maximum(format_, kind, maximum)
        return text

    return of


def _widest_upper(kind: Kind, maximum: int) -> str:
    # A GSM 7-bit letter may have its capital outside the alphabet: "è" has.
    return _WIDEST_LETTER * maximum if kind == "gsm" else _widest_plain(kind, maximum)


_NOWHERE: Final = FormatContext(zone=ZoneInfo("UTC"))

WIDEST: Final[Mapping[str, Callable[[Kind, int], str]]] = {
    "": _widest_plain,
    "money": _widest_money,
    "number": _widest_number,
    "phone": _widest_digits,
    "masked_phone": _widest_masked_phone,
    "date": _widest_moment("date", "00.00.0000"),
    "time": _widest_moment("time", "00:00"),
    "datetime": _widest_moment("datetime", "00.00.0000 00:00"),
    "upper": _widest_upper,
    "card": lambda kind, maximum: f"*{_widest_digits(kind, maximum)[-4:]}",
}
"""For each format of `FORMATS`, and for "" (none), the widest text for a kind and its maximum."""


def _digits(value: Value) -> str:
    return "".join([character for character in str(value) if character in "0123456789"])


def _maximum(format_: str, kind: Kind, maximum: int) -> int:
    if kind in ("str", "gsm"):
        raise FormatError(format_, "an integer, not a text")
    return maximum


def _integer(format_: str, value: Value, needs: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(format_, needs)
    return value


def _moment(format_: str, value: Value, context: FormatContext) -> datetime:
    seconds = _integer(format_, value, "an integer of Unix seconds")
    try:
        return datetime.fromtimestamp(seconds, context.zone)
    except (OverflowError, ValueError, OSError):
        raise FormatError(format_, "Unix seconds of a year from 1 to 9999") from None


def _date(moment: datetime) -> str:
    return f"{moment.day:02d}.{moment.month:02d}.{moment.year:04d}"


def _time(moment: datetime) -> str:
    return f"{moment.hour:02d}:{moment.minute:02d}"


def _grouped(whole: int) -> str:
    return f"{whole:,}".replace(",", " ")


def _nines(text: str) -> str:
    return "".join("9" if character.isdigit() else character for character in text)
