"""SMPP 3.4 protocol data units: octets to values and back.

The layouts are smpplib's, class by class; reading and writing is done here, by tables made from them once.
smpplib's own reader trusts the lengths it is sent, knows too few optional parameters (`ussd_service_op` of a
deliver_sm is a KeyError), and its writer cuts what is too long. Optional parameters stay octets, by tag.

Source: SMPP 3.4, §3.2 (format), §4 (layouts), §5.1.2 (commands), §5.3 (optional parameters).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Any, Final, cast

from msgspec import Struct as Value
from smpplib.consts import OPTIONAL_PARAMS

from adapters.smpp.layouts import IDS, LAYOUTS, Numbers, Step, Text
from ussd_engine import WireError

HEADER_OCTETS: Final = 16
PDU_OCTETS_MAX: Final = 66_000
"""A `message_payload` of 65,535 octets and all that may stand around it (§5.3.2.32)."""
SHORT_MESSAGE_MAX: Final = 254
SEQUENCE_MAX: Final = 0x7FFFFFFF
RESPONSE: Final = 0x80000000

BINDS: Final = {kind: IDS[f"bind_{kind}"] for kind in ("receiver", "transmitter", "transceiver")}
SUBMIT_SM: Final = IDS["submit_sm"]
DELIVER_SM: Final = IDS["deliver_sm"]
DATA_SM: Final = IDS["data_sm"]
ENQUIRE_LINK: Final = IDS["enquire_link"]
UNBIND: Final = IDS["unbind"]
ALERT_NOTIFICATION: Final = IDS["alert_notification"]
GENERIC_NACK: Final = IDS["generic_nack"]

PAYLOAD: Final = OPTIONAL_PARAMS["message_payload"]
SERVICE_OP: Final = OPTIONAL_PARAMS["ussd_service_op"]
SESSION_INFO: Final = OPTIONAL_PARAMS["its_session_info"]
USER_REFERENCE: Final = OPTIONAL_PARAMS["user_message_reference"]
USSD_SESSION_ID: Final = 0x1501
"""Of the vendors' SMPP+, four octets; not in the standard."""
RECEIPTED_ID: Final = OPTIONAL_PARAMS["receipted_message_id"]
MESSAGE_STATE: Final = OPTIONAL_PARAMS["message_state"]
SAR_REFERENCE: Final = OPTIONAL_PARAMS["sar_msg_ref_num"]
SAR_TOTAL: Final = OPTIONAL_PARAMS["sar_total_segments"]
SAR_NUMBER: Final = OPTIONAL_PARAMS["sar_segment_seqnum"]

_NAMES: Final = {number: name for name, number in IDS.items()}
_HEADER: Final = Struct(">LLLL")
_TLV: Final = Struct(">HH")

Field = int | str | bytes


class BadPdu(WireError):
    """A unit that can't be read, though its header can: `status` would be our answer (§5.1.3)."""

    def __init__(self, message: str, command: int, sequence: int, command_status: int) -> None:
        super().__init__(message)
        self.command = command
        self.sequence = sequence
        self.command_status = command_status


class Pdu(Value, frozen=True):
    """One unit. Its text form names no field: they hold passwords and what subscribers type.

    Attributes:
        command: `command_id`.
        status: `command_status`; 0 in requests.
        fields: mandatory ones by smpplib's names; what is absent is 0 or empty on the wire. Empty where
            a response has no body.
        tlvs: optional parameters by tag.
    """

    command: int
    sequence: int = 0
    status: int = 0
    fields: Mapping[str, Field] = {}
    tlvs: Mapping[int, bytes] = {}

    def __repr__(self) -> str:
        return f"Pdu({name_of(self.command)}, sequence={self.sequence}, status={self.status:#x})"

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)

    @property
    def octets(self) -> bytes:
        """The message: `short_message`, or `message_payload` where that is used instead (§5.3.2.32)."""
        short = cast(bytes, self.fields.get("short_message", b""))
        return short or self.tlvs.get(PAYLOAD, b"")

    def text(self, name: str) -> str:
        """A string among the mandatory fields."""
        return cast(str, self.fields.get(name, ""))

    def number(self, name: str) -> int:
        """An integer among the mandatory fields."""
        return cast(int, self.fields.get(name, 0))


def name_of(command: int) -> str:
    """smpplib's name of a command, or its number."""
    return _NAMES.get(command) or f"{command:#010x}"


# --- reading ----------------------------------------------------------------------------------------------

INVALID_LENGTH: Final = 0x02
INVALID_COMMAND: Final = 0x03
INVALID_TLV: Final = 0xC0
"""`ESME_RINVOPTPARSTREAM`."""


class Frames:
    """Cuts what a connection brings into units; keeps what is not complete yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """The units that are complete now.

        Raises:
            WireError: a length no unit has; where the next one begins can't be known any more.
        """
        held, at = self._rest + octets if self._rest else octets, 0
        try:
            while len(held) - at >= 4:
                length = int.from_bytes(held[at : at + 4], "big")
                if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                    raise WireError(
                        f"a unit of {length} octets: {HEADER_OCTETS} to {PDU_OCTETS_MAX} are possible"
                    )
                if len(held) - at < length:
                    break
                yield held[at : at + length]
                at += length
        finally:
            self._rest = held[at:]


def decode(octets: bytes) -> Pdu:
    """One whole unit, as `Frames` cuts them; of a response at least its head, whatever follows.

    Raises:
        WireError: no header; `BadPdu` where only the rest can't be read.
    """
    if len(octets) < HEADER_OCTETS:
        raise WireError(f"{len(octets)} octets are no header")
    length, command, status, sequence = _HEADER.unpack_from(octets)
    if length != len(octets):
        raise BadPdu(f"says {length} octets, has {len(octets)}", command, sequence, INVALID_LENGTH)
    layout = LAYOUTS.get(command)
    if layout is None:
        raise BadPdu(f"unknown command {command:#010x}", command, sequence, INVALID_COMMAND)
    if length == HEADER_OCTETS and (command & RESPONSE or not layout):
        return Pdu(command, sequence, status)
    fields: dict[str, Field] = {}
    tlvs: dict[int, bytes] = {}
    try:
        at = _read_fields(octets, layout, fields)
        if at < length:
            _read_tlvs(octets, at, tlvs)
    except _Short as short:
        # Some centres put an octet too many or too few at the end: the request is answered all the same.
        if not command & RESPONSE:
            raise BadPdu(str(short), command, sequence, short.status) from None
    return Pdu(command, sequence, status, fields, tlvs)


class _Short(Exception):
    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.status = status


def _read_fields(octets: bytes, layout: tuple[Step, ...], fields: dict[str, Field]) -> int:
    at, end = HEADER_OCTETS, len(octets)
    for step in layout:
        if type(step) is Text:
            nul = octets.find(0, at)
            if nul < 0:
                raise _Short(f"{step.name} has no end", INVALID_LENGTH)
            fields[step.name] = octets[at:nul].decode("latin-1")
            at = nul + 1
        elif type(step) is Numbers:
            after = at + step.packed.size
            if after > end:
                raise _Short(f"ends before {step.names[-1]}", INVALID_LENGTH)
            fields.update(zip(step.names, step.packed.unpack_from(octets, at), strict=True))
            at = after
        else:
            after = at + 1 + octets[at] if at < end else end + 1
            if after > end:
                raise _Short("ends within short_message", INVALID_LENGTH)
            fields["short_message"] = octets[at + 1 : after]
            at = after
    return at


def _read_tlvs(octets: bytes, at: int, tlvs: dict[int, bytes]) -> None:
    end = len(octets)
    while at < end:
        if at + 4 > end:
            raise _Short("ends within the head of an optional parameter", INVALID_TLV)
        tag, length = _TLV.unpack_from(octets, at)
        after = at + 4 + length
        if after > end:
            raise _Short(f"ends within optional parameter {tag:#06x}", INVALID_TLV)
        tlvs[tag] = octets[at + 4 : after]
        at = after


# --- writing ----------------------------------------------------------------------------------------------


def encode(pdu: Pdu) -> bytes:
    """The octets of one unit.

    Raises:
        ValueError: a field that does not fit; nothing is cut. The message never shows what it held.
    """
    layout = LAYOUTS[pdu.command]
    parts = [b""]
    if pdu.fields or not pdu.command & RESPONSE:
        parts += [_write(step, pdu.fields) for step in layout]
    for tag, value in pdu.tlvs.items():
        parts += (_TLV.pack(tag, len(value)), value)
    length = HEADER_OCTETS + sum(map(len, parts))
    if length > PDU_OCTETS_MAX:
        raise ValueError(f"{name_of(pdu.command)} would be {length} octets long")
    parts[0] = _HEADER.pack(length, pdu.command, pdu.status, pdu.sequence)
    return b"".join(parts)


def _write(step: Step, fields: Mapping[str, Any]) -> bytes:
    if type(step) is Text:
        try:
            octets: bytes = fields.get(step.name, "").encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(f"{step.name} has a character that is not in Latin-1") from None
        if len(octets) >= step.octets_max or b"\0" in octets:
            raise ValueError(f"{step.name} holds {step.octets_max - 1} octets at most, none of them NUL")
        return octets + b"\0"
    if type(step) is Numbers:
        return step.packed.pack(*[fields.get(name, 0) for name in step.names])
    message: bytes = fields.get("short_message", b"")
    if len(message) > SHORT_MESSAGE_MAX:
        raise ValueError(f"short_message holds {SHORT_MESSAGE_MAX} octets at most")
    return bytes((len(message),)) + message


def answer(request: Pdu | BadPdu, status: int = 0) -> bytes:
    """The response to a request; a body only where success has one (§4.6.2: `message_id` is unused)."""
    command = request.command | RESPONSE
    layout = LAYOUTS.get(command)
    if layout is None or request.command == GENERIC_NACK:
        return _HEADER.pack(HEADER_OCTETS, GENERIC_NACK, status, request.sequence)
    if layout and request.command in (DELIVER_SM, DATA_SM):
        return _HEADER.pack(HEADER_OCTETS + 1, command, status, request.sequence) + b"\0"
    return _HEADER.pack(HEADER_OCTETS, command, status, request.sequence)
