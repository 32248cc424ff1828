"""Calls that return, dialogues that go on after a cut, answers that come too late, tries of one state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from ussd_engine import Call, Max, MenuError, Rows, Service, compile_menus
from ussd_engine.actions import declared
from ussd_engine.core.events import ActionDone, Answer, Ask, Begin, Close, Row, Run
from ussd_engine.core.session import Session
from ussd_engine.core.step import begin, step

MENU = """
menu: main
service_code: "*123#"
start: home
states:
  home:
    text: Home
    options:
      - {text: Order, goto: order}
      - {text: Refund, goto: refund}
      - {text: Bye, goto: bye}
  order: {call: consent.ask, on: {yes: amount, no: bye}}
  refund: {call: consent.ask, on: {yes: refunded, no: bye}}
  amount:
    ask: Amount
    as: amount
    type: {integer: {max: 99}}
    resume: RESUME
    timeout: {after: 30, text: Too late}
    tries: 2
    goto: ordered
  ordered: {end: "Ordered {amount} for {name}"}
  refunded: {end: "Refunded {name}"}
  bye: {end: Bye}
"""
CONSENT = """
menu: consent
states:
  ask: {ask: Your name, as: name, type: {text: {max: 9}}, goto: sure}
  sure:
    text: "Sure, {name}?"
    options: [{text: Sure, goto: agreed}, {text: No, goto: refused}]
  agreed: {return: yes}
  refused: {return: no}
"""
ME = "998901234567"


def service(resume: str = "never", main: str = MENU, consent: str = CONSENT) -> Service:
    return compile_menus({"main.yaml": main.replace("RESUME", resume), "consent.yaml": consent}, {})


def play(
    menus: Service, *answers: str, before: Session | None = None, waited_s: float = 1
) -> tuple[Session, str]:
    taken = step(menus, begin(menus, ME), Begin(0, (), before))
    for text in answers:
        taken = step(menus, taken.session, Answer(0, text, waited_s))
    (effect,) = taken.effects
    assert not isinstance(effect, Run)
    return taken.session, effect.text


def rules(main: str = MENU, consent: str = CONSENT) -> list[str]:
    with pytest.raises(MenuError) as refused:
        service(main=main, consent=consent)
    return [problem.rule for problem in refused.value.problems]


def test_a_call_comes_back_to_whoever_called() -> None:
    assert play(service(), "1", "Ali", "1", "7")[1] == "Ordered 7 for Ali"
    assert play(service(), "2", "Ali", "1")[1] == "Refunded Ali"
    assert play(service(), "2", "Ali", "2")[1] == "Bye"


def test_going_back_out_of_a_call_leaves_it() -> None:
    session, text = play(service(), "1", "00")

    assert text.startswith("Home")
    assert session.calls == []
    assert play(service(), "1", "00", "2", "Ali", "1")[1] == "Refunded Ali"


def test_beginning_anew_inside_a_call_leaves_it() -> None:
    firm = CONSENT.replace("  sure:\n", "  sure:\n    back: false\n")

    session, text = play(service(consent=firm), *["1", "Ali", "00"] * 3)

    assert text.startswith("Home")
    assert session.calls == []


def test_going_back_inside_a_call_stays_in_it() -> None:
    session, text = play(service(), "1", "Ali", "0")

    assert text.startswith("Your name")
    assert len(session.calls) == 1
    assert play(service(), "1", "Ali", "0", "Vali", "1", "7")[1] == "Ordered 7 for Vali"


def test_going_back_after_a_call_passes_it_over() -> None:
    session, text = play(service(), "1", "Ali", "1", "00")

    assert text.startswith("Home")
    assert session.calls == []
    assert play(service(), "1", "Ali", "1", "00", "2", "Vali", "1")[1] == "Refunded Vali"


def test_what_a_call_sets_is_known_after_it_and_only_what_it_surely_sets() -> None:
    skipping = CONSENT.replace(
        "  ask:", "  maybe: {text: Maybe, options: [{text: A, goto: ask}, {text: B, goto: agreed}]}\n  ask:"
    )

    assert rules(MENU.replace("consent.ask", "consent.maybe"), skipping) == ["unset-variable"] * 2


def test_a_result_that_no_call_handles_is_a_problem() -> None:
    assert rules(MENU.replace("on: {yes: refunded, no: bye}", "on: {yes: refunded}")) == ["unhandled-result"]


def test_a_result_that_is_never_returned_is_a_problem() -> None:
    assert rules(
        MENU.replace("on: {yes: refunded, no: bye}", "on: {yes: refunded, no: bye, perhaps: bye}")
    ) == ["unknown-result"]


def test_a_return_reached_without_a_call_is_a_problem() -> None:
    assert rules(MENU.replace("{text: Bye, goto: bye}", "{text: Bye, goto: consent.agreed}")) == [
        "return-outside-call"
    ]


def cut(menus: Service) -> Session:
    session, text = play(menus, "1", "Ali", "1")
    assert text.startswith("Amount")
    return session


def test_a_dialogue_that_was_cut_begins_anew_by_default() -> None:
    menus = service("never")

    assert play(menus, before=cut(menus))[1].startswith("Home")


def test_a_safe_state_goes_on_at_once_after_a_redial() -> None:
    menus = service("safe")
    session, text = play(menus, before=cut(menus))

    assert text.startswith("Amount")
    assert session.before is None
    assert play(menus, "5", before=cut(menus))[1] == "Ordered 5 for Ali"


def test_a_state_to_be_confirmed_offers_to_go_on() -> None:
    menus = service("confirm")
    _, text = play(menus, before=cut(menus))

    assert text == "Continue where you left?\n1.Continue\n2.Begin anew"
    assert play(menus, "1", before=cut(menus))[1].startswith("Amount")
    assert play(menus, "1", "5", before=cut(menus))[1] == "Ordered 5 for Ali"
    assert play(menus, "1", "00", before=cut(menus))[1].startswith("Home")
    anew, text = play(menus, "2", before=cut(menus))
    assert text.startswith("Home")
    assert anew.before is None
    assert "name" not in anew.variables


@dataclass(frozen=True)
class Shop:
    id: str
    name: Annotated[str, Max(9)]


async def shops(call: Call, after: str | None, limit: int) -> Rows[Shop]:
    return Rows()


@pytest.mark.parametrize(("resume", "offered"), [("safe", ()), ("confirm", ("1",))])
def test_a_dialogue_that_began_on_a_list_goes_on_after_a_cut(resume: str, offered: tuple[str, ...]) -> None:
    began = MENU.replace("start: home", "start: shops") + (
        '  shops: {list: shops.all, row: "{row.name}", as: shop, goto: home, none: bye}\n'
    )
    menus = compile_menus(
        {"main.yaml": began.replace("RESUME", resume), "consent.yaml": CONSENT},
        {"shops.all": declared("shops.all", shops)},
    )
    listed = ActionDone(0, "rows", rows=(Row("s1", {"row.name": "Bread"}),))
    taken = step(menus, step(menus, begin(menus, ME), Begin(0)).session, listed)
    for text in ("1", "1", "Ali", "1"):
        taken = step(menus, taken.session, Answer(0, text))

    taken = step(menus, begin(menus, ME), Begin(0, (), taken.session))
    for text in offered:
        taken = step(menus, taken.session, Answer(0, text))

    assert isinstance(taken.effects[0], Ask)
    assert taken.effects[0].text.startswith("Amount")


def test_an_offer_that_is_cut_itself_is_not_offered_again() -> None:
    menus = service("confirm")
    offered, _ = play(menus, before=cut(menus))

    assert play(menus, before=offered)[1].startswith("Home")


def test_a_deep_dial_never_resumes() -> None:
    menus = service("safe")
    taken = step(menus, begin(menus, ME), Begin(0, ("3",), cut(menus)))

    assert taken.effects == (Close("Bye"),)


def test_whoever_is_let_in_elsewhere_now_does_not_resume() -> None:
    menus = service("safe")
    before = cut(menus)
    before.entry = 1

    assert play(menus, before=before)[1].startswith("Home")


def test_an_answer_that_comes_too_late_ends_with_the_states_own_text() -> None:
    menus = service()
    session = cut(menus)

    assert step(menus, session, Answer(0, "7", 31)).effects == (Close("Too late"),)
    assert step(menus, session, Answer(0, "7", 29)).effects == (Close("Ordered 7 for Ali"),)


def test_a_state_may_allow_fewer_wrong_answers_than_the_service() -> None:
    menus = service()
    once = step(menus, cut(menus), Answer(0, "x"))

    assert isinstance(once.effects[0], Ask)
    assert isinstance(step(menus, once.session, Answer(0, "x")).effects[0], Close)
