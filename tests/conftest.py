"""Fixtures for all rooms: servers as users start them."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.served import Served, launch

Start = Callable[..., Served]


def pytest_configure() -> None:
    """What is imported now stays: to look through it for garbage, again and again, took a tenth of the run."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `ussd …`; whatever still runs at the end of the test is killed."""
    started: list[Served] = []

    def begin(*arguments: str, env: Mapping[str, str] | None = None, ready: bool = True) -> Served:
        served = launch(arguments, tmp_path / f"log{len(started)}", env, tmp_path)
        started.append(served)
        if ready:
            served.wait_until_ready()
        return served

    yield begin
    for served in started:
        served.end(signal.SIGKILL)


@pytest.fixture
def start_demo(start: Start, tmp_path: Path) -> Start:
    """Starts the demo on the test's own data folder, `tmp_path / "data"`, on a spare port."""

    def begin(*arguments: str, env: Mapping[str, str] | None = None) -> Served:
        folder = str(tmp_path / "data")
        return start("demo", "--headless", "--port", "0", "--data", folder, *arguments, env=env)

    return begin


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One demo for all tests that don't mind what others did to it."""
    folder = tmp_path_factory.mktemp("demo")
    arguments = ("demo", "--headless", "--port", "0", "--data", str(folder / "data"))
    served = launch(arguments, folder / "log", None, folder)
    served.wait_until_ready()
    yield served
    served.end()
