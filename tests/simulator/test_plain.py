"""The plain handset: lines in, screens out, over a started demo."""

import os
import pty
import subprocess
from pathlib import Path

from simulator import plain
from simulator.phone import Server
from tests.served import CUSTOMER, MERCHANT, USSD, Served


def play(demo: Served, *lines: str) -> list[str]:
    """What the handset of the merchant's phone shows after its greeting."""
    shown: list[str] = []
    plain.run(Server.at(demo.url), MERCHANT, (f"{line}\n" for line in lines), shown.append)
    return shown[1:]


def test_a_dialled_string_shows_a_screen_and_what_it_costs_and_answers_go_on(demo: Served) -> None:
    home, question = play(demo, "*880#", "2")

    assert home.splitlines()[0] == "CLICK Терминал"
    assert home.splitlines()[-1] == "[open, 140/160 octets UCS-2]"
    assert "Номер клиента" in question


def test_a_last_screen_is_marked_closed_and_nothing_can_be_answered(demo: Served) -> None:
    closed, nothing = play(demo, "*111#", "1")

    assert closed.endswith("[closed, 64/160 octets UCS-2]")
    assert nothing == "No dialogue is open: dial *880#, or ? for help."


def test_messages_and_another_phone(demo: Served) -> None:
    play(demo, "*880**0*901234567*51000#", "1")
    changed, messages = play(demo, f"as +{CUSTOMER}", "sms")

    assert changed == f"Phone {CUSTOMER}."
    assert "51 000" in messages.splitlines()[-1]


def test_hanging_up_ends_the_dialogue_on_the_phone(demo: Served) -> None:
    assert play(demo, "*880#", "off", "2")[1:] == [
        "(hung up)",
        "No dialogue is open: dial *880#, or ? for help.",
    ]


def test_a_mistake_is_told_and_the_handset_goes_on(demo: Served) -> None:
    assert play(demo, "as nobody", "?")[0].startswith("! the phone's number is not")
    gone: list[str] = []
    plain.run(Server.at("http://127.0.0.1:1"), MERCHANT, ["*880#", "quit", "*880#"], gone.append)
    assert len(gone) == 2
    assert gone[1].startswith("! http://127.0.0.1:1 can't be reached")


def test_on_a_terminal_the_demo_opens_the_handset_and_quit_ends_it(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    demo = subprocess.Popen(
        [USSD, "demo", "--port", "0", "--data", str(tmp_path / "data")],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    os.close(terminal)
    os.write(keyboard, b"*880#\nquit\n")
    shown, complaints = demo.communicate(timeout=60)
    os.close(keyboard)

    assert demo.returncode == 0
    assert shown.startswith("ready http://127.0.0.1:")
    assert "CLICK Терминал" in shown
    assert complaints == ""
    assert (tmp_path / "data" / "ussd.log").exists()
