"""Figures that workers share: each counts in files of its own, and whoever is asked adds them all up."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.mmap_dict import MmapedDict as _UntypedDict
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's variable: where the files lie. Set before this module is imported."""
MmapedDict: Any = _UntypedDict  # it has no types
_FILES: Final = ("counter", "gauge_mostrecent", "histogram")
"""What the library calls the files of a process, before its pid."""
_SUMMED: Final = ("counter", "histogram")
_DEAD: Final = 0
"""In the place of a pid: no process has it."""
_TURN_TRIES: Final = 20
_TURN_LOOK_S: Final = 0.02
_ROOM: Final = 1 << 18
"""Octets of each: some two thousand figures; it grows beyond them."""

log = logging.getLogger(__name__)


def make_room(folder: Path) -> None:
    """Have this process's files wholly on the disk before they are written to.

    They are mapped into memory, and whoever writes into a hole of one while the disk is full is killed by the
    system (SIGBUS). Where there is no room this process counts by itself, and others don't see its figures.
    """
    own = [folder / f"{kind}_{os.getpid()}.db" for kind in _FILES]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what cleans /tmp may have been there
        for path in own:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _ROOM)
    except OSError as error:
        for path in own:
            path.unlink(missing_ok=True)
        log.error("no room for the figures of this worker", extra={"why": error.strerror})
        values.ValueClass = values.MutexValue


def bury(pid: int) -> None:
    """Add what a dead worker has counted to what all dead ones have, and forget its gauges.

    Else each restart would leave files that every look at the figures reads, as long as the service lives.
    """
    if FOLDER not in os.environ:
        return
    folder = Path(os.environ[FOLDER])
    try:
        with _alone(folder, fcntl.LOCK_EX) as ours:
            if not ours:
                raise TimeoutError
            for kind in _SUMMED:
                _add_up(folder / f"{kind}_{pid}.db", folder / f"{kind}_{_DEAD}.db")
            for path in folder.glob(f"*_{pid}.db"):
                path.unlink()
    except Exception as error:  # noqa: BLE001 - a file may be half written; figures never hold up a restart
        log.warning("the figures of a dead worker stay in its files", extra={"why": repr(error)})


def _add_up(path: Path, dead: Path) -> None:
    if not path.exists():
        return
    new = dead.with_suffix(".new")
    new.unlink(missing_ok=True)
    if dead.exists():
        shutil.copyfile(dead, new)
    together = MmapedDict(str(new))
    for key, counted, _, _ in MmapedDict.read_all_values_from_file(path):
        together.write_value(key, together.read_value(key)[0] + counted, 0.0)
    together.close()
    new.replace(dead)


@contextmanager
def _alone(folder: Path, how: int) -> Iterator[bool]:
    """A look at the files must not see counts before and after they were moved.

    Whether it came to the turn in time: the process before may be frozen, and nobody waits for that.
    """
    with (folder / "lock").open("w") as lock:
        yield any(_locked(lock, how) for _ in range(_TURN_TRIES))


def _locked(lock: TextIO, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_TURN_LOOK_S)
        return False
    return True


class Together(MultiProcessCollector):
    """The figures of all workers."""

    def __init__(self, folder: Path, registry: CollectorRegistry) -> None:
        self._folder = folder
        super().__init__(registry, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> list[Metric]:
        with _alone(self._folder, fcntl.LOCK_SH):
            return list(super().collect())  # type: ignore[no-untyped-call]
