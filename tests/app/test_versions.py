"""Dialogues end on the menus they began with: after a reload, on another worker, after a restart."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path

import pytest

from app.menusets import files, reload
from app.menusets.reload import Reloader
from app.menusets.versions import MenuVersions
from ussd_engine import Engine, Kind, Reply, Service, Turn, compile_menus
from ussd_engine.stores.memory import MemoryStore

MENU = """
menu: m
service_code: "*123#"
start: home
states:
  home: {text: Home, options: [{text: Say, goto: say}]}
  say: {end: WORD}
"""


def texts(word: str) -> dict[str, str]:
    return {"m.yaml": MENU.replace("WORD", word)}


def compiled(files: dict[str, str]) -> Service:
    return compile_menus(files, {})


def engine(word: str, store: MemoryStore) -> tuple[Engine, MenuVersions]:
    versions = MenuVersions(store, dict)
    service = compiled(texts(word))
    made = Engine(service, store=store, actions={}, key=b"k" * 16, clock=time.time, older=versions.older)
    return made, versions


async def begin(at: Engine, dialogue: str = "d") -> Reply:
    return await at.handle(Turn("g", dialogue, "998901234567", Kind.BEGIN, "*123#"))


async def answer(at: Engine, dialogue: str = "d") -> Reply:
    return await at.handle(Turn("g", dialogue, "998901234567", Kind.ANSWER, "1"))


async def test_another_worker_ends_a_dialogue_on_the_menus_it_began_with() -> None:
    store = MemoryStore()
    first, versions = engine("old", store)
    await versions.keep(first.service.version, texts("old"))
    await begin(first)

    second, _ = engine("new", store)

    assert (await answer(second)).text == "old"
    await begin(second, "e")
    assert (await answer(second, "e")).text == "new"


async def test_without_the_sources_a_dialogue_is_told_that_it_is_over_and_the_store_asked_once() -> None:
    store = MemoryStore()
    first, _ = engine("old", store)
    await begin(first)
    second, versions = engine("new", store)

    assert "over" in (await answer(second)).text
    await versions.keep(first.service.version, texts("old"))
    assert "over" in (await answer(second)).text


async def test_sources_of_another_version_or_broken_ones_are_not_used() -> None:
    store = MemoryStore()
    first, versions = engine("old", store)
    await versions.keep(first.service.version, texts("other"))
    await begin(first)

    assert "over" in (await answer(engine("new", store)[0])).text
    assert await store.save("{menus:00}", b"nonsense", expect=None, ttl_s=60)
    assert await versions.older(b"\x00") is None


async def test_a_changed_file_is_taken_a_broken_one_is_not(tmp_path: Path) -> None:
    store = MemoryStore()
    file = tmp_path / "m.yaml"
    file.write_text(texts("old")["m.yaml"])
    at, versions = engine("old", store)
    at.replace(compiled({str(file): file.read_text()}))
    reloader = Reloader(tmp_path, {str(file): file.read_text()}, at, versions, lambda t: compile_menus(t, {}))

    async with reloader.running(watching=True):
        await begin(at)
        file.write_text("menu: [broken")
        await asyncio.sleep(1.2)
        assert (await answer(at)).text == "old"

        await begin(at, "e")
        file.write_text(texts("new")["m.yaml"])
        for _ in range(100):
            await begin(at, "f")
            if (await answer(at, "f")).text == "new":
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("the new menus were not taken")


@pytest.mark.parametrize("fails", ["_seen", "read"])
async def test_a_folder_that_could_not_be_read_for_a_while_is_watched_on(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor was left, say; it was for a moment, and the watch must not end for ever."""
    file = tmp_path / "m.yaml"
    file.write_text(texts("old")["m.yaml"])
    at, versions = engine("old", MemoryStore())
    reloader = Reloader(tmp_path, {str(file): file.read_text()}, at, versions, lambda t: compile_menus(t, {}))
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.01)
    where = reload if fails == "_seen" else files
    works, tries = getattr(where, fails), list[Path]()

    def fail(folder: Path) -> object:
        tries.append(folder)
        raise OSError(errno.EMFILE, "Too many open files")

    async with reloader.running(watching=True), asyncio.timeout(30):
        monkeypatch.setattr(where, fails, fail)
        file.write_text(texts("newer")["m.yaml"])
        while not tries:
            await asyncio.sleep(0.01)
        monkeypatch.setattr(where, fails, works)
        file.write_text(texts("newest of all")["m.yaml"])
        while at.service.version != compiled({str(file): file.read_text()}).version:
            await asyncio.sleep(0.01)

    assert reloader.refused_at is None, "newer ones were taken"
