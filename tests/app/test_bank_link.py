"""A started service whose bank is a switch in another process, over ISO 8583."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.peers.control import SwitchProcess
from tests.served import CUSTOMER, MERCHANT, PIN, Served, run_ussd

PAN = "8600490000061234"
KEY = "a-long-random-text-for-tests"
FACED_WITHIN_S = 20


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(tmp_path)
    process.start()
    yield process
    process.kill()


def settings(folder: Path, port: int) -> str:
    file = folder / "ussd.toml"
    file.write_text(f"""
[security]
key = "{KEY}"
[http]
port = 0
[bank]
processor = "iso8583"
[bank.link]
host = "127.0.0.1"
port = {port}
terminals = ["CLICK001", "CLICK002"]
acquirer = "860001"
acceptor = "CLICK"
answer_s = 3
[[gateways]]
name = "africastalking"
kind = "africastalking"
""")
    return str(file)


def paid(served: Served) -> str:
    return served.caller(CUSTOMER).dial("*880#", "1", "1", PIN)


def test_a_payment_goes_to_the_switch_and_a_dead_one_is_refused_at_once(
    start: Start, tmp_path: Path, switch: SwitchProcess
) -> None:
    token = switch.card("9860000000000001234", 60_000_00, pan=PAN)
    config = settings(tmp_path, switch.port)
    options = ("--config", config, "--data", str(tmp_path / "data"))
    for arguments, typed in (
        (("merchant", "add", "MAGAZIN-24", MERCHANT), ""),
        (("customer", "add", CUSTOMER), PIN),
        (("card", "add", CUSTOMER, "1230"), PAN),
    ):
        ended = run_ussd(*arguments, *options, typed=typed, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr

    served = start("serve", *options)
    served.caller(MERCHANT).dial("*880**0*901234567*50000#")
    until = time.monotonic() + FACED_WITHIN_S
    while not (screen := paid(served)).startswith("END Оплачено: 50 000") and time.monotonic() < until:
        time.sleep(0.3)

    assert screen.startswith("END Оплачено: 50 000 сум")
    assert switch.balance(token) == 10_000_00

    served.caller(MERCHANT).dial("*880**0*901234567*5000#")
    switch.kill()
    begun = time.monotonic()
    while "недоступен" not in (screen := paid(served)) and time.monotonic() < begun + FACED_WITHIN_S:
        time.sleep(0.3)
    assert "недоступен" in screen
    assert served.end() == 0
    assert PAN not in served.logged()


def test_more_workers_than_terminals_are_refused(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    ended = run_ussd(
        "serve",
        "--config",
        config,
        "--workers",
        "2",
        cwd=tmp_path,
        env={"USSD_REDIS__URL": "redis://127.0.0.1:1"},
    )

    assert ended.returncode == 2
    assert "2 workers need 3 [bank.link] terminals, there are 2" in ended.stderr
