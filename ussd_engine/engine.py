"""The asynchronous shell around the pure step: load, step, run actions, save, answer.

A repeated request gets the stored reply, an action's effect has a key, and of two writers one wins: see
docs/decisions/turns.md.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping

import msgspec

from ussd_engine.actions import Action
from ussd_engine.core import dial
from ussd_engine.core.errors import StoreError
from ussd_engine.core.events import (
    Aborted,
    Answer,
    Begin,
    Pushed,
    TimedOut,
)
from ussd_engine.core.service import FAILED, LATE, Service
from ussd_engine.core.session import Session
from ussd_engine.core.step import begin, step
from ussd_engine.performing import Performer, place
from ussd_engine.playing import Notes, Position, Trace, play, recorded, reply_of
from ussd_engine.ports import (
    Clock,
    HttpRunner,
    Journal,
    Kind,
    Pusher,
    PushOutcome,
    Reply,
    SessionStore,
    Turn,
    Watch,
)
from ussd_engine.record import Record, decode, encode, keyed_hash
from ussd_engine.requests import Fingerprints, may_begin, repeats
from ussd_engine.text.cost import USSD_OCTETS_MAX
from ussd_engine.text.template import Value
from ussd_engine.versions import Older, Versions

RECORD_TTL_S = 180.0
"""domain.md 3.5: a dialogue's total life; its tombstone lives as long after the last turn."""

PUSH_DEADLINE_S = 10.0
OVER = frozenset(PushOutcome) - {
    PushOutcome.ACCEPTED,
    PushOutcome.SHOWN,
    PushOutcome.ANSWERED,
    PushOutcome.UNKNOWN,
}
"""Outcomes after which no answer can come."""
CUT = (Kind.ABORT, Kind.TIMEOUT)
"""The network ended the dialogue."""
NOT_WORTH_SHOWING = frozenset({FAILED, LATE})
"""Ends of ours: nobody who has not dialled need read that something went wrong."""

log = logging.getLogger("ussd_engine")


class _Silent:
    def turn(self, gateway: str, outcome: str, seconds: float) -> None: ...

    def action(self, name: str, result: str, seconds: float) -> None: ...


class _InFlight(msgspec.Struct, frozen=True):
    identity: bytes
    reply: asyncio.Future[Reply]


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
        older: Older | None = None,
        ttl_s: float = RECORD_TTL_S,
    ) -> None:
        """Make an engine.

        Args:
            http: performs the actions that menus declare themselves; by default every host is refused.
            older: finds the menus of a version this engine does not have, for dialogues that began on them.
            key: secret under which requests are hashed; the same in all workers.
            ttl_s: how long a dialogue lives in the store after its last turn.
        """
        self._versions = Versions(service, older)
        self._store = store
        self._fingerprints = Fingerprints(key)
        self._clock = clock
        self._watch: Watch = watch or _Silent()
        self._notes = Notes(journal, self._fingerprints, self._versions, clock)
        self._performer = Performer(actions, http, clock, self._watch)
        self._ttl_s = ttl_s
        self._running: dict[str, _InFlight] = {}

    @property
    def service(self) -> Service:
        """The menus that dialogues begin on."""
        return self._versions.present

    def replace(self, service: Service) -> None:
        """Begin new dialogues on other menus; open ones end on theirs."""
        self._versions.replace(service)

    async def drain(self, timeout_s: float) -> None:
        """Wait for actions that outlasted their turn, `timeout_s` at most."""
        await self._performer.drain(timeout_s)

    async def handle(self, turn: Turn) -> Reply:
        """Answer one request of a gateway; never raises for anything a gateway or subscriber can do.

        Copies of a request share one answer, other requests of the same subscriber wait their turn.
        """
        key = f"{{{turn.gateway}:{turn.msisdn}}}"
        loop = asyncio.get_running_loop()
        started = loop.time()
        identity = self._fingerprints.identity(turn)
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
            log.error("turn of gateway %s failed: %s in %s", turn.gateway, type(error).__name__, place(error))
        finally:
            del self._running[key]
            reply = reply or self._say("trouble")
            mine.reply.set_result(reply)
            self._watch.turn(turn.gateway, outcome, loop.time() - started)
        return reply

    async def push(
        self,
        gateway: str,
        pusher: Pusher,
        msisdn: str,
        state: str,
        given: Mapping[str, Value],
        *,
        screen_octets: int = USSD_OCTETS_MAX,
        deadline_s: float = PUSH_DEADLINE_S,
    ) -> PushOutcome:
        """Begin a dialogue at a state that declares `push:`, and have its first screen shown.

        A subscriber who is in a dialogue at this gateway is left in it, and counts as busy.

        Args:
            given: exactly the variables that the state asks for; see `ussd_engine.pushing.given_to`.
            deadline_s: for the actions before the first screen.

        Raises:
            StoreError: sessions are out of reach.
        """
        event = Pushed(self._clock(), state, given)
        turn = Turn(
            gateway=gateway,
            dialogue=f"push-{secrets.token_hex(8)}",
            msisdn=msisdn,
            kind=Kind.BEGIN,
            screen_octets=screen_octets,
            deadline_s=deadline_s,
        )
        screen = await self._in_turn(turn, event)
        if isinstance(screen, PushOutcome):
            return screen
        try:
            outcome = await pusher.push(turn.dialogue, msisdn, screen.text, ask=screen.open)
        except Exception as error:  # noqa: BLE001 - whatever fails in a gateway, it may be on the screen
            log.error("a push of gateway %s failed: %s in %s", gateway, type(error).__name__, place(error))
            outcome = PushOutcome.UNKNOWN
        if outcome in OVER:
            cut = Kind.TIMEOUT if outcome is PushOutcome.TIMEOUT else Kind.ABORT
            await self.handle(Turn(gateway=gateway, dialogue=turn.dialogue, msisdn=msisdn, kind=cut))
        return outcome

    async def _in_turn(self, turn: Turn, event: Pushed) -> Reply | PushOutcome:
        """The first screen of a pushed dialogue, once no turn of its subscriber runs here."""
        key = f"{{{turn.gateway}:{turn.msisdn}}}"
        loop = asyncio.get_running_loop()
        while (ahead := self._running.get(key)) is not None:
            await asyncio.wait([ahead.reply])
        mine = _InFlight(b"", loop.create_future())  # no request has an empty identity
        self._running[key] = mine
        try:
            return await self._pushed(turn, key, event, loop.time() + turn.deadline_s)
        finally:
            del self._running[key]
            mine.reply.set_result(self._say("trouble"))

    async def _pushed(self, turn: Turn, key: str, event: Pushed, deadline: float) -> Reply | PushOutcome:
        loaded = await self._store.load(key)
        version, record = (loaded[0], decode(loaded[1])) if loaded is not None else (None, None)
        if record is not None and not record.session.ended:
            return PushOutcome.BUSY
        service, now = self.service, self._clock()
        before = b"" if record is None else record.dialogue
        position = Position(service, begin(service, turn.msisdn), event, now, 0, before)
        trace = Trace()
        taken = await play(self._performer, position, turn, deadline, trace)
        if service.names[taken.session.state] in NOT_WORTH_SHOWING:
            return PushOutcome.TROUBLE
        reply = reply_of(taken)
        dialogue = keyed_hash(b"", turn.dialogue)
        fresh = recorded(position, taken, reply, self._clock(), dialogue=dialogue)
        if not await self._store.save(key, encode(fresh), expect=version, ttl_s=self._ttl_s):
            return PushOutcome.BUSY  # another worker has begun a dialogue meanwhile
        self._notes.write(turn, fresh, event, trace)
        return reply

    # --- one turn -----------------------------------------------------------------------------------------

    async def _turn(self, turn: Turn, key: str, identity: bytes, deadline: float) -> tuple[Reply, str]:
        loaded = await self._store.load(key)
        version, record = (loaded[0], decode(loaded[1])) if loaded is not None else (None, None)
        dialogue = keyed_hash(b"", turn.dialogue) if turn.dialogue else b""
        known = record if record is not None and record.dialogue == dialogue else None
        if known is not None and repeats(turn, known, identity, self._clock()):
            return Reply(known.reply, not known.session.ended), "repeat"
        if turn.kind in CUT:
            if known is not None:
                await self._cut(turn, key, known, version)
            return Reply("", False), turn.kind.value

        if known is not None and turn.kind is Kind.ANSWER:
            position = await self._going_on(turn, known)
            if position is None:
                return self._say("over", known.session.language), "over"
        elif may_begin(turn, record, dialogue):
            try:
                position = self._beginning(turn, record, known)
            except dial.DialError:
                return self._say("wrong_dial"), "wrong_dial"
        else:
            return self._say("over"), "over"

        trace = Trace()
        taken = await play(self._performer, position, turn, deadline, trace)
        reply = reply_of(taken)
        used = len(turn.accumulated or "")
        fresh = recorded(
            position, taken, reply, self._clock(), dialogue=dialogue, fingerprint=identity, used=used
        )
        if not await self._store.save(key, encode(fresh), expect=version, ttl_s=self._ttl_s):
            return await self._lost(key, dialogue, identity)
        if record is not None and record.began != position.began and not record.session.ended:
            self._notes.write(turn, record, None)  # the network began anew without ending that one
        self._notes.write(turn, fresh, position.event, trace)
        return reply, "open" if reply.open else "closed"

    async def _going_on(self, turn: Turn, record: Record) -> Position | None:
        """Find where an open dialogue goes on; None where it can't."""
        if record.session.ended:
            return None
        answer = self._fingerprints.answer(turn, record)
        service = await self._versions.find(record.menu)
        if answer is None or service is None or record.session.state not in service.names:
            return None
        now = self._clock()
        event = Answer(now, answer, max(now - record.at, 0.0))
        return Position(service, record.session, event, record.began, record.turns, record.before)

    def _beginning(self, turn: Turn, record: Record | None, known: Record | None) -> Position:
        """Begin a dialogue, `record` being what is stored of the last one, `known` if it has the same name.

        Raises:
            DialError: what was dialled is not ours.
        """
        service, now = self.service, self._clock()
        fields = dial.parse(turn.text, service.service_code)
        event = Begin(now, fields, self._cut_short(record))
        before = known.before if known is not None else b"" if record is None else record.dialogue
        return Position(service, begin(service, turn.msisdn), event, now, 0, before)

    def _cut_short(self, record: Record | None) -> Session | None:
        """Return the dialogue that the subscriber left open, if it was on the present menus and may go on."""
        if record is None or record.session.ended or record.menu != self.service.version:
            return None
        state = self.service.states.get(self.service.names.get(record.session.state, ""))
        return record.session if state is not None and state.resume != "never" else None

    async def _lost(self, key: str, dialogue: bytes, identity: bytes) -> tuple[Reply, str]:
        """Another worker was first: the same request gets its answer, any other is over."""
        loaded = await self._store.load(key)
        record = decode(loaded[1]) if loaded is not None else None
        if record is not None and record.dialogue == dialogue and record.fingerprint == identity:
            return Reply(record.reply, not record.session.ended), "repeat"
        return self._say("over"), "lost"

    async def _cut(self, turn: Turn, key: str, record: Record, version: bytes | None) -> None:
        service = self._versions.get(record.menu)
        if service is None or record.session.ended or record.session.state not in service.names:
            return
        now = self._clock()
        event = Aborted(now) if turn.kind is Kind.ABORT else TimedOut(now)
        record.session = step(service, record.session, event).session
        record.fingerprint = b""  # a late repeat of the last answer finds the dialogue over
        if await self._store.save(key, encode(record), expect=version, ttl_s=self._ttl_s):
            record.turns += 1
            self._notes.write(turn, record, event)

    def _say(self, code: str, language: str | None = None) -> Reply:
        service = self.service
        spoken = language if language is not None and language in service.languages else service.languages[0]
        return Reply(service.say(code, spoken), False)
