"""What a state looks like on a phone, and what gives way when it does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.kiosk import MERCHANT, SERVICE, Bill, Payment, Phone, Shop, receipts
from ussd_engine import Service, compile_menus
from ussd_engine.core.events import Row
from ussd_engine.core.screens import list_page, pages
from ussd_engine.core.service import Listing, Screen
from ussd_engine.core.session import Session, state_id
from ussd_engine.text.cost import fits


def two_screens(title: str, options: int, label: str = "Choice") -> Service:
    lines = "\n".join(f'      - {{text: "{label} {n}", goto: last}}' for n in range(1, options + 1))
    menu = f"""
menu: m
service_code: "*123#"
start: first
states:
  first: {{text: First, options: [{{text: Go on, goto: second}}]}}
  second:
    text: "{title}"
    options:
{lines}
  last: {{end: Bye}}
"""
    return compile_menus({"m.yaml": menu}, {})


def second(service: Service, octets: int, note: str = "") -> tuple[str, ...]:
    state = service.states["m.second"]
    assert isinstance(state, Screen)
    session = Session(
        state=state.id, msisdn=MERCHANT, language="en", history=[state_id("m.first")], variables={}
    )
    return pages(service, session, state, note=note, octets=octets).texts


def test_a_screen_is_its_text_its_numbered_options_and_the_way_back() -> None:
    assert second(two_screens("Title", 2), 160) == ("Title\n1.Choice 1\n2.Choice 2\n0.Back",)


def test_a_note_stands_above_the_title_where_there_is_room() -> None:
    assert second(two_screens("Title", 1), 160, "Wrong") == ("Wrong\nTitle\n1.Choice 1\n0.Back",)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        # "Wrong\nTitle\n1.Choice 1\n2.Choice 2\n0.Back" takes 40 septets, 35 octets.
        (35, "Wrong\nTitle\n1.Choice 1\n2.Choice 2\n0.Back"),
        (34, "Wrong\nTitle\n1.Choice 1\n2.Choice 2"),
        (28, "Wrong\n1.Choice 1\n2.Choice 2"),
        (24, "Wrong\n1.Choice 1\n2.Choice 2"),
        (19, "1.Choice 1\n2.Choice 2"),
    ],
)
def test_back_gives_way_first_then_the_heading_to_the_note_then_the_note(octets: int, shown: str) -> None:
    assert second(two_screens("Title", 2), octets, "Wrong") == (shown,)


def test_without_a_note_the_heading_goes_before_the_screen_is_split() -> None:
    service = two_screens("Title", 2)

    assert second(service, 26) == ("Title\n1.Choice 1\n2.Choice 2",)
    assert second(service, 20) == ("1.Choice 1\n2.Choice 2",)


def test_a_long_text_is_paged_and_never_dropped_for_its_options() -> None:
    text = "This is the message itself and must be read before anything is chosen"
    shown = second(two_screens(text, 2), 64)

    assert len(shown) > 1
    assert all(fits(page, 64) for page in shown)
    words = " ".join(shown).replace("98.More", "").replace("99.Previous", "").split()
    assert " ".join(words).startswith(text)


def test_russian_takes_two_octets_a_character_so_the_same_screen_needs_pages() -> None:
    phone = Phone(language="ru", octets=112)

    assert phone.dial().endswith("98.Еще")
    assert "Киоск" in phone.screen


def test_pages_turn_both_ways_and_stop_at_the_ends() -> None:
    phone = Phone(language="ru", octets=112)
    first = phone.dial()
    middle = phone.type("98")

    assert "99.Пред." in middle
    assert phone.type("99") == first
    assert "Неверный выбор" in phone.type("99") or phone.session.wrong == 1
    assert phone.type("98") == middle
    assert phone.session.wrong == 0


def test_an_option_of_another_page_can_be_chosen_too() -> None:
    phone = Phone(language="ru", octets=112)
    phone.dial("98")

    assert phone.type("1").startswith("Номер клиента")


def test_an_end_of_several_pages_closes_on_its_last() -> None:
    words = " ".join(f"word{n}" for n in range(60))
    menu = f'menu: m\nservice_code: "*123#"\nstart: e\nstates:\n  e: {{end: {words}}}\n'
    phone = Phone(service=compile_menus({"m": menu}, {}))
    phone.dial(code="*123#")
    turned = 0
    while phone.open:
        assert phone.type("5")
        phone.type("98")
        turned += 1

    assert turned == 2
    assert phone.screen.endswith("word59\n99.Previous")


# --- lists ------------------------------------------------------------------------------------------------


def listing(name: str) -> Listing:
    state = SERVICE.states[f"kiosk.{name}"]
    assert isinstance(state, Listing)
    return state


def show(
    rows: list[Row], *, more: bool = False, note: str = "", octets: int = 160, language: str = "ru"
) -> str:
    state = listing("receipts")
    session = Session(
        state=state.id,
        msisdn=MERCHANT,
        language=language,
        history=[state_id("kiosk.home")],
        cursors=[None, "x"],
        variables={},
    )
    page = list_page(SERVICE, session, state, rows, more=more, note=note, octets=octets)
    assert fits(page.text, octets)
    assert page.ids == tuple(row.id for row in rows[: len(page.ids)])
    assert page.more == (bool(rows) and (more or len(page.ids) < len(rows)))
    return page.text


def row(number: int, status: str = "paid") -> Row:
    return Row(f"r{number}", {"row.number": number, "row.amount": 50_000_00, "row.status": status})


def test_as_many_whole_rows_as_fit_are_shown_under_their_heading() -> None:
    rows = [row(n) for n in range(1001, 1008)]

    assert show(rows, octets=160).splitlines() == [
        "Поступления",
        "1.№1001 50 000 оплачен",
        "2.№1002 50 000 оплачен",
        "98.Еще",
        "99.Пред.",
    ]


def test_a_single_row_keeps_its_data_while_everything_else_gives_way() -> None:
    rows = [row(1001), row(1002)]

    assert show(rows, octets=112) == "Поступления\n1.№1001 50 000 оплачен\n98.Еще\n99.Пред."
    assert show(rows, octets=78) == "1.№1001 50 000 оплачен\n98.Еще\n99.Пред."
    assert show(rows, octets=60) == "1.№1001 50 000 оплачен\n98.Еще"


def test_the_note_takes_the_headings_place_before_a_row_goes() -> None:
    rows = [row(1001), row(1002)]
    without = show(rows, octets=150)
    noted = show(rows, note="Неверный выбор", octets=150)

    assert noted.splitlines()[0] == "Неверный выбор"
    assert noted.splitlines()[1:3] == without.splitlines()[1:3]


def test_a_row_longer_than_a_screen_is_cut_at_last() -> None:
    long = Row("r1", {"row.number": 10**60, "row.amount": 50_000_00, "row.status": "paid"})

    assert show([long, row(2)], octets=40, language="en").endswith("98.More")


def test_a_later_page_that_came_back_empty_still_offers_the_way_back() -> None:
    assert show([], language="en") == "Receipts\n99.Previous\n0.Back"


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.sampled_from(["paid", "issued", "Ж"])), max_size=9),
    st.booleans(),
    st.sampled_from(["", "Неверный выбор", "No such choice"]),
    st.sampled_from([160, 112, 40]),
    st.sampled_from(["en", "ru"]),
)
def test_any_list_page_fits_and_shows_its_first_rows(
    values: list[tuple[int, str]], more: bool, note: str, octets: int, language: str
) -> None:
    text = show([row(n, s) for n, s in values], more=more, note=note, octets=octets, language=language)

    assert text


def test_rows_without_a_variable_have_no_numbers_and_cannot_be_chosen() -> None:
    phone = Phone(Shop(payments=[Payment(f"p{n}", 50_000_00, "paid") for n in (1, 2)]))

    assert phone.dial(code="*880**3*901234567#") == "50 000 UZS, paid\n1.More"
    assert phone.type("2") == "No such choice\n50 000 UZS, paid\n1.More"


def test_receipts_come_newest_first_and_the_seventh_can_be_reached() -> None:
    """domain.md A13."""
    phone = Phone(Shop(receipts=receipts(7)), language="ru")
    phone.dial("2")
    shown = [phone.screen]
    while "98.Еще" in phone.screen:
        shown.append(phone.type("98"))

    assert "1.№1001" in shown[0]
    assert "№1007" in shown[-1]
    for earlier in reversed(shown[:-1]):
        assert phone.type("99") == earlier


def test_a_shops_name_that_looks_like_options_stays_on_its_line() -> None:
    """domain.md S13."""
    bills = [Bill("b1", 50_000_00, "1.Pay\n2.Exit"), Bill("b2", 1_000_00, "Shop")]

    assert Phone(Shop(bills=bills)).dial("3").splitlines() == [
        "Bills",
        "1.50 000 1.Pay 2.Exit",
        "2.1 000 Shop",
        "0.Back",
    ]
