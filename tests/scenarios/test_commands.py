"""`ussd test` and `ussd replay` as their users call them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import main
from tests.served import CUSTOMER, MERCHANT, Served

ONE = f"""
scenario: A customer pays
phones: {{shop: {MERCHANT}, customer: {CUSTOMER}}}
steps:
  - {{phone: shop, dial: "*880**0*901234567*1700#", ends: "Счет №{{invoice}}\\n{{customer}}\\n1 700 сум"}}
  - {{phone: customer, sms: "CLICK: счет №{{invoice}} от MAGAZIN-24, 1 700 сум. Оплата/отказ: *880#"}}
  - {{dial: "*880#", contains: 1.Счета}}
  - {{answer: 1, contains: "№{{invoice}}"}}
  - {{answer: 1, contains: "CLICK-PIN:"}}
  - {{answer: {{secret: pin}}, contains: "Оплачено: 1 700 сум", closed: true}}
  - {{phone: shop, sms: "Оплата по счету №{{invoice}} на сумму 1 700 сум успешно произведена"}}
"""


@pytest.fixture(autouse=True)
def _only_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("USSD_")]:
        monkeypatch.delenv(name)


def ussd(*arguments: str) -> Result:
    """The command in this process: starting one takes longer than what it does."""
    return CliRunner().invoke(main, arguments)


def test_the_shipped_scenarios_pass_and_take_every_transition() -> None:
    done = ussd("test", "--coverage")

    assert done.exit_code == 0, done.stdout + done.stderr
    assert "scenarios passed" in done.stdout
    assert "not taken:" not in done.stdout, done.stdout


def test_a_scenario_that_differs_fails_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(ONE.replace("Оплачено: 1 700", "Оплачено: 1 800"), encoding="utf-8")
    done = ussd("test", str(path))

    assert done.exit_code == 1
    assert f"{path}:10: A customer pays\n  customer answers <pin>" in done.stdout
    assert "0 of 1 scenarios passed" in done.stdout


def test_a_file_that_cannot_be_read_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("scenario: One\nsteps: [{dail: x}]\n", encoding="utf-8")
    wrong, absent = ussd("test", str(path)), ussd("test", str(tmp_path / "none.yaml"))

    assert (wrong.exit_code, absent.exit_code) == (2, 2)
    assert "`dail` is not a field here" in wrong.stderr
    assert "there is no such file" in absent.stderr


@pytest.mark.parametrize("command", [("check",), ("test", "--menus", "menus")])
def test_a_file_in_another_code_page_is_named_with_the_mend(command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes("menu: магазин\n".encode("cp1251"))
    done = ussd(*command, str(path))

    assert done.exit_code == 2
    assert f"{path}: not valid UTF-8; save it as UTF-8" in done.stderr


def test_what_is_generated_passes(tmp_path: Path) -> None:
    path = tmp_path / "made.yaml"
    made = ussd("test", "--generate", "--output", str(path))
    done = ussd("test", str(path), "--coverage")

    assert made.exit_code == 0, made.stdout + made.stderr
    assert "no way found" not in made.stdout
    assert done.exit_code == 0, done.stdout
    assert "not taken:" not in done.stdout


def test_scenarios_play_against_a_running_service_and_its_journal_replays(
    start_demo: Callable[..., Served], tmp_path: Path
) -> None:
    served = start_demo()
    path, menus = tmp_path / "one.yaml", tmp_path / "menus"
    path.write_text(ONE, encoding="utf-8")
    played = ussd("test", str(path), "--url", served.url)
    served.end()
    shutil.copytree("menus", menus)
    text = (menus / "customer.yaml").read_text(encoding="utf-8")
    (menus / "customer.yaml").write_text(text.replace("ru: Помощь", "ru: Справка"), encoding="utf-8")
    journal = str(tmp_path / "data" / "journal")
    same, other = ussd("replay", journal), ussd("replay", journal, "--menus", str(menus))

    assert played.exit_code == 0, played.stdout + played.stderr
    assert same.exit_code == 0, same.stdout
    assert same.stdout == "2 dialogues, 5 turns replayed: 0 differ\n"
    assert other.exit_code == 1
    assert "    - 7.Помощь\n" in other.stdout
    assert "    + 7.Справка\n" in other.stdout
    assert other.stdout.endswith("2 dialogues, 5 turns replayed: 1 differ\n  1 differ in screen\n")


def test_metrics_show_the_open_dialogues_of_each_version(start_demo: Callable[..., Served]) -> None:
    served = start_demo()
    served.caller(MERCHANT).dial("*880#")
    wanted = "ussd_open_dialogues{version="
    ended = time.monotonic() + 20
    while time.monotonic() < ended:
        found = [line for line in served.request("/metrics")[1].splitlines() if line.startswith(wanted)]
        if found and found[0].endswith(" 1.0"):
            return
        time.sleep(0.2)
    raise AssertionError(found)


def test_a_journal_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = ussd("replay", str(tmp_path))

    assert done.exit_code == 2
    assert "no journal there" in done.stderr


def test_a_file_that_is_no_journal_is_not_told_as_replayed(tmp_path: Path) -> None:
    other = tmp_path / "menus.yaml"
    other.write_text("menu: m\nservice_code: '*123#'\n", encoding="utf-8")
    done = ussd("replay", str(other))

    assert done.exit_code == 2
    assert done.stderr == f"ussd: {other}: none of its 2 lines is a journal's\n"


def test_a_named_folder_without_scenarios_is_not_told_as_passed(tmp_path: Path) -> None:
    done = ussd("test", str(tmp_path))

    assert (done.exit_code, done.stderr) == (2, f"ussd: {tmp_path}: no .yaml file there\n")
