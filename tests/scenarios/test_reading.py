"""Scenario files: what is read, and every mistake in a reader's words with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.scenarios import ScenarioError, read
from ussd_engine.scenarios.match import filled, matched

HEAD = "scenario: One\nphones: {shop: 998901112233}\nsteps:\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read("one.yaml", text)
    return [str(problem) for problem in caught.value.problems]


def test_a_step_knows_its_line_phone_and_expectation() -> None:
    (scenario,) = read("one.yaml", HEAD + '  - {dial: "*880#", shows: "CLICK"}\n  - {answer: 1, ends: Bye}\n')

    assert scenario.name == "One"
    assert [(step.line, step.phone, step.exact, step.closed) for step in scenario.steps] == [
        (4, "shop", "CLICK", False),
        (5, "shop", "Bye", True),
    ]


def test_a_file_may_hold_several_scenarios() -> None:
    one = "  - scenario: {}\n    steps: [{{dial: '*1#'}}]\n"
    found = read("two.yaml", "scenarios:\n" + one.format("First") + one.format("Second"))

    assert [scenario.name for scenario in found] == ["First", "Second"]


def test_digits_and_words_stay_what_was_written() -> None:
    (scenario,) = read("one.yaml", HEAD + "  - {dial: '*880#'}\n  - {answer: 00}\n  - {answer: no}\n")

    assert [step.answer for step in scenario.steps[1:]] == ["00", "no"]


MISTAKES = {
    "an unknown field": ("  - {dial: '*880#', show: x}\n", "one.yaml:4:21: `show` is not a field here."),
    "two things in one step": ("  - {dial: '*880#', answer: 1}\n", "one.yaml:4:5: a step does one thing"),
    "nothing done": ("  - {shows: x}\n", "one.yaml:4:5: a step does one thing"),
    "two screens": ("  - {dial: '*1#', shows: x, ends: y}\n", "one.yaml:4:5: `shows` and `ends` both"),
    "an unknown phone": ("  - {phone: stop, dial: '*1#'}\n", "one.yaml:4:5: no phone is named 'stop'."),
    "a hang-up with a screen": (
        "  - {hangs_up: true, shows: y}\n",
        "one.yaml:4:5: a step with `hangs_up` shows no screen.",
    ),
    "an SMS with a screen": ("  - {sms: x, shows: y}\n", "one.yaml:4:5: a step about SMS shows no screen."),
    "an end that is closed": (
        "  - {dial: '*1#', ends: x, closed: true}\n",
        "one.yaml:4:5: `shows` and `ends`",
    ),
    "a secret without a name": ("  - {answer: {sekret: pin}}\n", "one.yaml:4:6: `secret` is missing here."),
}


@pytest.mark.parametrize(("steps", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place(steps: str, said: str) -> None:
    assert any(problem.startswith(said) for problem in problems(HEAD + steps)), problems(HEAD + steps)


@pytest.mark.parametrize(("text", "said"), [("", "the file is empty."), ("hello", "this is no scenario.")])
def test_a_file_without_a_scenario_is_told_how_one_begins(text: str, said: str) -> None:
    assert problems(text) == [f"one.yaml:1:1: {said} Begin with `scenario: name`."]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems(HEAD + "  - {phone: a, dial: '*1#'}\n  - {phone: b, dial: '*1#'}\n")) == 2


def test_of_several_phones_a_step_says_whose_it_is() -> None:
    text = "scenario: One\nphones: {a: 998901112233, b: 998901234567}\nsteps: [{dial: '*1#'}]\n"

    assert "it is not said whose step this is" in problems(text)[0]


def test_a_placeholder_stands_for_one_line_and_then_for_the_same() -> None:
    found = matched("№{number}\n{sum} сум\n№{number}", "№1001\n50 000 сум\n№1001", {}, whole=True)

    assert found == {"number": "1001", "sum": "50 000"}
    assert matched("№{number}\n№{number}", "№1001\n№1002", {}, whole=True) is None
    assert matched("№{number}", "№1002", {"number": "1001"}, whole=True) is None
    assert matched("a{x}", "a1\nb", {}, whole=True) is None


def test_a_placeholder_at_the_end_of_a_part_is_one_word() -> None:
    assert matched("№{number}", "Счет №1001, оплачен", {}, whole=False) == {"number": "1001"}


def test_doubled_braces_are_braces() -> None:
    assert matched("{{x}}", "{x}", {}, whole=True) == {}
    assert filled("{{x}} {y} {z}", {"y": "1"}) == "{x} 1 {z}"


@given(st.text())
def test_any_text_matches_itself_once_its_braces_are_doubled(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert matched(doubled, text, {}, whole=True) == {}
    assert filled(doubled, {}) == text


@given(st.text(), st.text())
def test_a_text_without_placeholders_matches_nothing_else(expected: str, shown: str) -> None:
    doubled = expected.replace("{", "{{").replace("}", "}}")

    assert (matched(doubled, shown, {}, whole=True) is not None) == (expected == shown)
