"""GSUP messages and components against octets that a real HLR has sent and taken, and against tshark."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.gsup import component, wire
from adapters.gsup.component import Invoke, Lengths, Refusal, Result, Text
from adapters.gsup.wire import Frame, Message, Procedure, State
from tests.adapters.gsup.fuzz import fuzz
from ussd_engine import WireError
from ussd_engine.text.cost import octets as cost
from ussd_engine.text.gsm import pack_ussd

IMSI, SESSION = "901700000000001", 0x0E98E10A
DIALLED = bytes.fromhex(
    "002bee0520010809710000000000f130040e98e10a3101013514a11202010102013b300a04010f04052a1c0e3602"
)
ANSWERED = bytes.fromhex(
    "0029ee0522010809710000000000f130040e98e10a3101023512a210020101300b02013c300604010f040131"
)
MENU = bytes.fromhex(
    "0042ee0520010809710000000000f130040e98e10a310102352ba129020102" + "02013c302104010f041c" + "00" * 28
)
LENGTHS: st.SearchStrategy[Lengths] = st.sampled_from(["ber", "raw"])
OCTET = st.integers(0, 255)
TEXTS = st.builds(Text, OCTET, st.binary(max_size=160))


def message_in(octets: bytes) -> Message:
    (one,) = wire.Frames().feed(octets)
    assert (one.protocol, one.payload[0]) == (wire.OSMO, wire.GSUP)
    message = wire.decode(one.payload[1:])
    assert message is not None
    return message


def test_what_was_dialled_is_read() -> None:
    message = message_in(DIALLED)

    assert (message.procedure, message.imsi, message.session) == (Procedure.REQUEST, IMSI, SESSION)
    assert message.state is State.BEGIN
    assert component.decode(message.component) == Invoke(1, 59, Text(15, bytes.fromhex("2a1c0e3602")))
    assert component.plain(Text(15, bytes.fromhex("2a1c0e3602"))) == "*880#"


def test_what_was_typed_is_read() -> None:
    message = message_in(ANSWERED)

    assert (message.procedure, message.state) == (Procedure.RESULT, State.CONTINUE)
    assert component.decode(message.component) == Result(1, 60, Text(15, b"1"))


@pytest.mark.parametrize("lengths", ["ber", "raw"])
def test_a_screen_is_written_as_the_hlr_has_taken_it(lengths: Lengths) -> None:
    asked = component.encode(Invoke(2, component.ASK, Text(component.GSM7, bytes(28))), lengths)

    assert wire.encode(Message(Procedure.REQUEST, IMSI, SESSION, State.CONTINUE, asked)) == MENU


def test_our_name_ends_in_nul_and_stands_as_the_serial_number() -> None:
    (one,) = wire.Frames().feed(wire.identity("EUSE-ussd-engine"))

    assert one.protocol == wire.CONTROL
    assert one.payload.startswith(b"\x05\x00\x07\x080/0/0\0")  # osmo-hlr wants a unit id too
    assert one.payload.endswith(b"\x00\x12\x00EUSE-ussd-engine\0")


def test_a_number_that_the_switch_adds_is_read() -> None:
    told = bytes.fromhex("20010809710000000000f130040e98e10a3101010807" + "06996305000" + "0f1")

    message = wire.decode(told)

    assert message is not None
    assert message.msisdn == "99365000001"


@pytest.mark.parametrize("octets", ["04010809710000000000f1280102", "4e", "20010809710000000000f10a0101"])
def test_a_message_of_another_kind_is_passed_over(octets: str) -> None:
    assert wire.decode(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        ("", "empty"),
        ("20", "0x31"),
        ("203101", "cut off"),
        ("20310104", "session state"),
        ("20310101", "four octets"),
        ("2030040e98e10a310101", "digits"),
        ("20010809710000000000ff30040e98e10a310101", "digits"),
        ("2001021032300" + "40e98e10a310101", "6 to 15"),
        ("20010809710000000000f130040e98e10a31010108020599", "its length"),
        ("21010809710000000000f130040e98e10a3101030200", "0x02"),
    ],
)
def test_a_spoilt_message_is_refused_by_what_is_wrong(octets: str, says: str) -> None:
    with pytest.raises(WireError, match=says):
        wire.decode(bytes.fromhex(octets))


@given(
    st.sampled_from(Procedure), st.from_regex("[0-9]{6,15}", fullmatch=True), st.integers(0, 2**32 - 1),
    st.sampled_from(State), st.binary(max_size=255), st.none() | OCTET,
    st.from_regex("([0-9]{5,15})?", fullmatch=True),
)  # fmt: skip
def test_a_message_comes_back_as_it_was_written(
    procedure: Procedure, imsi: str, session: int, state: State, octets: bytes, cause: int | None, msisdn: str
) -> None:
    message = Message(procedure, imsi, session, state, octets, cause, msisdn)

    assert message_in(wire.encode(message)) == message


@given(st.lists(st.builds(Frame, OCTET, st.binary(max_size=40)), max_size=5), st.data())
def test_frames_come_whole_however_they_are_cut(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(wire.frame(one.protocol, one.payload) for one in frames)
    reader, found = wire.Frames(), list[Frame]()
    while stream:
        count = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:count])
        stream = stream[count:]

    assert found == frames


def test_a_frame_that_is_too_long_is_refused_before_it_is_kept() -> None:
    with pytest.raises(WireError, match="4097"):
        list(wire.Frames().feed(b"\x10\x01\xee"))


@given(LENGTHS, OCTET, st.sampled_from([59, 60, 61]), st.none() | TEXTS, st.booleans())
@example("raw", 1, 59, Text(15, bytes(160)), True)
@example("ber", 1, 60, Text(15, bytes(160)), False)
def test_a_component_is_read_back_in_both_forms(
    lengths: Lengths, number: int, operation: int, text: Text | None, is_result: bool
) -> None:
    said = (Result if is_result else Invoke)(number, operation, text)

    assert component.decode(component.encode(said, lengths)) == said


def test_the_forms_part_where_a_length_passes_127() -> None:
    result = Result(1, component.PROCESS, Text(component.UCS2, bytes(112)))
    longer = Result(1, component.PROCESS, Text(component.UCS2, bytes(114)))

    assert component.encode(result, "ber") == component.encode(result, "raw")
    assert component.encode(longer, "ber")[:3] == b"\xa2\x81\x81"
    assert component.encode(longer, "raw")[:2] == b"\xa2\x81"


@pytest.mark.parametrize(
    ("octets", "refusal"),
    [
        ("a306020101020122", Refusal(1, 0x22)),
        ("a406020101810102", Refusal(1, 2, rejected=True)),
        ("a4050500800100", Refusal(None, 0, rejected=True)),
    ],
)
def test_a_refusal_is_read(octets: str, refusal: Refusal) -> None:
    assert component.decode(bytes.fromhex(octets)) == refusal


@pytest.mark.parametrize(
    "octets",
    ["", "a1", "a103020101", "3003020101", "a10602010102013b00", "a11602010102013b300a04010f04052a1c0e3602"],
)
def test_octets_that_are_no_component_are_refused(octets: str) -> None:
    with pytest.raises(WireError):
        component.decode(bytes.fromhex(octets))


@given(st.text(max_size=200), st.sampled_from([112, 160]))
@example("1234567", 112)
@example("Ж😀" * 40, 112)
def test_a_text_is_read_back_as_far_as_it_fits(text: str, octets_max: int) -> None:
    coded = component.coded(text, octets_max)
    shown = component.plain(coded)

    assert len(coded.octets) <= octets_max
    readable = text.encode("utf-16-be", "replace").decode("utf-16-be")
    assert readable.startswith(shown.rstrip("\r"))
    if len(shown.rstrip("\r")) < len(text.rstrip("\r")):
        assert cost(text[: len(shown) + 1]) > octets_max


@pytest.mark.parametrize(
    ("dcs", "octets", "text"),
    [
        (0x00, "2a1c0e3602", "*880#"),
        (0x0F, "31d98c56b3dd1a", "1234567"),
        (0x10, pack_ussd("en\r*5").hex(), "*5"),
        (0x11, "f2f7041f", "П"),
        (0x48, "041f0440", "Пр"),
        (0x44, "2a383830", "*880"),
        (0xF4, "31", "1"),
        (0xF0, "31", "1"),
    ],
)
def test_every_coding_of_a_text_is_read(dcs: int, octets: str, text: str) -> None:
    assert component.plain(Text(dcs, bytes.fromhex(octets))) == text


@pytest.mark.parametrize(("dcs", "octets"), [(0x48, "04"), (0x44, "ff"), (0x60, "31"), (0x48, "d83d")])
def test_octets_that_are_no_text_are_refused(dcs: int, octets: str) -> None:
    with pytest.raises(WireError):
        component.plain(Text(dcs, bytes.fromhex(octets)))


def test_ten_thousand_spoilt_messages_raise_nothing_else() -> None:
    assert 0 < fuzz(10_000, random.randrange(1 << 32)) < 10_000
