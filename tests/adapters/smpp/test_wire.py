"""The codec of SMPP units, against captured octets, against smpplib's own, and against noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import smpp
from smpplib.command import DeliverSM, Param

from adapters.smpp import wire
from adapters.smpp.wire import BadPdu, Frames, Pdu, decode, encode
from tests.adapters.smpp.fuzz import fuzz
from ussd_engine import WireError

BEGIN = bytes.fromhex(
    "00000043 00000005 00000000 00000001 5553534400 0101 39393839303131313232333300 0101 38383000"
    "000000 00 00 00000000 05 2a38383023 0501000101 138300020100".replace(" ", "")
)
"""A dialogue begins: *880# from 998901112233, session 1."""


class Numbers:
    """What smpplib wants of a client."""

    sequence = 7

    def next_sequence(self) -> int:
        return self.sequence


def test_the_begin_of_a_dialogue_is_read() -> None:
    octets = len(BEGIN).to_bytes(4, "big") + BEGIN[4:]
    pdu = decode(octets)

    assert (pdu.command, pdu.sequence, pdu.status) == (wire.DELIVER_SM, 1, 0)
    assert pdu.text("service_type") == "USSD"
    assert pdu.text("source_addr") == "998901112233"
    assert pdu.text("destination_addr") == "880"
    assert pdu.octets == b"*880#"
    assert pdu.tlvs == {wire.SERVICE_OP: b"\x01", wire.SESSION_INFO: b"\x01\x00"}


numbers = st.integers(0, 255)
addresses = st.text("0123456789", max_size=20)
messages = st.fixed_dictionaries(
    {
        "service_type": st.sampled_from(["", "USSD", "CMT"]),
        "source_addr_ton": numbers,
        "source_addr_npi": numbers,
        "source_addr": addresses,
        "dest_addr_ton": numbers,
        "dest_addr_npi": numbers,
        "destination_addr": addresses,
        "esm_class": numbers,
        "protocol_id": numbers,
        "priority_flag": numbers,
        "schedule_delivery_time": st.just(""),
        "validity_period": st.just(""),
        "registered_delivery": numbers,
        "replace_if_present_flag": numbers,
        "data_coding": numbers,
        "sm_default_msg_id": numbers,
        "short_message": st.binary(max_size=254),
    }
)
tlvs = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=5)


@given(messages, tlvs, st.integers(1, wire.SEQUENCE_MAX), st.sampled_from([wire.SUBMIT_SM, wire.DELIVER_SM]))
def test_writing_then_reading_gives_the_unit_back(
    fields: dict[str, wire.Field], optional: dict[int, bytes], sequence: int, command: int
) -> None:
    pdu = Pdu(command, sequence, 0, fields, optional)

    assert decode(encode(pdu)) == pdu


@given(messages, st.integers(0, 255), st.integers(0, 0xFFFF))
def test_smpplib_writes_the_same_submit_sm(fields: dict[str, wire.Field], op: int, info: int) -> None:
    theirs = smpp.make_pdu("submit_sm", client=Numbers(), ussd_service_op=op, its_session_info=info, **fields)
    optional = {wire.SESSION_INFO: info.to_bytes(2, "big"), wire.SERVICE_OP: bytes((op,))}

    assert encode(Pdu(wire.SUBMIT_SM, 7, 0, fields, optional)) == theirs.generate()


class WholeDeliverSM(DeliverSM):  # type: ignore[misc]
    """smpplib's class with the parameter it lacks."""

    params = DeliverSM.params | {"ussd_service_op": Param(type=int, size=1)}
    params_order = (*DeliverSM.params_order, "ussd_service_op")


@given(messages, st.integers(0, 255))
def test_smpplib_reads_what_is_written(fields: dict[str, wire.Field], op: int) -> None:
    octets = encode(Pdu(wire.DELIVER_SM, 7, 0, fields, {wire.SERVICE_OP: bytes((op,))}))
    theirs = WholeDeliverSM("deliver_sm", sequence=0)
    theirs.parse(octets)

    assert theirs.ussd_service_op == op
    assert theirs.source_addr == str(fields["source_addr"]).encode()
    assert theirs.data_coding == fields["data_coding"]
    assert theirs.short_message == fields["short_message"]


@given(st.lists(st.builds(lambda n, s: Pdu(n, s), st.sampled_from([wire.ENQUIRE_LINK, wire.UNBIND]),
                          st.integers(1, 9))), st.data())  # fmt: skip
def test_units_are_found_however_the_connection_cuts_them(sent: list[Pdu], data: st.DataObject) -> None:
    octets, frames, found = b"".join(map(encode, sent)), Frames(), list[Pdu]()
    while octets:
        size = data.draw(st.integers(1, len(octets)))
        found += map(decode, frames.feed(octets[:size]))
        octets = octets[size:]

    assert found == sent


@pytest.mark.parametrize("length", [0, 15, wire.PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
def test_a_length_no_unit_has_ends_the_connection(length: int) -> None:
    with pytest.raises(WireError, match=str(length)):
        list(Frames().feed(length.to_bytes(4, "big") + bytes(12)))


def test_an_optional_parameter_may_be_of_any_length_and_unknown() -> None:
    odd = {wire.SESSION_INFO: b"\x01", 0x1501: b"\x00\x00\x00\x07", 0x7FFF: b""}

    assert decode(encode(Pdu(wire.DELIVER_SM, 1, 0, {}, odd))).tlvs == odd


def test_every_cut_of_a_unit_is_refused_with_its_header_known() -> None:
    whole = encode(Pdu(wire.DELIVER_SM, 9, 0, {"short_message": b"12"}, {wire.SERVICE_OP: b"\x12"}))
    no_tlvs = len(whole) - 5
    for size in range(wire.HEADER_OCTETS, len(whole)):
        cut = size.to_bytes(4, "big") + whole[4:size]
        if size == no_tlvs:
            assert decode(cut).tlvs == {}
            continue
        with pytest.raises(BadPdu) as refused:
            decode(cut)
        assert (refused.value.command, refused.value.sequence) == (wire.DELIVER_SM, 9)


@pytest.mark.parametrize(
    "fields",
    [
        {"short_message": bytes(255)},
        {"source_addr": "9" * 21},
        {"source_addr": "ЧЕК"},
        {"service_type": "US\0D"},
    ],
)
def test_what_does_not_fit_is_refused_and_not_shown(fields: dict[str, wire.Field]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))) as refused:
        encode(Pdu(wire.SUBMIT_SM, 1, 0, fields))

    assert not any(str(value) in str(refused.value) for value in fields.values())


def test_the_text_form_of_a_unit_shows_no_field() -> None:
    pdu = Pdu(wire.BINDS["transceiver"], 1, 0, {"password": "sesame"}, {wire.PAYLOAD: b"sesame"})

    assert repr(pdu) == "Pdu(bind_transceiver, sequence=1, status=0x0)"


def test_an_error_response_may_lack_its_body() -> None:
    octets = bytes.fromhex("00000010 80000004 00000058 00000003")

    assert decode(octets) == Pdu(wire.SUBMIT_SM | wire.RESPONSE, 3, 0x58)


@pytest.mark.parametrize(
    ("body", "message_id"),
    [("316600 00", "1f"), ("316600 0424", "1f"), ("316600 0424 0005 00", "1f"), ("3166", "")],
)
def test_a_response_that_ends_oddly_still_answers_its_request(body: str, message_id: str) -> None:
    told = bytes.fromhex(body)
    octets = (16 + len(told)).to_bytes(4, "big") + bytes.fromhex("80000004 00000000 00000003") + told

    answer = decode(octets)

    assert (answer.command, answer.sequence, answer.status) == (wire.SUBMIT_SM | wire.RESPONSE, 3, 0)
    assert (answer.text("message_id"), answer.tlvs) == (message_id, {})


@pytest.mark.parametrize(
    ("request_id", "response"),
    [
        (wire.DELIVER_SM, "0000001180000005000000000000000400"),
        (wire.ENQUIRE_LINK, "00000010800000150000000000000004"),
        (0x0B, "00000010800000000000000000000004"),
    ],
)  # fmt: skip
def test_requests_are_answered_under_their_own_number(request_id: int, response: str) -> None:
    assert wire.answer(Pdu(request_id, 4)) == bytes.fromhex(response)


KNOWN = [*wire.BINDS.values(), wire.SUBMIT_SM, wire.DELIVER_SM, wire.DATA_SM, wire.ENQUIRE_LINK, wire.UNBIND]
COMMANDS = [*KNOWN, *(command | wire.RESPONSE for command in KNOWN), 0x102, 0x80000000, 0x21]
"""Besides what noise itself would rarely hit."""


@given(st.sampled_from(COMMANDS), st.binary(max_size=120))
def test_noise_behind_any_header_is_read_or_refused(command: int, body: bytes) -> None:
    octets = (16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(7) + b"\x01" + body
    try:
        decode(octets)
    except WireError:
        return


def test_ten_thousand_spoilt_units_raise_nothing_but_wire_errors() -> None:
    refused = fuzz(10_000, seed=880)

    assert 1_000 < refused < 10_000, "noise of both kinds was tried"
