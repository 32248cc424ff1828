"""Typed answers: what a subscriber typed, read by the question's type, or refused with a reason.

Only ASCII digits count as digits (domain.md S21); range is checked before arithmetic. A refusal is a code
that the service's `says` has a text for, with the values that text may show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from ussd_engine.text.fold import fold
from ussd_engine.text.template import Value

DIGITS_MAX = 15
"""No amount or count has more digits; longer input is out of range without being converted."""


class Accepted(msgspec.Struct, frozen=True):
    """The value the question's variable takes."""

    value: Value

    def __repr__(self) -> str:
        """Without the value, which may be a PIN."""
        return "Accepted()"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an answer was not taken.

    `readable`: it was of the right form, so a dialled shortcut asks for this field again; else the
    shortcut as a whole has the wrong format.
    """

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    readable: bool = False


Verdict = Accepted | Refused


class AnswerType(Protocol):
    """A question's type."""

    @property
    def kind(self) -> str: ...

    @property
    def secret(self) -> bool: ...

    def read(self, text: str, caller: str) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class MsisdnType:
    """A telephone number of one region, stored as E.164 digits without a plus.

    The patterns come from libphonenumber's numbering plan when the menu is compiled; they match national
    numbers.

    `trunk`: digits that people of the region put before a national number (`0` in Kenya, `8` in Russia).
    """

    country_code: str
    mobile: re.Pattern[str]
    valid: re.Pattern[str]
    mobile_only: bool = True
    not_caller: bool = False
    trunk: str = ""
    kind: str = "msisdn"
    secret: bool = False

    def read(self, text: str, caller: str) -> Verdict:
        digits = text.removeprefix("+")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > DIGITS_MAX:
            return Refused("msisdn.format")
        national = digits
        if not self.valid.fullmatch(national):
            national = digits.removeprefix(self.country_code)
            if national == digits or not self.valid.fullmatch(national):
                national = digits.removeprefix(self.trunk)
            if national == digits or not self.valid.fullmatch(national):
                return Refused("msisdn.format")
        if self.mobile_only and not self.mobile.fullmatch(national):
            return Refused("msisdn.fixed", readable=True)
        msisdn = self.country_code + national
        if self.not_caller and msisdn == caller:
            return Refused("msisdn.own", readable=True)
        return Accepted(msisdn)


_SUM = re.compile(r"[0-9]+|[0-9]{1,3}(?: [0-9]{3})+")


@dataclass(frozen=True, slots=True)
class MoneyType:
    """A whole sum in major units, `50000` or `50 000`; the value is minor units."""

    min: int  # major units
    max: int
    minor_per_major: int = 100
    kind: str = "money"
    secret: bool = False

    def _limits(self) -> Mapping[str, Value]:
        return {"min": self.min * self.minor_per_major, "max": self.max * self.minor_per_major}

    def read(self, text: str, caller: str) -> Verdict:
        if not _SUM.fullmatch(text):
            return Refused("money.format", self._limits())
        digits = text.replace(" ", "")
        if len(digits) > DIGITS_MAX or not self.min <= int(digits) <= self.max:
            return Refused("money.range", self._limits(), readable=True)
        return Accepted(int(digits) * self.minor_per_major)


@dataclass(frozen=True, slots=True)
class IntegerType:
    """A whole number between two limits."""

    min: int
    max: int
    kind: str = "integer"
    secret: bool = False

    def read(self, text: str, caller: str) -> Verdict:
        limits: Mapping[str, Value] = {"min": self.min, "max": self.max}
        if not (text.isascii() and text.isdigit()):
            return Refused("integer.format", limits)
        if len(text) > DIGITS_MAX or not self.min <= int(text) <= self.max:
            return Refused("integer.range", limits, readable=True)
        return Accepted(int(text))


@dataclass(frozen=True, slots=True)
class TextType:
    """Free text between two lengths in characters, control characters refused."""

    min: int
    max: int
    kind: str = "text"
    secret: bool = False

    def read(self, text: str, caller: str) -> Verdict:
        limits: Mapping[str, Value] = {"min": self.min, "max": self.max}
        if not text.isprintable():
            return Refused("text.format", limits)
        if not self.min <= len(text) <= self.max:
            return Refused("text.length", limits, readable=True)
        return Accepted(text)


@dataclass(frozen=True, slots=True)
class DigitsType:
    """A string of digits of a given length that keeps its leading zeros: a code, a card's expiry."""

    min: int
    max: int
    secret: bool = False
    kind: str = "digits"

    def read(self, text: str, caller: str) -> Verdict:
        limits: Mapping[str, Value] = {"min": self.min, "max": self.max}
        if not (text.isascii() and text.isdigit()) or not self.min <= len(text) <= self.max:
            return Refused(f"{self.kind}.format", limits)
        return Accepted(text)


@dataclass(frozen=True, slots=True)
class ChoiceType:
    """One of a few words, folded as screens show them; case does not matter."""

    choices: Mapping[str, str] = field(hash=False)
    kind: str = "choice"
    secret: bool = False

    def read(self, text: str, caller: str) -> Verdict:
        value = self.choices.get(fold(text).casefold())
        return Refused("choice.unknown") if value is None else Accepted(value)


def pin(digits: int) -> DigitsType:
    """A PIN of exactly `digits` digits: secret, so never stored, shown, logged or typed ahead."""
    return DigitsType(digits, digits, secret=True, kind="pin")
