"""Pictures: every state is drawn once, every way leads somewhere, and nothing in a text breaks the form."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import planning
from app.menusets import files as menufiles
from tests.compiler.rich import ACTIONS, MENU
from ussd_engine.compiler.build import check, compile_menus
from ussd_engine.compiler.pictures.layout import DOWN, layout
from ussd_engine.compiler.pictures.picture import Picture, picture
from ussd_engine.compiler.pictures.svg import svg
from ussd_engine.compiler.pictures.text import dot, mermaid
from ussd_engine.core.service import Service

ROOT = Path(__file__).parents[2]


def drawn(text: str) -> Picture:
    service, problems = check({"m.yaml": text}, ACTIONS)
    assert service is not None, problems
    return picture(service)


def shipped() -> Service:
    return compile_menus(menufiles.read(ROOT / "menus"), planning.declared_actions())


RICH = drawn(MENU)


def menu(label: str) -> str:
    quoted = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return (
        'menu: m\nservice_code: "*1#"\nstart: home\nstates:\n'
        f'  home: {{text: "x {quoted}", options: [{{text: "{quoted} y", goto: bye}}]}}\n'
        "  bye: {end: Bye}\n"
    )


def test_a_picture_shows_every_state_and_hides_what_every_screen_has() -> None:
    assert [box.title for box in RICH.menus["rich"]][:4] == ["begin", "nobody", "home", "hidden"]
    home = next(box for box in RICH.boxes() if box.title == "home")
    assert home.lines == ("Здравствуйте",)
    assert [(way.label, way.target, way.note) for way in home.ways] == [
        ("1.Счет {balance}", "rich.card", ""),
        ("2.{owner.name}", "rich.deals", ""),
        ("3.Только для своих", "rich.plain", "if owner.vip"),
        ("4.Вопросы", "rich.name", ""),
    ]


def test_a_picture_tells_which_dialled_strings_and_menus_lead_in() -> None:
    boxes = {box.name: box for box in picture(shipped()).boxes()}

    assert boxes["merchant.issue"].entries == ("*880**0*{client}*{amount}#",)
    assert boxes["service.who"].entries == ("*880#",)
    assert "from service.who" in boxes["customer.home"].entries


def test_an_unknown_language_or_menu_is_refused() -> None:
    with pytest.raises(KeyError, match="xx"):
        picture(shipped(), "xx")
    with pytest.raises(KeyError, match="nowhere"):
        picture(shipped(), menu="nowhere")


@pytest.mark.parametrize("of", [RICH, picture(shipped())], ids=["rich", "shipped"])
def test_boxes_stand_apart_and_every_state_has_an_arrow_or_begins_a_tree(of: Picture) -> None:
    for boxes in of.menus.values():
        placed, width, height = layout(boxes)
        assert len(placed) == len(boxes)
        arrows = [name for each in placed for name in (*each.beside.values(), each.below) if name]
        assert len(arrows) == len(set(arrows)) < len(boxes)
        for each in placed:
            assert 0 <= each.x <= width - each.width
            assert each.tags <= each.y <= height - each.height
            for other in placed:
                below = other.y - other.tags >= each.y + each.height
                above = each.y - each.tags >= other.y + other.height
                aside = other.x >= each.x + each.width or each.x >= other.x + other.width
                assert other is each or below or above or aside


def test_a_row_of_questions_goes_down_and_a_choice_goes_right() -> None:
    placed = {each.box.title: each for each in layout(RICH.menus["rich"])[0]}

    assert placed["name"].below == "rich.sum"
    assert placed["sum"].y - placed["sum"].tags - placed["name"].y - placed["name"].height >= DOWN
    assert placed["card"].x > placed["home"].x


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="{}[]\\\x85\u2028\u2029"), max_size=30))
def test_any_text_can_be_drawn_in_every_form(label: str) -> None:
    if (
        any(not (c.isprintable() or c == "\n") for c in label)
        or "\ufffe" <= max(label, default="") <= "\uffff"
    ):
        return
    of = drawn(menu(label))

    ElementTree.fromstring(svg(of))
    lines = mermaid(of).splitlines()
    assert all(re.fullmatch(_MERMAID, line) for line in lines), lines
    assert all(re.fullmatch(_DOT, line) for line in dot(of).splitlines())


_SAFE = r'[^"{}:;#]*(#\d+;[^"{}:;#]*)*'
_MERMAID = "|".join(
    (
        r"stateDiagram-v2",
        r"    direction LR",
        r'    state "m" as menu_m \{',
        rf'        state "{_SAFE}" as m__\w+',
        r"    \}",
        rf"    (\[\*\]|m__\w+) --> (\[\*\]|m__\w+)( : {_SAFE})?",
    )
)
_QUOTED = r'"([^"\\]|\\.)*"'
_DOT = "|".join(
    (
        r"digraph menus \{",
        r"  rankdir=LR;",
        r'  node \[shape=box, fontname="monospace"\];',
        rf"  subgraph {_QUOTED} \{{",
        rf"    label={_QUOTED};",
        rf"    {_QUOTED} \[label={_QUOTED}(, [a-z]+=\w+)?\];",
        rf"  {_QUOTED} -> {_QUOTED} \[label={_QUOTED}\];",
        r"(  )?\}",
    )
)


def test_mermaid_writes_what_it_would_take_for_signs_of_its_own_as_entities() -> None:
    text = mermaid(drawn(menu('a: b; "c"')))

    assert "home<br/>x a#58; b#59; #34;c#34;" in text
    assert "m__home --> m__bye : 1.a#58; b#59; #34;c#34; y" in text


def test_dot_quotes_and_escapes() -> None:
    text = dot(drawn(menu('a "b" \\ c')))

    assert r'label="1.a \"b\" \\ c y"' in text


def test_drawing_twice_gives_the_same() -> None:
    assert svg(picture(shipped(), "ru")) == svg(picture(shipped(), "ru"))


def test_a_chain_of_thousands_of_states_can_be_drawn() -> None:
    states = "".join(
        f"  s{n}: {{ask: n, as: v, type: {{text: {{max: 9}}}}, goto: s{n + 1}}}\n" for n in range(2000)
    )
    of = drawn(f'menu: m\nservice_code: "*1#"\nstart: s0\nstates:\n{states}  s2000: {{end: x}}\n')

    assert svg(of).count('class="h"') == 2001


@pytest.mark.parametrize("name", ["merchant", "customer"])
def test_the_pictures_in_the_documentation_show_the_shipped_menus(name: str) -> None:
    """Anew: `make docs`."""
    kept = (ROOT / "docs" / "pictures" / f"{name}-menu.svg").read_text(encoding="utf-8")

    assert kept == svg(picture(shipped(), "en", name))
    assert len(kept) < 60_000
