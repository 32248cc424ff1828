"""The menus in use: read anew on SIGHUP or when a file changes, kept for dialogues on older ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from app.menusets import files as menufiles
from app.menusets.versions import MenuVersions
from ussd_engine import Engine, MenuError, Service

LOOK_EVERY_S = 0.5

log = logging.getLogger(__name__)

Compile = Callable[[Mapping[str, str]], Service]


class Reloader:
    """Compiles the menus anew outside the loop; the good ones stay until better ones are there.

    Attributes:
        since: when the menus in use were taken into use here.
        problems, refused_at: of the menus found at the last reload, where they were refused.
    """

    def __init__(
        self,
        folder: Path,
        texts: Mapping[str, str],
        engine: Engine,
        versions: MenuVersions,
        compiled: Compile,
    ) -> None:
        self._folder = folder
        self._texts = texts
        self._engine = engine
        self._versions = versions
        self._compiled = compiled
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self.since = datetime.now(UTC)
        self.problems: tuple[str, ...] = ()
        self.refused_at: datetime | None = None

    @property
    def told(self) -> str:
        """Which menus are in use, and whether newer ones were refused."""
        refused = "; the menus found at the last reload have mistakes" if self.refused_at else ""
        return f"version {self._engine.service.version.hex()}{refused}"

    def __call__(self) -> None:
        """Begin a reload; one that runs already is followed by another, so that no change is missed."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._reload())

    @asynccontextmanager
    async def running(self, *, watching: bool) -> AsyncIterator[None]:
        """Keep the sources for other workers and, if asked to, watch the folder."""
        tasks = [asyncio.create_task(self._versions.keep_renewing(self._current))]
        if watching:
            known = await asyncio.to_thread(_seen, self._folder)  # before anybody is told that it is ready
            tasks.append(asyncio.create_task(self._watch(known)))
        try:
            yield
        finally:
            for task in (*tasks, *([self._task] if self._task else [])):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _current(self) -> tuple[bytes, Mapping[str, str]]:
        return self._engine.service.version, self._texts

    async def _reload(self) -> None:
        while self._again:
            self._again = False
            try:
                texts = await asyncio.to_thread(menufiles.read, self._folder)
                service = await asyncio.to_thread(self._compiled, texts)
            except MenuError as error:
                self._refuse([str(one) for one in error.problems])
            except menufiles.NoMenus as error:
                self._refuse([str(error)])
            except OSError as error:
                self._refuse([f"{self._folder}: {error.strerror}"])
            else:
                if service.version != self._engine.service.version:
                    self.since = datetime.now(UTC)
                self._texts, self.problems, self.refused_at = texts, (), None
                self._engine.replace(service)
                await self._versions.keep(*self._current())
                log.info("the menus were reloaded", extra={"version": service.version.hex()})

    def _refuse(self, problems: Sequence[str]) -> None:
        self.problems, self.refused_at = tuple(problems), datetime.now(UTC)
        log.error("the menus were not reloaded", extra={"problems": list(problems)})

    async def _watch(self, known: dict[str, tuple[int, int]]) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                now = await asyncio.to_thread(_seen, self._folder)
            except OSError:  # no descriptor is left, say; it may be another time
                continue
            if now != known:
                known = now
                self()


def _seen(folder: Path) -> dict[str, tuple[int, int]]:
    files = sorted(folder.glob(f"*{menufiles.SUFFIX}")) if folder.is_dir() else [folder]
    found = {}
    for file in files:
        with suppress(OSError):
            status = file.stat()
            found[file.name] = (status.st_mtime_ns, status.st_size)
    return found
