"""The journal's writer: a bounded queue that a turn never waits for, and a thread that empties it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from pathlib import Path

from ussd_engine.journal.files import FILE_OCTETS_MAX, KEEP_DAYS, JournalFiles
from ussd_engine.journal.lines import encoded
from ussd_engine.ports import Clock, Entry

QUEUE_MAX = 50_000
"""Entries that may wait for the disk; about a hundred megabytes."""
FLUSH_S = 0.5
"""A crash loses what came in so long at most."""
_BATCH_MAX = 500

log = logging.getLogger(__name__)


class FileJournal:
    """`Journal` in a folder of JSON lines. `dropped` and `written` count entries."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock = time.time,
        octets_max: int = FILE_OCTETS_MAX,
        keep_days: int = KEEP_DAYS,
        queue_max: int = QUEUE_MAX,
        flush_s: float = FLUSH_S,
    ) -> None:
        """Make it; `start` it in the process that writes (threads don't survive a fork)."""
        self.dropped = 0
        self.written = 0
        self._files = JournalFiles(folder, octets_max=octets_max, keep_days=keep_days)
        self._clock = clock
        self._queue: deque[Entry] = deque()
        self._queue_max = queue_max
        self._flush_s = flush_s
        self._stopping = threading.Event()
        self._told = 0
        self._thread: threading.Thread | None = None

    def write(self, entry: Entry) -> None:
        """Queue an entry, or count it as dropped where the disk is too far behind."""
        if len(self._queue) >= self._queue_max:
            self.dropped += 1
        else:
            self._queue.append(entry)

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._flush()
        self._files.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._flush_s):
            self._flush()

    def _flush(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(_BATCH_MAX, len(self._queue)))]
            try:
                lines = [line for entry in batch if (line := _encoded(entry)) is not None]
                if lines:
                    self._files.append(lines, self._clock())
                self.written += len(lines)
                self.dropped += len(batch) - len(lines)
            except Exception as error:  # noqa: BLE001 - whatever the disk does, turns go on
                # Never the error's text: it may hold what an entry holds.
                self.dropped += len(batch)
                log.error("the journal can't be written: %s", type(error).__name__)
                break
        if self.dropped > self._told:
            log.error("journal entries were dropped: %d so far", self.dropped)
            self._told = self.dropped


def _encoded(entry: Entry) -> bytes | None:
    """Its line; None where it has none, which must not cost those that wait beside it."""
    try:
        return encoded(entry)
    except Exception as error:  # noqa: BLE001 - as above
        log.error("an entry can't be written: %s", type(error).__name__)
        return None
