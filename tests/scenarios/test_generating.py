"""Scenarios made from menus: every transition that can happen, by a dialogue that passes."""

from __future__ import annotations

import asyncio

from app.planning import declared_actions
from tests.journal.dialogues import shipped
from tests.scenarios.test_playing import on_fakes
from ussd_engine import Service, compile_menus
from ussd_engine.scenarios import Coverage, generate, read
from ussd_engine.scenarios.coverage import Move, moves

SMALL = """
menu: small
service_code: "*123#"
languages: [en]
start: home
shortcuts:
  - {dial: "*{code}", goto: done}
states:
  home:
    text: {en: Hello}
    options:
      - {text: {en: Code}, goto: code}
      - {text: {en: Size}, goto: size}
  code:
    ask: {en: Code}
    as: code
    type: {digits: {min: 4, max: 4}}
    goto: done
  size:
    ask: {en: Size}
    as: size
    type: {choice: {s: small, m: middle, l: large}}
    goto: which
  which:
    switch: size
    on: {small: done, else: home}
  done:
    end: {en: Done}
"""


def small(text: str = SMALL) -> Service:
    return compile_menus({"small.yaml": text}, {})


def test_every_transition_of_the_shipped_menus_gets_a_dialogue_that_passes() -> None:
    service = shipped()
    made = generate(service, declared_actions())
    counted = Coverage(service)
    results = [asyncio.run(on_fakes(scenario)) for scenario in read("made.yaml", made.text)]

    assert made.missed == ()
    assert [failure for failure in results if failure is not None] == []
    assert counted.missed_moves() == []
    assert counted.missed_states() == []


def test_no_dialogue_is_the_beginning_of_another() -> None:
    made = generate(shipped(), declared_actions())
    played = [
        (str(scenario.actions), [(step.dial, step.answer, step.secret) for step in scenario.steps])
        for scenario in read("made.yaml", made.text)
    ]

    assert made.dialogues == len(played) < made.moves
    for actions, steps in played:
        assert not [o for other, o in played if other == actions and o != steps and o[: len(steps)] == steps]


def test_the_dialogues_are_the_shortest_ones() -> None:
    made = read("made.yaml", generate(small(), {}).text)

    assert [[step.dial or step.answer for step in scenario.steps] for scenario in made] == [
        ["*123*1234#"],
        ["*123#", "1", "1234"],
        ["*123#", "2", "s"],
        ["*123#", "2", "m"],
    ]


def test_values_that_a_switch_asks_about_are_all_tried() -> None:
    made = generate(small(), {})
    cases = {move.target for move in moves(small()) if move.source == "small.which"}

    assert cases == {"small.done", "small.home"}
    assert [move for move in made.missed if move.source == "small.which"] == []


def test_a_shortcut_that_claims_right_fields_only_has_no_wrong_ones() -> None:
    triggers = {move.trigger for move in moves(small())}

    assert triggers == {"dial *{code}", "1", "2", "answer", "case"}


def test_what_cannot_happen_is_named() -> None:
    """A field of digits is right or unreadable, never readable and refused: nobody is asked for it again."""
    made = generate(small(SMALL.replace('"*{code}"', '"*7*{code}"')), {})

    assert made.missed == (Move("small.home", "dial *7*{code} code", "small.code"),)


def test_braces_in_a_text_are_no_placeholders() -> None:
    made = generate(small(SMALL.replace("Hello", "'a {{b}} c'")), {})
    texts = [scenario.steps[0].exact or "" for scenario in read("made.yaml", made.text)]

    assert "a {{b}} c\n1.Code\n2.Size" in texts


def test_coverage_counts_what_was_played_and_names_the_rest() -> None:
    service = small()
    counted = Coverage(service)
    made = read("made.yaml", generate(service, {}).text)
    table = counted.table()

    assert made
    assert counted.taken == {}
    assert "small  0 of 5  0 of 7" in table
    assert "  small.home --1--> small.code" in table
