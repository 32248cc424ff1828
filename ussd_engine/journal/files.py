"""Journal files: `20261124T072000-4711-1.jsonl`, a new one each day and whenever one has grown large.

A process writes files of its own, named by when it opened them and its process id, so that workers never
share one. Times in the names are UTC.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

FILE_OCTETS_MAX = 64 * 1024 * 1024
KEEP_DAYS = 31
SUFFIX = ".jsonl"
_DAY_S = 86_400

log = logging.getLogger(__name__)


class JournalFiles:
    """Appends lines to the present file of this process; for one thread."""

    def __init__(
        self, folder: Path, *, octets_max: int = FILE_OCTETS_MAX, keep_days: int = KEEP_DAYS
    ) -> None:
        """Make it; the folder and the first file come with the first line.

        Args:
            octets_max: a file that has reached this is followed by another.
            keep_days: files last written longer ago than this are deleted when a new one is opened.
        """
        self._folder = folder
        self._octets_max = octets_max
        self._keep_days = keep_days
        self._file: BinaryIO | None = None
        self._day = ""
        self._octets = 0
        self._opened = 0

    def append(self, lines: Sequence[bytes], now: float) -> None:
        """Write whole lines, given without their line feeds.

        Raises:
            OSError: the disk is full, the folder can't be written.
        """
        moment = datetime.fromtimestamp(now, UTC)
        if self._file is None or self._octets >= self._octets_max or self._day != f"{moment:%Y%m%d}":
            self._open(moment)
        assert self._file is not None
        batch = b"\n".join(lines) + b"\n"
        try:
            if self._file.write(batch) < len(batch):  # what a full disk takes is less before it is nothing
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self.close()  # half a line may be there: what follows begins in another file
            raise
        self._octets += len(batch)

    def close(self) -> None:
        """Leave the present file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, moment: datetime) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._forget(moment.timestamp())
        self._opened += 1
        name = f"{moment:%Y%m%dT%H%M%S}-{os.getpid()}-{self._opened}{SUFFIX}"
        handle = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(handle, "ab", buffering=0)
        self._day, self._octets = f"{moment:%Y%m%d}", 0

    def _forget(self, now: float) -> None:
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                if now - path.stat().st_mtime > self._keep_days * _DAY_S:
                    path.unlink()
            except FileNotFoundError:
                continue  # another worker was first


def journal_files(path: Path) -> list[Path]:
    """The files of a journal: those of a folder, oldest first, or the one file."""
    return sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
