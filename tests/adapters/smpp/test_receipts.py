"""Delivery receipts: their forms, and whose they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp import receipts, wire
from adapters.smpp.receipts import Receipt, State, Submitted, forms
from adapters.smpp.wire import Pdu

PHONE = "998901234567"


def deliver(text: bytes, tlvs: dict[int, bytes] | None = None, esm_class: int = 4) -> Pdu:
    fields: dict[str, wire.Field] = {"source_addr": PHONE, "esm_class": esm_class, "short_message": text}
    return Pdu(wire.DELIVER_SM, 1, 0, fields, tlvs or {})


@pytest.mark.parametrize(
    ("word", "state"),
    [("DELIVRD", State.DELIVERED), ("UNDELIV", State.UNDELIVERABLE), ("EXPIRED", State.EXPIRED),
     ("REJECTD", State.REJECTED), ("acceptd", State.ACCEPTED), ("WHATEVER", State.UNKNOWN),
     ("DELIVERED", State.DELIVERED), ("UNDELIVERABLE", State.UNDELIVERABLE), ("Rejected", State.REJECTED)],
)  # fmt: skip
def test_the_text_form_is_read(word: str, state: State) -> None:
    text = (
        f"id:0001F sub:001 dlvrd:001 submit date:2611240507 done date:2611240508 stat:{word} err:034 text:x"
    )

    assert receipts.read(deliver(text.encode())) == Receipt("0001F", PHONE, state, "034")


def test_the_parameters_count_more_than_the_text() -> None:
    tlvs = {wire.RECEIPTED_ID: b"1f\0", wire.MESSAGE_STATE: b"\x05"}

    read = receipts.read(deliver(b"id:99 stat:DELIVRD err:000", tlvs))

    assert read == Receipt("1f", PHONE, State.UNDELIVERABLE, "000")


def test_a_receipt_without_an_id_is_none() -> None:
    assert receipts.read(deliver(b"delivered")) is None


@pytest.mark.parametrize(
    ("pdu", "is_one"),
    [
        (deliver(b"id:1 stat:DELIVRD"), True),
        (deliver(b"", esm_class=0x20), True),
        (deliver(b"", {wire.RECEIPTED_ID: b"1"}, esm_class=0), True),
        (deliver(b"hello", esm_class=0), False),
    ],
)
def test_receipts_are_told_from_messages(pdu: Pdu, is_one: bool) -> None:
    assert receipts.is_receipt(pdu) is is_one


@given(st.integers(0, 1 << 63))
def test_an_id_is_known_in_hexadecimal_and_decimal_with_zeros_or_without(number: int) -> None:
    written = {f"{number:x}", f"{number:X}", str(number), f"{number:020d}", f"{number:020x}"}

    for one in (f"{number:x}", str(number)):
        kept = Submitted()
        kept.add(one, PHONE, 7)
        for other in written:
            report = kept.match(Receipt(other, PHONE, State.DELIVERED))
            assert report is not None, (one, other)
            assert (report.provider_id, report.reference) == (one, 7)


def test_the_form_as_it_is_comes_first() -> None:
    kept = Submitted()
    kept.add("10", PHONE, 1)
    kept.add("16", PHONE, 2)

    report = kept.match(Receipt("10", PHONE, State.DELIVERED))

    assert report is not None
    assert report.reference == 1
    assert forms("10") == ("10", "a", "16")


def test_the_same_id_for_another_phone_is_another_message() -> None:
    kept = Submitted()
    kept.add("1f", PHONE, 1)

    assert kept.match(Receipt("1f", "998900000000", State.DELIVERED)) is None


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.smpp.receipts.REMEMBERED_MAX", 2)
    monkeypatch.setattr("adapters.smpp.receipts.EARLY_MAX", 2)
    kept = Submitted()
    for number in range(5):
        kept.add(f"m{number}", PHONE, number)
        kept.match(Receipt(f"early{number}", PHONE, State.DELIVERED))

    assert (len(kept._by_id), len(kept._early)) == (2, 2)
