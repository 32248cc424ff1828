"""Delivery receipts: what became of an SMS, and whose it is.

Centres write the same message id in decimal in one place and in hexadecimal in the other, with or without
zeros in front; a receipt may come before the answer that tells the id.

Source: SMPP 3.4 appendix B (text form), §5.2.28 (states), §5.3.2.12, §5.3.2.35 (optional parameters).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Final

from adapters.smpp import wire
from adapters.smpp.wire import Pdu

_TYPE: Final = 0x3C
_RECEIPTS: Final = (0x04, 0x20)
"""`esm_class`, message type: a receipt, or an intermediate notification (§5.2.12)."""
_TEXT: Final = re.compile(rb"id:\s*(\S+).{0,200}?stat:\s*(\w{1,16})", re.DOTALL | re.IGNORECASE)
_ERROR: Final = re.compile(rb"err:\s*(\w{1,8})", re.IGNORECASE)
REMEMBERED_MAX: Final = 50_000
EARLY_MAX: Final = 1_000


class State(Enum):
    """What a centre says of a message."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


_NAMES: Final = {
    b"ENROU": State.ENROUTE,
    b"DELIV": State.DELIVERED,
    b"EXPIR": State.EXPIRED,
    b"DELET": State.DELETED,
    b"UNDEL": State.UNDELIVERABLE,
    b"ACCEP": State.ACCEPTED,
    b"UNKNO": State.UNKNOWN,
    b"REJEC": State.REJECTED,
}
"""By the first letters: the standard shortens a word to seven, and not all centres do."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """As it was read. `error` is the network's code, in its own words."""

    message_id: str
    msisdn: str
    state: State
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A receipt with the message it is about.

    Attributes:
        provider_id: the id as the submit was answered, if this process submitted it.
        reference: the caller's own number of that message.
    """

    receipt: Receipt
    provider_id: str | None = None
    reference: int | None = None


def is_receipt(pdu: Pdu) -> bool:
    """Whether a deliver_sm is about a message of ours, not one of a subscriber."""
    return pdu.number("esm_class") & _TYPE in _RECEIPTS or wire.RECEIPTED_ID in pdu.tlvs


def read(pdu: Pdu) -> Receipt | None:
    """The receipt in a deliver_sm; the optional parameters count more than the text. None: it has no id."""
    told = _TEXT.search(pdu.octets)
    named = pdu.tlvs.get(wire.RECEIPTED_ID, b"").rstrip(b"\0") or (told[1] if told else b"")
    if not named:
        return None
    number = int.from_bytes(pdu.tlvs.get(wire.MESSAGE_STATE, b"")[:1], "big")
    named_state = _NAMES.get(told[2][:5].upper(), State.UNKNOWN) if told else State.UNKNOWN
    state = State(number) if 1 <= number <= 8 else named_state
    error = _ERROR.search(pdu.octets)
    return Receipt(
        named[:64].decode("latin-1"),
        pdu.text("source_addr").removeprefix("+").removeprefix("00"),
        state,
        error[1].decode("latin-1") if error else "",
    )


def forms(message_id: str) -> tuple[str, ...]:
    """An id as it may be written elsewhere, the likeliest first."""
    plain = message_id.strip().lower().lstrip("0") or "0"
    found = [plain]
    if plain.isascii() and plain.isdigit():
        found.append(f"{int(plain):x}")
    if re.fullmatch("[0-9a-f]{1,32}", plain):
        found.append(str(int(plain, 16)))
    return tuple(dict.fromkeys(found))


class Submitted:
    """The messages of this process that a receipt may come for; the oldest are forgotten."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()
        self._early: OrderedDict[tuple[str, str], Receipt] = OrderedDict()

    def add(self, message_id: str, msisdn: str, reference: int) -> Report | None:
        """Remember a message; the report, where its receipt was faster than the answer."""
        known = forms(message_id)
        self._by_id[msisdn, known[0]] = (message_id, reference)
        if len(self._by_id) > REMEMBERED_MAX:
            self._by_id.popitem(last=False)
        for form in known if self._early else ():
            early = self._early.pop((msisdn, form), None)
            if early is not None:
                return Report(early, message_id, reference)
        return None

    def match(self, receipt: Receipt) -> Report | None:
        """Whose receipt it is; None where nothing is known yet: `add` may still ask for it."""
        for form in forms(receipt.message_id):
            found = self._by_id.get((receipt.msisdn, form))
            if found is not None:
                return Report(receipt, *found)
        self._early[receipt.msisdn, forms(receipt.message_id)[0]] = receipt
        if len(self._early) > EARLY_MAX:
            self._early.popitem(last=False)
        return None
