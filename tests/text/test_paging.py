import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.text.cost import fits
from ussd_engine.text.paging import paginate

MORE, PREVIOUS = "98.Еще", "99.Назад"

characters = st.one_of(
    st.sampled_from("абв 123 \n"),
    st.sampled_from("abc 12"),
    st.sampled_from("e\u0301😀\u200d€[ \t\u00a0"),
    st.characters(exclude_categories=[]),
)
words = st.lists(st.sampled_from(["Счет", "to'landi", "50 000", "сум", "1", "a", "\n"]), max_size=60).map(
    " ".join
)
texts = st.one_of(st.text(characters, max_size=500), words)
options = st.lists(
    st.one_of(st.text(characters, max_size=30), st.text(characters, max_size=200)), max_size=12
)


def pages_of(head: str, lines: list[str], octets_max: int = 160, foot: str = "") -> list[str]:
    return paginate(head, lines, octets_max=octets_max, more=MORE, previous=PREVIOUS, foot=foot)


def contents(pages: list[str]) -> list[str]:
    """The pages without their navigation lines (and only what a page in that place has to carry)."""
    if len(pages) == 1:
        return pages
    bare = []
    for place, page in enumerate(pages):
        lines = ([MORE] if place < len(pages) - 1 else []) + ([PREVIOUS] if place else [])
        navigation = "\n" + "\n".join(lines)
        assert page.endswith(navigation)
        bare.append(page.removesuffix(navigation))
    return bare


@given(texts, options, st.integers(60, 200))
def test_every_page_fits_and_nothing_is_lost_but_white_space_at_the_cuts(
    head: str, lines: list[str], octets_max: int
) -> None:
    whole = "\n".join(part for part in (head, *lines) if part)
    pages = pages_of(head, lines, octets_max)

    assert all(fits(page, octets_max) for page in pages)
    if len(pages) == 1:
        assert pages == [whole] or pages == [whole.strip()]
        return
    place = 0
    for content in contents(pages):
        assert content.strip()
        between = re.match(r"\s*", whole[place:])
        start = whole.index(content, place)
        assert between is not None
        assert start - place == between.end()
        place = start + len(content)
    assert whole[place:].strip() == ""


@given(texts, options, st.text(characters, max_size=60))
def test_a_foot_stands_on_the_last_page_or_nowhere(head: str, lines: list[str], foot: str) -> None:
    with_foot, without = pages_of(head, lines, foot=foot), pages_of(head, lines)

    assert all(fits(page, 160) for page in with_foot)
    assert with_foot[:-1] == without[:-1]
    assert with_foot[-1] == without[-1] or f"\n{foot}" in f"\n{with_foot[-1]}"


@given(
    st.lists(
        st.text(st.sampled_from("абвгд 12"), min_size=1, max_size=40).map(str.strip).filter(bool), max_size=20
    )
)
def test_an_option_line_that_fits_a_page_is_never_broken(options: list[str]) -> None:
    lines = [f"{place}.{option}" for place, option in enumerate(options, 1)]
    shown = [line for content in contents(pages_of("Выберите", lines)) for line in content.split("\n")]

    assert shown == ["Выберите", *lines]


@given(
    st.lists(
        st.sampled_from(["сумма", "50 000", "10 000 000,50", "от", "998 90 123 45 67"]),
        min_size=30,
        max_size=60,
    )
)
def test_words_and_numbers_of_a_long_text_are_never_cut(tokens: list[str]) -> None:
    text = ", ".join(tokens)
    bare = contents(pages_of(text, []))

    assert len(bare) > 1
    assert [token for content in bare for token in content.rstrip(",").split(", ")] == tokens


def test_a_screen_that_fits_is_one_page_with_its_foot() -> None:
    assert pages_of("Счет", ["1.Оплатить", "", "2.Отклонить"], foot="0.Назад") == [
        "Счет\n1.Оплатить\n2.Отклонить\n0.Назад"
    ]


def test_parts_that_are_empty_leave_no_blank_line() -> None:
    assert pages_of("", ["1.Да"]) == ["1.Да"]
    assert pages_of("Готово", []) == ["Готово"]
    assert pages_of("", []) == [""]


def test_options_go_on_over_pages_with_their_navigation() -> None:
    lines = [f"{place}.Магазин {place}" for place in range(1, 10)]

    pages = pages_of("Магазины", lines, foot="0.Назад")

    assert pages == [
        "Магазины\n1.Магазин 1\n2.Магазин 2\n3.Магазин 3\n4.Магазин 4\n5.Магазин 5\n98.Еще",
        "6.Магазин 6\n7.Магазин 7\n8.Магазин 8\n9.Магазин 9\n0.Назад\n99.Назад",
    ]


def test_a_long_text_is_cut_at_its_lines_before_its_words() -> None:
    first, second = (
        "Первая строка этого текста длинная",
        "а вторая строка его не короче первой, и даже длиннее",
    )

    assert contents(pages_of(f"{first}\n{second}", [])) == [first, second]


def test_a_short_title_does_not_get_a_page_of_its_own_before_a_long_paragraph() -> None:
    pages = pages_of("Правила\n" + "слово " * 40, [])

    assert contents(pages)[0].startswith("Правила\nслово слово")


def test_a_foot_that_would_not_fit_is_left_out() -> None:
    assert pages_of("Щ" * 80, [], foot="0.Назад") == ["Щ" * 80]


def test_a_token_longer_than_a_page_is_cut_without_splitting_marks_or_surrogates() -> None:
    marked = "e\u0301" * 200
    for content in contents(pages_of(marked, [])):
        assert len(content) % 2 == 0
    for content in contents(pages_of("\ud83d\ude00" * 100, [])):
        assert len(content) % 2 == 0


def test_a_gsm_text_uses_all_its_septets_where_the_navigation_is_gsm_too() -> None:
    pages = paginate("a" * 300, [], more="98.More", previous="99.Back")

    assert [len(page) for page in pages] == [182, 300 - 174 + len("\n99.Back")]


def test_a_screen_too_small_for_its_navigation_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        pages_of("Щ" * 81, [], octets_max=30)
