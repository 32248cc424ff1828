"""The journal of a running service: where it lies, who writes it, and who counts the open dialogues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.serving.workers import Chore
from app.settings import Settings
from app.watching.figures import Watched
from app.watching.metrics import Metrics
from ussd_engine.engine import RECORD_TTL_S
from ussd_engine.journal import Cause, FileJournal, Sweeper

FOLDER = "journal"


@dataclass
class Opened:
    """The dialogues open now, as of the last sweep: by gateway, by menu, by version of the menus (hex)."""

    by_gateway: Mapping[str, int] = field(default_factory=dict)
    by_menu: Mapping[str, int] = field(default_factory=dict)
    by_version: Mapping[str, int] = field(default_factory=dict)


def folder(settings: Settings, data: Path) -> Path:
    """The configured folder, or the one in the data folder."""
    return settings.journal.path or data / FOLDER


@contextmanager
def journal(settings: Settings, data: Path) -> Iterator[FileJournal | None]:
    """This worker's journal; None where the settings want none. What waits is written at the end."""
    if not settings.journal.keep_days:
        yield None
        return
    files = FileJournal(folder(settings, data), keep_days=settings.journal.keep_days)
    files.start()
    try:
        yield files
    finally:
        files.close()


def sweeping(
    settings: Settings,
    data: Path,
    metrics: Metrics,
    watched: Watched,
    current: Callable[[], str],
    opened: Opened,
) -> tuple[Chore, ...]:
    """Close dialogues that just stopped, and tell how many are open on each version of the menus.

    Args:
        current: the version that new dialogues begin on, in hex.
        opened: where it is noted whose the open ones are.
    """
    if not settings.journal.keep_days:
        return ()
    sweeper = Sweeper(folder(settings, data), total_s=RECORD_TTL_S, clock=time.time)

    def sweep() -> int:
        watched.ended(Cause.FAILED_DIALOG_TIMEOUT, sweeper.sweep())
        opened.by_gateway, opened.by_menu = sweeper.open_by_gateway(), sweeper.open_by_place()
        opened.by_version = {current(): 0, **sweeper.open_by_menu()}
        metrics.dialogues(opened.by_version, current())
        return 0

    return (Chore("sweeper", sweep, every_s=1.0),)
