"""Messages octet by octet: against recorded ones, against another implementation, against noise."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.processors.iso8583 import wire
from invoicing.processors.iso8583.wire import Message, Original, Station, WireError
from tests.peers import iso

STATION = Station("9901", "CLICK TERMINAL")
SENT_AT = datetime(2026, 11, 24, 20, 20, 5, tzinfo=UTC)  # the 25th already in Tashkent
LATER = datetime(2026, 11, 24, 20, 21, 0, tzinfo=UTC)
PAID = Original(wire.PURCHASE, 50_000_00, "000123", "000005000001", "CLICK001", SENT_AT)


def spelt(parts: str) -> bytes:
    """A message spelt field by field, with bars between them that are not sent."""
    return parts.replace("|", "").encode()


BODY = "000000|000005000000|{sent}|000123|012005|1125|04|9901|000005000001|{auth}CLICK001|CLICK TERMINAL "
NOW, THEN = BODY.format(sent="1124202100", auth=""), BODY.format(sent="1124202005", auth="")
FIELD_90 = "0200|000123|1124202005|00000009901|00000000000"
TOKEN = "008|tok-7f3a"

GOLDEN: list[tuple[str, Message, bytes]] = [
    (
        "a purchase by an opaque token",
        wire.financial(PAID, "tok-7f3a", STATION),
        spelt(f"0200|3238000108C18000|{THEN}|{TOKEN}|860"),
    ),
    (
        "a purchase by a token like a card number",
        wire.financial(PAID, "9911000000001234", STATION),
        spelt(f"0200|7238000108C08000|16|9911000000001234|{THEN}|860"),
    ),
    (
        "a reversal",
        wire.reversal(PAID, "tok-7f3a", STATION, at=LATER, repeat=False),
        spelt(f"0420|B238000108C18000|0000004000000000|{NOW}|{TOKEN}|860|{FIELD_90}"),
    ),
    (
        "a reversal repeated",
        wire.reversal(PAID, "tok-7f3a", STATION, at=LATER, repeat=True),
        spelt(f"0421|B238000108C18000|0000004000000000|{NOW}|{TOKEN}|860|{FIELD_90}"),
    ),
    (
        "a sign-on",
        wire.network(wire.SIGN_ON, "000001", SENT_AT),
        spelt("0800|8220000000000000|0400000000000000|1124202005|000001|001"),
    ),
]

ANSWER = spelt(f"0210|323800010EC08000|{BODY.format(sent='1124202005', auth='AUTH01|00|')}|860")


@pytest.mark.parametrize(("message", "octets"), [(m, o) for _, m, o in GOLDEN], ids=[n for n, _, _ in GOLDEN])
def test_a_message_is_these_octets_after_their_number(message: Message, octets: bytes) -> None:
    assert wire.encode(message) == len(octets).to_bytes(2, "big") + octets
    assert wire.decode(octets) == message


@pytest.mark.parametrize("message", [m for _, m, _ in GOLDEN], ids=[n for n, _, _ in GOLDEN])
def test_another_implementation_reads_our_octets_and_we_read_its(message: Message) -> None:
    octets = wire.encode(message)

    assert iso.decode(octets[2:]) == (message.mti, message.fields)
    theirs = iso.encode(message.mti, message.fields)
    assert theirs.upper() == octets.upper(), "they differ in the case of the bitmap's letters only"
    assert wire.decode(theirs[2:]) == message


def test_an_answer_is_read_field_by_field() -> None:
    answer = wire.decode(ANSWER)

    assert (answer.mti, answer.code, answer.stan, answer.rrn) == ("0210", "00", "000123", "000005000001")
    assert answer.terminal == "CLICK001"
    assert (answer.fields[4], answer.fields[38]) == ("000005000000", "AUTH01")


SHAPES: Mapping[int, st.SearchStrategy[str]] = {
    3: st.from_regex(r"[0-9]{6}\Z", fullmatch=True),
    4: st.integers(1, 10**12 - 1).map("{:012d}".format),
    7: st.from_regex(r"[0-9]{10}", fullmatch=True),
    11: st.from_regex(r"[0-9]{6}", fullmatch=True),
    37: st.from_regex(r"[0-9A-Z]{12}", fullmatch=True),
    38: st.from_regex(r"[0-9A-Z]{6}", fullmatch=True),
    39: st.from_regex(r"[0-9A-Z]{2}", fullmatch=True),
    41: st.from_regex(r"[0-9A-Z]{8}", fullmatch=True),
    48: st.from_regex(r"[!-~]{1,64}", fullmatch=True),
    49: st.just("860"),
    54: st.from_regex(r"([0-9]{7}[CD][0-9]{12}){1,6}", fullmatch=True),
    70: st.sampled_from(["001", "002", "301"]),
    90: st.from_regex(r"[0-9]{42}", fullmatch=True),
}


@st.composite
def messages(draw: st.DrawFn) -> Message:
    mti = draw(st.sampled_from([*wire.ANSWERS, *wire.ANSWERS.values()]))
    present = draw(st.sets(st.sampled_from(sorted(SHAPES)), min_size=1))
    return Message(mti, {number: draw(SHAPES[number]) for number in sorted(present)})


@given(messages())
@settings(max_examples=100, deadline=None)
def test_any_message_survives_both_implementations(message: Message) -> None:
    octets = wire.encode(message)

    assert wire.decode(octets[2:]) == message
    assert iso.decode(octets[2:]) == (message.mti, message.fields)
    assert wire.decode(iso.encode(message.mti, message.fields)[2:]) == message


def refused_or_read(octets: bytes) -> None:
    """Only the one exception may come out, and it holds nothing of what was read."""
    try:
        message = wire.decode(octets)
    except WireError as error:
        assert error.__cause__ is None
        assert error.__context__ is None
    else:
        assert wire.decode(wire.encode(message)[2:]) == message


@given(st.binary(max_size=300))
@settings(max_examples=1_000, deadline=None)
def test_noise_is_refused_with_the_one_exception(octets: bytes) -> None:
    refused_or_read(octets)


@given(
    st.sampled_from([octets for _, _, octets in GOLDEN] + [ANSWER]),
    st.tuples(st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3)),
)
@settings(max_examples=1_000, deadline=None)
def test_a_wounded_message_is_refused_with_the_one_exception_or_read(
    octets: bytes, wound: tuple[int, bytes, int]
) -> None:
    place, new, cut = wound
    refused_or_read(octets[:place] + new + octets[place + cut :])


def test_ten_thousand_badly_wounded_messages_are_refused_with_the_one_exception_or_read() -> None:
    # Plain dice: twenty times as fast as drawing each wound with hypothesis.
    dice = random.Random(8583)
    for _ in range(10_000):
        octets = bytearray(dice.choice([*(octets for _, _, octets in GOLDEN), ANSWER]))
        for _ in range(dice.randrange(1, 7)):
            place = dice.randrange(len(octets))
            octets[place : place + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
            octets = octets or bytearray(b"0")
        refused_or_read(bytes(octets))


@pytest.mark.parametrize(
    ("octets", "where"),
    [
        (b"", "field t"),
        (b"0200", "field p"),
        (spelt("0300|0000000000000000"), "a message type"),
        (spelt("0210|00200000000000zz"), "field p"),
        (spelt("0210|0020000000000000|12345"), "field 11"),
        (spelt("0210|0020000000000000|12345x"), "field 11"),
        (spelt("0210|0020000000000000|1234567"), "field 11"),
        (spelt("0210" + "|8000000000000000" * 3), "beyond 128"),
        (spelt("0210|0000000000010000|999|x"), "field 48"),
        (b"0" * (wire.FRAME_MAX + 1), "too long"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place_and_without_its_values(
    octets: bytes, where: str
) -> None:
    with pytest.raises(WireError, match=where) as refused:
        wire.decode(octets)

    assert "12345" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({4: "1"}, 4),
        ({4: "00000000000x"}, 4),
        ({11: "\u0661\u0662\u0663\u0664\u0665\u0666"}, 11),
        ({52: "0" * 16}, 52),
    ],
)
def test_a_value_without_its_fields_form_is_not_sent(fields: dict[int, str], number: int) -> None:
    with pytest.raises(WireError, match=f"field {number} has not its form"):
        wire.encode(Message("0200", fields))


@pytest.mark.parametrize("amount_tiyin", [0, -1, 10**12])
def test_a_sum_that_does_not_fit_is_not_sent(amount_tiyin: int) -> None:
    original = Original(wire.PURCHASE, amount_tiyin, "000001", "000000000001", "CLICK001", SENT_AT)

    with pytest.raises(WireError, match="field 4"):
        wire.financial(original, "tok", STATION)


def test_a_message_shows_none_of_its_fields() -> None:
    assert repr(wire.financial(PAID, "tok-7f3a", STATION)) == "Message(mti='0200')"


@pytest.mark.parametrize(
    ("told", "balance"),
    [
        ("0001860C000000000100|0002860C000000000090".replace("|", ""), 90),
        ("0001860C000000000100", 100),
        ("0002860D000000000100", -100),
        ("0002840C000000000100", None),
        (None, None),
    ],
)
def test_the_balance_is_what_is_available_in_soums(told: str | None, balance: int | None) -> None:
    assert wire.balance_of(Message("0110", {} if told is None else {54: told})) == balance
