import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ussd_engine.text.gsm import (
    NotGsm7,
    decode_septets,
    encode_septets,
    is_gsm7,
    pack_ussd,
    septets,
    unpack_ussd,
)

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"

gsm7_text = st.text(st.sampled_from(BASIC + EXTENSION), max_size=182)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("*880#", "2A1C0E3602"),
        ("1", "31"),
        ("500", "35180C"),
        ("ok", "EF35"),
        ("1234567", "31D98C56B3DD1A"),
        ("12345678", "31D98C56B3DD70"),
        ("@@@@@@@", "0000000000001A"),
        ("€", "9B32"),
        ("[ok]", "1BDE7BBDF101"),
        ("", ""),
    ],
)
def test_known_texts_pack_to_the_octets_real_peers_exchange_and_back(text: str, packed: str) -> None:
    assert pack_ussd(text).hex().upper() == packed
    assert unpack_ussd(bytes.fromhex(packed)) == text


def test_a_real_cr_on_an_octet_boundary_is_doubled_by_the_sender() -> None:
    octets = pack_ussd("1234567\r")

    assert octets.hex().upper() == "31D98C56B3DD1A0D"
    assert unpack_ussd(octets) == "1234567\r\r"


@pytest.mark.parametrize(
    ("code", "character"),
    [
        (0x00, "@"),
        (0x02, "$"),
        (0x09, "Ç"),
        (0x0A, "\n"),
        (0x11, "_"),
        (0x1C, "Æ"),
        (0x1F, "É"),
        (0x20, " "),
        (0x24, "¤"),
        (0x40, "¡"),
        (0x5F, "§"),
        (0x60, "¿"),
        (0x7F, "à"),
    ],
)
def test_the_codes_that_tables_get_wrong_are_those_of_the_standard(code: int, character: str) -> None:
    assert decode_septets(bytes((code,))) == character
    assert encode_septets(character) == bytes((code,))


@pytest.mark.parametrize("character", EXTENSION)
def test_an_extended_character_takes_an_escape_and_a_code(character: str) -> None:
    assert septets(character) == 2
    assert encode_septets(character)[0] == 0x1B
    assert decode_septets(encode_septets(character)) == character


@pytest.mark.parametrize("character", ["`", "ç", "ж", "ž", "№", "ʻ", "\u00a0", "\x1b", "😀", "\t"])
def test_a_character_outside_both_tables_is_refused_with_its_place(character: str) -> None:
    text = "[so'm]" + character + character

    assert not is_gsm7(text)
    for refuse in (septets, encode_septets, pack_ussd):
        with pytest.raises(NotGsm7) as refusal:
            refuse(text)
        assert refusal.value.index == 6


def test_an_unknown_code_after_the_escape_shows_the_basic_character() -> None:
    assert decode_septets(b"\x1b1") == "1"


def test_a_second_escape_shows_a_space_and_a_last_one_nothing() -> None:
    assert decode_septets(b"a\x1b\x1bb\x1b") == "a b"


def test_an_octet_above_seven_bits_is_no_septet() -> None:
    with pytest.raises(ValueError, match="septet"):
        decode_septets(b"\x80")


@given(gsm7_text)
def test_the_count_is_the_length_of_the_encoding(text: str) -> None:
    assert septets(text) == len(encode_septets(text))
    assert decode_septets(encode_septets(text)) == text


@given(gsm7_text)
@example("@" * 7)
@example("1234567")
@example("x" * 182)
def test_packing_then_unpacking_gives_the_text_back(text: str) -> None:
    assume(not text.endswith("\r"))  # §6.1.2.3: a last CR may come back doubled or be taken for filling
    count = septets(text)
    octets = pack_ussd(text)

    assert len(octets) == (7 * count + 7) // 8
    assert unpack_ussd(octets) == text


@given(st.binary(max_size=200))
def test_any_octets_unpack_to_text_that_packs_again(octets: bytes) -> None:
    assert is_gsm7(unpack_ussd(octets))
