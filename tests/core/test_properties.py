"""What holds of every menu, whatever is typed. `Phone` checks each step: see tests/core/kiosk.py."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.kiosk import MERCHANT, NOON, Bill, Payment, Phone, Shop, receipts
from tests.core.menus import INPUTS, MadeUp, made_up
from ussd_engine.core.events import Aborted, Begin, TimedOut
from ussd_engine.core.session import Session, state_id
from ussd_engine.core.step import begin

inputs = st.lists(st.sampled_from(INPUTS) | st.text(max_size=20), max_size=12)
fields = st.lists(st.sampled_from(INPUTS), max_size=5)
octets = st.sampled_from([160, 112])


@given(made_up(), inputs, fields, octets, st.sampled_from([MERCHANT, "998901112244"]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_inputs_to_any_menu_give_one_screen_each_that_fits(
    menu: MadeUp, typed: list[str], dialled: list[str], room: int, msisdn: str
) -> None:
    phone = Phone(service=menu.service, actions=menu.actions, octets=room, msisdn=msisdn)
    phone.session = begin(menu.service, msisdn)
    phone.take(Begin(NOON, tuple(dialled)))
    for text in typed:
        if not phone.open:
            break
        phone.type(text)
        assert len(phone.session.history) == len(set(phone.session.history))


class Caller(RuleBasedStateMachine):
    """Somebody plays with the kiosk while its data change."""

    @initialize(
        language=st.sampled_from(["en", "ru"]),
        room=octets,
        count=st.integers(0, 12),
        connected=st.booleans(),
        duplicate=st.sampled_from([None, 1001]),
    )
    def dial(self, language: str, room: int, count: int, connected: bool, duplicate: int | None) -> None:
        self.shop = Shop(
            connected=connected,
            duplicate_of=duplicate,
            receipts=receipts(count),
            bills=[Bill(f"b{n}", n * 1_000_00, "1.Pay\n2.Exit") for n in range(1, count % 4 + 1)],
            payments=[Payment(f"p{n}", n * 1_000_00, "paid") for n in range(count % 4)],
        )
        self.phone = Phone(self.shop, language=language, octets=room)
        self.phone.dial()

    def is_open(self) -> bool:
        return self.phone.open

    @precondition(is_open)
    @rule(text=st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8"]))
    def choose(self, text: str) -> None:
        self.phone.type(text)

    @precondition(is_open)
    @rule(text=st.sampled_from(["0", "00", "98", "99"]))
    def navigate(self, text: str) -> None:
        self.phone.type(text)

    @precondition(is_open)
    @rule(text=st.sampled_from(["901234567", "711234567", "50000", "04680", "12345678", "ru", "en"]))
    def answer(self, text: str) -> None:
        self.phone.type(text)

    @precondition(is_open)
    @rule(text=st.sampled_from(INPUTS) | st.text(max_size=200))
    def blunder(self, text: str) -> None:
        before = self.phone.session.wrong
        self.phone.type(text)
        assert self.phone.session.wrong <= before + 1

    @rule(code=st.sampled_from(["*880#", "*880*2*1#", "*880**0*901234567*50000#", "*880**3*901234567#"]))
    def dial_again(self, code: str) -> None:
        self.phone.dial(code=code)

    @rule(code=st.lists(st.sampled_from(INPUTS), max_size=6))
    def dial_anything(self, code: list[str]) -> None:
        self.phone.session = begin(self.phone.service, MERCHANT)
        self.phone.take(Begin(NOON, tuple(code)))

    @precondition(is_open)
    @rule(event=st.sampled_from([Aborted(NOON), TimedOut(NOON)]))
    def hang_up(self, event: Aborted | TimedOut) -> None:
        taken = self.phone.step(event)
        assert taken.effects == ()
        self.phone.session = taken.session

    @rule()
    def another_invoice_arrives(self) -> None:
        self.shop.receipts.insert(0, receipts(len(self.shop.receipts) + 20)[-1])

    @rule()
    def an_invoice_goes(self) -> None:
        if self.shop.receipts:
            self.shop.receipts.pop()

    @invariant()
    def every_dialogue_can_still_be_left(self) -> None:
        """Three blunders in a row end any dialogue."""
        kept, blunders = self.phone.session.copy(), 0
        while self.phone.open:
            self.phone.type("\x00")
            blunders += 1
            assert blunders <= 3
        self.phone.session = kept

    @invariant()
    def no_pin_is_kept(self) -> None:
        assert "04680" not in repr(self.phone.session)

    @invariant()
    def each_place_on_the_way_back_is_there_once(self) -> None:
        history = self.phone.session.history
        assert len(history) == len(set(history))
        assert self.phone.session.state not in history or not self.phone.open


Caller.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCaller = Caller.TestCase


@given(st.sampled_from(["ended", "open"]), st.integers(0, 5))
def test_a_copy_of_a_session_shares_nothing_that_a_step_changes(kind: str, count: int) -> None:
    session = Session(
        state=state_id("kiosk.home"),
        msisdn=MERCHANT,
        language="en",
        variables={f"v{n}": n for n in range(count)},
        history=list(range(count)),
        cursors=[None] * count,
        prefill={"client": "901234567"},
        ended=kind == "ended",
    )
    copy = session.copy()
    assert copy == session

    copy.variables["x"] = 1
    copy.history.append(1)
    copy.cursors.append(None)
    copy.prefill["x"] = "1"

    assert len(session.variables) == len(session.history) == len(session.cursors) == count
    assert session.prefill == {"client": "901234567"}


def test_the_shared_screens_of_a_service_do_not_mix_languages_or_sizes() -> None:
    shown = {
        (language, room): Phone(language=language, octets=room).dial()
        for language in ("en", "ru")
        for room in (160, 112)
        for _ in range(2)
    }

    assert len(set(shown.values())) == 3  # English fits both sizes
