"""USSD in SMPP units: what a deliver_sm says, and the submit_sm that answers it. Pure.

Source: SMPP 3.4 §4.6 (deliver_sm), §4.7 (data_sm), §5.3.2.44 (ussd_service_op).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from adapters.form import msisdn as number_of
from adapters.smpp import coding, wire
from adapters.smpp.profiles import END, PROFILES, Profile, ProfileName
from adapters.smpp.wire import Pdu
from ussd_engine import WireError

SERVICE_TYPE: Final = "USSD"
ADDRESS_OCTETS_MAX: Final = 21
"""§5.2.8: with its NUL."""
TEXT_OCTETS_MAX: Final = 182
"""3GPP TS 23.038 §5: 182 septets, here each in an octet of its own; in UCS-2 it is less."""


class Kind(Enum):
    """What a unit means to a dialogue; UNSAID where only the open dialogue tells."""

    BEGIN = "begin"
    ANSWER = "answer"
    CONFIRM = "confirm"
    LEAVE = "leave"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class UssdOptions:
    """How a centre speaks.

    Attributes:
        end_op: `ussd_service_op` of a last screen.
        plain, ucs2: `data_coding` of texts in the default alphabet and in UCS-2 (8 or 72).
        code_in: where the dialled string of a new dialogue is.
        submit: the command that carries screens.
        screen_octets: what one screen holds (3GPP TS 23.038 §5: 160; less on some links).
        deadline_s: patience of the centre for a screen.
        idle_s: a dialogue this long without an answer is over.
        in_flight_max: turns at once; the centre is asked to bring one more again.
        rate: turns in a time, `500/second`; one more is answered ESME_RTHROTTLED.
        push_end_op: `ussd_service_op` of the last screen where nobody had dialled; 0: as the profile has it,
            else as `end_op`.
        push_answer_s, push_confirm_s: patience with the subscriber for a pushed question, and with the
            centre for word that a pushed text was shown.
        busy, absent: the centre's `command_status` for a pushed text that finds nobody free, or nobody.
    """

    profile: ProfileName = "its"
    end_op: int = END
    alphabet: coding.Alphabet = "gsm"
    plain: int = coding.DEFAULT
    ucs2: int = coding.UCS2
    code_in: Literal["text", "destination"] = "text"
    submit: Literal["submit_sm", "data_sm"] = "submit_sm"
    source: str = ""
    screen_octets: int = 160
    deadline_s: float = 10.0
    idle_s: float = 180.0
    in_flight_max: int = 2000
    rate: str = ""
    push_end_op: int = 0
    push_answer_s: float = 60.0
    push_confirm_s: float = 10.0
    busy: frozenset[int] = frozenset()
    absent: frozenset[int] = frozenset()

    @property
    def family(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def push_end(self) -> int:
        """`ussd_service_op` of a pushed dialogue's last screen."""
        return self.push_end_op or self.family.notify_once or self.end_op


@dataclass(frozen=True, slots=True)
class Ends:
    """The two addresses of a dialogue, each with type and plan, as fields of a unit that we send."""

    fields: Mapping[str, wire.Field]


@dataclass(frozen=True, slots=True)
class Heard:
    """A unit of a dialogue. `text` is not shown: it may be a PIN.

    Attributes:
        name: the dialogue's, where the profile has one and the unit carries it.
        tlvs: what came, to be echoed.
    """

    kind: Kind
    msisdn: str
    name: int | None
    text: str
    ends: Ends
    tlvs: Mapping[int, bytes]

    def __repr__(self) -> str:
        return f"Heard({self.kind}, name={self.name})"


def is_ussd(pdu: Pdu) -> bool:
    """Whether a deliver_sm belongs to a dialogue; else it is somebody's SMS."""
    return (
        wire.SERVICE_OP in pdu.tlvs
        or pdu.text("service_type") == SERVICE_TYPE
        or (pdu.octets[:1] == b"*" and pdu.number("data_coding") == coding.DEFAULT)
    )


def read(pdu: Pdu, options: UssdOptions) -> Heard:
    """What a deliver_sm or data_sm says.

    Raises:
        WireError: no subscriber's number, a text that isn't one or is longer than one USSD string, an
            operation that has no meaning here.
    """
    profile = options.family
    msisdn = number_of(pdu.text("source_addr"), "source_addr")
    # Who leaves may bring anything with it, in any coding; only without an operation the text tells.
    kind = _kind(profile, pdu, "") if pdu.tlvs.get(wire.SERVICE_OP) else None
    text = "" if kind in (Kind.LEAVE, Kind.CONFIRM) else _text(pdu, options)
    kind = kind or _kind(profile, pdu, text)
    if kind is Kind.BEGIN:
        text = _dialled(pdu.text("destination_addr") if options.code_in == "destination" else text)
    ends = Ends(
        {
            "service_type": pdu.text("service_type"),
            "source_addr_ton": pdu.number("dest_addr_ton"),
            "source_addr_npi": pdu.number("dest_addr_npi"),
            "source_addr": _code(pdu.text("destination_addr")),
            "dest_addr_ton": pdu.number("source_addr_ton"),
            "dest_addr_npi": pdu.number("source_addr_npi"),
            "destination_addr": pdu.text("source_addr"),
        }
    )
    return Heard(kind, msisdn, profile.name(pdu.tlvs), text, ends, pdu.tlvs)


def _text(pdu: Pdu, options: UssdOptions) -> str:
    if len(pdu.octets) > TEXT_OCTETS_MAX:
        raise WireError(f"a text of {len(pdu.octets)} octets: a USSD string has {TEXT_OCTETS_MAX} at most")
    return coding.decode(pdu.number("data_coding"), pdu.octets, options.alphabet)


def _kind(profile: Profile, pdu: Pdu, text: str) -> Kind:
    op = pdu.tlvs.get(wire.SERVICE_OP)
    if not op:
        if not text or profile.ends(pdu.tlvs):
            return Kind.LEAVE  # some centres tell a timeout by an empty unit
        return Kind.BEGIN if text.startswith("*") and text.endswith("#") else Kind.UNSAID
    number = op[-1]
    if number in profile.begins:
        return Kind.BEGIN
    if number in profile.leaves or (number in profile.answers and profile.ends(pdu.tlvs)):
        return Kind.LEAVE
    if number in profile.answers:
        return Kind.ANSWER
    if number in profile.confirms:
        return Kind.CONFIRM
    raise WireError(f"ussd_service_op {number} has no meaning here")


def _code(address: str) -> str:
    """The address that screens come from: a dialled string that is too long for one begins with its code."""
    if len(address) < ADDRESS_OCTETS_MAX:
        return address
    return address.lstrip("*").partition("*")[0][: ADDRESS_OCTETS_MAX - 1]


def _dialled(code: str) -> str:
    """A dialled string with its marks, which some centres leave out."""
    code = code if code.startswith("*") else f"*{code}"
    return code if code.endswith("#") else f"{code}#"


def write(text: str, *, op: int, ends: Ends, named: Mapping[int, bytes], options: UssdOptions) -> Pdu:
    """The unit that shows a text; one that doesn't fit short_message travels as message_payload."""
    coded = coding.encode(text, alphabet=options.alphabet, plain=options.plain, ucs2=options.ucs2)
    fields = dict(ends.fields)
    fields["data_coding"] = coded.data_coding
    if options.source:
        fields["source_addr"] = options.source
    tlvs = {wire.SERVICE_OP: bytes((op,)), **named}
    if options.submit == "data_sm" or len(coded.octets) > wire.SHORT_MESSAGE_MAX:
        tlvs[wire.PAYLOAD] = coded.octets
    else:
        fields["short_message"] = coded.octets
    return Pdu(wire.DATA_SM if options.submit == "data_sm" else wire.SUBMIT_SM, fields=fields, tlvs=tlvs)
