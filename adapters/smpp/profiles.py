"""What differs between USSD centres that speak SMPP, as data: how a dialogue is named and how it ends.

`its` echoes the octets of its_session_info, whose first is the session's number; `its15` (6D) uses all its
bits but the last for the name; `umr` (Mica) names it by user_message_reference; `plus` (SMPP+ 1.13) by the
vendor's parameter 0x1501; `none` knows one dialogue for each subscriber. Operations: SMPP 5.0 §4.8.4.64, from
128 on the vendors'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adapters.smpp import wire

ProfileName = Literal["its", "its15", "umr", "plus", "none"]

ASK: Final = 2
"""USSR request: the next screen, or one that the network begins with."""
NOTIFY: Final = 3
"""USSN request: a text that wants no answer."""
END: Final = 17
"""PSSR response: the last screen; some operators' drivers use other values, so it is a setting."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of centres.

    Attributes:
        tag: the parameter that names a dialogue; None where none does.
        octets: its length where we begin; else what came is echoed.
        name_bits: those of its value that stay the same for a whole dialogue.
        end_bit: the one that ends it, either way; 0 where there is none.
        begins, answers, confirms, leaves: operations (`ussd_service_op`) of a deliver_sm.
        notify_once: the operation of a USSN that ends its dialogue, where the centre has one.
    """

    tag: int | None
    octets: int = 0
    name_bits: int = 0
    end_bit: int = 0
    begins: frozenset[int] = frozenset({0, 1})
    answers: frozenset[int] = frozenset({18, 146})
    confirms: frozenset[int] = frozenset({19})
    leaves: frozenset[int] = frozenset({129})
    notify_once: int | None = None

    def name(self, tlvs: Mapping[int, bytes]) -> int | None:
        """The dialogue's name, as far as the centre gave one."""
        octets = tlvs.get(self.tag) if self.tag is not None else None
        return None if not octets else int.from_bytes(octets, "big") & self.name_bits

    def ends(self, tlvs: Mapping[int, bytes]) -> bool:
        """Whether the end bit is set."""
        octets = tlvs.get(self.tag) if self.tag is not None and self.end_bit else None
        return bool(octets) and bool(int.from_bytes(octets or b"", "big") & self.end_bit)

    def answer_to(self, tlvs: Mapping[int, bytes], *, last: bool) -> dict[int, bytes]:
        """The parameter as it goes back."""
        octets = tlvs.get(self.tag) if self.tag is not None else None
        if self.tag is None or not octets:
            return {}
        value = int.from_bytes(octets, "big")
        value = value | self.end_bit if last else value & ~self.end_bit
        return {self.tag: value.to_bytes(len(octets), "big")}

    def begin(self, number: int) -> dict[int, bytes]:
        """The parameter of a dialogue that we begin; `number` counts them."""
        if self.tag is None:
            return {}
        bits = self.name_bits & (1 << 8 * self.octets) - 1
        value = number * (bits & -bits) & bits  # the lowest bit of the name counts
        return {self.tag: value.to_bytes(self.octets, "big")}


PROFILES: Final[Mapping[ProfileName, Profile]] = {
    "its": Profile(wire.SESSION_INFO, 2, 0xFF00, 0x0001),
    "its15": Profile(wire.SESSION_INFO, 2, 0xFFFE, 0x0001),
    "umr": Profile(wire.USER_REFERENCE, 2, 0xFFFF_FFFF),
    "plus": Profile(wire.USSD_SESSION_ID, 4, 0xFFFF_FFFF, notify_once=131),
    "none": Profile(None),
}
