"""Texts on a link: alphabets, and long messages in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp import coding, wire
from adapters.smpp.coding import Coded
from ussd_engine import WireError
from ussd_engine.text.cost import sms_parts

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
gsm_texts = st.text("abcdefgh[]{}€^ 0123456789@", max_size=700)


@given(texts | gsm_texts)
def test_a_text_survives_its_coding(text: str) -> None:
    coded = coding.encode(text)

    assert coding.decode(coded.data_coding, coded.octets) == text


@given(texts)
def test_a_text_survives_the_coding_of_a_latin1_link(text: str) -> None:
    coded = coding.encode(text, alphabet="latin1")

    assert coding.decode(coded.data_coding, coded.octets, "latin1") == text


@given(texts | gsm_texts, st.integers(0, 1 << 40))
def test_parts_join_to_the_text_and_each_can_be_read_alone(text: str, reference: int) -> None:
    coded = coding.encode(text)
    cut = coding.parts(coded, "udh", reference)
    bodies = [part.octets[6:] if part.esm_class else part.octets for part in cut]

    assert b"".join(bodies) == coded.octets
    assert len(cut) == sms_parts(text), "as many as the compiler and the ledger count"
    assert "".join(coding.decode(coded.data_coding, body) for body in bodies) == text
    assert all(len(part.octets) <= (140 if coded.data_coding else 159 + (len(cut) == 1)) for part in cut)


def test_parts_of_sar_carry_the_same_reference() -> None:
    cut = coding.parts(Coded(0, b"a" * 161), "sar", 0x1_2345)

    assert [part.tlvs[wire.SAR_REFERENCE].hex() for part in cut] == ["2345", "2345"]
    assert [part.tlvs[wire.SAR_NUMBER] for part in cut] == [b"\1", b"\2"]


def test_more_parts_than_a_header_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="255 at most"):
        coding.parts(Coded(0, b"a" * 40_000), "udh", 1)


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0x00, b"\x00\x1b\x65", "@€"),
        (0x0F, b"\x11", "_"),
        (0xF1, b"\x02", "$"),
        (0x01, b"_$", "_$"),
        (0x03, b"\xe9", "é"),
        (0x08, b"\x04\x21", "С"),
        (0x48, b"\x04\x21", "С"),
        (0x40, b"\x00", "@"),
        (0x10, b"ru\r12", "12"),
        (0x10, b"12", "12"),
        (0x11, b"\xf2\x3a\x00\x31\x04\x21", "1С"),
        (0x11, b"\x00\x31", "1"),
    ],
)
def test_each_data_coding_has_its_alphabet(data_coding: int, octets: bytes, text: str) -> None:
    assert coding.decode(data_coding, octets) == text


@given(st.integers(0, 255), st.binary(max_size=40))
def test_octets_that_are_no_text_are_refused(data_coding: int, octets: bytes) -> None:
    try:
        coding.decode(data_coding, octets)
    except WireError:
        return
