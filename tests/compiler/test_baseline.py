"""A menu edit that changes what published digits mean is told, at the place to mend."""

from __future__ import annotations

import pytest

from ussd_engine import check, compile_menus
from ussd_engine.compiler.baseline import Baseline, baseline, entries, read, write

MENU = """
menu: help
service_code: "*123#"
start: home
shortcuts:
  - {dial: "**3*{phone}", goto: call}
states:
  home:
    text: Home
    options:
      - {text: Balance, goto: balance}
      - {text: More, goto: more}
  more:
    text: More
    options:
      - {text: Call, goto: phone}
      - {text: Home, goto: home}
  phone: {ask: Phone, as: phone, type: {msisdn: {region: UZ}}, goto: call}
  balance: {end: Nothing}
  call: {end: "Calling[ {phone}]"}
"""


def taken(text: str = MENU) -> Baseline:
    service = compile_menus({"help.yaml": text}, {})
    return baseline(service, entries(service))


def told(text: str) -> list[str]:
    _, problems = check({"help.yaml": text}, {}, published=taken())
    return [str(problem) for problem in problems if problem.rule == "dial-changed"]


def test_a_baseline_names_where_digits_and_shortcuts_lead() -> None:
    assert taken() == Baseline(
        shortcuts={"help": {"**3*{phone}": "help.call (msisdn)"}},
        paths={"help": {"1": "help.balance", "2": "help.more", "2*1": "help.phone", "2*2": "help.home"}},
    )


def test_a_baseline_survives_its_file() -> None:
    assert read(write(taken())) == taken()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"shortcuts": 1}', "nonsense"])
def test_a_file_that_is_no_baseline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Object|missing|Expected|truncated"):
        read(text)


def test_the_same_menus_are_as_published() -> None:
    assert told(MENU) == []


def test_new_options_at_the_end_change_nothing_published() -> None:
    assert (
        told(
            MENU.replace(
                "{text: Home, goto: home}", "{text: Home, goto: home}\n      - {text: B, goto: balance}"
            )
        )
        == []
    )


def test_options_that_changed_places_are_told_once_for_each_shortest_path() -> None:
    swapped = MENU.replace(
        "{text: Balance, goto: balance}\n      - {text: More, goto: more}",
        "{text: More, goto: more}\n      - {text: Balance, goto: balance}",
    )

    first, second = told(swapped)

    begin = "help.yaml:10:5: *123"
    assert first.startswith(f"{begin}*1# of menu 'help' led to 'help.balance', now leads to 'help.more'.")
    assert second.startswith(f"{begin}*2# of menu 'help' led to 'help.more', now leads to 'help.balance'.")


def test_an_option_that_is_gone_is_told_on_its_screen() -> None:
    assert told(MENU.replace("      - {text: Home, goto: home}\n", ""))[0].startswith(
        "help.yaml:15:5: *123*2*2# of menu 'help' led to 'help.home', now leads nowhere."
    )


def test_a_shortcut_whose_field_takes_something_else_is_told() -> None:
    changed = MENU.replace("type: {msisdn: {region: UZ}}", "type: {integer: {max: 9}}")

    assert told(changed)[0].startswith(
        "help.yaml:5:1: *123**3*{phone}# of menu 'help' led to 'help.call (msisdn)'"
    )
