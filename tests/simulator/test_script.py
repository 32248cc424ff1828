"""Recording and replaying: what is written plays as it was, and holds no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.handset.rehearsal import DEMO_SECRETS, Rehearsal
from app.planning import declared_actions
from simulator import script_file
from simulator.script import MOMENTS_MAX, Recorder, is_card, looks_secret, transcript
from simulator.script_replay import NoSecret, Stepper, Verdict
from tests.journal.dialogues import shipped
from tests.served import CUSTOMER, MERCHANT, PIN, STRANGER
from ussd_engine import Reply
from ussd_engine.core.service import Question
from ussd_engine.record import decode
from ussd_engine.scenarios import EngineStage, Leaving, Scenario, play, read
from ussd_engine.scenarios.play import GATEWAY

CARD = "8600000000075678"
NAMES = {MERCHANT: "shop", CUSTOMER: "customer", STRANGER: "stranger"}
CODES = (
    "*880#", "*880#", "*880**0*901234567*50000#", "*880**0*977654321*1000#", "*880**3*901234567#", "*880*1#",
    "*880*2#", "*880*3*901112233*5000#", f"*880*0*{CARD}*1299#", "*880**0*1*2*3#", "*880*0100001*77-15*7000#",
    "*111#",
)  # fmt: skip
TYPED = (
    "1",
    "1",
    "1",
    "2",
    "3",
    "0",
    "00",
    "5",
    "6",
    "901234567",
    "5000",
    PIN,
    "54321",
    "1299",
    CARD,
    "",
    "{}",
    "98",
)

Walk = list[tuple[str, str]]
WALKS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(list(NAMES)), st.sampled_from(CODES)),
        *[st.tuples(st.just(""), st.sampled_from(TYPED))] * 4,
        st.sampled_from([("", "hang up"), ("", "time out"), ("", "look for SMS")]),
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal(shipped(), declared_actions()) as made:
        yield made


class Walker:
    """Walks over the shipped menus and has a recorder look on."""

    def __init__(self, stage: EngineStage) -> None:
        self.stage = stage
        self.recorder = Recorder(NAMES, DEMO_SECRETS)
        self.open: dict[str, bool] = {}
        self.read: dict[str, int] = {}

    async def go(self, walk: Walk) -> None:
        phone = MERCHANT
        for who, what in walk:
            phone = who or phone
            await self.do(phone, what)
        for phone in NAMES:
            await self.look(phone)

    async def do(self, phone: str, what: str) -> None:
        if what.endswith("#"):
            reply = await self.stage.dial(phone, what)
            self.recorder.dialled(phone, what, reply)
        elif what == "look for SMS":
            await self.look(phone)
            return
        elif not self.open.get(phone):
            return
        elif what in ("hang up", "time out"):
            hangs_up = what == "hang up"
            await self.stage.leave(phone, Leaving.HANGS_UP if hangs_up else Leaving.TIMES_OUT)
            (self.recorder.hung_up if hangs_up else self.recorder.timed_out)(phone)
            self.open[phone] = False
            return
        else:
            secret = await self.asks_secret(phone)
            reply = await self.stage.answer(phone, what)
            self.recorder.answered(phone, what, reply, secret=secret)
        self.open[phone] = reply.open

    async def look(self, phone: str) -> None:
        found = await self.stage.inbox(phone)
        for text in found[self.read.get(phone, 0) :]:
            self.recorder.got_sms(phone, text)
        self.read[phone] = len(found)

    async def asks_secret(self, phone: str) -> bool:
        """As the demo tells it."""
        loaded = await self.stage.engine._store.load(f"{{{GATEWAY}:{phone}}}")
        assert loaded is not None
        record = decode(loaded[1])
        assert record is not None
        service = self.stage.engine.service
        state = service.states[service.names[record.session.state]]
        return isinstance(state, Question) and state.type.secret


async def recorded(rehearsal: Rehearsal, walk: Walk) -> Walker:
    async with rehearsal.stage(read("none.yaml", "scenario: none\nsteps: [{dial: 1}]")[0]) as stage:
        walker = Walker(stage)
        await walker.go(walk)
    return walker


@given(walk=WALKS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_walk_over_the_menus_plays_as_it_was_recorded(rehearsal: Rehearsal, walk: Walk) -> None:
    async def both() -> None:
        walker = await recorded(rehearsal, walk)
        if not walker.recorder.moments:
            return
        text = script_file.scenario(walker.recorder, "A walk")
        (scenario,) = read("walk.yaml", text)
        async with rehearsal.stage(scenario) as stage:
            assert await play(scenario, stage, values(walker.recorder)) is None, text
        assert PIN not in text
        assert CARD not in text

    asyncio.run(both())


def values(recorder: Recorder) -> dict[str, str]:
    """The values of the secrets by the names that the recorder gave them."""
    found = {recorder._secrets.get(recorder._digest(value)): value for value in (CARD, *TYPED)}
    return {name: value for name, value in found.items() if name is not None}


WALK: Walk = [
    (MERCHANT, "*880**0*901234567*50000#"),
    (CUSTOMER, "look for SMS"),
    (CUSTOMER, "*880#"),
    ("", "hang up"),
    ("", "*880#"),
    ("", "1"),
    ("", "1"),
    ("", PIN),
]


@pytest.fixture(scope="module")
def paid(rehearsal: Rehearsal) -> Walker:
    return asyncio.run(recorded(rehearsal, WALK))


def test_numbers_are_placeholders_and_the_pin_has_its_name(paid: Walker) -> None:
    text = script_file.scenario(paid.recorder, "The customer pays")

    assert "Счет №{number1}\\n{customer}\\n50 000 сум" in text
    assert "- answer:\n    secret: pin\n  ends:" in text
    assert "hangs_up: true" in text
    assert "CLICK: счет №{number1} от MAGAZIN-24, 50 000 сум" in text
    assert text.startswith(
        "# Recorded on the handset. `ussd test FILE` plays it.\nscenario: The customer pays\n"
    )


def test_a_transcript_shows_what_was_typed_and_shown_but_no_secret(paid: Walker) -> None:
    told = transcript(paid.recorder.moments, paid.recorder.names)

    assert "shop > *880**0*901234567*50000#\nshop < Счет №" in told
    assert "customer > <pin>\ncustomer < Оплачено: 50 000 сум\n" in told
    assert "customer (hangs up)\n\ncustomer > *880#" in told
    assert PIN not in told


# --- what is a secret ---------------------------------------------------------------------------------------

OPEN, ENDED = Reply("Amount", open=True), Reply("Done", open=False)


def test_without_the_menus_word_digits_after_a_pin_question_are_a_secret() -> None:
    recorder = Recorder()
    recorder.dialled("998901", "*1#", Reply("Баланс\nCLICK-PIN:", open=True))
    recorder.answered("998901", "1", Reply("Неверный PIN", open=True))
    recorder.answered("998901", "97531", OPEN)
    recorder.answered("998901", "97531", ENDED)

    text = script_file.scenario(recorder, "x")

    assert [moment.secret for moment in recorder.moments] == [None, None, "secret", "secret"]
    assert "97531" not in text + transcript(recorder.moments) + repr(vars(recorder))
    assert "set SCENARIO_SECRET first" in text


def test_a_card_number_is_a_secret_wherever_it_is_typed_or_dialled() -> None:
    recorder = Recorder()
    recorder.dialled("998901", f"*880*0*{CARD}*1299#", OPEN)
    recorder.answered("998901", CARD, ENDED, secret=None)
    recorder.dialled("998901", "*880*9860000000044322*1#", ENDED)

    assert recorder.moments[0].text == "*880*0*{secret}*1299#"
    assert recorder.moments[1].secret == "secret"
    assert recorder.moments[2].text == "*880*9860000000044322*1#", "no card: its check digit is wrong"


def test_a_code_in_an_sms_is_what_is_typed_later() -> None:
    recorder = Recorder()
    recorder.got_sms("998901", "Код для входа: 483920. Никому не говорите")
    recorder.dialled("998901", "*1#", OPEN)
    recorder.answered("998901", "483920", ENDED)

    text = script_file.scenario(recorder, "x")

    assert "483920" not in text
    assert "sms: 'Код для входа: {code1}. Никому не говорите'" in text
    assert "answer: '{code1}'" in text


@pytest.mark.parametrize(
    ("screen", "typed", "is_secret"),
    [
        ("CLICK-PIN:", "24680", True),
        ("CLICK-PIN:\n00.Назад", "00", False),
        ("Parolni kiriting", "1234", True),
        ("Сумма", "50000", False),
        ("Сумма", CARD, True),
        ("Сумма", "8600 0000 0007 5678", True),
    ],
)
def test_a_guess_takes_pins_and_cards_for_secrets_and_keys_not(
    screen: str, typed: str, is_secret: bool
) -> None:
    assert looks_secret(screen, typed) is is_secret


@given(st.from_regex(r"[0-9]{12,18}", fullmatch=True))
def test_of_ten_last_digits_one_makes_a_card(digits: str) -> None:
    assert sum(is_card(f"{digits}{last}") for last in range(10)) == 1


# --- what a recording holds ---------------------------------------------------------------------------------


def test_a_dialogue_that_began_before_the_recording_is_not_in_it() -> None:
    recorder = Recorder()
    recorder.answered("998901", "1", OPEN)
    recorder.hung_up("998901")

    assert recorder.moments == []
    with pytest.raises(script_file.NothingRecorded):
        script_file.scenario(recorder, "x")


def test_a_turn_that_got_no_answer_is_played_and_nothing_is_expected_of_it() -> None:
    recorder = Recorder()
    recorder.dialled("998901", "*1#", OPEN)
    recorder.answered("998901", "1", None)
    recorder.hung_up("998901")

    assert script_file.scenario(recorder, "x").endswith("- answer: '1'\n")


def test_a_full_recorder_keeps_what_it_has_and_says_so() -> None:
    recorder = Recorder()
    for _ in range(MOMENTS_MAX + 1):
        recorder.dialled("998901", "*1#", OPEN)

    assert len(recorder.moments) == MOMENTS_MAX
    assert "The recording was full" in script_file.scenario(recorder, "x")
    recorder.clear()
    assert (recorder.moments, recorder.full) == ([], False)


def test_names_that_a_scenario_cannot_have_are_made_to_fit() -> None:
    recorder = Recorder({"998901": "Merchant 1", "998902": "Мария", "998903": "merchant-1"})
    for phone in recorder.names.copy():
        recorder.dialled(phone, "*1#", ENDED)

    (scenario,) = read("x.yaml", script_file.scenario(recorder, "x"))

    assert scenario.phones == {"merchant_1": "998901", "phone_2": "998902", "phone_3": "998903"}


# --- replay -------------------------------------------------------------------------------------------------


def replayed(scenario: Scenario, replies: list[Reply]) -> Stepper:
    stepper = Stepper(scenario, {"pin": PIN})
    for reply in replies:
        assert stepper.turn() is not None
        stepper.shown(reply)
    return stepper


STEPS = """
scenario: x
phones: {shop: 998901112233}
steps:
  - {dial: "*880#", shows: "Number {n}"}
  - {answer: 1, shows: "Again {n}"}
  - {answer: {secret: pin}, ends: "Thanks {n}"}
"""


def test_a_replay_fills_what_it_has_seen_into_what_it_expects() -> None:
    (scenario,) = read("x.yaml", STEPS)
    stepper = replayed(scenario, [Reply("Number 7", open=True)])

    assert stepper[1].expected == "Again 7"
    assert stepper.frame is not None
    assert (stepper.frame.did, stepper.frame.verdict) == ("shop dials *880#", Verdict.AS_EXPECTED)


def test_another_screen_is_told_and_the_replay_goes_on() -> None:
    (scenario,) = read("x.yaml", STEPS)
    stepper = replayed(scenario, [Reply("Number 7", open=True), Reply("Again 8", open=True)])

    assert stepper.failed is stepper.frame
    assert stepper.frame is not None
    assert "- Again 7" in stepper.frame.why
    assert "+ Again 8" in stepper.frame.why
    turn = stepper.turn()
    assert turn is not None
    assert (turn.answer, turn.secret, PIN in repr(turn)) == (PIN, True, False)


def test_going_back_looks_and_plays_nothing() -> None:
    (scenario,) = read("x.yaml", STEPS)
    stepper = replayed(scenario, [Reply("Number 7", open=True), Reply("Again 7", open=True)])

    first = stepper.back()
    assert first is not None
    assert first.live == Reply("Number 7", open=True)
    assert stepper.back() is None
    assert [stepper.forward() is not None for _ in range(4)] == [True, True, True, False]
    assert stepper.frame is not None
    assert (stepper.frame.did, stepper.frame.verdict) == ("shop answers <pin>", Verdict.NOT_PLAYED)
    assert stepper.played == 2


def test_a_secret_without_a_value_is_named() -> None:
    (scenario,) = read("x.yaml", STEPS)
    stepper = Stepper(scenario)
    stepper.shown(Reply("Number 7", open=True))
    stepper.shown(Reply("Again 7", open=True))

    with pytest.raises(NoSecret, match="SCENARIO_PIN"):
        stepper.turn()


def test_a_recorded_walk_steps_through_as_expected(paid: Walker, rehearsal: Rehearsal) -> None:
    (scenario,) = read("x.yaml", script_file.scenario(paid.recorder, "x"))

    async def through() -> Stepper:
        stepper, inboxes = Stepper(scenario, DEMO_SECRETS), dict.fromkeys(NAMES, 0)
        async with rehearsal.stage(scenario) as stage:
            while (turn := stepper.turn()) is not None:
                if turn.dial is not None:
                    stepper.shown(await stage.dial(turn.number, turn.dial))
                elif turn.answer is not None:
                    stepper.shown(await stage.answer(turn.number, turn.answer))
                elif turn.leaves is not None:
                    await stage.leave(turn.number, turn.leaves)
                    stepper.left()
                else:
                    fresh = list(await stage.inbox(turn.number))[inboxes[turn.number] :]
                    before = len(fresh)
                    stepper.messages(fresh)
                    inboxes[turn.number] += before - len(fresh)
        return stepper

    stepper = asyncio.run(through())

    assert stepper.failed is None
    assert stepper.played == len(stepper) == len(paid.recorder.moments)
