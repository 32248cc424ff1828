"""Plays the steps and actions of one turn, and tells the journal what became of it."""

from __future__ import annotations

import msgspec

from ussd_engine.core.events import ActionDone, Close, Event, Run
from ussd_engine.core.service import Service
from ussd_engine.core.session import Session
from ussd_engine.core.step import ACTIONS_MAX, Step, step
from ussd_engine.performing import Performer
from ussd_engine.ports import Clock, Entry, Journal, Reply, Turn
from ussd_engine.record import Record
from ussd_engine.requests import Fingerprints
from ussd_engine.versions import Versions


class Position(msgspec.Struct, frozen=True):
    """Where a dialogue stands before a turn, and what comes in there; `before`: as in the record."""

    service: Service
    session: Session
    event: Event
    began: float
    turns: int
    before: bytes


class Trace(msgspec.Struct, frozen=True):
    """What the steps of a turn used and did, for the journal."""

    heard: list[str] = []
    done: list[tuple[str, ActionDone]] = []


async def play(performer: Performer, position: Position, turn: Turn, deadline: float, trace: Trace) -> Step:
    """Step until the subscriber must be answered, running the actions on the way."""
    service, session, event = position.service, position.session, position.event
    while True:
        taken = step(service, session, event, screen_octets=turn.screen_octets)
        session = taken.session
        trace.heard.extend(taken.heard)
        effect = taken.effects[0] if taken.effects else None
        if not isinstance(effect, Run):
            return taken
        if len(trace.done) == ACTIONS_MAX:
            raise RuntimeError(f"more than {ACTIONS_MAX} actions in one turn")
        event = await performer.perform(service, effect, turn, session.language, deadline, position.began)
        trace.done.append((effect.action, event))


def reply_of(taken: Step) -> Reply:
    """What the subscriber sees of the last step of a turn."""
    effect = taken.effects[0]
    assert not isinstance(effect, Run)
    return Reply(effect.text, not isinstance(effect, Close))


def recorded(
    position: Position,
    taken: Step,
    reply: Reply,
    at: float,
    *,
    dialogue: bytes,
    fingerprint: bytes = b"",
    used: int = 0,
) -> Record:
    """What is stored after a turn; `used`: characters of the accumulated text, where there is one."""
    return Record(
        menu=position.service.version,
        dialogue=dialogue,
        before=position.before,
        fingerprint=fingerprint,
        taken=used,
        reply=reply.text,
        at=at,
        began=position.began,
        turns=position.turns + 1,
        session=taken.session,
    )


class Notes:
    """What turns have become, for the journal, if there is one."""

    def __init__(
        self, journal: Journal | None, fingerprints: Fingerprints, versions: Versions, clock: Clock
    ) -> None:
        self._journal = journal
        self._fingerprints = fingerprints
        self._versions = versions
        self._clock = clock

    def write(self, turn: Turn, record: Record, event: Event | None, trace: Trace | None = None) -> None:
        """Tell the journal what a turn has become."""
        if self._journal is None:
            return
        session = record.session
        service = self._versions.get(record.menu)
        self._journal.write(
            Entry(
                dialogue=self._fingerprints.name(turn, record),
                turn=record.turns if event is not None else record.turns + 1,
                at=self._clock(),
                gateway=turn.gateway,
                msisdn=turn.msisdn,
                menu=record.menu,
                screen_octets=turn.screen_octets,
                event=event,
                heard=tuple(trace.heard) if trace is not None else (),
                done=tuple(trace.done) if trace is not None else (),
                state=service.names.get(session.state, "") if service is not None else "",
                language=session.language,
                text=record.reply if event is not None and trace is not None else "",
                open=event is not None and not session.ended,
            )
        )
