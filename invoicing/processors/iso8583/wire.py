"""ISO 8583:1987 messages, both ways, without I/O: all ASCII, bitmaps in hexadecimal.

A frame is a message after its length in two octets, the highest first. Fields spoken here, by number:

    2   card number: only in a card check, or a token that has a card number's shape
    3   processing code: 00 purchase, 20 refund, 31 balance, 33 card check, 40 transfer to a card, 50 payment
        of a phone's airtime, then two account types
    4   amount in tiyin, 12 digits             37  RRN, 12            49  currency, 860
    7   moment of sending, UTC, MMDDhhmmss     38  authorisation, 6   54  balances, 20 each
    11  STAN, 6 digits                         39  response code, 2   70  001 on, 002 off, 301 echo
    12  local time, hhmmss; 13 local date      41  terminal, 8        90  the original's stored fields
    14  expiry of a card check, YYMM           42  acceptor, 15
    102 whose card it must be: the phone, 12 digits, in a card check only
    103 who gets the money of a 40 or 50: a card's token or a phone, up to 28 characters
    32  acquirer, up to 11 digits              48  a token of any other shape

Field 52 (PIN block) is never sent: CLICK-PIN is judged before a message is made, a card's PIN is never asked.

Source: ISO 8583:1987; domain.md 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import iso8583
from iso8583.specs import default_ascii

from invoicing.values import TASHKENT

FRAME_MAX: Final = 2048
"""Octets in one message, several times the longest that is spoken here."""
LENGTH_OCTETS: Final = 2
CURRENCY: Final = "860"
SIGN_ON, SIGN_OFF, ECHO = "001", "002", "301"
PURCHASE, REFUND, BALANCE, CARD_CHECK = "000000", "200000", "310000", "330000"
TRANSFER, TOP_UP = "400000", "500000"
ANSWERS: Final = MappingProxyType(
    {"0100": "0110", "0200": "0210", "0420": "0430", "0421": "0430", "0800": "0810"}
)
"""A request's type and its answer's; the repeat 0421 is answered as 0420 is."""

_SPEC: Final[Mapping[str, Mapping[str, Any]]] = {
    key: default_ascii[key] for key in ("h", "t", "p", *map(str, range(1, 129)))
}
_TEXT: Final = "[ -~]"
_SHAPES: Final = {
    number: re.compile(shape, re.ASCII)
    for number, shape in {
        2: r"\d{12,19}",
        3: r"\d{6}",
        4: r"\d{12}",
        7: r"\d{10}",
        11: r"\d{6}",
        12: r"\d{6}",
        13: r"\d{4}",
        14: r"\d{4}",
        32: r"\d{1,11}",
        37: _TEXT + "{12}",
        38: _TEXT + "{6}",
        39: r"[0-9A-Z]{2}",
        41: _TEXT + "{8}",
        42: _TEXT + "{15}",
        48: _TEXT + "{1,999}",
        49: r"\d{3}",
        54: r"(\d{7}[CD]\d{12}){1,6}",
        70: r"\d{3}",
        90: r"\d{42}",
        102: r"\d{1,28}",
        103: r"[!-~]{1,28}",
    }.items()
}
_TYPES: Final = frozenset((*ANSWERS, *ANSWERS.values()))
_LIKE_A_CARD: Final = re.compile(r"\d{12,19}", re.ASCII)
_LEDGER_BALANCE, _AVAILABLE_BALANCE = "01", "02"


class WireError(Exception):
    """Bytes that are no message of ours, or values that no message can carry; its text repeats none."""


@dataclass(frozen=True, slots=True)
class Message:
    """A type and the fields spoken here; what stands in them is kept out of the repr."""

    mti: str
    fields: Mapping[int, str] = field(repr=False)

    @property
    def stan(self) -> str:
        """Field 11, empty where absent; so are the others."""
        return self.fields.get(11, "")

    @property
    def rrn(self) -> str:
        return self.fields.get(37, "")

    @property
    def terminal(self) -> str:
        return self.fields.get(41, "")

    @property
    def code(self) -> str:
        return self.fields.get(39, "")


def encode(message: Message) -> bytes:
    """One frame, length and all.

    Raises:
        WireError: a field's value has not its form.
    """
    _check(message)
    told = {"t": message.mti, **{str(number): value for number, value in sorted(message.fields.items())}}
    octets, _ = iso8583.encode(told, _SPEC)
    return len(octets).to_bytes(LENGTH_OCTETS, "big") + bytes(octets)


def decode(octets: bytes) -> Message:
    """Read one message without its length. Fields that are not spoken here are left out.

    Raises:
        WireError: anything else than one whole message of a known type with well-formed fields.
    """
    if len(octets) > FRAME_MAX:
        raise WireError("the message is too long")
    try:
        told, _ = iso8583.decode(octets, _SPEC)
    except iso8583.DecodeError as error:
        at: str | None = error.field
    except KeyError:  # a bitmap that announces a third one
        at = "beyond 128"
    else:
        at = None
    if at is not None:  # outside the handler: the library's error holds the whole message
        raise WireError(f"unreadable at field {at}")
    fields = {int(key): value for key, value in told.items() if key.isdigit() and int(key) in _SHAPES}
    message = Message(told["t"], MappingProxyType(fields))
    _check(message)
    return message


def _check(message: Message) -> None:
    if message.mti not in _TYPES:
        raise WireError("a message type that is not spoken here")
    for number, value in message.fields.items():
        shape = _SHAPES.get(number)
        if shape is None or shape.fullmatch(value) is None:
            raise WireError(f"field {number} has not its form")


@dataclass(frozen=True, slots=True)
class Station:
    """Who we are to the switch: field 32, up to 11 digits, and field 42, up to 15 characters."""

    acquirer: str
    acceptor: str


@dataclass(frozen=True, slots=True)
class Original:
    """What a financial message and its reversal share, as stored before sending (domain.md 2.2)."""

    code: str
    amount_tiyin: int
    stan: str
    rrn: str
    terminal: str
    at: datetime
    to: str | None = None
    """Who gets the money, where it is not ours."""


def financial(original: Original, token: str, station: Station) -> Message:
    """0200: a purchase, or what `original.code` says."""
    return Message("0200", _fields(original, token, station, sent=original.at))


def reversal(original: Original, token: str, station: Station, *, at: datetime, repeat: bool) -> Message:
    """0420, or 0421: everything of the original but the moment of sending, and field 90.

    STAN and RRN stay the original's: they are what was stored, and the type alone tells the answers apart.
    """
    fields = _fields(original, token, station, sent=at)
    fields[90] = "0200" + original.stan + _moment(original.at) + station.acquirer.zfill(11) + "0" * 11
    return Message("0421" if repeat else "0420", fields)


def _fields(original: Original, token: str, station: Station, *, sent: datetime) -> dict[int, str]:
    if not 0 < original.amount_tiyin < 10**12:
        raise WireError("field 4 has not its form")
    local = original.at.astimezone(TASHKENT)
    credited = {} if original.to is None else {103: original.to}
    return (
        _token(token)
        | credited
        | {
            3: original.code,
            4: f"{original.amount_tiyin:012d}",
            7: _moment(sent),
            11: original.stan,
            12: f"{local:%H%M%S}",
            13: f"{local:%m%d}",
            32: station.acquirer,
            37: original.rrn,
            41: original.terminal,
            42: station.acceptor.ljust(15),
            49: CURRENCY,
        }
    )


def inquiry(code: str, about: Mapping[int, str], station: Station, terminal: str, at: datetime) -> Message:
    """0100 that moves no money: a balance or a card check. The link gives it its STAN and RRN."""
    fields = {3: code, 7: _moment(at), 32: station.acquirer, 41: terminal, 42: station.acceptor.ljust(15)}
    return Message("0100", {**about, **fields, 49: CURRENCY})


def about_token(token: str) -> Mapping[int, str]:
    """A token's own field, for an inquiry."""
    return _token(token)


def about_card(pan: str, exp_yymm: str, msisdn: str | None = None) -> Mapping[int, str]:
    """The one place where a card number is sent, to be made a token.

    Without an expiry there is no field 14: an empty one has no form. The phone whose card it must be is
    field 102 (account identification 1): the one field that names what a customer has with his bank.
    """
    about = {2: pan}
    if exp_yymm:
        about[14] = exp_yymm
    if msisdn is not None:
        about[102] = msisdn
    return about


def network(code: str, stan: str, at: datetime) -> Message:
    """0800: sign-on, sign-off or echo."""
    return Message("0800", {7: _moment(at), 11: stan, 70: code})


def network_answer(request: Message) -> Message:
    """0810 to an 0800 of the switch's own: its fields again, and 00."""
    repeated = {number: request.fields[number] for number in (7, 11, 70) if number in request.fields}
    return Message("0810", {**repeated, 39: "00"})


def token_of(answer: Message) -> str | None:
    """The token that the answer to a card check carries: field 48, else field 2."""
    return answer.fields.get(48, "").strip() or answer.fields.get(2)


def balance_of(answer: Message) -> int | None:
    """Field 54: what is available, in tiyin, else the ledger balance; `None` where neither is told in soums.

    Twenty characters each: account type 2, amount type 2, currency 3, C or D, amount 12 (ISO 8583:1987).
    """
    told = answer.fields.get(54, "")
    parts = [told[start : start + 20] for start in range(0, len(told), 20)]
    found = {
        part[2:4]: int(part[8:]) * (-1 if part[7] == "D" else 1) for part in parts if part[4:7] == CURRENCY
    }
    return found.get(_AVAILABLE_BALANCE, found.get(_LEDGER_BALANCE))


def _token(token: str) -> dict[int, str]:
    return {2 if _LIKE_A_CARD.fullmatch(token) else 48: token}


def _moment(at: datetime) -> str:
    """Field 7: UTC, to the second, without the year."""
    return f"{at.astimezone(UTC):%m%d%H%M%S}"
