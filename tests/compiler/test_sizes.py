"""Sizes: what is proved is never exceeded by anything within the declared bounds, and is reached."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app import planning
from app.menusets import files as menufiles
from tests.compiler.rich import ACTIONS, MENU
from ussd_engine.actions import Action, Shape
from ussd_engine.compiler.build import check, size_proof
from ussd_engine.compiler.sizes.costs import Cost, joined
from ussd_engine.compiler.sizes.domains import Domain, domains, of_shape
from ussd_engine.compiler.sizes.meter import lines
from ussd_engine.compiler.sizes.pagecount import page_count
from ussd_engine.compiler.sizes.proof import OCTETS_MIN, Size
from ussd_engine.compiler.sizes.refusals import refusals
from ussd_engine.compiler.sizes.sms import text_size
from ussd_engine.core.errors import Problem
from ussd_engine.core.events import Row
from ussd_engine.core.screens import list_page, pages
from ussd_engine.core.service import End, Listing, Question, Screen, Service, Text
from ussd_engine.core.session import Session
from ussd_engine.text.cost import octets, sms_parts
from ussd_engine.text.paging import paginate
from ussd_engine.text.template import Slot, Template, Value, slots

BOUNDLESS = 1_000_000
"""Octets of a screen on which nothing has to give way."""

Shown = Screen | Question | Listing | End


@dataclass(frozen=True, slots=True)
class Menus:
    """Compiled menus with what the tests draw values from."""

    service: Service
    actions: Mapping[str, Action]
    words: Mapping[str, tuple[str, ...]]
    sizes: Mapping[tuple[str, str, int], Size]
    problems: tuple[Problem, ...]

    @property
    def shown(self) -> list[Shown]:
        return [
            state
            for state in self.service.states.values()
            if isinstance(state, Screen | Question | Listing | End) and state.name != "off"
        ]


def compiled(files: Mapping[str, str], actions: Mapping[str, Action]) -> Menus:
    service, problems = check(files, actions)
    assert service is not None, problems
    sizes = {
        (size.state, size.language, room): size
        for room in (112, 160)
        for size in size_proof(files, actions, room).table()
    }
    words = {name: tuple(table) for name, table in size_proof(files, actions).words.items()}
    return Menus(service, actions, words, sizes, tuple(problems))


SHIPPED_FILES = menufiles.read(Path(__file__).parents[2] / "menus")
SHIPPED = compiled(SHIPPED_FILES, planning.declared_actions())
RICH = compiled({"rich.yaml": MENU}, ACTIONS)

# --- drawing values within the declared bounds ----------------------------------------------------------

ANY = st.characters(codec="utf-8") | st.sampled_from("€Щ…😀ß 7'ʻ[|\n")
GSM = st.sampled_from("abz09 @€[]{}~^|\\'\n-Ü")


def values(domain: Domain, words: tuple[str, ...]) -> st.SearchStrategy[Value]:
    shape = domain.shape
    if domain.values:
        drawn: st.SearchStrategy[Value] = st.sampled_from(domain.values)
    elif shape.kind in ("money", "integer", "time"):
        drawn = st.just(shape.max) | st.integers(0, shape.max)
    elif shape.kind == "whole":
        drawn = st.integers(0, shape.max // 100).map(lambda main: main * 100)
    elif shape.kind in ("msisdn", "digits", "pin"):
        drawn = st.text("0123456789", max_size=shape.max) | st.just("9" * shape.max)
    elif shape.kind == "word" and words:
        drawn = st.sampled_from(words)
    else:
        letters = GSM if shape.gsm else ANY
        # Folding must not make a value longer: an ellipsis is three full stops in an author's text.
        dearest = st.sampled_from("€" if shape.gsm else "Щ€…😀").map(lambda letter: letter * shape.max)
        drawn = st.text(letters, max_size=shape.max) | dearest
    return drawn | st.none() if shape.optional else drawn


@st.composite
def turns(draw: st.DrawFn, menus: Menus) -> tuple[Shown, Session, str, tuple[Row, ...]]:
    """Draw a state with a session that stands in it, a note, and rows where it is a list."""
    state = draw(st.sampled_from(menus.shown))
    service = menus.service
    language = draw(st.sampled_from(service.languages))
    tables = {
        slot.name: slot.format or ""
        for text in texts_of(state)
        for slot in slots(text.by_language[language].parts)
    }
    known = domains(service.states, menus.actions, service.pushes)
    variables: dict[str, Value] = {}
    for name, kinds in known.items():
        if name in tables and draw(st.integers(0, 9)):
            words = menus.words.get(tables[name], ())
            variables[name] = draw(st.one_of([values(kind, words) for kind in kinds]))
        elif any(kind.values == (True, False) for kind in kinds):
            variables[name] = draw(st.booleans())
    can_go_back = any(trigger.startswith("back>") for trigger in state.triggers)
    history = [1] if can_go_back and draw(st.booleans()) else []
    note = ""
    if not isinstance(state, End) and draw(st.booleans()):
        kind = state.type if isinstance(state, Question) else None
        refused = draw(st.sampled_from(refusals(kind)))
        note = service.say(refused.code, language, refused.values)
    rows: tuple[Row, ...] = ()
    if isinstance(state, Listing):
        fields = menus.actions[state.action].row or {}
        rows = tuple(
            Row(
                str(number),
                {
                    name: draw(values(of_shape(shape), menus.words.get(tables.get(name, ""), ())))
                    for name, shape in fields.items()
                },
            )
            for number in range(draw(st.integers(1, state.rows_max or 9)))
        )
    cursors: list[str | None] = draw(st.sampled_from([[None], [None, "1"]]))
    session = Session(
        state=state.id,
        msisdn="998901234567",
        language=language,
        variables=variables,
        history=history,
        cursors=cursors,
    )
    return state, session, note, rows


def texts_of(state: Shown) -> list[Text]:
    if isinstance(state, Listing):
        return [state.row, *([state.text] if state.text else [])]
    return [state.text, *(option.text for option in (state.options if isinstance(state, Screen) else ()))]


def never_exceeds(menus: Menus, turn: tuple[Shown, Session, str, tuple[Row, ...]], room: int) -> None:
    state, session, note, rows = turn
    size = menus.sizes[state.name, session.language, room]
    most = size.octets if not note or size.with_note is None else size.with_note
    if isinstance(state, Listing):
        one = list_page(menus.service, session, state, rows[:1], more=True, note=note, octets=BOUNDLESS)
        assert octets(one.text) <= most
        page = list_page(menus.service, session, state, rows, more=True, octets=room)
        assert octets(page.text) <= room
        assert size.rows is not None
        assert len(page.ids) >= min(size.rows, len(rows))
        if not size.cut:
            values_shown = [
                state.row.render(session.language, {**session.variables, **r.values}) for r in rows
            ]
            assert all(text in page.text for text in values_shown[: len(page.ids)])
        return
    (whole,) = pages(menus.service, session, state, note=note, octets=BOUNDLESS).texts
    assert octets(whole) <= most
    split = pages(menus.service, session, state, note=note, octets=room)
    assert all(octets(page) <= room for page in split.texts)
    assert len(split) <= size.pages


@settings(max_examples=250, deadline=None)
@given(turns(SHIPPED), st.sampled_from([112, 160]))
def test_no_value_makes_a_shipped_screen_dearer_than_proved(
    turn: tuple[Shown, Session, str, tuple[Row, ...]], room: int
) -> None:
    never_exceeds(SHIPPED, turn, room)


@settings(max_examples=500, deadline=None)
@given(turns(RICH), st.sampled_from([112, 160]))
def test_no_value_makes_a_screen_with_everything_dearer_than_proved(
    turn: tuple[Shown, Session, str, tuple[Row, ...]], room: int
) -> None:
    never_exceeds(RICH, turn, room)


# --- the bound is reached ---------------------------------------------------------------------------------


def dearest(domain: Domain, words: tuple[str, ...]) -> list[Value]:
    """Values of which some combination makes the dearest screen."""
    shape = domain.shape
    if domain.values:
        return list(domain.values)
    if shape.kind in ("money", "integer", "time"):
        return [shape.max]
    if shape.kind == "whole":
        return [shape.max]
    if shape.kind in ("msisdn", "digits"):
        return ["9" * shape.max, "9" * 12]
    if shape.kind == "word":
        return list(words)
    return ["€" * shape.max] if shape.gsm else ["Щ" * shape.max, "€" * shape.max]


def dearest_screen(menus: Menus, state: Shown, language: str) -> int:
    tables = {
        slot.name: slot.format or ""
        for text in texts_of(state)
        for slot in slots(text.by_language[language].parts)
    }
    known = dict(domains(menus.service.states, menus.actions, menus.service.pushes))
    fields = (menus.actions[state.action].row or {}) if isinstance(state, Listing) else {}
    known |= {name: (of_shape(shape),) for name, shape in fields.items()}
    names = [name for name in tables if name in known]
    choices = [
        [value for kind in known[name] for value in dearest(kind, menus.words.get(tables[name], ()))]
        for name in names
    ]
    flags = {name: True for name, kinds in known.items() if kinds[0].values == (True, False)}
    can_go_back = any(trigger.startswith("back>") for trigger in state.triggers)
    most = 0
    for chosen in itertools.product(*choices):
        variables: dict[str, Value] = {**flags, **dict(zip(names, chosen, strict=True))}
        session = Session(
            state=state.id,
            msisdn="998901234567",
            language=language,
            variables=variables,
            history=[1] if can_go_back else [],
            cursors=[None, "1"],
        )
        if isinstance(state, Listing):
            row = Row("1", {name: variables[name] for name in fields if name in variables})
            page = list_page(menus.service, session, state, [row], more=True, octets=BOUNDLESS)
            most = max(most, octets(page.text))
        else:
            most = max(most, octets(pages(menus.service, session, state, octets=BOUNDLESS)[0]))
    return most


@pytest.mark.parametrize("menus", [SHIPPED, RICH], ids=["shipped", "rich"])
def test_some_values_make_every_screen_as_dear_as_proved(menus: Menus) -> None:
    for state in menus.shown:
        for language in menus.service.languages:
            size = menus.sizes[state.name, language, 160]
            assert (state.name, language, dearest_screen(menus, state, language)) == (
                state.name,
                language,
                size.octets,
            )


# --- what decisions fixed for the shipped menus -------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "units"),
    [("merchant.home", 70), ("customer.invoice", 80), ("customer.pin", 65)],
)
def test_the_tight_russian_screens_stay_within_what_was_planned(state: str, units: int) -> None:
    size = SHIPPED.sizes[state, "ru", 160]

    assert size.octets <= 2 * units
    assert size.pages == 1


WORDS = st.lists(st.text("aaaЩ0", min_size=1, max_size=12) | st.just("\n"), min_size=1, max_size=40)


@given(WORDS, st.lists(st.text("a Щ\n", min_size=1, max_size=50), max_size=4), st.integers(80, 130))
@example(["Pay"], ["1.Pay 998901234567", "2.Pay\n1 000 000\nЩ 998901234567\nPay\nPay\nЩ998901234567"], 112)
def test_no_fixed_text_takes_more_pages_than_counted(words: list[str], options: list[str], room: int) -> None:
    text, more, previous = " ".join(words), "98.Yana", "99.Oldingi"
    split = paginate(text, options, octets_max=room, more=more, previous=previous)
    measured = [lines(Template(part), nothing_varies) for part in (text, *options)]

    if len(split) > 1:
        assert len(split) <= page_count(measured, Cost.of(more), Cost.of(previous), room)


def nothing_varies(slot: Slot) -> Cost:
    raise AssertionError(slot)


# --- problems -------------------------------------------------------------------------------------------


def one_file(text: str) -> list[Problem]:
    menu = f'menu: m\nservice_code: "*1#"\nlanguages: [uz]\nstart: home\nstates:\n{text}'
    return [p for p in check({"m.yaml": menu}, ACTIONS)[1] if p.rule.startswith("size")]


def test_a_screen_that_must_be_split_is_a_warning_which_names_the_character_behind_it() -> None:
    plain = "Hisobingizda mablag' yetarli emas, iltimos hisobingizni to'ldiring va qaytadan urinib ko'ring"

    assert one_file(f'  home: {{end: "{plain}"}}') == []
    (problem,) = one_file(f'  home: {{end: "№ {plain}"}}')
    assert problem.warning
    assert problem.rule == "size-paged"
    assert (problem.line, problem.column) == (6, 15)
    assert "can take 190 octets, more than 160: up to 2 pages" in problem.what
    assert "'№' (U+2116) at m.yaml:6:16" in problem.what


def test_a_word_longer_than_a_screen_is_an_error() -> None:
    (problem,) = one_file(f'  home: {{end: "{"Щ" * 81}"}}')

    assert (problem.rule, problem.warning) == ("size-cut", False)


def test_a_list_row_that_can_be_longer_than_a_screen_is_an_error() -> None:
    row = "x" * 60 + " {row.partner} {row.amount|money}"
    (problem,) = one_file(
        f'  home: {{list: deals.mine, row: "{row}", none: none}}\n  none: {{end: "Yo\'q"}}\n'
    )

    assert (problem.rule, problem.line) == ("size-cut", 6)
    assert "a row of state 'home'" in problem.what


def test_a_word_of_a_service_that_no_table_has_is_counted_as_it_is_shown() -> None:
    menu = """
menu: m
service_code: "*1#"
languages: [en]
start: ask
words: {state: {ok: {en: Done}}}
actions:
  any.state: {http: "https://x.example/s", returns: {told: {set: {state: {from: s, type: word, max: 90}}}}}
states:
  ask: {do: any.state, on: {told: told}}
  told: {end: "{state|state}"}
"""
    asks = check({"m.yaml": menu}, {})[0]
    assert asks is not None
    told = asks.http["any.state"].read(200, {"s": "не проведено " * 6}, 0.0)
    shown = asks.states["m.told"]
    assert isinstance(shown, End)

    (size,) = [one for one in size_proof({"m.yaml": menu}, {}).table() if one.state == "m.told"]

    assert octets(shown.text.render("en", told.values)) <= size.octets


def test_screens_without_variables_are_passed_over_only_if_they_fit() -> None:
    text = "aaaa " * 34
    options = "options: [{text: bb bb bb bb, goto: end}, {text: cc, goto: end}]"
    problems = one_file(f'  home: {{text: "{text} b", {options}}}\n  end: {{end: x}}')

    assert [p.rule for p in problems] == ["size-paged"]


def test_a_screen_too_small_for_any_menu_is_refused() -> None:
    with pytest.raises(ValueError, match="the least is 80"):
        size_proof({"rich.yaml": MENU}, ACTIONS, OCTETS_MIN - 1)


# --- the arithmetic -------------------------------------------------------------------------------------

SETS = st.lists(st.text("a€Щ", max_size=4), min_size=1, max_size=4)


def cost_of(texts: list[str]) -> Cost:
    total = Cost.of(texts[0])
    for text in texts[1:]:
        total = total.either(Cost.of(text))
    return total


@given(SETS, SETS, SETS)
def test_the_cost_of_lines_is_that_of_the_dearest_choice(
    one: list[str], two: list[str], three: list[str]
) -> None:
    dearest = max(
        octets("\n".join([line for line in lines if line])) for lines in itertools.product(one, two, three)
    )

    assert joined(map(cost_of, (one, two, three))).octets == dearest


@given(SETS, SETS)
def test_the_cost_of_one_text_after_another_is_that_of_the_dearest_choice(
    one: list[str], two: list[str]
) -> None:
    dearest = max(octets(a + b) for a, b in itertools.product(one, two))

    assert cost_of(one).then(cost_of(two)).octets == dearest


# --- SMS ------------------------------------------------------------------------------------------------


def test_an_sms_is_measured_with_the_widest_of_its_variables() -> None:
    size = text_size(
        "{number}-sonli hisob, {name}", {"number": Shape("integer", 99_999), "name": ["ABC", "D"]}
    )

    assert (size.encoding, size.characters, size.parts) == ("gsm7", len("99999-sonli hisob, ABC"), 1)


def test_a_name_in_any_script_is_what_makes_an_sms_ucs2() -> None:
    size = text_size("{name}: " + "a" * 60, {"name": Shape("text", 14)})

    assert (size.encoding, size.characters, size.parts) == ("ucs2", 76, 2)
    assert str(size.forced_by) == "the value of {name}"


@given(st.text("a€[Щ№ ", max_size=400))
def test_the_parts_of_a_fixed_sms_are_never_fewer_than_it_takes(text: str) -> None:
    escaped = text.replace("[", "[[")

    assert text_size(escaped, {}).parts >= sms_parts(text)


def test_an_sms_with_a_variable_that_nobody_bounds_is_refused() -> None:
    with pytest.raises(KeyError, match="name"):
        text_size("{name}", {})
