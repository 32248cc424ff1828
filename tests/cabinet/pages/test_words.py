"""Catalogues, sums in words, what is vendored, and times."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.pages import charts, filters, forms
from cabinet.pages.languages import LANGUAGES, catalogue, preferred, speech
from cabinet.pages.shell import STATIC
from cabinet.receipts_words import LESS_THAN, in_words
from cabinet.refusals import say
from invoicing import Refusal, Refused
from invoicing.papers import DayTotal
from tests.cabinet.pages.messages import gathered, in_cyrillic, read, written
from tests.cabinet.pages.web import Here

NAMES = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", ["ru", "uz", "uz-Cyrl"])
def test_every_text_of_every_page_is_translated(language: str) -> None:
    have = {message.id: message.string for message in read(language) if message.id}

    assert {wanted for wanted in gathered() if not have.get(wanted)} == set()
    assert set(have) == gathered()


@pytest.mark.parametrize("language", ["ru", "uz", "uz-Cyrl"])
def test_translations_name_the_same_values(language: str) -> None:
    for message in read(language):
        if isinstance(message.id, str) and message.id:
            assert set(NAMES.findall(message.id)) == set(NAMES.findall(str(message.string))), message.id


def test_uzbek_in_cyrillic_is_uzbek_in_latin_letter_for_letter() -> None:
    assert catalogue("uz-Cyrl").read_bytes() == written(in_cyrillic(read("uz")))
    text = catalogue("uz-Cyrl").read_text(encoding="utf-8")
    strings = re.findall(r'^msgstr "(.+)"$', text, re.MULTILINE)
    assert all(re.search("[а-яўқғҳ]", one, re.IGNORECASE) for one in strings if one.isalpha())


def test_vendored_files_are_those_that_were_taken() -> None:
    listed = (STATIC / "vendored.sha256").read_text(encoding="ascii").split("\n")
    found = {line.split("  ")[1]: line.split("  ")[0] for line in listed if line}

    assert set(found) == {path.name for path in STATIC.glob("*.min.*")}
    for name, digest in found.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_templates_hold_no_script_and_no_style_of_their_own() -> None:
    for path in Path(STATIC.parent / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?! src)", text) == [], path.name


@pytest.mark.parametrize(
    ("tiyin", "language", "words"),
    [
        (5_000_000, "ru", "Пятьдесят тысяч сум 00 тийин"),
        (100_000, "ru", "Одна тысяча сум 00 тийин"),
        (211_250, "ru", "Две тысячи сто двенадцать сум 50 тийин"),
        (1_200_000_000_00 + 1, "ru", "Один миллиард двести миллионов сум 01 тийин"),
        (0, "ru", "Ноль сум 00 тийин"),
        (5_000_000, "uz", "Ellik ming soʻm 00 tiyin"),
        (145_600, "uz-Cyrl", "Бир минг тўрт юз эллик олти сўм 00 тийин"),
        (2_147_483_600, "en", ("Twenty-one million four hundred seventy-four thousand eight hundred "
         "thirty-six soums 00 tiyin")),
    ],
)  # fmt: skip
def test_a_sum_in_words(tiyin: int, language: str, words: str) -> None:
    assert in_words(tiyin, language) == words


@given(st.integers(0, LESS_THAN * 100 - 1), st.sampled_from(LANGUAGES))
def test_every_sum_has_words_of_its_own(tiyin: int, language: str) -> None:
    words = in_words(tiyin, language)

    assert words[0].isupper()
    assert "  " not in words
    assert in_words((tiyin + 100) % (LESS_THAN * 100), language) != words


@given(st.integers(0, 10**14))
def test_a_sum_is_read_as_it_is_written(tiyin: int) -> None:
    for language in ("ru", "en"):
        figures = speech(language).figures(tiyin % 10**13)
        assert forms.amount(figures.replace(",", "") if language == "en" else figures) == tiyin % 10**13


@given(st.text(max_size=30))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    amount = forms.amount(text)
    assert amount is None or 0 <= amount < 10**14
    filters.search(text)
    forms.day(text)
    forms.phone(text)
    filters.read(dict.fromkeys(filters.FIELDS, text), date(2026, 11, 24))


def test_moments_are_tashkents_and_sums_are_the_readers() -> None:
    late = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)

    assert speech("ru").moment(late) == "24.11.2026 00:00"
    assert speech("en").money(5_000_050) == "50,000.50\u00a0UZS"
    assert speech("uz").money(5_000_000) == "50\u00a0000\u00a0soʻm"
    assert speech("ru").plural("%(num)s payment", "%(num)s payments", 3) == "3 платежа"


@pytest.mark.parametrize(
    ("accept", "language"),
    [("en-GB,ru;q=0.5", "en"), ("uz-Cyrl-UZ", "uz-Cyrl"), ("uz", "uz"), ("fr", "ru"), ("", "ru")],
)
def test_the_browsers_language_is_taken_where_it_is_ours(accept: str, language: str) -> None:
    assert preferred(accept) == language


@given(st.integers(0, 365), st.lists(st.tuples(st.integers(0, 365), st.integers(1, 10**12)), max_size=40))
def test_a_chart_shows_every_sum_once_and_inside_its_frame(length: int, sums: list[tuple[int, int]]) -> None:
    since = date(2026, 1, 1)
    until = date.fromordinal(since.toordinal() + length)
    days = [
        DayTotal(date.fromordinal(since.toordinal() + place % (length + 1)), 1, amount)
        for place, amount in sums
    ]

    chart = charts.bars(days, since, until)

    assert sum(bar.amount_tiyin for bar in chart.bars) == sum(amount for _, amount in sums)
    assert chart.bars[0].since == since
    assert chart.bars[-1].until == until
    assert len(chart.bars) <= 46
    assert all(0 <= bar.y <= chart.base and bar.height <= chart.base for bar in chart.bars)


async def test_a_language_is_chosen_on_any_page_and_remembered(here: Here) -> None:
    browser = await here.browser()
    chosen = await browser.post("/language", {"language": "uz", "next": "/cabinet/signin/code"})
    inside = await here.owner()
    await inside.post("/language", {"language": "en", "next": "/cabinet/reports"})

    assert "SMS orqali kod" in (await browser.get("/signin/code")).text
    assert chosen.path == "/cabinet/signin/code"
    assert "Successful payments" in (await inside.get("/reports")).text
    assert here.people.sign_in().who.language == "en"


async def test_another_language_shows_the_same_page_with_its_filter(here: Here) -> None:
    browser = await here.owner()
    here.world.issue()
    listed = await browser.get("/invoices?status=paid&q=901234567")

    chosen = await browser.post("/language", {"language": "en", "next": listed.hidden["next"]})

    assert str(chosen.response.url.relative()) == "/cabinet/invoices?status=paid&q=901234567"


async def test_another_language_is_chosen_on_what_a_form_answered_too(here: Here) -> None:
    browser = await here.owner()
    invoice = here.world.issue()
    here.world.pay(invoice)
    here.world.clock.advance(minutes=12)
    new = "/cabinet/invoices/new"
    answers = (
        (f"/invoices/{invoice.id}/refund", {"password": "wrong"}, f"/cabinet/invoices/{invoice.id}", ()),
        ("/settings/password", {"old": "wrong", "password": "long enough"}, "/cabinet/settings", ()),
        ("/staff", {"name": "", "phone": "1"}, "/cabinet/staff", ()),
        ("/invoices/review", {"phone": "901234567", "amount": "none"}, new, ("901234567", "none")),
        ("/invoices/review", {"phone": "901234567", "amount": "7000"}, new, ("901234567", "7000")),
    )

    for path, fields, place, kept in answers:
        answered = await browser.post(path, fields)
        chosen = await browser.post("/language", {"language": "en", "next": answered.hidden["next"]})

        assert (chosen.status, chosen.path) == (200, place)
        assert all(typed in chosen.words for typed in kept)


@pytest.mark.parametrize(
    ("seconds", "language", "mend"),
    [
        (61, "ru", "Повторите через 61 с"),
        (901, "ru", "Повторите через 16 мин"),
        (901, "uz", "16 daqiqadan keyin takrorlang"),
        (901, "uz-Cyrl", "16 дақиқадан кейин такрорланг"),
        (121, "en", "Try again in 3 min"),
    ],
)
def test_a_long_wait_is_told_in_minutes(seconds: int, language: str, mend: str) -> None:
    assert say(Refused(Refusal.TOO_MANY_TRIES, {"seconds": seconds}), language).mend == mend
