"""The shipped menus with actions that come back with anything, for dialogues that nobody wrote."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

from app.menusets import files as menufiles
from app.planning import declared_actions
from ussd_engine import Action, Call, Engine, Kind, Reply, Service, Turn, compile_menus
from ussd_engine.core.events import ActionDone
from ussd_engine.core.service import Do, Listing
from ussd_engine.ports import Entry, Journal
from ussd_engine.scenarios import samples
from ussd_engine.stores.memory import MemoryStore
from ussd_engine.text.template import Value

CALLER = "998901234567"
NOON = 1_795_503_600.0
KEY = b"a key for tests only"


def menu_texts() -> dict[str, str]:
    """The shipped menus."""
    return menufiles.read(Path("menus"))


@cache
def declared() -> Mapping[str, Action]:
    return declared_actions()


@cache
def shipped() -> Service:
    return compile_menus(menu_texts(), declared())


@cache
def results(action: str) -> Sequence[ActionDone]:
    """All that an action can come back with, failures and lateness too."""
    service = shipped()
    state = next(s for s in service.states.values() if isinstance(s, Do | Listing) and s.action == action)
    return (
        *samples.outcomes(state, service, declared(), samples.decisions(service)),
        ActionDone(NOON, "failed"),
        ActionDone(NOON, "late"),
    )


@dataclass(frozen=True, slots=True)
class _Anything(Action):
    chance: random.Random = field(default_factory=random.Random, repr=False)

    async def run(self, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        return self.chance.choice(results(self.name))


class Ticking:
    """A clock that goes on a second each time it is read."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


class Line:
    """One subscriber's line to an engine whose actions come back with anything."""

    def __init__(self, journal: Journal, seed: int = 0, msisdn: str = CALLER) -> None:
        chance = random.Random(seed)
        table = {
            name: _Anything(
                **{f.name: getattr(action, f.name) for f in fields(Action) if f.init}, chance=chance
            )
            for name, action in declared().items()
        }
        clock = Ticking()
        self.engine = Engine(
            shipped(), store=MemoryStore(clock), actions=table, key=KEY, clock=clock, journal=journal
        )
        self.msisdn = msisdn
        self.requests = 0
        self.dialogues = 0

    async def dial(self, code: str) -> Reply:
        self.dialogues += 1
        return await self._send(Kind.BEGIN, code)

    async def answer(self, text: str) -> Reply:
        return await self._send(Kind.ANSWER, text)

    async def cut(self, kind: Kind) -> Reply:
        return await self._send(kind, "")

    async def _send(self, kind: Kind, text: str) -> Reply:
        self.requests += 1
        turn = Turn("here", f"d{self.dialogues}", self.msisdn, kind, text, request_id=str(self.requests))
        return await self.engine.handle(turn)
