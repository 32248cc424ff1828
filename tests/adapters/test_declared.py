"""Descriptions: each mistake is named with its mend, and what is right is read as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from xml.etree.ElementTree import fromstring

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.codec import Asked
from adapters.declared.description import FORMS, DescriptionError, read
from adapters.declared.wire import Declared, Options
from ussd_engine import Kind, Reply, WireError

RIGHT: dict[str, Any] = {
    "fields": "form",
    "msisdn": "phone",
    "session": "id",
    "code": "code",
    "text": "text",
    "reply": {"open": "CON {text}", "end": "END {text}"},
}
FORM = "application/x-www-form-urlencoded"


def codec(**changes: Any) -> Declared:
    given = {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}
    return Declared("gw", Options(form=read(given)))


def asked(body: str, kind: str = FORM) -> Asked:
    return Asked("POST", "", "", kind, body.encode())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": None}, "fields is missing. Say where the gateway puts its fields: query, form or json"),
        ({"msisdn": None}, "msisdn is missing. Name the field that holds the subscriber's number"),
        ({"text": None}, "text is missing. Name the field that holds what was typed"),
        ({"reply": None}, "reply is missing. Describe the answer"),
        ({"reply": {"open": "{text}"}}, "reply.end is missing. Say how the last screen looks"),
        ({"fields": "body"}, "fields: write one of 'query', 'form' or 'json'"),
        ({"method": "PUT"}, "method: write one of 'GET' or 'POST'"),
        ({"mssidn": "phone"}, "mssidn: there is no such key. Did you mean 'msisdn'?"),
        ({"reply": {**RIGHT["reply"], "ope": ""}}, "reply.ope: there is no such key. Did you mean 'open'?"),
        ({"colour": "red"}, "colour: there is no such key. Known are: about, method, fields"),
        ({"begin": {"new": True}}, 'begin.new: write a text in quotes, as in new: "1"'),
        ({"text": 5}, "text: write a text in quotes"),
        ({"deep_in_text": "no"}, "deep_in_text: write true or false, without quotes"),
        ({"method": "GET"}, "a GET has no body, so its fields can't be 'form'. Write fields: query"),
        ({"text_is": "accumulated", "session": None}, "text_is: accumulated needs `session:`"),
        (
            {"text_is": "accumulated", "code": None},
            "nothing says what was dialled. Name its field by `code:`",
        ),
        ({"text_is": "accumulated with code", "code": None}, "needs `code:` or `service_code:`"),
        ({"reply": {"open": "CON", "end": "END {text}"}}, "reply.open shows no text. Put {text} where"),
        ({"reply": {"open": "{txt}", "end": "{text}"}}, "{txt} is unknown. Did you mean 'text'?"),
        (
            {"reply": {"open": {"a": ["{text}", "{colour}"]}, "end": "{text}"}},
            "{colour} is unknown. Known are",
        ),
        ({"reply": {"open": "{text}", "end": "{text}"}}, "are equal: no gateway could tell the last screen"),
        ({"reply": {**RIGHT["reply"], "headers": {"open": {"X Y": "1"}}}}, "'X Y' is no header. Names are"),
        ({"reply": {**RIGHT["reply"], "headers": {"end": {"X": "1\r\nY: 2"}}}}, "'X' is no header"),
    ],
)
def test_a_mistake_is_named_with_its_mend(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        codec(**changes)
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DescriptionError) as caught:
        read({"fields": "body", "msisdm": "phone", "reply": {"open": "{text}"}})
    assert str(caught.value).count(";") == 4


@pytest.mark.parametrize(
    "text", ["{", "a: [", "\x00", "- 1", "5", "", "a: &x [*x]", "!!python/object:os.system {}"]
)
def test_a_file_that_is_no_description_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "form.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DescriptionError):
        read(str(file))


def test_a_name_that_is_neither_a_file_nor_ours_lists_ours() -> None:
    with pytest.raises(DescriptionError, match="Give a YAML file's path, or one of: advanta, arkesel"):
        read("stepppe")


@pytest.mark.parametrize("name", sorted(form.stem for form in FORMS.glob("*.yaml")))
def test_what_comes_along_is_right_and_says_how_sure_it_is(name: str) -> None:
    about = read(name).about
    assert any(word in about for word in ("verified", "vendor", "third-party"))


def test_settings_show_the_mistake_and_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Options).validate_python({"form": {**RIGHT, "fields": "s3cret"}})
    assert "s3cret" not in str(caught.value.errors(include_input=False)[0]["msg"])


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("id=d&phone=998901234567&code=*880%23&text=", Kind.BEGIN, "*880#"),
        ("id=d&phone=998901234567&code=880", Kind.BEGIN, "*880#"),
        ("id=d&phone=998901234567&code=*880%23&text=*880*1%23", Kind.BEGIN, "*880*1#"),
        ("id=d&phone=998901234567&code=*880%23&text=1", Kind.ANSWER, "1"),
        ("id=d&phone=998901234567&code=*880%23&text=*1", Kind.ANSWER, "*1"),
    ],
)
def test_without_a_sign_nothing_typed_or_a_dialled_string_begins(body: str, kind: Kind, text: str) -> None:
    turn = codec().decode(asked(body)).turn

    assert turn is not None
    assert (turn.kind, turn.text) == (kind, text)


def test_where_no_field_has_the_code_what_was_typed_at_the_start_was_dialled() -> None:
    described = codec(code=None, begin={"new": "1"})
    turn = described.decode(asked("id=d&phone=998901234567&new=1&text=880*1")).turn

    assert turn is not None
    assert (turn.kind, turn.text) == (Kind.BEGIN, "*880*1#")


def test_several_values_may_mean_the_same_and_an_ellipsis_any_end() -> None:
    described = codec(begin={"new": ["1", "true"]}, abort={"text": "Map Dialog…"})
    kinds = [
        described.decode(asked(f"id=d&phone=998901234567&code=880&{rest}")).turn
        for rest in ("new=1", "new=true&text=x", "new=0&text=x", "new=1&text=Map+Dialog+User+Abort")
    ]

    assert [turn and turn.kind for turn in kinds] == [Kind.BEGIN, Kind.BEGIN, Kind.ANSWER, Kind.ABORT]


def test_accumulated_text_must_begin_with_the_code_where_it_is_said_to() -> None:
    described = codec(text_is="accumulated with code")
    with pytest.raises(WireError, match="text does not begin with the service code"):
        described.decode(asked("id=d&phone=998901234567&code=*880%23&text=*881%23"))
    with pytest.raises(WireError, match="text does not begin with the service code"):
        described.decode(asked("id=d&phone=998901234567&code=*880%23&text=*8801%23"))


@pytest.mark.parametrize("dialled", ["*880*1#", "880*1#", "*880*1", "*880#*1"])
def test_answers_go_on_from_a_dialled_string_whether_its_hash_stays_or_not(dialled: str) -> None:
    described = codec(text_is="accumulated with code")

    def heard(text: str) -> str | None:
        turn = described.decode(asked(f"id=d&phone=998901234567&code=*880%23&text={quote_plus(text)}")).turn
        assert turn is not None
        return turn.accumulated

    assert heard(dialled) == "1"
    assert heard(f"{dialled}*2") == "1*2"


def test_a_reply_in_xml_is_escaped_and_in_json_typed() -> None:
    request = asked("id=d%3C1&phone=998901234567&code=880&trace=%26")
    xml = codec(
        reply={
            "type": "text/xml",
            "open": "<a id='{session}'>{text}</a>",
            "end": "<b t='{request.trace}'>{text}</b>",
        }
    )
    heard = xml.decode(request)
    assert xml.encode(Reply("1 < 2\x00", open=True), heard).body == b"<a id='d&lt;1'>1 &lt; 2</a>"
    assert xml.encode(Reply("end", open=False), heard).body == b"<b t='&amp;'>end</b>"

    json = codec(reply={"open": {"t": "{text}", "n": 1, "go": True}, "end": {"t": ["{text}"], "go": False}})
    assert json.encode(Reply('"1"', open=True), heard).body == b'{"t":"\\"1\\"","n":1,"go":true}'
    assert json.encode(Reply("{code}", open=False), heard).body == b'{"t":["{code}"],"go":false}'


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_text_in_an_attribute_keeps_its_lines_and_breaks_no_quotes(quote: str) -> None:
    text = 'To\'lov "A"\n1.Ha'
    one = f"<a t={quote}{{text}}{quote}>{{text}}</a>"
    xml = codec(reply={"type": "text/xml", "open": one, "end": f"<b>{one}</b>"})
    heard = xml.decode(asked("phone=998901234567&id=d&code=*880%23&text=1"))

    document = fromstring(xml.encode(Reply(text, open=True), heard).body)

    assert (document.get("t"), document.text) == (text, text)


def test_what_a_subscriber_typed_is_never_taken_for_a_template() -> None:
    described = codec()
    heard = described.decode(asked("id=d&phone=998901234567&code=880&text=1"))

    assert described.encode(Reply("{msisdn} {text}", open=True), heard).body == b"CON {msisdn} {text}"
