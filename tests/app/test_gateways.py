"""`ussd gateways`, what it asks, and how the process with the lines tells the others of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.lines import LineState
from app import plugins
from app.lines import gateways
from app.lines.links import LOOK_S, Links
from app.settings import Gateway, Settings
from app.watching.board import Board
from app.watching.metrics import Metrics
from tests.conftest import Start
from tests.served import MERCHANT, run_ussd

SETTINGS = """\
[[gateways]]
name = "smsc1"
kind = "smpp"
host = "127.0.0.1"
port = 1
password = "sesame"
tls = true
[[gateways]]
name = "accra"
kind = "hubtel"
secret = "a long word between us"
allow = ["192.0.2.0/24"]
"""


class Told(Protocol):
    def __call__(self, *arguments: str) -> tuple[int, str, str]: ...


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """`ussd gateways` on the test's settings and data folder: exit status, output, errors."""
    (tmp_path / "ussd.toml").write_text(SETTINGS, encoding="utf-8")

    def ask(*arguments: str) -> tuple[int, str, str]:
        ended = run_ussd("gateways", "--data", str(tmp_path / "data"), *arguments, cwd=tmp_path)
        return ended.returncode, ended.stdout, ended.stderr

    return ask


def test_where_nothing_runs_the_gateways_are_listed_and_that_is_said(told: Told) -> None:
    status, shown, errors = told()

    assert status == 1
    assert "the service is not running: nothing answers at http://127.0.0.1:8880" in errors
    lines = [line.split() for line in shown.splitlines()]
    assert lines[1] == ["smsc1", "smpp", "127.0.0.1:1", "password,", "TLS", "not", "running"]
    assert lines[2][:5] == ["accra", "hubtel", "/gateways/accra", "secret,", "allow"]


def test_a_running_service_says_how_its_gateways_are(told: Told, start_demo: Start, tmp_path: Path) -> None:
    served = start_demo("--config", str(tmp_path / "ussd.toml"))
    served.caller(MERCHANT).dial("*880#")
    served.request("/gateways/africastalking", b"nonsense=1")
    status, shown, errors = told("--json")
    whole = json.loads(shown)
    found = {one["name"]: one for one in whole["gateways"]}

    assert (status, errors, whole["running"], whole["url"]) == (0, "", True, served.url)
    assert (found["africastalking"]["state"], found["africastalking"]["secured"]) == ("serving", [])
    assert (found["africastalking"]["turns"], found["africastalking"]["refused"]) == (1, 1)
    assert (found["smsc1"]["state"], found["smsc1"]["window"]) == ("down", 50)
    assert found["smsc1"]["error"] == "ConnectionRefusedError"
    assert found["smsc1"]["since"] > 0
    assert "smsc1   " in told()[1]
    assert "sesame" not in shown
    assert "a long word" not in shown


def test_only_who_knows_the_security_key_is_told(start_demo: Start, tmp_path: Path) -> None:
    served = start_demo()
    key = (tmp_path / "data/key").read_text(encoding="utf-8").strip().encode()
    right = gateways.signed(key)
    for headers in ({}, gateways.signed(b"guessed"), {"X-API-Key": right["X-Signature"]}):
        status, text = served.request(gateways.PATH, headers=headers)
        assert (status, "africastalking" in text) == (401, False)
    assert served.request(gateways.PATH, headers=right)[0] == 200
    assert served.request(gateways.PATH, headers=right)[0] == 401  # caught on its way, it is of no use
    stranger = tmp_path / "other.toml"
    stranger.write_text('[security]\nkey = "another key of another service"\n', encoding="utf-8")
    ended = run_ussd("gateways", "--config", str(stranger), "--url", served.url)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "runs with another [security] key" in ended.stderr


# --- what workers tell each other ---------------------------------------------------------------------------


def test_what_one_worker_writes_another_reads() -> None:
    board = Board()
    assert board.read() is None
    if (pid := os.fork()) == 0:
        os._exit(0 if board.write({"at": 1, "lines": {"a": "Ж"}}) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert board.read() == {"at": 1, "lines": {"a": "Ж"}}
    assert not Board(32).write({"a": "x" * 32})


def test_half_a_writing_is_not_read() -> None:
    board = Board()
    board.write({"a": 1})
    board._page[8:12] = b"{{{{"

    assert board.read() is None


LINE = Gateway(name="smsc1", kind="smpp", host="h", port=2, allow=(ip_network("192.0.2.0/24"),))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("written", "state"),
    [
        (None, "unknown"),
        ({"at": 90.0, "held": True, "lines": {"smsc1": {}}}, "unknown"),
        ({"at": 99.0, "held": False, "lines": {"smsc1": {}}}, "elsewhere"),
        ({"at": 99.0, "held": True, "lines": {}}, "unknown"),
    ],
)
def test_a_line_that_is_kept_elsewhere_or_by_a_silent_process_is_not_said_to_be_up(
    written: dict[str, Any] | None, state: str
) -> None:
    board = Board()
    if written is not None:
        board.write(written)
    (one,) = gateways.running(Settings(gateways={"smsc1": LINE}), board, Metrics(), lambda: 100.0)

    assert (one.state, one.where) == (state, "h:2")


class Odd:
    """A line of another distribution, which knows less of itself than ours."""

    options_type: ClassVar[type[Any]] = SimpleNamespace
    says: ClassVar[Callable[[], Any]]

    def __init__(self, name: str, options: object, observe: object, trouble: str) -> None:
        self.runs = 0

    @property
    def state(self) -> LineState:
        return cast(LineState, type(self).says())

    async def run(self, engine: object) -> None:
        await asyncio.sleep(60)


def says_little() -> Any:
    return SimpleNamespace(up=True)


def says_nothing() -> Any:
    raise AttributeError("up")


@pytest.mark.parametrize(
    ("says", "up", "error"), [(says_little, True, ""), (says_nothing, False, "can't be read")]
)
async def test_a_line_that_tells_little_of_itself_is_kept_and_told_of(
    says: Callable[[], Any], up: bool, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Odd, "says", staticmethod(says), raising=False)
    monkeypatch.setattr(plugins, "adapter", lambda _kind: Odd)
    noted: list[tuple[str, LineState]] = []
    board = Board()
    settings = Settings(gateways={"odd": Gateway.model_construct(name="odd", kind="odd", options=None)})
    links = Links(settings, lambda *_: None, "", lambda *what: noted.append(what), board)
    links.start(cast(Any, None), lambda: True)
    async with asyncio.timeout(20):
        while len(noted) < 2:
            await asyncio.sleep(LOOK_S / 10)
    await links.stop()

    assert noted[-1][1].up is up
    assert error in board.read()["lines"]["odd"]["error"]


# --- figures ------------------------------------------------------------------------------------------------


def test_turns_are_added_up_when_they_are_asked_for() -> None:
    metrics = Metrics()
    for outcome, seconds in (("open", 0.001), ("open", 0.004), ("abort", 20.0)):
        metrics.turn("gw", outcome, seconds)
    text = metrics.text().decode()
    again = metrics.text().decode()

    assert 'ussd_turns_total{gateway="gw",outcome="open"} 2.0' in text
    assert 'ussd_turns_total{gateway="gw",outcome="abort"} 1.0' in text
    assert 'ussd_turn_seconds_bucket{gateway="gw",le="0.001"} 1.0' in text
    assert 'ussd_turn_seconds_bucket{gateway="gw",le="10.0"} 2.0' in text
    assert 'ussd_turn_seconds_bucket{gateway="gw",le="+Inf"} 3.0' in text
    assert 'ussd_turn_seconds_sum{gateway="gw"} 20.005' in text
    assert again.replace("_created", "") == text.replace("_created", "")
    assert metrics.by_gateway() == {"gw": (3, 0)}


# --- the end ------------------------------------------------------------------------------------------------


JUNEBUG = """\
[[gateways]]
name = "junebug"
kind = "junebug"
url = "{url}"
user = "user"
password = "s3cret"
"""
DIALS = {
    "from": f"+{MERCHANT}", "to": "*880#", "message_id": "M1", "channel_id": "C1", "reply_to": None,
    "content": None, "timestamp": "2026-11-20 10:00:00.000000", "channel_data": {"session_event": "new"},
}  # fmt: skip


async def test_a_reply_on_its_way_goes_out_before_the_service_ends(start_demo: Start, tmp_path: Path) -> None:
    came, kept = asyncio.Event(), list[bool]()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        came.set()
        await asyncio.sleep(1.0)
        kept.append(request.transport is not None and not request.transport.is_closing())
        return web.Response()

    peer = web.Application()
    peer.router.add_post("/", take)
    async with TestServer(peer) as server:
        file = tmp_path / "ussd.toml"
        file.write_text(JUNEBUG.format(url=server.make_url("/")), encoding="utf-8")
        served = await asyncio.to_thread(start_demo, "--config", str(file))
        posted = {"Content-Type": "application/json"}
        sent = json.dumps(DIALS).encode()
        status, _ = await asyncio.to_thread(served.request, "/gateways/junebug", sent, headers=posted)
        await asyncio.wait_for(came.wait(), 10)
        ended = await asyncio.to_thread(served.end)

    assert (status, ended, kept) == (200, 0, [True])
