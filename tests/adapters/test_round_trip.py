"""Any text that can be typed arrives as it was typed; any screen leaves whole, in every form."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, quote
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.codec import Asked
from tests.adapters.fuzz import codec_of, reader
from tests.adapters.payloads import ALL, Payloads
from ussd_engine import Kind, Reply

# What a keypad and a network let through; blanks at the ends and line ends are the wire's own on some forms.
TYPED = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
SHOWN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], include_characters="\n"), max_size=182)
ANSWERING = [form for form in ALL if form.kind != "africastalking"]
BY_NAME = pytest.mark.parametrize("form", ANSWERING, ids=lambda form: form.name)


def typing(form: Payloads, text: str) -> Asked:
    """The form's last answer with `text` typed."""
    step = form.step("end")
    if "json" in step.content_type:
        sent = json.dumps(text)[1:-1]
    else:
        sent = quoteattr(text, {'"': "&quot;"})[1:-1] if "xml" in step.content_type else quote(text, safe="")
    content = step.send.replace("coffee", sent)
    cookie = "JSESSIONID=998901234567-5"
    if step.content_type:
        return Asked(step.method, step.path, "", step.content_type, content.encode(), cookie)
    return Asked(step.method, step.path, content, "", b"", cookie)


@BY_NAME
@settings(max_examples=25, deadline=None)
@given(text=TYPED)
@example(text="*880#x")
@example(text="1*2#3")
def test_what_is_typed_arrives(form: Payloads, text: str) -> None:
    read = reader(form)
    if form.kind == "infobip":
        begin = form.step("begin")
        read(Asked(begin.method, begin.path, "", begin.content_type, begin.send.encode()))
    turn = read(typing(form, text))

    assert turn is not None
    if turn.kind is Kind.BEGIN:  # where nothing tells a beginning but the code itself
        assert text.startswith(("*880", "880"))
    elif turn.accumulated is not None:
        assert turn.accumulated == f"1*{text}"
    else:
        assert turn.text == text


@BY_NAME
@settings(max_examples=25, deadline=None)
@given(text=SHOWN, is_open=st.booleans())
@example(text='<&>"]]>{text}|', is_open=True)
def test_what_is_shown_leaves_whole(form: Payloads, text: str, is_open: bool) -> None:
    codec, step = codec_of(form), form.step("begin")
    body = step.send.encode()
    asked = (
        Asked(step.method, step.path, "", step.content_type, body)
        if step.content_type
        else Asked(step.method, step.path, step.send)
    )
    heard = codec.decode(asked)
    if codec.later:
        call = codec.call(Reply(text, is_open), heard)
        assert call is not None
        sent, kind = call.body, call.content_type
    else:
        answer = codec.encode(Reply(text, is_open), heard)
        sent, kind = answer.body, answer.content_type

    assert texts(sent.decode(), kind).count(bar_free(form, text)) >= 1


def bar_free(form: Payloads, text: str) -> str:
    """Cellulant's fields are told apart by bars, so a text has none."""
    return text.replace("|", "/") if form.kind == "cellulant" else text


def texts(sent: str, kind: str) -> list[str]:
    """All texts of an answer."""
    if "json" in kind:
        return list(leaves(json.loads(sent)))
    if "xml" in kind:
        root = fromstring(sent)
        attributes = [value for element in root.iter() for value in element.attrib.values()]
        return [*(element.text or "" for element in root.iter()), *attributes, *paragraphs(sent)]
    if "urlencoded" in kind:
        return [value for values in parse_qs(sent, keep_blank_values=True).values() for value in values]
    return [sent, sent[4:], sent.partition("|")[2].partition("|null|null|")[0]]


def paragraphs(sent: str) -> list[str]:
    """Texts whose line ends are `<br/>`."""
    return [element.text or "" for element in fromstring(sent.replace("<br/>", "\n")).iter()]


def leaves(value: object) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    return [value] if isinstance(value, str) else []
