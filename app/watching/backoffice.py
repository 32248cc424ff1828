"""The program as the operators' pages see it (`cabinet.running.Running`)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.lines import gateways
from app.menusets.reload import Reloader
from app.settings import Settings
from app.watching import funnel, live, lookup
from app.watching.board import Board
from app.watching.metrics import Metrics
from cabinet.running import (
    DialogueStory,
    FoundDialogues,
    Funnel,
    GatewayState,
    LiveFigures,
    Menus,
    MenuVersion,
)
from ussd_engine import Clock, Engine

KEPT_S: Final = 20.0
"""How long a funnel once counted is shown again, so that it costs what it costs only so often."""


class JournalDialogues:
    """The journal of this machine, which all its workers write; thread-safe.

    One search runs at a time: a second operator waits for the first, and turns for neither. `folder` is None
    where no journal is kept. `code` gives the service code.
    """

    def __init__(self, folder: Path | None, code: Callable[[], str], clock: Clock = time.time) -> None:
        self._folder = folder
        self._code = code
        self._clock = clock
        self._alone = threading.Lock()
        self._counted: dict[float, tuple[float, Funnel]] = {}

    def find(self, caller: str, since: datetime) -> FoundDialogues | None:
        """See `cabinet.running.Dialogues`."""
        if self._folder is None:
            return None
        with self._alone:
            return lookup.find(self._folder, caller, since)

    def one(self, dialogue: str, near: datetime | None) -> DialogueStory | None:
        """See `cabinet.running.Dialogues`."""
        if self._folder is None:
            return None
        with self._alone:
            return lookup.one(self._folder, dialogue, near, self._code())

    def funnel(self, since: datetime) -> Funnel | None:
        """See `cabinet.running.Dialogues`."""
        if self._folder is None:
            return None
        now = datetime.fromtimestamp(self._clock(), UTC)
        span = round((now - since).total_seconds() / 60)
        with self._alone:
            kept = self._counted.get(span)
            if kept is not None and time.monotonic() - kept[0] < KEPT_S:
                return kept[1]
            made = funnel.funnel(self._folder, since, now)
            self._counted = {span: (time.monotonic(), made)}
            return made


class BackOffice:
    """What one worker knows, and what all share."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        reloader: Reloader,
        metrics: Metrics,
        lines: Board,
        live: Board,
        journal: Path | None,
    ) -> None:
        """Make it; `lines` is where gateways' lines are told of, `live` where `Live` tells."""
        self.dialogues = JournalDialogues(journal, lambda: engine.service.service_code)
        self._settings = settings
        self._engine = engine
        self._reloader = reloader
        self._metrics = metrics
        self._lines = lines
        self._live = live

    def live(self) -> LiveFigures | None:
        """See `cabinet.running.Running`."""
        return live.figures(self._live)

    def menus(self) -> Menus:
        """See `cabinet.running.Running`."""
        service, current = self._engine.service, self._engine.service.version.hex()
        counted: dict[str, int] = (self._live.read() or {}).get("by_version", {})
        versions = [MenuVersion(name, count, name == current) for name, count in counted.items()]
        if current not in counted:
            versions.append(MenuVersion(current, 0, current=True))
        versions = [one for one in versions if one.current or one.open]
        return Menus(
            version=current,
            since=self._reloader.since,
            languages=service.languages,
            states=Counter(state.menu for state in service.states.values() if state.menu),
            problems=self._reloader.problems,
            refused_at=self._reloader.refused_at,
            versions=tuple(sorted(versions, key=lambda one: (not one.current, -one.open))),
        )

    def gateways(self) -> Sequence[GatewayState]:
        """See `cabinet.running.Running`."""
        return [
            GatewayState(
                name=told.name,
                kind=told.kind,
                where=told.where,
                secured=told.secured,
                state=told.state,
                since=datetime.fromtimestamp(told.since, UTC) if told.since else None,
                error=told.error,
                unanswered=told.unanswered,
                window=told.window,
                waiting=told.waiting,
                losses=told.losses,
                turns=told.turns,
                refused=told.refused,
            )
            for told in gateways.running(self._settings, self._lines, self._metrics)
        ]
