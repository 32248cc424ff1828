"""The handset in the terminal: every key, the mouse, and how it looks at three sizes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual import events
from textual.widgets import Static

from simulator.faults import OPERATORS, Fault
from simulator.model import Cause, Mode
from simulator.ui import keys
from simulator.ui.app import HandsetApp
from simulator.ui.sheets import Ask, FramesSheet, Sheet
from simulator.ui.widgets import PhoneView
from simulator.wires.wire import Call, Pushed
from tests.simulator.handset.kiosk import CUSTOMER, OTHER, PIN, SHOP, Kiosk, until
from tests.simulator.handset.screen import SIZES, handset, seen, settled, still, typed
from ussd_engine import Kind

sized = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


# --- how it looks -----------------------------------------------------------------------------------------


@sized
async def test_at_rest(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), size) as (app, pilot):
        await settled(app, pilot)

        assert still(seen(app)) == snapshot


@sized
async def test_in_a_dialogue_with_a_secret_half_typed(
    size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), size) as (app, pilot):
        await typed(app, pilot, "*880#")
        await typed(app, pilot, "2")
        await pilot.press(*"246")
        await settled(app, pilot)

        assert still(seen(app)) == snapshot


@sized
async def test_a_screen_that_a_phone_would_cut(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with handset(Kiosk(SHOP, CUSTOMER, screen_octets=100), size) as (app, pilot):
        app.network.wire.screen_octets = 100
        await typed(app, pilot, "*880#")
        app.network.wire.screen_octets = 80
        await typed(app, pilot, "3")

        assert still(seen(app)) == snapshot


async def test_what_a_phone_would_cut_is_red() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await typed(app, pilot, "*880#")
        app.network.wire.screen_octets = 40
        app.active.handset.shown("Рўйхат: Қўқон, Тошкент, Самарқанд", is_open=True)
        await settled(app, pilot)
        strips = app.screen._compositor.render_strips()
        cells = [
            segment.text
            for strip in strips
            for segment in strip
            if segment.style is not None and segment.style.bgcolor and segment.style.bgcolor.name == "#b00020"
        ]

    assert "".join(cells) == "нт,Самарқанд"


@sized
async def test_a_message_of_several_parts(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    kiosk = Kiosk(SHOP, CUSTOMER)
    async with handset(kiosk, size) as (app, pilot):
        await until(lambda: app.active._greeted)
        kiosk.text_to(SHOP, "CLICK: счет №1001 оплачен, 50 000 сум, MAGAZIN-24. Платеж №5000001. Раҳмат!")
        await app.active.look_for_sms()
        await settled(app, pilot)
        assert "✉ 1" in seen(app)
        await pilot.press("f2")
        await settled(app, pilot)

        assert still(seen(app)) == snapshot


async def test_help_names_every_key(snapshot: SnapshotAssertion) -> None:
    async with handset(Kiosk(), (100, 60)) as (app, pilot):
        await pilot.press("f1")
        await pilot.pause()
        shown = seen(app)
        assert shown == snapshot
        assert [key.help for key in keys.ALL if key.help not in shown] == []
        await pilot.press("escape")
        assert len(app.screen_stack) == 1


# --- the phone's keys -------------------------------------------------------------------------------------


async def test_letters_of_every_alphabet_are_typed_and_pasted() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await typed(app, pilot, "*880#")
        await typed(app, pilot, "1")
        await pilot.press("Қ", "ў", "қ", "о", "н", "space", "o", "ʻ")
        assert app.active.handset.typed == "Қўқон oʻ"
        app.post_message(events.Paste(" и Хива\n"))
        await pilot.pause()
        await typed(app, pilot, "")

        assert app.active.handset.text == "Noted: Қўқон o' и Хива"  # folded to what a phone has


async def test_backspace_clears_a_character_and_ctrl_u_the_line() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await pilot.press(*"*880", "backspace")
        assert app.active.handset.typed == "*88"
        await pilot.press("ctrl+u")
        assert app.active.handset.typed == ""


async def test_arrows_bring_back_the_calls_made() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await typed(app, pilot, "*880*4#")
        await pilot.press("up")
        assert app.active.handset.typed == "*880*4#"
        await pilot.press("down")
        assert app.active.handset.typed == ""


async def test_escape_hangs_up() -> None:
    kiosk = Kiosk()
    async with handset(kiosk) as (app, pilot):
        await typed(app, pilot, "*880#")
        await pilot.press("escape")
        await settled(app, pilot)

        assert app.active.handset.mode is Mode.IDLE
        assert kiosk.engine.turns[-1].kind is Kind.ABORT


async def test_a_line_feed_is_enter_too() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await pilot.press(*"*880*4#", "ctrl+j")
        await settled(app, pilot)

        assert app.active.handset.text == "Bye"


async def test_a_click_presses_the_keys_of_the_phone_under_it() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER)) as (app, pilot):
        views = list(app.query(PhoneView))
        for key in ("star", "8", "8", "0", "hash", "call"):
            await pilot.click(views[1].query_one(f".key-{key}"))
        await settled(app, pilot)
        assert app.active.handset.number == CUSTOMER
        assert app.active.handset.text.startswith("Kiosk")
        await pilot.click(views[1].query_one(".key-1"))
        await pilot.click(views[1].query_one(".key-clear"))
        assert app.active.handset.typed == ""
        await pilot.click(views[1].query_one(".key-end"))
        await settled(app, pilot)
        assert app.active.handset.mode is Mode.IDLE
        await pilot.click(views[0].query_one(".display"))
        assert app.active.handset.number == SHOP


async def test_f2_opens_and_leaves_the_messages_and_arrows_turn_them() -> None:
    kiosk = Kiosk()
    async with handset(kiosk) as (app, pilot):
        await until(lambda: app.active._greeted)
        kiosk.text_to(SHOP, "first")
        kiosk.text_to(SHOP, "second")
        await app.active.look_for_sms()
        await pilot.press("f2")
        assert (app.active.handset.reading, app.active.handset.unread) == (0, 1)
        await pilot.press("up")
        assert (app.active.handset.reading, app.active.handset.unread) == (1, 0)
        await pilot.press("f2")
        assert app.active.handset.reading is None


# --- phones -----------------------------------------------------------------------------------------------


def shown_phones(app_views: list[PhoneView]) -> list[str]:
    return [view.phone.handset.number for view in app_views if not view.has_class("hidden")]


async def test_tab_takes_the_next_phone_and_shift_tab_the_one_before() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER, OTHER)) as (app, pilot):
        taken = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            await pilot.press(key)
            taken.append(app.active.handset.number)

        assert taken == [CUSTOMER, OTHER, SHOP, OTHER]


async def test_two_phones_stand_side_by_side_from_100_columns_and_behind_tabs_below() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), (100, 30)) as (app, _):
        assert shown_phones(list(app.query(PhoneView))) == [SHOP, CUSTOMER]
    async with handset(Kiosk(SHOP, CUSTOMER), (99, 30)) as (app, pilot):
        assert shown_phones(list(app.query(PhoneView))) == [SHOP]
        await pilot.press("tab")
        assert shown_phones(list(app.query(PhoneView))) == [CUSTOMER]
        await pilot.click("#tabs", offset=(2, 0))
        await pilot.pause()
        assert shown_phones(list(app.query(PhoneView))) == [SHOP]


async def test_every_phone_stays_whole_and_every_key_on_the_screen_at_80x24() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), (80, 24)) as (app, pilot):
        await settled(app, pilot)
        view = app.query(PhoneView).first()
        for key in view.query(".key"):
            assert app.screen.region.contains_region(key.region)
            assert key.region.height == 1


async def test_a_terminal_that_grows_or_shrinks_has_the_layout_of_its_new_size() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), (80, 24)) as (app, pilot):
        await pilot.resize_terminal(100, 30)
        await settled(app, pilot)
        assert shown_phones(list(app.query(PhoneView))) == [SHOP, CUSTOMER]
        await pilot.resize_terminal(80, 24)
        await settled(app, pilot)
        assert shown_phones(list(app.query(PhoneView))) == [SHOP]


async def test_a_small_terminal_is_all_the_phones_so_that_a_full_screen_is_seen_whole() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER), (60, 20)) as (app, pilot):
        await typed(app, pilot, "*880#")
        view = app.query(PhoneView).first()

        assert view.region.width == 60
        assert view.query_one(".display").region.height >= 12
        assert not app.query_one("#panel").display
        await pilot.press("f4")
        await pilot.pause()
        assert "The side panel needs 70 columns" in seen(app)
        await pilot.resize_terminal(80, 24)
        await settled(app, pilot)
        assert app.query_one("#panel").display
        assert view.query_one(".keypad").display


async def test_ctrl_n_adds_a_phone_and_refuses_what_is_no_number() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert isinstance(app.screen, Ask)
        await pilot.press(*"+998977654321", "enter")
        await settled(app, pilot)
        assert app.active.handset.number == OTHER
        await typed(app, pilot, "*880*4#")
        assert app.active.handset.text == "Bye"
        await pilot.press("ctrl+n")
        await pilot.press(*"12", "enter")
        await settled(app, pilot)
        assert "the phone's number is not" in seen(app)
        await pilot.press("ctrl+n")
        await pilot.press("escape")
        assert len(app.network.phones) == 2


async def test_f4_puts_the_panel_away_and_brings_it_back() -> None:
    async with handset(Kiosk()) as (app, pilot):
        assert "Session" in seen(app)
        await pilot.press("f4")
        await settled(app, pilot)
        assert "Session" not in seen(app)
        await pilot.press("f4")
        await settled(app, pilot)
        assert "Session" in seen(app)


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "fault"),
    [("f5", Fault.LOST_REQUEST), ("f6", Fault.LOST_REPLY), ("f7", Fault.DUPLICATE), ("f8", Fault.DELAY)],
)
async def test_a_fault_is_one_key_and_strikes_the_next_turn(key: str, fault: Fault) -> None:
    kiosk = Kiosk()
    async with handset(kiosk) as (app, pilot):
        await pilot.press(key)
        await settled(app, pilot)
        assert app.active.carrier.armed is fault
        assert f"next turn ! {fault.value}" in " ".join(seen(app).split())
        await typed(app, pilot, "*880#")

        arrived = {Fault.LOST_REQUEST: 0, Fault.LOST_REPLY: 1, Fault.DUPLICATE: 2, Fault.DELAY: 1}
        assert len(kiosk.engine.turns) == arrived[fault]
        lost = fault in (Fault.LOST_REQUEST, Fault.LOST_REPLY)
        assert app.active.handset.mode is (Mode.LOST if lost else Mode.OPEN)
        assert app.active.carrier.armed is None


@pytest.mark.parametrize(
    ("key", "cause", "kind"), [("f9", Cause.NETWORK, Kind.ABORT), ("f10", Cause.TIMEOUT, Kind.TIMEOUT)]
)
async def test_the_network_ends_a_dialogue_by_one_key(key: str, cause: Cause, kind: Kind) -> None:
    kiosk = Kiosk()
    async with handset(kiosk) as (app, pilot):
        await pilot.press(key)
        await settled(app, pilot)
        assert "no dialogue is open on this phone" in seen(app)
        await typed(app, pilot, "*880#")
        await pilot.press(key)
        await settled(app, pilot)

        assert app.active.handset.cause is cause
        assert kiosk.engine.turns[-1].kind is kind
        assert cause.value in seen(app)


async def test_f12_cuts_the_gateway_off_and_lets_it_be_reached_again() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER)) as (app, pilot):
        await pilot.press("f12")
        await typed(app, pilot, "*880#")
        assert "the gateway is down" in seen(app)
        await pilot.press("f12")
        await typed(app, pilot, "")
        assert app.active.handset.mode is Mode.OPEN


async def test_ctrl_o_goes_through_the_operators() -> None:
    async with handset(Kiosk(SHOP, CUSTOMER)) as (app, pilot):
        for operator in (*OPERATORS[1:], OPERATORS[0]):
            await pilot.press("ctrl+o")
            assert {phone.carrier.operator for phone in app.network.phones} == {operator}


async def test_the_countdown_ends_a_dialogue() -> None:
    async with handset(Kiosk(session_s=0.4)) as (app, pilot):
        await typed(app, pilot, "*880#")
        async with asyncio.timeout(20):
            while "timed out" not in seen(app):
                await asyncio.sleep(0.1)
                await settled(app, pilot)


# --- what comes by itself ---------------------------------------------------------------------------------


async def test_a_pushed_screen_pops_up_on_its_phone() -> None:
    kiosk = Kiosk(SHOP, CUSTOMER)
    async with handset(kiosk) as (app, pilot):
        push = Pushed(Call(CUSTOMER, ""), "№1001\n1.Pay\n2.Decline", waits=True, taken=lambda _: None)
        kiosk.told.takers[CUSTOMER](push)
        await settled(app, pilot)

        assert "⚑ from the network" in seen(app)
        assert "2.Decline" in seen(app)


# --- looking closer and keeping ---------------------------------------------------------------------------


async def test_f3_shows_the_frames_and_a_secret_only_when_it_is_asked_for() -> None:
    async with handset(Kiosk(), (100, 40)) as (app, pilot):
        await typed(app, pilot, "*880#")
        await typed(app, pilot, "2")
        await typed(app, pilot, PIN)
        await pilot.press("f3")
        await pilot.pause()
        assert isinstance(app.screen, FramesSheet)
        assert "turn begin" in seen(app)
        assert PIN not in seen(app)
        await pilot.press("s")
        await pilot.pause()
        assert PIN in seen(app)
        await pilot.press("f3")
        assert not isinstance(app.screen, Sheet)


def noted(app: HandsetApp) -> str:
    """What was said last, whether or not it is still shown: a busy machine is slower than a note is short."""
    return str(app.screen_stack[0].query_one("#note", Static).content)


def contents(folder: Path) -> dict[str, str]:
    """Files by their suffix."""
    return {path.suffix: path.read_text(encoding="utf-8") for path in folder.iterdir()}


async def test_what_was_done_is_saved_as_scenario_text_and_picture_without_the_pin(tmp_path: Path) -> None:
    async with handset(Kiosk(), folder=tmp_path) as (app, pilot):
        await pilot.press("ctrl+r")
        await settled(app, pilot)
        assert noted(app).startswith("nothing was recorded yet")
        await typed(app, pilot, "*880#")
        await typed(app, pilot, "2")
        await typed(app, pilot, PIN)
        for key in ("ctrl+r", "ctrl+t", "ctrl+s"):
            await pilot.press(key)
            await settled(app, pilot)
            assert noted(app).startswith("saved ")

    saved = contents(tmp_path)
    assert set(saved) == {".yaml", ".txt", ".svg"}
    assert not any(PIN in text for text in saved.values())
    assert "secret: pin" in saved[".yaml"]
    assert "> <pin>" in saved[".txt"]
    assert saved[".svg"].startswith("<svg")
    assert "http" not in saved[".svg"].replace("http://www.w3.org/", "")
    assert len(saved[".svg"]) < 60_000


async def test_a_folder_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    async with handset(Kiosk(), folder=tmp_path / "none") as (app, pilot):
        await pilot.press("ctrl+t")
        await settled(app, pilot)

        assert "No such file or directory" in seen(app)


async def test_what_was_saved_replays_step_by_step_back_and_to_the_end(tmp_path: Path) -> None:
    async with handset(Kiosk(), folder=tmp_path) as (app, pilot):
        await typed(app, pilot, "*880#")
        await typed(app, pilot, "1")
        await typed(app, pilot, "tea")
        await pilot.press("ctrl+r")
        await pilot.press("escape")
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert isinstance(app.screen, Ask)
        await pilot.press("enter")
        await settled(app, pilot)
        assert "Replay 0/3" in seen(app)
        await pilot.press("right")
        await until(lambda: app._replay is not None and app._replay.position == 1)
        await pilot.press("right")
        await until(lambda: app._replay is not None and app._replay.position == 2)
        await settled(app, pilot)
        assert "Note:" in seen(app)
        await pilot.press("left")
        await settled(app, pilot)
        assert "Replay 1/3" in seen(app)
        assert "◂ shop dials *880#" in seen(app)
        await pilot.press("ctrl+g")
        await until(lambda: app._replay is not None and app._replay.done)
        await settled(app, pilot)
        assert "as expected" in seen(app)
        assert "Noted: tea" in seen(app)
        await pilot.press("ctrl+e")
        await settled(app, pilot)
        assert "Replay 3/3" not in seen(app)


async def test_a_file_that_can_t_be_replayed_is_told(tmp_path: Path) -> None:
    async with handset(Kiosk()) as (app, pilot):
        app.replay_file(tmp_path / "none.yaml")
        await settled(app, pilot)

        assert "No such file" in seen(app)


async def test_ctrl_q_leaves() -> None:
    async with handset(Kiosk()) as (app, pilot):
        await pilot.press("ctrl+q")
        await pilot.pause()

        assert not app.is_running
