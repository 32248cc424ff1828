"""IPA frames and the GSUP messages in them: octets to values and back.

Source: OsmoHLR user manual, "Generic Subscriber Update Protocol"; libosmocore 1.7 `gsup.h`, `ipa.h`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from ussd_engine import WireError

FRAME_OCTETS_MAX: Final = 4096
"""What follows a frame's head; no message of a dialogue takes a tenth of it."""
CONTROL: Final = 0xFE
"""Protocol octet of the messages about the line itself (CCM)."""
OSMO: Final = 0xEE
GSUP: Final = 0x05
CTRL: Final = 0x00
"""Octet after `OSMO` that says what is inside."""

_IMSI: Final = 0x01
_CAUSE: Final = 0x02
_MSISDN: Final = 0x08
_MESSAGE_CLASS: Final = 0x0A
_SESSION_ID: Final = 0x30
_SESSION_STATE: Final = 0x31
_SS_INFO: Final = 0x35
_CLASS_USSD: Final = 3
_SERIAL, _UNIT_NAME, _UNIT_ID = 0x00, 0x01, 0x08
_VALUE_OCTETS_MAX: Final = 255
_DIGITS: Final = "0123456789"


class Control(IntEnum):
    """What a message about the line is."""

    PING = 0
    PONG = 1
    ID_GET = 4
    ID_RESP = 5
    ID_ACK = 6


class Procedure(IntEnum):
    """PROC_SS of GSUP: what carries a dialogue."""

    REQUEST = 0x20
    ERROR = 0x21
    RESULT = 0x22


class State(IntEnum):
    """Where in its dialogue a message stands."""

    BEGIN = 1
    CONTINUE = 2
    END = 3


class Frame(NamedTuple):
    """One IPA frame without its length."""

    protocol: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One PROC_SS message.

    Attributes:
        imsi: 6 to 15 digits.
        session: chosen by who began the dialogue; unique together with `imsi`.
        component: one component of TS 24.080 as it travels; empty where there is none. It may hold a PIN.
        cause: of an ERROR (TS 24.008 §10.5.5.14).
        msisdn: E.164 digits, where the switch added them; else empty.
    """

    procedure: Procedure
    imsi: str
    session: int
    state: State
    component: bytes = field(default=b"", repr=False)
    cause: int | None = None
    msisdn: str = ""


class Frames:
    """Cuts what a connection brings into frames; keeps what is not complete yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """The frames that are complete now.

        Raises:
            WireError: a length that no frame here has.
        """
        held, at = self._rest + octets, 0
        try:
            while len(held) - at >= 3:
                length = int.from_bytes(held[at : at + 2], "big")
                if length > FRAME_OCTETS_MAX:
                    raise WireError(f"a frame of {length} octets: {FRAME_OCTETS_MAX} are possible")
                if len(held) - at < 3 + length:
                    break
                yield Frame(held[at + 2], held[at + 3 : at + 3 + length])
                at += 3 + length
        finally:
            self._rest = held[at:]


def frame(protocol: int, payload: bytes) -> bytes:
    """An IPA frame: the length counts what follows the protocol octet."""
    return len(payload).to_bytes(2, "big") + bytes((protocol,)) + payload


def control(kind: Control, body: bytes = b"") -> bytes:
    """A frame about the line itself."""
    return frame(CONTROL, bytes((kind,)) + body)


def identity(name: str) -> bytes:
    """The answer to ID_GET. The HLR knows us by the serial number alone, which has to end in NUL."""
    tags = ((_UNIT_ID, b"0/0/0"), (_UNIT_NAME, name.encode("ascii")), (_SERIAL, name.encode("ascii")))
    body = b"".join(
        (2 + len(value)).to_bytes(2, "big") + bytes((tag,)) + value + b"\0" for tag, value in tags
    )
    return control(Control.ID_RESP, body)


def encode(message: Message) -> bytes:
    """The whole frame of a message.

    Raises:
        ValueError: an IMSI or a session id that can't be, or a component over 255 octets.
    """
    elements = [(_IMSI, _to_bcd(message.imsi))]
    if message.cause is not None:
        elements.append((_CAUSE, bytes((message.cause,))))
    if message.msisdn:
        digits = _to_bcd(message.msisdn)
        elements.append((_MSISDN, bytes((len(digits),)) + digits))
    elements.append((_SESSION_ID, message.session.to_bytes(4, "big")))
    elements.append((_SESSION_STATE, bytes((message.state,))))
    if message.component:
        elements.append((_SS_INFO, message.component))
    return frame(OSMO, bytes((GSUP, message.procedure)) + _elements(elements))


def decode(payload: bytes) -> Message | None:
    """Read what follows the `GSUP` octet of a frame; None: a message that is no part of a USSD dialogue.

    Raises:
        WireError: it can't be read, or lacks what a dialogue needs.
    """
    if not payload:
        raise WireError("an empty message")
    try:
        procedure = Procedure(payload[0])
    except ValueError:
        return None
    found = _read_elements(payload[1:])
    if found.get(_MESSAGE_CLASS, bytes((_CLASS_USSD,))) != bytes((_CLASS_USSD,)):
        return None
    try:
        state = State(_octet(found, _SESSION_STATE))
    except ValueError:
        raise WireError("a session state that doesn't exist") from None
    session = found.get(_SESSION_ID, b"")
    if len(session) != 4:
        raise WireError("a session id has four octets")
    return Message(
        procedure,
        _imsi(found.get(_IMSI, b"")),
        int.from_bytes(session, "big"),
        state,
        found.get(_SS_INFO, b""),
        _octet(found, _CAUSE) if _CAUSE in found else None,
        _msisdn(found[_MSISDN]) if _MSISDN in found else "",
    )


def _elements(elements: Iterable[tuple[int, bytes]]) -> bytes:
    made = bytearray()
    for tag, value in elements:
        if len(value) > _VALUE_OCTETS_MAX:
            raise ValueError(f"element {tag:#04x} of {len(value)} octets: {_VALUE_OCTETS_MAX} are possible")
        made += bytes((tag, len(value))) + value
    return bytes(made)


def _read_elements(octets: bytes) -> dict[int, bytes]:
    """Values by tag, the first of each."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(octets):
        if len(octets) - at < 2 or len(octets) - at - 2 < octets[at + 1]:
            raise WireError(f"element {octets[at]:#04x} is cut off")
        found.setdefault(octets[at], octets[at + 2 : at + 2 + octets[at + 1]])
        at += 2 + octets[at + 1]
    return found


def _octet(found: dict[int, bytes], tag: int) -> int:
    value = found.get(tag, b"")
    if len(value) != 1:
        raise WireError(f"element {tag:#04x} has one octet")
    return value[0]


def _to_bcd(digits: str) -> bytes:
    """TBCD: the low nibble first, F where the last one is spare (TS 29.002 §17.7.8)."""
    if not digits or set(digits) - set(_DIGITS):
        raise ValueError("digits are asked for")
    whole = digits + "F" * (len(digits) % 2)
    return bytes(int(whole[at + 1] + whole[at], 16) for at in range(0, len(whole), 2))


def _from_bcd(octets: bytes, what: str) -> str:
    nibbles = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in octets)
    digits = nibbles.removesuffix("f")
    if not digits or set(digits) - set(_DIGITS):
        raise WireError(f"{what} holds digits only")
    return digits


def _imsi(octets: bytes) -> str:
    digits = _from_bcd(octets, "an IMSI")
    if not 6 <= len(digits) <= 15:  # TS 23.003 §2.2; what is shorter is nobody's
        raise WireError("an IMSI has 6 to 15 digits")
    return digits


def _msisdn(octets: bytes) -> str:
    """Digits behind their length; libosmocore puts no type of number before them."""
    if not octets or len(octets) - 1 != octets[0]:
        raise WireError("an MSISDN begins with its length")
    number = _from_bcd(octets[1:], "an MSISDN")
    if len(number) > 15:
        raise WireError("an MSISDN has 15 digits at most")
    return number
