import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.text.cost import encoding
from ussd_engine.text.fold import fold


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("Oʻzbekiston, gʼalaba, so‘m, so’m, so`m", "O'zbekiston, g'alaba, so'm, so'm, so'm"),
        ("50\u00a0000\u202fso'm", "50 000 so'm"),
        ("«Счет» “оплачен”", '"Счет" "оплачен"'),
        ("1–2 — 3", "1-2 - 3"),
        ("Kuting…", "Kuting..."),
        ("a\nb\x00\x07c\u202ed\u200b", "a\nbcd"),
        ("a\r\nb\tc", "a\nb c"),
        ("\ud83d", ""),
        ("Счет №1001", "Счет №1001"),
    ],
)
def test_typographic_characters_become_plain_ones(typed: str, plain: str) -> None:
    assert fold(typed) == plain


def test_a_folded_uzbek_text_stays_gsm7() -> None:
    assert encoding("Toʻlov — 50\u00a0000 so‘m…") == "ucs2"
    assert encoding(fold("Toʻlov — 50\u00a0000 so‘m…")) == "gsm7"


def test_a_clean_text_is_given_back_itself() -> None:
    text = "Счет No1001\n1.Оплатить"

    assert fold(text) is text


@given(st.text(st.characters(exclude_categories=[])))
def test_folding_twice_changes_nothing_more_and_leaves_no_controls(text: str) -> None:
    once = fold(text)

    assert fold(once) == once
    assert not any(ord(character) < 32 and character != "\n" for character in once)
    once.encode("utf-8")
