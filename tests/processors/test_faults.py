"""A switch that answers late, twice, wrongly or never, or dies: what the ISO 8583 host makes of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from invoicing import Approved, Credit, CreditKind, Declined, NotReversed, Reversed, StorageBusy, Unknown
from invoicing.processors.iso8583 import Stray, StrayAnswer, link
from tests.peers.control import SwitchProcess
from tests.processors.conftest import MakeTill, Till, until
from tests.processors.orders import FIFTY, purchase, reversal

APPROVED = Approved("000001", "000000000001", FIFTY, "000001")
BALANCE = 60_000_00
PAN = "8600490000061234"


@pytest.fixture
def token(switch: SwitchProcess) -> str:
    return switch.card("tok-1", BALANCE)


def kinds(till: Till) -> list[tuple[Stray, str]]:
    return [(stray.kind, stray.mti) for stray in till.strays]


# --- answers that do not come as they should -----------------------------------------------------------


def test_no_answer_in_time_is_unknown_and_the_late_one_is_reported_with_what_it_says(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    switch.fault("late", seconds=0.8)

    assert till.host.purchase(purchase(token)) == Unknown()
    until(lambda: bool(till.strays))
    late = till.strays[0]
    assert (late.kind, late.mti, late.stan, late.rrn) == (Stray.LATE, "0210", "000001", "000000000001")
    assert late.outcome == APPROVED


def test_a_late_answer_that_cannot_be_kept_now_is_reported_again(
    switch: SwitchProcess, till: Till, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_REPORT_AGAIN_S", 0.01)
    heard: list[StrayAnswer] = []

    def hear(stray: StrayAnswer) -> None:
        if len(till.strays) < 4:
            raise StorageBusy("the database is away")
        heard.append(stray)

    till.hear = hear
    switch.fault("late", seconds=0.8)
    till.host.purchase(purchase(token))
    until(lambda: bool(heard))

    assert [stray.outcome for stray in heard] == [APPROVED]


def test_a_line_that_drops_makes_what_is_in_flight_unknown_at_once(
    switch: SwitchProcess, make_till: MakeTill, token: str
) -> None:
    host = make_till(answer_s=20).open()
    switch.fault("drop")
    began = time.monotonic()

    assert host.purchase(purchase(token)) == Unknown()
    assert time.monotonic() - began < 2
    until(host.available)
    assert host.reverse(reversal(token)) == Reversed(original_known=True)
    assert switch.balance(token) == BALANCE


def test_all_in_flight_become_unknown_when_the_line_drops(
    switch: SwitchProcess, make_till: MakeTill, token: str
) -> None:
    host = make_till(answer_s=20).open()
    switch.fault("hold", times=7)
    switch.fault("drop")
    asked = [purchase(token, 1_00, number) for number in range(1, 9)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(host.purchase, asked))

    assert answers == [Unknown()] * 8


def test_the_second_of_two_equal_answers_changes_nothing_and_is_reported(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    switch.fault("twice")

    assert till.host.purchase(purchase(token)) == APPROVED
    until(lambda: bool(till.strays))
    assert kinds(till) == [(Stray.DUPLICATE, "0210")]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"4": "000004999999"}, Approved("000001", "000000000001", 49_999_99, "000001")),  # S22
        ({"11": "000077"}, Approved("000077", "000000000001", FIFTY, "000001")),
        ({"37": "000000000077"}, Approved("000001", "000000000077", FIFTY, "000001")),
    ],
)
def test_an_approval_of_something_else_is_told_as_it_is_and_reported(
    switch: SwitchProcess, till: Till, token: str, fields: dict[str, str], told: Approved
) -> None:
    switch.fault("other", fields=fields)

    assert till.host.purchase(purchase(token)) == told
    assert kinds(till) == [(Stray.MISMATCH, "0210")]


@pytest.mark.parametrize(
    "fields",
    [
        {"41": "OTHER001"},
        {"49": "840"},
        {"3": "200000"},
        {"39": "51", "4": "000000000001"},  # whose refusal is this?
        {"39": "05", "11": "000077"},
    ],
)
def test_an_answer_that_cannot_be_about_the_attempt_decides_nothing(
    switch: SwitchProcess, till: Till, token: str, fields: dict[str, str]
) -> None:
    switch.fault("other", fields=fields)

    assert till.host.purchase(purchase(token)) == Unknown()
    assert kinds(till) == [(Stray.MISMATCH, "0210")]


def test_an_approval_that_gave_the_money_to_another_card_decides_nothing(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    credit = Credit(CreditKind.CARD, switch.card("tok-theirs", 0))
    switch.fault("other", fields={"103": "tok-somebodys"})

    assert till.host.purchase(purchase(token, credit=credit)) == Unknown()
    assert kinds(till) == [(Stray.MISMATCH, "0210")]


def test_an_answer_to_nothing_is_reported_as_strange(switch: SwitchProcess, till: Till, token: str) -> None:
    switch.fault("other", fields={"11": "000077", "37": "000000000077"})

    assert till.host.purchase(purchase(token)) == Unknown()
    assert kinds(till) == [(Stray.STRANGE, "0210")]


def test_octets_that_are_no_message_leave_the_attempt_unknown_and_the_line_up(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    switch.fault("garbage")

    assert till.host.purchase(purchase(token)) == Unknown()
    assert kinds(till) == [(Stray.UNREADABLE, "")]
    assert till.host.purchase(purchase(token, number=2)) == Declined("51")


def test_an_answer_without_a_response_code_is_unknown(switch: SwitchProcess, till: Till, token: str) -> None:
    switch.fault("bare")

    assert till.host.purchase(purchase(token)) == Unknown()


@pytest.mark.parametrize("code", ["68", "94", "09", "10"])
def test_a_code_that_decides_nothing_is_unknown(
    switch: SwitchProcess, till: Till, token: str, code: str
) -> None:
    switch.fault("code", code=code)

    assert till.host.purchase(purchase(token)) == Unknown()


@pytest.mark.parametrize("code", ["05", "13", "14", "41", "51", "54", "55", "61", "75", "91", "92", "96"])
def test_any_other_code_than_00_refuses(switch: SwitchProcess, till: Till, token: str, code: str) -> None:
    switch.fault("code", code=code)

    assert till.host.purchase(purchase(token)) == Declined(code)


def test_a_stan_used_twice_is_never_tried_under_another(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    first = purchase(token, 1_00)
    till.host.purchase(first)
    other = type(first)(token, 2_00, first.stan, "000000000002", first.terminal, first.sent_at)

    assert till.host.purchase(other) == Unknown(), "the switch said 94: it has something under this STAN"
    assert [(one["stan"], one["rrn"]) for one in switch.history("got", "0200")] == [
        ("000001", "000000000001"),
        ("000001", "000000000002"),
    ]


@pytest.mark.parametrize(
    ("fault", "left", "known"), [("die", BALANCE, False), ("die_after", 10_000_00, True)]
)
def test_a_switch_that_dies_leaves_the_attempt_unknown_and_its_next_life_reverses_it(
    switch: SwitchProcess, make_till: MakeTill, token: str, fault: str, left: int, known: bool
) -> None:
    host = make_till(answer_s=20).open()
    switch.fault(fault)

    assert host.purchase(purchase(token)) == Unknown()
    assert switch.wait() == 9
    assert not host.available()
    switch.start()
    assert switch.balance(token) == left
    until(host.available)
    assert host.reverse(reversal(token)) == Reversed(original_known=known)
    assert switch.balance(token) == BALANCE


# --- reversals -----------------------------------------------------------------------------------------


def test_a_reversal_repeats_what_was_stored_of_the_original(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    till.host.reverse(reversal(token, number=123))
    till.host.reverse(reversal(token, number=123, repeat=True))

    got = switch.history("got", "0420", "0421")
    assert [(one["mti"], one["stan"], one["rrn"]) for one in got] == [
        ("0420", "000123", "000000000123"),
        ("0421", "000123", "000000000123"),
    ]
    assert {one["original"] for one in got} == {"0200" + "000123" + "1124022005" + "00000009901" + "0" * 11}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("00", Reversed(original_known=True)),
        ("94", Reversed(original_known=True)),
        ("25", Reversed(original_known=False)),
        ("21", Reversed(original_known=False)),
        ("12", NotReversed()),
        ("68", NotReversed()),
        ("96", NotReversed()),
    ],
)
def test_a_reversal_is_closed_by_an_acknowledgement_or_by_an_unknown_original_only(
    switch: SwitchProcess, till: Till, token: str, code: str, verdict: Reversed | NotReversed
) -> None:
    switch.fault("code", on="0420", code=code)

    assert till.host.reverse(reversal(token)) == verdict


@pytest.mark.parametrize("fields", [{"11": "000077"}, {"37": "000000000077"}, {"4": "000000000001"}])
def test_an_acknowledgement_of_something_else_closes_nothing(
    switch: SwitchProcess, till: Till, token: str, fields: dict[str, str]
) -> None:
    till.host.purchase(purchase(token))
    switch.fault("other", on="0420", fields=fields)

    assert till.host.reverse(reversal(token)) == NotReversed()
    assert kinds(till) == [(Stray.MISMATCH, "0430")]


def test_an_acknowledgement_that_comes_late_is_reported_and_the_repeat_gets_its_own(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    till.host.purchase(purchase(token))
    switch.fault("hold", on="0420")

    assert till.host.reverse(reversal(token)) == NotReversed()
    switch.order("release")
    until(lambda: bool(till.strays))
    assert kinds(till) == [(Stray.LATE, "0430")]
    assert till.host.reverse(reversal(token, repeat=True)) == Reversed(original_known=True)
    assert switch.balance(token) == BALANCE
