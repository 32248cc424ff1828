"""`ussd new`: what it writes runs at once; and docs/first-menu.md says what is so."""

from __future__ import annotations

import json
import re
import shlex
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.served import Served, launch, run_ussd

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/first-menu.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PHONE = "998901234567"


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    made = run_ussd("new", "shop/bakery", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    return tmp_path / "shop/bakery"


def served(folder: Path, *arguments: str) -> Served:
    demo = launch(("demo", "--port", "0", "--headless", *arguments), folder.parent / "log", None, folder)
    demo.wait_until_ready()
    return demo


def test_what_is_written_is_checked_tested_and_measured_without_a_word(bakery: Path) -> None:
    checked = run_ussd("check", "--strict", cwd=bakery)
    tested = run_ussd("test", "--coverage", cwd=bakery)
    sizes = run_ussd("sizes", cwd=bakery)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert tested.stdout.endswith("3 of 3 scenarios passed\n"), tested.stdout + tested.stderr
    assert sizes.returncode == 0
    assert "bakery.sold_out" in sizes.stdout
    assert "issued_customer" not in sizes.stdout, "another product's SMS are none of its"


def test_the_demo_there_takes_orders_once_and_keeps_no_money(bakery: Path) -> None:
    demo = served(bakery)
    try:
        dialled = run_ussd("dial", "*123#", "--as", PHONE, "--answer", "1", "--answer", "2", cwd=bakery)
        caller = demo.caller(PHONE)
        caller.dial("*123#", "1")
        first, again = caller.answer("4"), caller.repeat()
        cabinet = demo.request("/cabinet/")[0]
        loaded = run_ussd("load", "--dialogs", "20", "--concurrency", "4", cwd=bakery)
    finally:
        status = demo.end(signal.SIGTERM)

    assert "Order No 1: 2 loaves, 10. Ready in an hour\n---\nclosed\n" in dialled.stdout
    assert first == again == "END Order No 2: 4 loaves, 20. Ready in an hour"
    assert cabinet == 404
    assert loaded.stdout.startswith("20 dialogues, 0 errors; 20 turns"), loaded.stdout + loaded.stderr
    assert status == 0
    assert sorted(path.name for path in (bakery / ".data").iterdir() if "sqlite" in path.name) == []
    assert '"level": "error"' not in demo.logged()


def test_a_changed_menu_is_taken_and_one_that_asks_for_money_is_not(bakery: Path) -> None:
    demo, menu = served(bakery), bakery / "menus/bakery.yaml"
    try:
        good = menu.read_text(encoding="utf-8")
        menu.write_text(good.replace("text: Bakery", "text: Fresh bread"), encoding="utf-8")
        taken = eventually(lambda: demo.caller(PHONE).dial("*123#"), "CON Fresh bread")
        asks = good.replace(
            "hours:\n    end:", "hours: {do: me.role, on: {customer: closed}}\n  closed:\n    end:"
        )
        asks = asks.replace("me.role, on: {customer: closed}", ROLE)
        menu.write_text(asks, encoding="utf-8")
        logged = eventually(demo.logged, "was started without its database")
        still = demo.caller(PHONE).dial("*123#")
    finally:
        demo.end()

    assert "CON Fresh bread" in taken
    assert "'subscribers.role'" in logged
    assert still.startswith("CON Fresh bread")


ROLE = "subscribers.role, on: {customer: closed, merchant: closed, blocked: closed}"


def eventually(look: object, wanted: str) -> str:
    assert callable(look)
    until = time.monotonic() + 15
    while wanted not in (found := str(look())) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def test_another_code_is_written_everywhere(tmp_path: Path) -> None:
    run_ussd("new", "kiosk", "--code", "*55#", cwd=tmp_path)

    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "kiosk").rglob("*") if path.is_file()]
    assert "*123" not in "".join(texts)
    assert run_ussd("test", cwd=tmp_path / "kiosk").stdout == "3 of 3 scenarios passed\n"


def test_the_commands_that_are_told_next_work_where_a_folders_name_has_blanks(tmp_path: Path) -> None:
    told = run_ussd("new", "Мой сервис", cwd=tmp_path).stdout

    assert "  cd 'Мой сервис'\n" in told


def test_a_folder_with_something_in_it_and_a_wrong_code_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/kept").write_text("x")

    full = run_ussd("new", "mine", cwd=tmp_path)
    wrong = run_ussd("new", "other", "--code", "123", cwd=tmp_path)

    assert (full.returncode, full.stderr) == (2, "ussd: mine is not empty: nothing was written\n")
    assert (wrong.returncode, wrong.stderr) == (2, "ussd: --code 123: a service code looks like *123#\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "mine"]


def test_serve_there_asks_for_a_key_and_then_answers_its_gateway(bakery: Path, start: Start) -> None:
    keyless = run_ussd("serve", cwd=bakery)
    settings = bakery / "ussd.toml"
    gateway = '\n[[gateways]]\nname = "op"\nkind = "africastalking"\nsecret = "s3cret-s3cret"\n'
    settings.write_text(
        settings.read_text() + '\n[http]\nport = 0\n[security]\nkey = "0123456789abcdef"\n' + gateway
    )
    service = launch(("serve",), bakery.parent / "log", None, bakery)
    try:
        service.wait_until_ready()
        url = service.url.replace("http://", "http://op:s3cret-s3cret@")
        dialled = run_ussd("dial", "*123#", "--as", PHONE, "--answer", "2", "--url", url, "--gateway", "op")
        ready = service.request("/readyz")
    finally:
        service.end()

    assert keyless.returncode == 2
    assert "[security] key is not set" in keyless.stderr
    assert dialled.stdout.endswith("Mon-Sat 7-19, Sun 8-14\n---\nclosed\n"), dialled.stderr
    assert ready[0] == 200
    assert not (bakery / "data/ussd.sqlite3").exists()


# --- docs/first-menu.md -------------------------------------------------------------------------------------


def test_the_first_menu_has_at_most_ten_lines() -> None:
    hello = next(text for language, attributes, text in BLOCK.findall(PAGE) if "hello.yaml" in attributes)

    assert len(hello.splitlines()) <= 10


def test_every_command_of_the_first_menus_page_does_what_it_says(tmp_path: Path) -> None:
    running: list[Served] = []
    done = 0
    try:
        for language, attributes, text in BLOCK.findall(PAGE):
            named = re.search(r"file=(\S+)", attributes)
            if named:
                (tmp_path / named[1]).write_text(text, encoding="utf-8")
            if language != "console":
                continue
            inside = re.search(r"in=(\S+)", attributes)
            folder = tmp_path / inside[1] if inside else tmp_path
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                program, *arguments = shlex.split(command)
                assert program == "ussd"
                done += 1
                if arguments[-1] == "&":
                    running.append(launch(arguments[:-1], tmp_path / f"log{done}", None, folder))
                    running[-1].wait_until_ready()
                    continue
                ended = run_ussd(*arguments, cwd=folder)
                assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
                assert not printed.strip() or ended.stdout.strip() == printed.strip()
    finally:
        for one in running:
            one.end()
    assert done >= 9


def test_what_is_recorded_from_the_starter_is_a_scenario_there(bakery: Path) -> None:
    """The three together: a walk on the starter's demo, recorded, tested in the starter's folder."""
    from simulator import script_file
    from simulator.phone import Phone
    from simulator.phone import Server as At
    from simulator.script import Recorder

    demo = served(bakery)
    try:
        phone, recorder = Phone(At.at(demo.url), PHONE), Recorder()
        recorder.dialled(PHONE, "*123#", phone.dial("*123#"))
        for typed in ("9", "1", "3"):
            standing = json.loads(demo.request(f"/demo/session/{PHONE}")[1])[0]
            recorder.answered(PHONE, typed, phone.answer(typed), secret=standing["secret"])
        (bakery / "menus/scenarios/mine.yaml").write_text(script_file.scenario(recorder, "Mine"))
    finally:
        demo.end()

    tested = run_ussd("test", "menus/scenarios/mine.yaml", cwd=bakery)
    assert "Order No {number1}: 3 loaves" in (bakery / "menus/scenarios/mine.yaml").read_text()
    assert tested.stdout == "1 of 1 scenarios passed\n", tested.stdout
