"""Texts with variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.text.fold import fold
from ussd_engine.text.template import Template, TemplateError, Value

FORMATS = {"upper": lambda value: str(value).upper(), "same": lambda value: str(value)}


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Счет №{number}", {"number": 7}, "Счет №7"),
        ("{ a.b }", {"a.b": "x"}, "x"),
        ("{name|upper}", {"name": "ali"}, "ALI"),
        ("{name}", {}, ""),
        ("{flag}", {"flag": True}, "True"),
        ("[No {n}\n]rest", {"n": 0}, "No 0\nrest"),
        ("[No {n}\n]rest", {"n": ""}, "rest"),
        ("[No {n}\n]rest", {}, "rest"),
        ("[{a} and {b}]!", {"a": "x", "b": None}, "!"),
        ("{{{n}}} [[1]]", {"n": 1}, "{1} [1]"),
        ("oʻ «x»", {}, 'o\' "x"'),
        ("[oʻ {n}]", {"n": 1}, "o' 1"),
    ],
)
def test_variables_formats_optional_texts_and_escapes(
    source: str, values: dict[str, Value], text: str
) -> None:
    assert Template(source, FORMATS).render(values) == text


@pytest.mark.parametrize(
    ("source", "index"),
    [
        ("a {", 2),
        ("a }", 2),
        ("a ]", 2),
        ("a [{n}", 2),
        ("[{n} [{m}]]", 5),
        ("{Name}", 0),
        ("{a b}", 0),
        ("{a()}", 0),
        ("{a.__class__}", 0),
        ("{a|}", 0),
        ("{}", 0),
        ("{a|nothing}", 2),
        ("Press [1]", 6),
    ],
)
def test_a_text_that_cannot_be_read_says_where_and_what_to_do(source: str, index: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source, FORMATS)

    assert caught.value.index == index
    assert caught.value.mend


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r"])
@pytest.mark.parametrize("source", ["{name}", "{name|upper}", "{name|same}", "[{name}]"])
def test_a_value_never_adds_a_line(line_break: str, source: str) -> None:
    """domain.md S13: a merchant's name must not look like options."""
    text = Template(source, FORMATS).render({"name": f"1.Pay{line_break}2.Exit"})

    assert len(text.splitlines()) == 1


def test_a_text_without_variables_is_static_and_one_with_is_not() -> None:
    assert Template("Menu").static == "Menu"
    assert Template("{a}").static is None
    assert Template("[{a}]{b|upper}", FORMATS).names == {"a", "b"}


@given(st.text(max_size=60))
def test_any_source_is_a_template_or_a_template_error(source: str) -> None:
    try:
        template = Template(source, FORMATS)
    except TemplateError as error:
        assert 0 <= error.index < len(source)
    else:
        assert isinstance(template.render({}), str)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_can_be_written_with_its_brackets_doubled(text: str) -> None:
    doubled = "".join(character * 2 if character in "{}[]" else character for character in text)

    assert Template(doubled).static == fold(text)
