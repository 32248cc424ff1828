"""A51, A52: the whole way in four languages, each screen and SMS translated and within its limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from tests.acceptance.screens import GSM, fits
from tests.acceptance.town import Person, Town, card_number, number_on
from tests.served import PIN

pytestmark = pytest.mark.timeout(600)  # the whole way four times is a matter of minutes on a busy machine
LANGUAGES = ("ru", "uz", "uz-Cyrl", "en")
CHOICE = dict(zip(LANGUAGES, "1234", strict=True))
LATIN_IN_CYRILLIC = {"CLICK", "PIN", "SMS", "click", "uz", "www"}
"""Words that Russian and Uzbek Cyrillic texts write in Latin letters."""


@dataclass
class Shown:
    """All that was shown and sent in one language, in the order of the journey; `late` is to expire."""

    people: tuple[Person, ...] = ()
    late: int = 0
    screens: list[str] = field(default_factory=list)
    sms: list[str] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)


def say(shown: Shown, person: Person, code: str, *answers: str) -> str:
    """Play a dialogue and keep its screens."""
    phone = person.phone
    shown.screens.append(phone.dial(code))
    for answer in answers:
        shown.screens.append(phone.answer(answer))
    return shown.screens[-1]


def journey(town: Town, language: str) -> Shown:
    """Every screen and SMS a dialogue can reach, in `language`; the shop has a Cyrillic name."""
    shown = Shown()
    merchant, barred, stranger = town.merchant("Чойхона Лола"), town.merchant(), town.stranger()
    customer, unlucky, lost = (
        town.customer("1234", "5678"),
        town.customer("0091", "0005"),
        town.customer("0068"),
    )
    poor = town.customer(balance=1_000)
    for person in (customer, unlucky, lost, poor, stranger):
        person.dial("*880#", "6", "1", CHOICE[language])
    for person in (merchant, barred):
        person.dial("*880#", "1", "6", "1", CHOICE[language])
    _refusals_of_issuing(shown, merchant, customer)
    first, again = _issuing(shown, merchant, customer)
    _paying(shown, customer)
    _cards(town, shown, merchant, unlucky, lost, poor)
    _wallet(town, shown, merchant, language)

    for person in (stranger, lost):
        merchant.issue(person, 51_000)
    say(shown, stranger, "*880#", "1", "1")
    say(shown, stranger, "*880*0*8600490000061235*1230#")
    say(shown, stranger, f"*880**3*{customer.short}#")
    say(shown, merchant, f"*880**3*{customer.short}#", "1")
    say(shown, merchant, f"*880**3*{stranger.short}#")
    listed = say(shown, merchant, "*880#", "3", "98", "99", "1", "0")
    assert listed.startswith("CON ")
    assert first < again
    town.block(barred)
    say(shown, barred, "*880#")
    shown.late = number_on(merchant.dial(f"*880**0*{lost.short}*60000#"))
    shown.people += (merchant, customer, unlucky, lost, poor, stranger)
    return shown


def _refusals_of_issuing(shown: Shown, merchant: Person, customer: Person) -> None:
    say(shown, merchant, "*880#", "7", "abc", "", "1")
    say(shown, merchant, "*880#", "3")
    say(shown, merchant, "*880#", "2", "12345", "711234567")
    say(shown, merchant, "*880#", "2", merchant.short, customer.short, "0", "999")
    say(shown, merchant, "*880**9#")
    say(shown, merchant, "*880**0*1#")
    say(shown, merchant, "*880**3#")
    say(shown, merchant, f"*880**3*{customer.short}#")
    say(shown, customer, "*880#", "1")
    say(shown, customer, "*880#", "5")
    say(shown, customer, "*880#", "7")
    say(shown, customer, f"*880**0*{customer.short}*50000#")


def _issuing(shown: Shown, merchant: Person, customer: Person) -> tuple[int, int]:
    code = f"*880**0*{customer.short}*50000#"
    first = say(shown, merchant, "*880#", "2", customer.short, "50000")
    say(shown, merchant, code, "0")
    return number_on(first), number_on(say(shown, merchant, code, "1"))


def _paying(shown: Shown, customer: Person) -> None:
    say(shown, customer, "*880#", "1", "2", "1", "2", "1", "13579", PIN)
    say(shown, customer, "*880#", "1", "9", "2")
    say(shown, customer, "*880#", "1", "2", "0")
    say(shown, customer, "*880#", "5")


def _cards(town: Town, shown: Shown, merchant: Person, unlucky: Person, lost: Person, poor: Person) -> None:
    for person in (unlucky, lost, poor):
        merchant.issue(person, 50_000)
    say(shown, unlucky, "*880#", "1", "1", "1", PIN)
    say(shown, unlucky, "*880#", "1", "1", "2", PIN)
    say(shown, unlucky, "*880#", "1", "1", "2", "13579", "13579", "13579")
    say(shown, unlucky, "*880#", "1", "1", "2", PIN)
    say(shown, poor, "*880#", "1", "1", PIN)
    with town.bank_takes_no_reversals():
        say(shown, lost, "*880#", "1", "1", PIN)
        say(shown, lost, "*880#", "1")
        say(shown, lost, "*880#", "5")
        say(shown, merchant, f"*880**3*{lost.short}#")
    town.wait_for(f"SELECT count(*) = 3 FROM outbox WHERE recipient = '{lost.msisdn}'")


def _wallet(town: Town, shown: Shown, merchant: Person, language: str) -> None:
    """What a customer does besides invoices."""
    newcomer, rich = town.stranger(), town.customer("1234", "5678", balance=1_000_000)
    bank_refuses, code = town.customer("0005"), town.service_code(merchant)
    for person in (newcomer, rich, bank_refuses):
        person.dial("*880#", "6", "1", CHOICE[language])
    number = card_number("4321")
    for ways in (("2",), ("3",), ("4",), ("6", "2", PIN), ("6", "3")):
        say(shown, newcomer, "*880#", *ways)
    for code_dialled in (
        f"*880*0*{number}#",
        f"*880*0*{number}*1330#",
        "*880*3*1#",
        f"*880*3*{rich.short}*5000#",
    ):
        say(shown, newcomer, code_dialled)
    say(shown, newcomer, f"*880*0*{number}*1230#", "12345", "13579", "97531", "13579", "13579")
    say(shown, rich, f"*880*0*{number}*1230#")
    say(shown, rich, "*880#", "4", "2", "1230", card_number("8765"))
    say(shown, rich, "*880#", "4", "3", "3", "1")
    say(shown, rich, "*880*2#", "1", "13579", PIN)
    say(shown, rich, "*880#", "2", "1", code, "77-15", "999", "7000", "1", "13579", PIN)
    say(shown, rich, "*880#", "2", "2", rich.short, "1000001", "5000", "1", PIN)
    say(shown, rich, "*880#", "3", "1", rich.short, newcomer.short, "4999", "5000", "1", PIN)
    say(shown, rich, "*880#", "3", "2", "5000", number, "1", PIN)
    say(shown, rich, "*880*0999999*5*7000#")
    say(shown, rich, f"*880*{code}*!*7000#")
    say(shown, rich, f"*880*3*{town.stranger().short}*5000#")
    say(shown, rich, "*880#", "6", "2", "13579", PIN, "13579", "13579")
    say(shown, rich, "*880#", "6", "3", "0000001230")
    say(shown, rich, "*880#", "6", "3")
    say(shown, bank_refuses, f"*880*{code}*5*7000#", PIN)
    merchant.issue(newcomer, 52_000)
    say(shown, newcomer, "*880#", "1", "2", "1")
    say(shown, merchant, f"*880**0*{newcomer.short}*53000#")
    shown.people = (newcomer, rich, bank_refuses)


@pytest.fixture(scope="module")
def all_shown(town: Town) -> dict[str, Shown]:
    found = {language: journey(town, language) for language in LANGUAGES}
    town.expire(*(shown.late for shown in found.values()))
    for shown in found.values():
        for person in shown.people:
            person.quiet()
            messages = town.served.inbox(person.msisdn)
            shown.sms += [message["text"] for message in messages]
            shown.parts += [message["parts"] for message in messages]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a52_every_screen_and_every_sms_fits(all_shown: dict[str, Shown], language: str) -> None:
    """Uzbek in Cyrillic letters takes two parts, which domain.md 3.4 allows."""
    shown, allowed = all_shown[language], 2 if language == "uz-Cyrl" else 1

    assert [screen for screen in shown.screens if not fits(screen)] == []
    assert [text for text, parts in zip(shown.sms, shown.parts, strict=True) if parts > allowed] == []


@pytest.mark.parametrize("language", ["uz", "en"])
def test_a52_uzbek_and_english_are_pure_gsm_7_bit(all_shown: dict[str, Shown], language: str) -> None:
    shown = all_shown[language]

    assert [text for text in (*shown.screens, *shown.sms) if not set(text) <= GSM] == []


@pytest.mark.parametrize("language", ["ru", "uz-Cyrl"])
def test_a52_russian_and_uzbek_cyrillic_leave_nothing_in_latin(
    all_shown: dict[str, Shown], language: str
) -> None:
    shown = all_shown[language]
    texts = [screen[4:] for screen in shown.screens] + shown.sms

    assert set(re.findall(r"[A-Za-z]+", "\n".join(texts))) <= LATIN_IN_CYRILLIC


@pytest.mark.parametrize(
    ("one", "other"), [("ru", "uz"), ("ru", "uz-Cyrl"), ("ru", "en"), ("uz", "uz-Cyrl"), ("uz", "en")]
)
def test_a52_the_same_way_says_the_same_in_other_words(
    all_shown: dict[str, Shown], one: str, other: str
) -> None:
    first, second = all_shown[one], all_shown[other]

    assert [screen[:4] for screen in first.screens] == [screen[:4] for screen in second.screens]
    assert len(first.sms) == len(second.sms)
    pairs = zip((*first.screens, *first.sms), (*second.screens, *second.sms), strict=True)
    assert [a for a, b in pairs if _words(a) == _words(b)] == []


def _words(text: str) -> str:
    return re.sub(r"\d+", "0", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a51_help_and_every_polite_end_name_site_and_telephone(town: Town, language: str) -> None:
    person = town.stranger()
    person.dial("*880#", "6", "1", CHOICE[language])

    for screen in (person.dial("*880#", "7"), person.dial("*880#", "x", "y", "z")):
        assert screen.startswith("END ")
        assert "www.click.uz" in screen
        assert "+99871-231-0-880" in screen


@pytest.mark.parametrize("language", LANGUAGES)
def test_a52_the_chosen_language_is_kept_and_offered_by_its_own_name(town: Town, language: str) -> None:
    person = town.customer()
    screen = person.dial("*880#", "6", "1")
    assert re.findall(r"\d\.(\S+)", screen)[:4] == ["Русский", "O'zbekcha", "Ўзбекча", "English"]

    chosen = person.dial("*880#", "6", "1", CHOICE[language])
    assert person.dial("*880#") == chosen
    assert fits(screen)
