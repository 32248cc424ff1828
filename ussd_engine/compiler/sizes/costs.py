"""What texts can cost at most: the arithmetic under the size proof.

One character outside the GSM 7-bit alphabet turns a whole screen into UCS-2, so a set of texts is measured
apart for those that stay inside it and those that don't. Sums of such measures are exact for parts that do
not depend on each other, and never too small.

Source: 3GPP TS 23.038 §6.1.2.3 (octets of packed septets), §6.2.3 (UCS-2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ussd_engine.text.cost import SMS_PART_SEPTETS_MAX, SMS_PART_UNITS_MAX, SMS_SEPTETS_MAX, SMS_UNITS_MAX
from ussd_engine.text.gsm import count_septets

_NONE = -(1 << 40)
"""In place of a maximum: there is no such text. Sums with it stay far below zero."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The dearest of a set of texts.

    Attributes:
        septets: of the dearest text inside the GSM 7-bit alphabet.
        plain: UCS-2 units of the longest text inside the alphabet.
        units: UCS-2 units of the longest text outside it.
        may_be_empty: one of them is empty; the three figures above leave it out.

    A figure below zero means that there is no such text.
    """

    septets: int
    plain: int
    units: int
    may_be_empty: bool = False

    @staticmethod
    def of(text: str) -> Cost:
        """Measure one text."""
        if not text:
            return NOTHING
        count = count_septets(text)
        units = len(text.encode("utf-16-be", "surrogatepass")) // 2
        return Cost(_NONE, _NONE, units) if count is None else Cost(count, units, _NONE)

    def then(self, other: Cost, glue: int = 0) -> Cost:
        """Measure every text of this set followed by every text of the other.

        Args:
            glue: characters (of one septet) between two texts of which none is empty.
        """
        septets = self.septets + other.septets + glue
        plain = self.plain + other.plain + glue
        units = max(self.units + other.units, self.units + other.plain, self.plain + other.units) + glue
        joined = Cost(septets, plain, units, self.may_be_empty and other.may_be_empty)
        if self.may_be_empty:
            joined = joined.either(other, empty=joined.may_be_empty)
        if other.may_be_empty:
            joined = joined.either(self, empty=joined.may_be_empty)
        return joined

    def either(self, other: Cost, *, empty: bool | None = None) -> Cost:
        """Measure both sets together."""
        return Cost(
            max(self.septets, other.septets),
            max(self.plain, other.plain),
            max(self.units, other.units),
            self.may_be_empty or other.may_be_empty if empty is None else empty,
        )

    def or_nothing(self) -> Cost:
        """Measure the set and the empty text."""
        return Cost(self.septets, self.plain, self.units, may_be_empty=True)

    @property
    def octets(self) -> int:
        """Octets of a USSD string that carries any of them."""
        return max((7 * self.septets + 7) // 8, 2 * self.units, 0)

    @property
    def is_ucs2(self) -> bool:
        """The dearest of them has a character outside the alphabet."""
        return self.units > 0 and 2 * self.units >= (7 * self.septets + 7) // 8

    @property
    def encoding(self) -> Literal["gsm7", "ucs2"]:
        """The alphabet of the dearest of them."""
        return "ucs2" if self.is_ucs2 else "gsm7"

    @property
    def longest(self) -> int:
        """UCS-2 units of the longest."""
        return max(self.plain, self.units, 0)

    @property
    def sms_parts(self) -> int:
        """SMS that carry any of them; a part may hold one septet less, where an escape pair would be split.

        Source: 3GPP TS 23.040 §9.2.3.24.1.
        """
        gsm = 1
        if self.septets > SMS_SEPTETS_MAX:
            gsm = 1 + -(-(self.septets - SMS_PART_SEPTETS_MAX) // (SMS_PART_SEPTETS_MAX - 1))
        ucs2 = 1 if self.units <= SMS_UNITS_MAX else -(-self.units // SMS_PART_UNITS_MAX)
        return max(gsm, ucs2)


NOTHING = Cost(_NONE, _NONE, _NONE, may_be_empty=True)
"""The empty text alone."""


def joined(parts: Iterable[Cost]) -> Cost:
    """Measure lines under each other; a line that is empty leaves no line feed."""
    total = NOTHING
    for part in parts:
        total = total.then(part, glue=1)
    return total


def any_of(costs: Iterable[Cost]) -> Cost:
    """Measure a set given in parts; none gives the empty text."""
    total: Cost | None = None
    for cost in costs:
        total = cost if total is None else total.either(cost)
    return total or NOTHING
