"""`ussd handset` as it is started: on a demo that runs, one of its own, other wires, pipes and terminals."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from app.cli.handset import DEMO_SECRETS, known_secrets
from app.handset import running
from tests.conftest import Start
from tests.served import CUSTOMER, USSD, Served, run_ussd

LIGHT = ("pydantic", "aiohttp", "sqlalchemy", "yaml", "typer")
RSS_MAX_KB = 50 * 1024
GONE_MAX_S = 10.0
ISSUE = "*880**0*901234567*50000#\n"


def handset(*arguments: str, typed: str = "*880#\nquit\n", cwd: Path | None = None) -> str:
    done = run_ussd("handset", *arguments, typed=typed, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command: str, size: tuple[int, int], cwd: Path) -> None:
        self._keyboard, terminal = pty.openpty()
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [USSD, *command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(terminal)
        self.seen = ""

    def wait_for(self, pattern: str, within_s: float = 30.0) -> float:
        """Until the terminal was sent this; seconds since the start of the program."""
        until = time.monotonic() + within_s
        while re.search(pattern, self.seen) is None:
            left = until - time.monotonic()
            assert left > 0, self.seen[-3000:]
            if select.select([self._keyboard], [], [], left)[0]:
                try:
                    self.seen += os.read(self._keyboard, 65536).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"it has ended: {self.seen[-3000:]}") from None
        return time.monotonic() - self.began

    def press(self, keys: str) -> None:
        self.seen = ""
        os.write(self._keyboard, keys.encode())

    def end(self) -> int:
        """Read to the end, and let it go."""
        while select.select([self._keyboard], [], [], GONE_MAX_S)[0]:
            try:
                if not os.read(self._keyboard, 65536):
                    break
            except OSError:
                break
        os.close(self._keyboard)
        return self.process.wait(GONE_MAX_S)

    def shut(self) -> None:
        """Close the window, as people do."""
        os.close(self._keyboard)


@contextmanager
def terminal(*command: str, cwd: Path, size: tuple[int, int] = (100, 30)) -> Iterator[Terminal]:
    opened = Terminal(*command, size=size, cwd=cwd)
    try:
        yield opened
    finally:
        if opened.process.poll() is None:
            opened.process.kill()
            opened.process.wait()


def ends(folder: Path) -> bool:
    """Whether the demo on a folder goes away soon."""
    until = time.monotonic() + GONE_MAX_S
    while time.monotonic() < until:
        try:
            running.url(folder)
        except running.NotRunning:
            return True
        time.sleep(0.1)
    return False


# --- pipes ------------------------------------------------------------------------------------------------


def test_in_a_pipe_it_reads_lines_on_the_demo_that_runs(start_demo: Start, tmp_path: Path) -> None:
    start_demo()
    shown = handset("--data", "data", typed=ISSUE + f"as {CUSTOMER}\nsms\nquit\n", cwd=tmp_path)

    assert shown.startswith("Phone 998901112233.")
    assert "Счет №1001" in shown
    assert "CLICK: счет №1001 от MAGAZIN-24" in shown


def test_without_a_demo_it_starts_one_and_takes_it_along_when_it_leaves(tmp_path: Path) -> None:
    shown = handset("--as", CUSTOMER, "--data", "data", cwd=tmp_path)

    assert "CLICK\n1.Счета" in shown
    assert (tmp_path / "data" / "ussd.log").exists()
    with pytest.raises(running.NotRunning):
        running.url(tmp_path / "data")


@pytest.mark.parametrize("wire", ["here", "hubtel", "airtel", "junebug", "nalo", "smpp", "gsup"])
def test_it_starts_a_demo_that_speaks_the_wire_asked_for(wire: str, tmp_path: Path) -> None:
    shown = handset("--wire", wire, typed="*880#\n2\nframes\nquit\n", cwd=tmp_path)

    assert "2.Выставить счет" in shown
    assert "Номер клиента" in shown
    assert list(tmp_path.iterdir()) == []


def test_sms_come_over_smpp_itself(tmp_path: Path) -> None:
    command = [str(USSD), "handset", "--wire", "smpp"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(ISSUE + f"as {CUSTOMER}\n")
        until, line = time.monotonic() + 60, ""
        while "счет №1001 от MAGAZIN-24" not in line and time.monotonic() < until:
            if "(no messages)" in line or "Phone 998901234567" in line:
                time.sleep(0.2)
                process.stdin.write("sms\n")
            process.stdin.flush()
            line = process.stdout.readline()
        process.stdin.write("quit\n")
        process.stdin.close()

        assert "CLICK: счет №1001 от MAGAZIN-24" in line


def test_the_services_own_settings_say_what_its_gateway_speaks(start_demo: Start, tmp_path: Path) -> None:
    (tmp_path / "ussd.toml").write_text(
        '[[gateways]]\nname = "steppe"\nkind = "airtel"\nservice_code = "*880#"\nsecret = "a-long-secret"\n',
        encoding="utf-8",
    )
    url = start_demo("--config", str(tmp_path / "ussd.toml")).url
    shown = handset("--config", "ussd.toml", "--url", url, cwd=tmp_path)

    assert "2.Выставить счет" in shown


def test_every_word_of_the_plain_handset_does_something(demo: Served, tmp_path: Path) -> None:
    words = [
        "?", "*880#", "state", "lose request", "2", "again", "off", "again", "lose reply", "*880#",
        "again", "twice", "=2", "late", "late", "timeout", "abort", "*880#", "abort", "down",
        "*880#", "up", "operator", "operator", "operator", "operator", "operator", "frames",
        "transcript walk.txt", "save walk.yaml", "save no/no", "as 12", "880", "quit",
    ]  # fmt: skip
    shown = handset("--url", demo.url, "--plain", typed="\n".join(words) + "\n", cwd=tmp_path)
    for said in (
        "dial (any string that ends with #)",
        "state: merchant.home",
        "(next turn: lost request)",
        "! the request was lost",
        "(hung up)",
        "(nothing was lost)",
        "! the reply was lost",
        "sent twice, one reply",
        "(next turn: as usual)",
        "(timed out)",
        "(no dialogue is open)",
        "(aborted by the network)",
        "(the gateway is down)",
        "! the gateway is down",
        "(the gateway is up)",
        "(2G town",
        "(direct)",
        ">> POST /gateways/africastalking",
        "(saved walk.txt)",
        "(saved walk.yaml)",
        "! no/no: No such file",
        "! the phone's number is not",
        "No dialogue is open",
    ):
        assert said in shown, said
    played = run_ussd("test", "walk.yaml", "--url", demo.url, cwd=tmp_path)
    assert "1 of 1 scenarios passed" in played.stdout, played.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--wire", "at", "--url", "http://127.0.0.1:1"], "no wire 'at'"),
        (["--set", "host"], "--set host: write NAME=VALUE"),
        (["--config", "none.toml"], "none.toml: No such file or directory"),
        (["--as", "12", "--url", "http://127.0.0.1:1"], "the phone's number is not"),
        (["--url", "127.0.0.1"], "an address looks like http://127.0.0.1:8880"),
        (["--picture", "no/no.svg", "--size", "wide", "--url", "http://127.0.0.1:1"], "--size wide"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run_ussd("handset", *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_is_drawn_after_keys(tmp_path: Path) -> None:
    keys = [argument for line in ("<tab>", "*880#", "6", "12_") for argument in ("--keys", line)]
    done = run_ussd(
        "handset", "--wire", "here", "--picture", "shot.svg", "--size", "80x24", *keys, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    drawn = (tmp_path / "shot.svg").read_text(encoding="utf-8")
    assert "1.Язык" in drawn
    assert "12▏" in drawn
    assert len(drawn) < 20_000


# --- terminals --------------------------------------------------------------------------------------------


def test_on_a_terminal_the_demo_opens_the_screen_and_ctrl_q_ends_both(tmp_path: Path) -> None:
    with terminal("demo", "--port", "0", "--data", "data", cwd=tmp_path) as opened:
        opened.wait_for(r"ready http://127\.0\.0\.1:\d+")
        opened.wait_for("MAGAZIN-24")
        opened.press("*880#\r")
        opened.wait_for("3.Последние поступления")
        opened.press("\x11")

        assert opened.end() == 0
    assert ends(tmp_path / "data")


def test_a_demo_that_can_t_start_says_why_on_the_plain_terminal(start_demo: Start, tmp_path: Path) -> None:
    start_demo()
    with terminal("demo", "--port", "0", "--data", "data", cwd=tmp_path) as opened:
        opened.wait_for("another demo runs on data")

        assert opened.end() == 2


def test_a_handset_that_is_killed_leaves_no_demo_behind(tmp_path: Path) -> None:
    with terminal("handset", "--data", "data", cwd=tmp_path) as opened:
        opened.wait_for("http://127")
        os.kill(opened.process.pid, signal.SIGKILL)
        opened.end()
    assert ends(tmp_path / "data")


def test_the_screen_is_there_before_the_demo_is_and_what_is_dialled_meanwhile_waits(tmp_path: Path) -> None:
    with terminal("handset", "--data", "data", cwd=tmp_path) as opened:
        opened.wait_for("starting the demo")
        opened.press("*880#\r")
        opened.wait_for("USSD code running")
        opened.wait_for("3.Последние поступления")
        opened.press("\x11")
        opened.end()


def test_it_stays_small(demo: Served, tmp_path: Path) -> None:
    with terminal("handset", "--url", demo.url, cwd=tmp_path) as opened:
        opened.wait_for("Session")
        for _ in range(3):
            opened.press("*880#\r")
            opened.wait_for("3.Последние поступления")
            opened.press("\x1b")
            opened.wait_for("recent calls")
        status = Path(f"/proc/{opened.process.pid}/status").read_text(encoding="ascii")
        opened.press("\x11")
        opened.end()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) <= RSS_MAX_KB


def test_a_window_that_is_closed_takes_its_handset_along(tmp_path: Path) -> None:
    with terminal("handset", "--data", "data", cwd=tmp_path) as opened:
        opened.wait_for("998901112233")
        opened.shut()

        opened.process.wait(3 * GONE_MAX_S)  # it takes its demo down first
    assert ends(tmp_path / "data")


def test_it_brings_no_heavy_library_along() -> None:
    code = f"""
import sys, app.handset.screen, app.handset.phoneline, simulator.ui.app, simulator.wires.http
print([name for name in {LIGHT!r} if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"


def test_other_commands_pay_nothing_for_the_screen() -> None:
    code = "import sys, app.cli; print('textual' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"


def test_secrets_are_those_that_ussd_test_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.handset import rehearsal

    monkeypatch.setenv("SCENARIO_OTHER_PIN", "11111")
    assert rehearsal.DEMO_SECRETS == DEMO_SECRETS
    assert known_secrets() == {**DEMO_SECRETS, "other_pin": "11111"}
