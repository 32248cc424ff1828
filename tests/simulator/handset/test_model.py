"""The phone itself: keys, the line, history, messages. No network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.model import (
    TYPED_MAX,
    Again,
    Answer,
    Cause,
    Dial,
    Handset,
    Message,
    Mode,
)

FIRST, SECOND = Message("2026-11-24T08:00", "CLICK", "one"), Message("2026-11-24T08:01", "CLICK", "two")


def dialled(code: str = "*880#") -> Handset:
    phone = Handset("998901234567")
    phone.press(code)
    assert phone.call() == Dial(code)
    return phone


def test_a_code_is_typed_key_by_key_and_dialled() -> None:
    phone = Handset("998901234567")
    for key in "*880#":
        phone.press(key)

    assert phone.typed == "*880#"
    assert phone.call() == Dial("*880#")
    assert (phone.mode, phone.typed) == (Mode.WAITING, "")


def test_what_is_no_ussd_code_is_not_dialled() -> None:
    phone = Handset("998901234567")
    phone.press("880")

    assert phone.call() is None
    assert phone.notice == "A USSD code begins with * and ends with #"
    assert phone.typed == "880"


def test_an_open_screen_is_answered_with_whatever_is_typed_even_nothing() -> None:
    phone = dialled()
    phone.shown("Name?", is_open=True)
    phone.press("Қўқон")
    assert phone.call() == Answer("Қўқон")
    phone.shown("Note?", is_open=True)
    assert phone.call() == Answer("")


def test_while_an_answer_is_on_its_way_keys_do_nothing() -> None:
    phone = dialled()
    phone.press("1")

    assert phone.typed == ""
    assert phone.call() is None


def test_after_the_last_screen_a_key_begins_a_new_line() -> None:
    phone = dialled()
    phone.shown("Bye", is_open=False)
    assert (phone.mode, phone.cause) == (Mode.ENDED, Cause.SERVICE)
    phone.press("*")

    assert (phone.mode, phone.text, phone.typed) == (Mode.IDLE, "", "*")


def test_what_got_no_answer_is_sent_again_by_the_green_key() -> None:
    phone = dialled()
    phone.lost("the request was lost")

    assert phone.call() == Again()
    assert phone.mode is Mode.WAITING


def test_clear_takes_a_character_and_then_the_ended_screen() -> None:
    phone = Handset("998901234567")
    phone.press("12")
    phone.clear()
    assert phone.typed == "1"
    phone.clear_line()
    assert phone.typed == ""
    phone = dialled()
    phone.shown("Bye", is_open=False)
    phone.clear()
    assert (phone.mode, phone.text) == (Mode.IDLE, "")


def test_end_leaves_an_open_dialogue_and_clears_what_has_ended() -> None:
    phone = dialled()
    phone.shown("Menu", is_open=True)
    assert phone.end()
    assert (phone.mode, phone.cause, phone.text) == (Mode.IDLE, Cause.USER, "")
    phone.press("12")
    assert not phone.end()
    assert phone.typed == ""


def test_arrows_walk_through_the_calls_made_newest_first_each_once() -> None:
    phone = Handset("998901234567")
    for code in ("*100#", "*880#", "*100#"):
        phone.press(code)
        phone.call()
        phone.shown("Bye", is_open=False)
    walked = []
    for _ in range(3):
        phone.older()
        walked.append(phone.typed)
    assert walked == ["*100#", "*880#", "*880#"]
    phone.newer()
    assert phone.typed == "*100#"
    phone.newer()
    assert phone.typed == ""


def test_the_green_key_on_an_empty_line_recalls_the_last_call() -> None:
    phone = dialled()
    phone.shown("Bye", is_open=False)

    assert phone.call() is None
    assert phone.typed == "*880#"
    assert phone.call() == Dial("*880#")


def test_arrows_leave_an_open_dialogue_alone() -> None:
    phone = dialled()
    phone.shown("Menu", is_open=True)
    phone.older()
    phone.newer()

    assert phone.typed == ""


def test_new_messages_are_counted_until_they_are_read() -> None:
    phone = Handset("998901234567")
    assert phone.receive([FIRST]) == 1
    assert phone.receive([FIRST, SECOND]) == 1
    assert phone.unread == 2
    phone.read(0)
    assert phone.unread == 1
    assert phone.is_new(FIRST)
    phone.older()
    assert (phone.reading, phone.unread) == (1, 0)
    phone.older()
    assert phone.reading == 1
    phone.newer()
    assert phone.reading == 0
    assert phone.call() is None
    assert phone.reading is None


def test_what_was_there_before_is_not_new() -> None:
    phone = Handset("998901234567")
    phone.receive([FIRST])
    phone.know_all()

    assert phone.unread == 0


def test_a_pushed_screen_pops_up_unless_the_phone_is_in_a_dialogue() -> None:
    phone = Handset("998901234567")
    phone.press("12")
    phone.read(0)
    assert phone.push("Pay?", waits=True)
    assert (phone.mode, phone.text, phone.typed, phone.pushed) == (Mode.OPEN, "Pay?", "", True)
    assert phone.reading is None
    assert not phone.push("Other", waits=True)
    phone.press("1")
    assert phone.call() == Answer("1")


def test_a_pushed_notice_wants_no_answer() -> None:
    phone = Handset("998901234567")
    phone.push("Paid", waits=False)

    assert phone.mode is Mode.ENDED


def test_an_answer_is_never_shown_by_its_repr() -> None:
    assert "24680" not in repr(Answer("24680"))


@given(
    st.lists(
        st.one_of(
            st.text(max_size=200),
            st.sampled_from(["call", "end", "clear", "up", "down", "reply", "last", "lost"]),
        )
    )
)
def test_no_sequence_of_keys_breaks_the_phone(keys: list[str]) -> None:
    phone = Handset("998901234567")
    for key in keys:
        match key:
            case "call":
                sent = phone.call()
                assert sent is None or phone.mode is Mode.WAITING
            case "end":
                phone.end()
                assert phone.mode is Mode.IDLE
            case "clear":
                phone.clear()
            case "up":
                phone.older()
            case "down":
                phone.newer()
            case "reply" | "last" if phone.mode is Mode.WAITING:
                phone.shown("Menu", is_open=key == "reply")
            case "lost" if phone.mode is Mode.WAITING:
                phone.lost("lost")
            case _:
                phone.press(key)
        assert len(phone.typed) <= TYPED_MAX
        assert phone.typed.isprintable()
        assert phone.mode is not Mode.OPEN or phone.text
