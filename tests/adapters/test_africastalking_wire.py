"""The codec alone: what it reads, what it refuses, and that it never fails in another way."""

from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.africastalking import wire
from adapters.form import FIELDS_MAX, FORM
from ussd_engine import Kind, Reply, Turn, WireError

FIELDS = {
    "sessionId": "ATUid_1",
    "serviceCode": "*880#",
    "phoneNumber": "+998901112233",
    "networkCode": "43404",
    "text": "",
}


def decode(**changes: str | None) -> Turn:
    fields = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    return wire.decode(urlencode(fields).encode(), FORM, gateway="at")


def test_empty_text_begins_a_dialogue_with_the_dialled_code() -> None:
    turn = decode()

    assert (turn.kind, turn.text, turn.msisdn, turn.dialogue) == (
        Kind.BEGIN,
        "*880#",
        "998901112233",
        "ATUid_1",
    )
    assert not turn.may_begin


def test_a_deep_dial_in_the_service_code_begins_with_the_whole_string() -> None:
    turn = decode(serviceCode="*880**0*901234567*50000#")

    assert (turn.kind, turn.text) == (Kind.BEGIN, "*880**0*901234567*50000#")


def test_a_deep_dial_in_text_keeps_its_empty_first_field() -> None:
    turn = decode(text="*0*901234567*50000")

    assert turn.text == "*880**0*901234567*50000#"
    assert turn.accumulated == "*0*901234567*50000"
    assert turn.may_begin


def test_text_is_passed_on_whole_so_that_the_session_can_split_it() -> None:
    turn = decode(text="2*9*1**5")

    assert (turn.kind, turn.accumulated, turn.text) == (Kind.ANSWER, "2*9*1**5", "*880*2*9*1**5#")
    assert turn.may_begin


def test_without_deep_in_text_only_an_empty_first_field_may_begin() -> None:
    def may_begin(text: str) -> bool:
        body = urlencode({**FIELDS, "text": text}).encode()
        return wire.decode(body, FORM, gateway="at", deep_in_text=False).may_begin

    assert not may_begin("2*1")
    assert may_begin("*3*901234567")


def test_the_gateways_settings_travel_in_the_turn() -> None:
    body = urlencode(FIELDS).encode()
    turn = wire.decode(body, FORM, gateway="beeline", screen_octets=112, deadline_s=3.5)

    assert (turn.gateway, turn.screen_octets, turn.deadline_s) == ("beeline", 112, 3.5)


@pytest.mark.parametrize("name", ["sessionId", "serviceCode", "phoneNumber", "text"])
def test_a_missing_field_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(WireError, match=f"missing: .*{name}") as caught:
        decode(**{name: None})
    assert caught.value.status == 400


def test_all_missing_fields_are_named_at_once() -> None:
    with pytest.raises(WireError, match="missing: sessionId, serviceCode, phoneNumber"):
        wire.decode(b"", FORM, gateway="at")


@pytest.mark.parametrize(
    "phone", ["", "+", "1234", "1234567890123456", "+99890111223a", "998 90", "٣٣٣٣٣٣", "++99890"]
)
def test_a_phone_that_is_not_5_to_15_digits_is_refused(phone: str) -> None:
    with pytest.raises(WireError, match="phoneNumber"):
        decode(phoneNumber=phone)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data"])
def test_another_content_type_is_refused_with_415(content_type: str) -> None:
    with pytest.raises(WireError, match=FORM) as caught:
        wire.decode(urlencode(FIELDS).encode(), content_type, gateway="at")
    assert caught.value.status == 415


def test_parameters_and_case_of_the_content_type_do_not_matter() -> None:
    turn = wire.decode(
        urlencode(FIELDS).encode(), "Application/X-WWW-Form-Urlencoded; charset=UTF-8", gateway="at"
    )
    assert turn.kind is Kind.BEGIN


def test_invalid_utf8_is_refused_and_the_bytes_stay_out_of_the_message() -> None:
    with pytest.raises(WireError) as caught:
        wire.decode(urlencode({**FIELDS, "text": ""}).encode() + b"%ff24680", FORM, gateway="at")
    assert str(caught.value) == "text is not valid UTF-8"
    assert caught.value.__cause__ is None


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(WireError, match="text comes twice"):
        wire.decode(urlencode(FIELDS).encode() + b"&text=1", FORM, gateway="at")


def test_ten_kilobytes_of_text_are_refused_without_repeating_them() -> None:
    with pytest.raises(WireError) as caught:
        decode(text="1" * 10_000)
    assert str(caught.value) == f"text is longer than {wire.TEXT_MAX} characters"


def test_more_fields_than_a_form_has_are_refused() -> None:
    body = urlencode(FIELDS).encode() + b"&a=1" * FIELDS_MAX
    with pytest.raises(WireError, match="fields"):
        wire.decode(body, FORM, gateway="at")


def test_control_characters_in_the_session_id_are_refused() -> None:
    with pytest.raises(WireError, match="sessionId"):
        decode(sessionId="a\nb")


@given(st.text(max_size=182), st.booleans())
def test_what_is_encoded_for_the_phone_is_what_the_phone_reads(text: str, is_open: bool) -> None:
    reply = Reply(text, open=is_open)

    assert wire.decode_reply(wire.encode(reply)) == reply


@pytest.mark.parametrize("body", [b"", b"OK", b"con hello", b"CON\xff", b"END \xff"])
def test_the_phone_refuses_what_the_gateway_would_close_on(body: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode_reply(body)


@given(st.text(max_size=200))
def test_any_typed_text_survives_the_wire(text: str) -> None:
    body = wire.encode_request(dialogue="d", phone="998901112233", code="*880#", text=text)

    assert wire.decode(body, FORM, gateway="at").accumulated == text


_pieces = st.one_of(
    st.sampled_from(
        [f"{name}={quote_from_bytes(value.encode())}".encode() for name, value in FIELDS.items()]
    ),
    st.sampled_from(
        [b"text=%", b"text=%f", b"text=%ff", b"text=+*#", b"=", b"", b"phoneNumber=%2B", b"%00=1"]
    ),
    st.binary(max_size=40),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_pieces, max_size=9).map(b"&".join), st.one_of(st.just(FORM), st.text(max_size=30)))
@example(b"&" * 100, FORM)
@example(b"\x00" * 100, FORM)
def test_no_body_makes_the_codec_fail_but_with_a_wire_error(body: bytes, content_type: str) -> None:
    for read in (wire.decode, wire.decode_event):
        try:
            turn = read(body, content_type, gateway="at")
        except WireError as error:
            assert 0 < len(str(error)) < 100
            assert error.status in (400, 415)
        else:
            assert turn is None or (turn.msisdn.isdigit() and turn.gateway == "at")


def event(**changes: str) -> Turn | None:
    return wire.decode_event(urlencode({**FIELDS, **changes}).encode(), FORM, gateway="at")


def test_a_dialogue_that_ended_as_it_should_needs_no_turn() -> None:
    assert event(status="Success") is None


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("Incomplete", "", Kind.ABORT),
        ("Incomplete", "Request timed out", Kind.TIMEOUT),
        ("Failed", "Application error", Kind.ABORT),
    ],
)
def test_an_end_before_the_last_screen_tells_the_session(status: str, message: str, kind: Kind) -> None:
    turn = event(status=status, errorMessage=message)

    assert turn is not None
    assert (turn.kind, turn.dialogue, turn.msisdn) == (kind, "ATUid_1", "998901112233")


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(WireError, match="status"):
        event(status="Gone")
