"""Scenarios played on the engine: what passes, and how a failure is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from app.planning import declared_actions
from tests.journal.dialogues import shipped
from ussd_engine import Engine
from ussd_engine.scenarios import EngineStage, Failure, Fakes, Scenario, play, read
from ussd_engine.stores.memory import MemoryStore

CUSTOMER = """
scenario: A customer
phones: {customer: 998901234567}
secrets: {pin: 13579}
actions:
  subscribers.role: [{result: customer, values: {language: ru, me.connected: true}}]
  invoices.owed: [{rows: [{id: i7, values: {number: 1007, merchant: M, amount: 5000000}}]}]
  invoices.owed_one:
    - {result: owed, values: {invoice.number: 1007, invoice.merchant: M, invoice.amount: 5000000}}
  cards.mine: [{rows: [{id: c1, values: {card: 1234}}]}]
  payments.pay: [{with: {invoice: i7, card: c1}, result: pending}]
steps:
"""


class Away:
    """A stage whose phones always show the same, and whose SMS are given."""

    def __init__(self, sms: Sequence[Sequence[str]]) -> None:
        self.looks = list(sms)

    async def inbox(self, msisdn: str) -> Sequence[str]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    async def dial(self, msisdn: str, code: str) -> object:
        raise AssertionError("only SMS are looked for on this stage")

    answer = dial

    def problems(self) -> Sequence[str]:
        return ()


def played(text: str) -> Failure | None:
    (scenario,) = read("it.yaml", text)
    return asyncio.run(on_fakes(scenario))


async def on_fakes(scenario: Scenario) -> Failure | None:
    service = shipped()
    fakes = Fakes(scenario.actions or {}, declared_actions(), service.http)
    engine = Engine(
        service, store=MemoryStore(), actions=fakes.actions(), key=b"k" * 16, clock=time.time, http=fakes
    )
    return await play(scenario, EngineStage(engine, service.service_code, watch=fakes.problems))


def failure(text: str) -> Failure:
    found = played(text)
    assert found is not None
    return found


def test_a_scenario_that_goes_as_written_has_no_failure() -> None:
    home = r"CLICK\n1.Счета\n2.Платежи\n3.Переводы\n4.Мои карты\n5.История\n6.Настройки\n7.Помощь"
    steps = f"  - {{dial: '*880#', shows: \"{home}\"}}\n"
    steps += '  - {answer: 1, contains: ["№1007", "50 000"]}\n'
    steps += '  - {answer: 1, contains: "CLICK-PIN:", closed: false}\n'
    steps += "  - {answer: {secret: pin}, contains: обрабатывается, closed: true}\n"

    assert played(CUSTOMER + steps) is None


def test_another_screen_is_told_line_by_line_with_its_octets() -> None:
    found = failure(CUSTOMER + "  - {dial: '*880#', shows: \"CLICK\\n1.Счета\\n2.Помощь\"}\n")

    assert (found.line, found.did) == (13, "customer dials *880#")
    assert "- expected (44 octets, open)" in found.why
    assert "+ shown (154 octets, open)" in found.why
    assert "    - 2.Помощь" in found.why
    assert "    + 2.Платежи" in found.why


def test_a_dialogue_that_should_be_over_and_is_not_fails() -> None:
    found = failure(CUSTOMER + "  - {dial: '*880#', contains: CLICK, closed: true}\n")

    assert "expected, closed, containing" in found.why


def test_after_the_end_nothing_can_be_answered() -> None:
    found = failure(CUSTOMER + "  - {dial: '*880#'}\n  - {answer: 7}\n  - {answer: 1}\n")

    assert (found.line, found.why) == (15, "the dialogue is over, nothing can be answered")


def test_a_dialogue_that_was_broken_off_is_over() -> None:
    steps = "  - {dial: '*880#'}\n  - {hangs_up: true}\n  - {dial: '*880#'}\n  - {times_out: true}\n"

    assert played(CUSTOMER + steps) is None
    assert failure(CUSTOMER + steps + "  - {answer: 1}\n").why.startswith("the dialogue is over")
    over = failure(CUSTOMER + steps + "  - {hangs_up: true}\n")
    assert (over.did, over.why) == ("customer hangs up", "the dialogue is over, nothing can be broken off")


def test_a_secret_can_be_dialled_by_its_name_and_is_told_by_it() -> None:
    found = failure(CUSTOMER + "  - {dial: '*880*{pin}#', shows: x}\n")

    assert found.did == "customer dials *880*{pin}#"
    assert "13579" not in str(found)


def test_an_action_given_something_else_fails() -> None:
    other = CUSTOMER.replace("card: c1}, result", "card: c2}, result")
    found = failure(other + "  - {dial: '*880*1#'}\n  - {answer: 1}\n  - {answer: {secret: pin}}\n")

    assert found.why == "'payments.pay' was given card=c1, expected c2"


def test_a_secret_is_told_by_its_name_only() -> None:
    steps = "  - {dial: '*880*1#'}\n  - {answer: 1}\n  - {answer: {secret: pin}, shows: nothing}\n"
    found = failure(CUSTOMER + steps)

    assert found.did == "customer answers <pin>"
    assert "13579" not in str(found)


def test_a_secret_that_nobody_defines_fails() -> None:
    steps = "  - {dial: '*880*1#'}\n  - {answer: 1}\n  - {answer: {secret: code}}\n"

    assert failure(CUSTOMER + steps).why == "no secret is named 'code'"


def test_an_action_without_a_result_fails() -> None:
    found = failure(CUSTOMER + "  - {dial: '*880#'}\n  - {answer: 5}\n")

    assert found.why == "'payments.history' was called, but `actions:` has no result for it"


def test_a_result_that_sets_what_the_action_does_not_fails() -> None:
    other = CUSTOMER.replace("me.connected: true", "me.rich: true")
    wrong = CUSTOMER.replace("me.connected: true", "me.connected: perhaps")

    assert failure(other + "  - {dial: '*880#'}\n").why == (
        "'subscribers.role' sets no 'me.rich' with this result"
    )
    assert failure(wrong + "  - {dial: '*880#'}\n").why == (
        "'subscribers.role' sets 'me.connected' to a flag, not to 'perhaps'"
    )


def test_an_action_that_does_not_exist_fails() -> None:
    other = CUSTOMER.replace("cards.mine", "cards.yours")

    assert failure(other + "  - {dial: '*880#'}\n").why == "no action is named 'cards.yours'"


def sms(steps: str, *looks: Sequence[str]) -> Failure | None:
    (scenario,) = read("it.yaml", f"scenario: S\nphones: {{shop: 998901112233}}\nsteps: [{steps}]\n")
    return asyncio.run(play(scenario, Away(looks)))  # type: ignore[arg-type]


def test_an_sms_counts_only_if_it_came_during_the_scenario_and_once() -> None:
    assert sms("{sms: new}", ["old"], ["old", "new"]) is None
    assert sms("{sms: old}", ["old"], ["old"]) is not None
    assert sms("{sms: new}, {sms: new}", [], ["new"], ["new"]) is not None
    assert sms("{sms: 'new {n}'}, {sms: 'for {n}'}", [], ["new 1", "for 1"]) is None


def test_that_no_sms_came_can_be_said() -> None:
    assert sms("{no_sms: true}", ["old"]) is None
    assert sms("{no_sms: true}", ["old"], ["old", "new"]) is not None


def test_a_missing_or_other_sms_is_told() -> None:
    none = sms("{sms: new}", [])
    other = sms("{sms: 'sum 1'}", [], ["sum 2"])

    assert none is not None
    assert "expected an SMS, none came" in none.why
    assert other is not None
    assert "    + sum 2" in other.why
