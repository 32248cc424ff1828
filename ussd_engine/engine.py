"""The asynchronous shell around the pure step: load, step, run actions, save, answer.

A repeated request gets the stored reply, an action's effect has a key, and of two writers one wins: see
docs/decisions/turns.md.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from ussd_engine.actions import Action, Call
from ussd_engine.core import dial
from ussd_engine.core.errors import SessionEnded, StoreError
from ussd_engine.core.events import (
    Aborted,
    ActionDone,
    Answer,
    Begin,
    Close,
    Event,
    Run,
    TimedOut,
    Value,
)
from ussd_engine.core.http import HttpAction
from ussd_engine.core.service import Service
from ussd_engine.core.session import Session
from ussd_engine.core.step import Step, begin, step
from ussd_engine.ports import Clock, Entry, Journal, Kind, Reply, SessionStore, Turn
from ussd_engine.record import Record, decode, encode, keyed_hash

RECORD_TTL_S = 180.0
"""domain.md 3.5: a dialogue's total life; its tombstone lives as long after the last turn."""
REPEAT_S = 1.0
"""Where a wire has no request id, an equal answer is a repeat only this soon (`1`, `1` is a path)."""
ANSWER_MARGIN_S = 0.5
"""Kept back from the gateway's deadline for storing and sending the reply."""
ACTIONS_MAX = 32
"""Actions in one turn; the compiler proves that menus have no circle of them."""
VERSIONS_MAX = 8
"""Menus kept at once, the present ones included; dialogues on older ones are told that they are over."""

log = logging.getLogger("ussd_engine")


class Watch(Protocol):
    """Is told what happened; must be quick and never raise."""

    def turn(self, gateway: str, outcome: str, seconds: float) -> None: ...

    def action(self, name: str, result: str, seconds: float) -> None: ...


class HttpRunner(Protocol):
    """Performs the actions that menus declare themselves (`ussd_engine.http.HttpCaller`)."""

    async def run(
        self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float
    ) -> ActionDone: ...


class _NoHttp:
    async def run(self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        log.error("action %s: HTTP actions are off", action.name)
        return ActionDone(at, "failed")


class _Silent:
    def turn(self, gateway: str, outcome: str, seconds: float) -> None: ...

    def action(self, name: str, result: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _InFlight:
    identity: bytes
    reply: asyncio.Future[Reply]


@dataclass(frozen=True, slots=True)
class _Trace:
    """What the steps of a turn used and did, for the journal."""

    heard: list[str]
    done: list[tuple[str, ActionDone]]


class Engine:
    """Plays a service's dialogues for any number of gateways."""

    def __init__(
        self,
        service: Service,
        *,
        store: SessionStore,
        actions: Mapping[str, Action],
        key: bytes,
        clock: Clock,
        watch: Watch | None = None,
        journal: Journal | None = None,
        http: HttpRunner | None = None,
        older: Callable[[bytes], Awaitable[Service | None]] | None = None,
        ttl_s: float = RECORD_TTL_S,
    ) -> None:
        """Make an engine.

        Args:
            http: performs the actions that menus declare themselves; by default every host is refused.
            older: finds the menus of a version this engine does not have, for dialogues that began on them.
            key: secret under which requests are hashed; the same in all workers.
            ttl_s: how long a dialogue lives in the store after its last turn.
        """
        self.service = service
        self._services = {service.version: service}
        self._store = store
        self._actions = actions
        self._key = blake2b(key, digest_size=32, person=b"fingerprints").digest()
        self._clock = clock
        self._watch: Watch = watch or _Silent()
        self._journal = journal
        self._http = http or _NoHttp()
        self._older = older
        self._ttl_s = ttl_s
        self._running: dict[str, _InFlight] = {}
        self._left_running: set[asyncio.Task[ActionDone]] = set()

    def replace(self, service: Service) -> None:
        """Begin new dialogues on other menus; open ones end on theirs."""
        self._services.pop(service.version, None)
        self._services[service.version] = service
        self.service = service
        while len(self._services) > VERSIONS_MAX:
            del self._services[next(iter(self._services))]

    async def drain(self, timeout_s: float) -> None:
        """Wait for actions that outlasted their turn, `timeout_s` at most."""
        if self._left_running:
            await asyncio.wait(self._left_running, timeout=timeout_s)

    async def handle(self, turn: Turn) -> Reply:
        """Answer one request of a gateway; never raises for anything a gateway or subscriber can do.

        Copies of a request share one answer, other requests of the same subscriber wait their turn.
        """
        key = f"{{{turn.gateway}:{turn.msisdn}}}"
        loop = asyncio.get_running_loop()
        started = loop.time()
        identity = self._identity(turn)
        while (ahead := self._running.get(key)) is not None:
            if ahead.identity == identity:
                self._watch.turn(turn.gateway, "shared", loop.time() - started)
                return await asyncio.shield(ahead.reply)
            await asyncio.wait([ahead.reply])
        mine = _InFlight(identity, loop.create_future())
        self._running[key] = mine
        reply, outcome = None, "trouble"
        try:
            reply, outcome = await self._turn(turn, key, identity, started + turn.deadline_s)
        except StoreError as error:
            outcome = "store"
            log.warning("session store: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever fails, the phone gets a screen
            # The text of an error may hold what the subscriber typed: only its kind and place are logged.
            log.error(
                "turn of gateway %s failed: %s in %s", turn.gateway, type(error).__name__, _place(error)
            )
        finally:
            del self._running[key]
            reply = reply or self._say("trouble")
            mine.reply.set_result(reply)
            self._watch.turn(turn.gateway, outcome, loop.time() - started)
        return reply

    # --- one turn -----------------------------------------------------------------------------------------

    def _identity(self, turn: Turn) -> bytes:
        """Hash what makes a request this request."""
        if turn.accumulated is not None:
            return self._fingerprint(turn.dialogue, turn.accumulated)
        return keyed_hash(self._key, turn.dialogue, turn.kind.value, turn.request_id or turn.text)

    def _fingerprint(self, dialogue: str, accumulated: str) -> bytes:
        """Hash a request by all that was typed: proof of a repeat, and that a longer text goes on from it."""
        return keyed_hash(self._key, dialogue, "", accumulated)

    async def _turn(self, turn: Turn, key: str, identity: bytes, deadline: float) -> tuple[Reply, str]:
        loaded = await self._store.load(key)
        version, record = (loaded[0], decode(loaded[1])) if loaded is not None else (None, None)
        dialogue = keyed_hash(b"", turn.dialogue) if turn.dialogue else b""
        known = record is not None and record.dialogue == dialogue
        if record is not None and known and self._repeats(turn, record, identity):
            return Reply(record.reply, not record.session.ended), "repeat"
        if turn.kind in (Kind.ABORT, Kind.TIMEOUT):
            if record is not None and known:
                await self._cut(turn, key, record, version)
            return Reply("", False), turn.kind.value

        now = self._clock()
        accumulated = turn.accumulated or ""
        if record is not None and known and turn.kind is Kind.ANSWER:
            if record.session.ended:
                return self._say("over", record.session.language), "over"
            answer = self._answer(turn, record)
            service = self._services.get(record.menu) or await self._find(record.menu)
            if answer is None or service is None or record.session.state not in service.names:
                return self._say("over", record.session.language), "over"
            event: Event = Answer(now, answer, max(now - record.at, 0.0))
            session, began, turns, before = record.session, record.began, record.turns, record.before
        elif self._may_begin(turn, record, dialogue):
            service = self.service
            try:
                fields = dial.parse(turn.text, service.service_code)
            except dial.DialError:
                return self._say("wrong_dial"), "wrong_dial"
            event = Begin(now, fields, self._cut_short(record))
            session, began, turns = begin(service, turn.msisdn), now, 0
            before = b"" if record is None else record.before if known else record.dialogue
        else:
            return self._say("over"), "over"

        trace = _Trace([], [])
        taken = await self._play(service, session, event, turn, deadline, trace)
        reply = self._reply(taken)
        fresh = Record(
            menu=service.version,
            dialogue=dialogue,
            before=before,
            fingerprint=identity,
            taken=len(accumulated),
            reply=reply.text,
            at=self._clock(),
            began=began,
            turns=turns + 1,
            session=taken.session,
        )
        if await self._store.save(key, encode(fresh), expect=version, ttl_s=self._ttl_s):
            if self._journal is not None:
                if record is not None and record.began != began and not record.session.ended:
                    self._note(turn, record, None)  # the network began anew without ending that one
                self._note(turn, fresh, event, trace)
            return reply, "open" if reply.open else "closed"
        return await self._lost(key, dialogue, identity)

    async def _find(self, version: bytes) -> Service | None:
        """Find menus that another worker has, or this one had before a restart."""
        service = await self._older(version) if self._older is not None else None
        if service is not None:
            self._services = {service.version: service, **self._services}
            for stale in list(self._services)[1 : len(self._services) - VERSIONS_MAX + 1]:
                del self._services[stale]
        return service

    def _cut_short(self, record: Record | None) -> Session | None:
        """Return the dialogue that the subscriber left open, if it was on the present menus and may go on."""
        if record is None or record.session.ended or record.menu != self.service.version:
            return None
        state = self.service.states.get(self.service.names.get(record.session.state, ""))
        return record.session if state is not None and state.resume != "never" else None

    def _repeats(self, turn: Turn, record: Record, identity: bytes) -> bool:
        if record.fingerprint != identity:
            return False
        has_identity = bool(turn.request_id) or turn.accumulated is not None
        if has_identity or (turn.kind is Kind.BEGIN and turn.dialogue):
            return True
        return self._clock() - record.at <= REPEAT_S

    @staticmethod
    def _may_begin(turn: Turn, record: Record | None, dialogue: bytes) -> bool:
        if turn.kind is Kind.BEGIN:
            return True
        if not turn.may_begin:
            return False
        if record is None:
            return True
        if dialogue in (record.dialogue, record.before):
            return False
        # An answer of another dialogue must not end the open one (domain.md S2); a dialled string may.
        return record.session.ended or (turn.accumulated or "").startswith("*")

    def _answer(self, turn: Turn, record: Record) -> str | None:
        """Return what was typed now; None when the accumulated text does not go on from what was taken.

        Where nothing was taken and the text begins with a star, the first answer was empty: that request
        equalled the one that began the dialogue, and got its screen.
        """
        if turn.accumulated is None:
            return turn.text
        taken = turn.accumulated[: record.taken]
        if len(taken) < record.taken:
            return None
        if taken and self._fingerprint(turn.dialogue, taken) != record.fingerprint:
            return None
        rest = turn.accumulated[record.taken :]
        if rest.startswith("*"):
            return rest[1:]
        return rest if not taken else None

    async def _play(
        self, service: Service, session: Session, event: Event, turn: Turn, deadline: float, trace: _Trace
    ) -> Step:
        """Step until the subscriber must be answered, running the actions on the way."""
        for _ in range(ACTIONS_MAX):
            taken = step(service, session, event, screen_octets=turn.screen_octets)
            session = taken.session
            trace.heard.extend(taken.heard)
            effect = taken.effects[0] if taken.effects else None
            if not isinstance(effect, Run):
                return taken
            event = await self._run(service, effect, turn, session, deadline)
            trace.done.append((effect.action, event))
        raise RuntimeError(f"more than {ACTIONS_MAX} actions in one turn")

    async def _run(
        self, service: Service, run: Run, turn: Turn, session: Session, deadline: float
    ) -> ActionDone:
        """Run one action within what is left of the deadline.

        One that changes something is left running when time is up: its result comes by SMS. Any other is
        cancelled and has failed.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        until = deadline - ANSWER_MARGIN_S
        if run.timeout_s is not None:
            until = min(until, started + run.timeout_s)
        key = f"{turn.gateway}|{turn.dialogue}|{turn.msisdn}|{run.answers}|{run.state}"
        call = Call(turn.gateway, turn.dialogue, turn.msisdn, session.language, key, until)
        asks = service.http.get(run.action)
        if asks is not None:
            changes, doing = asks.method != "GET", self._http.run(asks, call, run.args, self._clock())
        else:
            action = self._actions[run.action]
            changes, doing = action.changes, action.run(call, run.args, self._clock())
        task = asyncio.ensure_future(doing)
        try:
            await asyncio.sleep(0)
            if not task.done():  # one that had nothing to wait for needs no timer
                await asyncio.wait([task], timeout=max(until - started, 0.0))
        finally:
            if not task.done():
                self._leave(task, running=changes)
        if not task.done():
            outcome = ActionDone(self._clock(), "late" if changes else "failed")
        elif (failure := _failure(task)) is not None:
            log.error("action %s failed: %s", run.action, failure)
            outcome = ActionDone(self._clock(), "failed")
        else:
            outcome = task.result()
        self._watch.action(run.action, outcome.result, loop.time() - started)
        return outcome

    def _leave(self, task: asyncio.Task[ActionDone], *, running: bool) -> None:
        """Go on without an action: its time is up, or the gateway has hung up."""
        if not running:
            task.cancel()
        self._left_running.add(task)
        task.add_done_callback(self._finished_late)

    def _finished_late(self, task: asyncio.Task[ActionDone]) -> None:
        self._left_running.discard(task)
        if not task.cancelled() and (failure := _failure(task)) is not None:
            log.error("an action failed after its deadline: %s", failure)

    async def _cut(self, turn: Turn, key: str, record: Record, version: bytes | None) -> None:
        service = self._services.get(record.menu)
        if service is None or record.session.ended or record.session.state not in service.names:
            return
        now = self._clock()
        event = Aborted(now) if turn.kind is Kind.ABORT else TimedOut(now)
        try:
            record.session = step(service, record.session, event).session
        except SessionEnded:
            return
        record.fingerprint = b""  # a late repeat of the last answer finds the dialogue over
        if await self._store.save(key, encode(record), expect=version, ttl_s=self._ttl_s):
            record.turns += 1
            self._note(turn, record, event)

    def _name(self, turn: Turn, record: Record) -> bytes:
        """Name a dialogue for the journal; without the key nobody can try phones out on it."""
        what = f"{turn.gateway} {turn.msisdn} {record.began!r} {record.dialogue.hex()}"
        return blake2b(what.encode(), digest_size=8, key=self._key).digest()

    def _note(self, turn: Turn, record: Record, event: Event | None, trace: _Trace | None = None) -> None:
        """Tell the journal what a turn has become."""
        if self._journal is None:
            return
        session = record.session
        names = self._services[record.menu].names if record.menu in self._services else {}
        shown = record.reply if event is not None and trace is not None else ""
        self._journal.write(
            Entry(
                dialogue=self._name(turn, record),
                turn=record.turns if event is not None else record.turns + 1,
                at=self._clock(),
                gateway=turn.gateway,
                msisdn=turn.msisdn,
                menu=record.menu,
                screen_octets=turn.screen_octets,
                event=event,
                heard=tuple(trace.heard) if trace is not None else (),
                done=tuple(trace.done) if trace is not None else (),
                state=names.get(session.state, ""),
                language=session.language,
                text=shown,
                open=event is not None and not session.ended,
            )
        )

    async def _lost(self, key: str, dialogue: bytes, identity: bytes) -> tuple[Reply, str]:
        """Another worker was first: the same request gets its answer, any other is over."""
        loaded = await self._store.load(key)
        record = decode(loaded[1]) if loaded is not None else None
        if record is not None and record.dialogue == dialogue and record.fingerprint == identity:
            return Reply(record.reply, not record.session.ended), "repeat"
        return self._say("over"), "lost"

    @staticmethod
    def _reply(taken: Step) -> Reply:
        effect = taken.effects[0]
        assert not isinstance(effect, Run)
        return Reply(effect.text, not isinstance(effect, Close))

    def _say(self, code: str, language: str | None = None) -> Reply:
        service = self.service
        spoken = language if language in service.languages else service.languages[0]
        return Reply(service.say(code, spoken or service.languages[0]), False)


def _failure(task: asyncio.Task[ActionDone]) -> str | None:
    """Say how a task that is over went wrong, if it did."""
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return None if error is None else f"{type(error).__name__} in {_place(error)}"


def _place(error: BaseException) -> str:
    """Name the innermost place of an error: file and line, never values."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{frames[-1].filename.rsplit('/', 2)[-1]}:{frames[-1].lineno}" if frames else "an unknown place"
