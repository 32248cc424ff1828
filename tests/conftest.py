"""Fixtures for all rooms: servers as users start them."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.served import Served, launch

Start = Callable[..., Served]


LONG = ("simulation", "simulator", "kills", "cabinet/browser", "cabinet/api", "deploy", "app", "stores")
"""Begun first where processes share the files, so that none is left alone with a long one at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """What is imported now stays: to look through it for garbage, again and again, took a tenth of a run."""
    gc.disable()
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # it begins with the files of many tests, not of long ones


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    folders = [Path(__file__).parent / folder for folder in LONG]

    def place(item: pytest.Item) -> int:
        return next((at for at, one in enumerate(folders) if item.path.is_relative_to(one)), len(folders))

    items.sort(key=place)


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
