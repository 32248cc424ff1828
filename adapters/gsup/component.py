"""The component in a message: who asks or answers what, and the text of it.

Lengths over 127 go two ways. The standard's is BER (`81 nn`); libosmocore, and with it osmo-hlr, writes and
reads one plain octet instead. We read both, and write what the gateway is set to.

Source: 3GPP TS 24.080 §3.6, §4.4; TS 23.038 §5 (data coding scheme); ITU-T X.690 §8.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ussd_engine import WireError
from ussd_engine.text.cost import fits
from ussd_engine.text.gsm import is_gsm7, pack_ussd, unpack_ussd

Lengths = Literal["ber", "raw"]
SCREEN_OCTETS: Final = {"ber": 112, "raw": 160}
"""What a screen may take. By BER and over 112 some length in the component takes two octets, and osmo-hlr
refuses the whole; a phone needs BER."""

PROCESS: Final = 59
"""processUnstructuredSS-Request: the subscriber has dialled; its result ends the dialogue."""
ASK: Final = 60
"""unstructuredSS-Request: a screen that waits for an answer."""
NOTIFY: Final = 61

GSM7: Final = 0x0F
UCS2: Final = 0x48
_INVOKE, _RESULT, _ERROR, _REJECT = 0xA1, 0xA2, 0xA3, 0xA4
_INTEGER, _OCTETS, _SEQUENCE, _LINKED = 0x02, 0x04, 0x30, 0x80
_SHORT_MAX: Final = 0x7F


@dataclass(frozen=True, slots=True)
class Text:
    """A USSD string as it travels: a data coding scheme, and octets in it."""

    dcs: int
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invoke:
    """Asks for `operation`; `id` is 0 to 255 and of the sender's own count."""

    id: int
    operation: int
    text: Text | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Answers the invoke of that id; `operation` is None where it says nothing else."""

    id: int
    operation: int | None = None
    text: Text | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A return error or, where `rejected`, a reject; `id` is None where that of the invoke wasn't read."""

    id: int | None
    code: int
    rejected: bool = False


Component = Invoke | Result | Refusal


def encode(component: Invoke | Result, lengths: Lengths) -> bytes:
    """The octets of a component.

    Raises:
        ValueError: one plain octet can't hold a length.
    """
    head = _tlv(_INTEGER, bytes((component.id,)), lengths)
    what = b""
    if component.operation is not None:
        what = _tlv(_INTEGER, bytes((component.operation,)), lengths)
        if component.text is not None:
            coded = _tlv(_OCTETS, bytes((component.text.dcs,)), lengths)
            coded += _tlv(_OCTETS, component.text.octets, lengths)
            what += _tlv(_SEQUENCE, coded, lengths)
    if isinstance(component, Invoke):
        return _tlv(_INVOKE, head + what, lengths)
    return _tlv(_RESULT, head + (_tlv(_SEQUENCE, what, lengths) if what else b""), lengths)


def decode(octets: bytes) -> Component:
    """Read a component, in either form of lengths.

    Raises:
        WireError: it is none in either.
    """
    try:
        return _component(octets, "ber")
    except WireError as by_ber:
        try:
            return _component(octets, "raw")
        except WireError:
            raise by_ber from None


def coded(text: str, octets_max: int) -> Text:
    """A text in the cheapest alphabet that holds it; what would not fit is cut off."""
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits: a longer one never takes less
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(text[:middle], octets_max) else (low, middle - 1)
    text = text[:low]
    if is_gsm7(text):
        return Text(GSM7, pack_ussd(text))
    return Text(UCS2, text.encode("utf-16-be", "replace"))


def plain(text: Text) -> str:
    """What was typed or shown.

    Raises:
        WireError: octets that are no text in their coding.
    """
    alphabet, named = _alphabet(text.dcs)
    try:
        if alphabet == "gsm":
            return unpack_ussd(text.octets)[3 if named else 0 :]  # two letters and CR name the language
        if alphabet == "ucs2":
            return text.octets[2 if named else 0 :].decode("utf-16-be")
        return text.octets.decode("ascii")
    except UnicodeDecodeError:
        raise WireError(f"octets that data coding {text.dcs:#04x} doesn't have") from None


def _alphabet(dcs: int) -> tuple[Literal["gsm", "ucs2", "octets"], bool]:
    """The alphabet, and whether a language stands before the text (TS 23.038 §5)."""
    if dcs in (0x10, 0x11):
        return ("ucs2" if dcs == 0x11 else "gsm"), True
    if 0x40 <= dcs <= 0x7F:
        if dcs & 0x20:
            raise WireError("a compressed text")
        return ("gsm", "octets", "ucs2", "gsm")[dcs >> 2 & 3], False
    return ("octets" if dcs >= 0xF0 and dcs & 4 else "gsm"), False


def _tlv(tag: int, value: bytes, lengths: Lengths) -> bytes:
    length = len(value)
    if length > 0xFF:
        raise ValueError(f"{length} octets: one octet holds no such length")
    if lengths == "ber" and length > _SHORT_MAX:
        return bytes((tag, 0x81, length)) + value
    return bytes((tag, length)) + value


class _Reader:
    """Elements one behind another, all of it."""

    def __init__(self, octets: bytes, lengths: Lengths) -> None:
        self._octets, self._lengths, self._at = octets, lengths, 0

    @property
    def left(self) -> bool:
        return self._at < len(self._octets)

    @property
    def tag(self) -> int:
        return self._octets[self._at] if self.left else -1

    def take(self, tag: int) -> bytes:
        """The value of the next element, which has that tag."""
        if self.tag != tag:
            raise WireError(f"element {tag:#04x} is missing")
        length, start = self._length(self._at + 1)
        if start + length > len(self._octets):
            raise WireError(f"element {tag:#04x} is cut off")
        self._at = start + length
        return self._octets[start : self._at]

    def number(self) -> int:
        value = self.take(_INTEGER)
        if len(value) != 1:
            raise WireError("an integer of one octet is expected")
        return value[0]

    def inside(self, tag: int) -> _Reader:
        return _Reader(self.take(tag), self._lengths)

    def end(self) -> None:
        if self.left:
            raise WireError("octets behind the last element")

    def _length(self, at: int) -> tuple[int, int]:
        """The length that stands there, and where its value begins."""
        if at >= len(self._octets):
            raise WireError("an element without a length")
        first = self._octets[at]
        if self._lengths == "raw" or first <= _SHORT_MAX:
            return first, at + 1
        count = first & _SHORT_MAX
        if not 1 <= count <= 2 or at + 1 + count > len(self._octets):
            raise WireError("a length that can't be read")
        return int.from_bytes(self._octets[at + 1 : at + 1 + count], "big"), at + 1 + count


def _component(octets: bytes, lengths: Lengths) -> Component:
    outer = _Reader(octets, lengths)
    kind = outer.tag
    if kind not in (_INVOKE, _RESULT, _ERROR, _REJECT):
        raise WireError("no component begins like this")
    body = outer.inside(kind)
    outer.end()
    if kind == _INVOKE:
        return _invoke(body)
    if kind == _RESULT:
        return _result(body)
    return _refusal(body, rejected=kind == _REJECT)


def _invoke(body: _Reader) -> Invoke:
    number = body.number()
    if body.tag == _LINKED:
        body.take(_LINKED)
    operation = body.number()
    text = _text(body)
    body.end()
    return Invoke(number, operation, text)


def _result(body: _Reader) -> Result:
    number = body.number()
    if not body.left:
        return Result(number)
    inner = body.inside(_SEQUENCE)
    body.end()
    operation = inner.number()
    text = _text(inner)
    inner.end()
    return Result(number, operation, text)


def _refusal(body: _Reader, *, rejected: bool) -> Refusal:
    number = None
    if body.tag == _INTEGER:
        number = body.number()
    elif not rejected or body.take(0x05):  # NULL: the invoke's id was not readable
        raise WireError("a refusal of nothing")
    if not rejected:
        code = body.number()
        return Refusal(number, code)  # parameters may follow; nobody reads them
    problem = body.take(body.tag) if 0x80 <= body.tag <= 0x83 else b""
    if len(problem) != 1:
        raise WireError("a reject says why in one octet")
    body.end()
    return Refusal(number, problem[0], rejected=True)


def _text(body: _Reader) -> Text | None:
    """Argument or result of 59 to 61. What may follow the string (alerting, number) is passed over."""
    if not body.left:
        return None
    if body.tag != _SEQUENCE:  # of an operation that isn't USSD's
        raise WireError("an argument that is no USSD string")
    inner = body.inside(_SEQUENCE)
    if not inner.left:
        return None
    dcs = inner.take(_OCTETS)
    if len(dcs) != 1:
        raise WireError("a data coding scheme has one octet")
    return Text(dcs[0], inner.take(_OCTETS))
