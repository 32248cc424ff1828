"""The open USSD dialogues of one link: units in, turns of the engine, screens out.

The centre's name for a dialogue is short and used again, so each gets an id of our own: the key of what its
actions do must never meet another dialogue's. They live as long as this process, as the centre's do
with the line.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, Protocol

from adapters.patience import Patience
from adapters.rate import limiter
from adapters.smpp import ussd
from adapters.smpp.link import Link, Silence
from adapters.smpp.profiles import ASK
from adapters.smpp.push import Fate, Pushes
from adapters.smpp.status import NEVER, OK, TOO_FAST, TRY_LATER, name_of
from adapters.smpp.ussd import Heard, UssdOptions
from adapters.smpp.wire import Pdu
from ussd_engine import Kind, PushOutcome, Reply, Turn, WireError

log: Final = logging.getLogger(__name__)
DUPLICATE_S: Final = 2.0
DUPLICATE_NAMED_S: Final = 10.0
"""The same begin again this soon is a repeat, also of a dialogue that its first screen ended; later the
subscriber has dialled anew. Where the centre names dialogues it may take its time to bring one again."""
_GRACE_S: Final = 1.0
_LOOK_S: Final = 5.0

Observe = Callable[[str, str], None]


class TurnHandler(Protocol):
    """The part of the engine that a gateway sees."""

    async def handle(self, turn: Turn) -> Reply:
        """Take one turn; answers in any case."""


@dataclass(slots=True)
class _Dialogue:
    heard: Heard
    """The latest unit: its octets are echoed."""
    began_at: float
    last_at: float
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    turns: int = 0
    ended: bool = False
    """Kept for a while: a repeat must find it, and get the engine's stored reply."""
    doing: tuple[ussd.Kind, str] | None = field(default=None, repr=False)
    """The unit whose screen is being made."""
    fate: Fate | None = None
    """Of one that we began: what became of its first screen."""

    @property
    def pushed(self) -> bool:
        """Nobody dialled for it."""
        return self.fate is not None

    def settle(self, outcome: PushOutcome) -> None:
        """The first that is heard of a pushed dialogue tells its fate."""
        if self.fate is not None and not self.fate.done():
            self.fate.set_result(outcome)


class Dialogues:
    """All dialogues of a link; `take` is told of every unit."""

    def __init__(
        self,
        gateway: str,
        link: Link,
        engine: TurnHandler,
        options: UssdOptions,
        observe: Observe,
        trouble: str = "",
    ) -> None:
        """`trouble`: what a subscriber reads whose turn failed or took too long."""
        self._gateway = gateway
        self._link = link
        self._engine = engine
        self._options = options
        self._observe = observe
        self._trouble = Reply(trouble, open=False)
        self._open: dict[str, _Dialogue] = {}
        self._pushes = Pushes(link, options, self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience = Patience(_GRACE_S)
        self._has_room = limiter(options.rate)

    @property
    def open(self) -> int:
        """How many subscribers are in a dialogue."""
        return sum(not dialogue.ended for dialogue in self._open.values())

    def take(self, pdu: Pdu) -> int:
        """One unit of the centre; the `command_status` it is answered with."""
        try:
            heard = ussd.read(pdu, self._options)
        except WireError as error:
            log.warning("a unit can't be used", extra={"gateway": self._gateway, "why": str(error)})
            self._observe(self._gateway, "malformed")
            return NEVER
        if heard.kind is ussd.Kind.CONFIRM:
            self._pushes.confirmed(heard.msisdn, PushOutcome.SHOWN)
            return OK
        known = self._open.get(heard.msisdn)
        if known is not None and not _same(known.heard.name, heard.name):
            known = None
        if heard.kind is ussd.Kind.LEAVE:
            self._pushes.confirmed(heard.msisdn, PushOutcome.REFUSED)
            if known is not None and not known.ended:
                known.settle(PushOutcome.REFUSED)
                self._end(known, Kind.ABORT)
            return OK
        if len(self._tasks) >= self._options.in_flight_max:
            self._observe(self._gateway, "busy")
            return TRY_LATER
        if known is not None and known.doing == (heard.kind, heard.text):
            return OK  # again, while its screen is being made
        if not self._has_room():
            self._observe(self._gateway, "flooded")
            return TOO_FAST
        if heard.kind is ussd.Kind.BEGIN:
            self._begin(heard, known)
        else:
            self._answer(heard, known)
        return OK

    async def watch(self) -> None:
        """End dialogues whose subscribers have gone, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_LOOK_S, self._options.idle_s / 2))
            now = loop.time()
            for msisdn, dialogue in list(self._open.items()):
                idle_s = now - dialogue.last_at
                if dialogue.ended and idle_s > DUPLICATE_NAMED_S:
                    del self._open[msisdn]
                elif not dialogue.ended and idle_s > self._options.idle_s:
                    self._end(dialogue, Kind.TIMEOUT)

    async def drain(self, longest_s: float) -> None:
        """Let the turns under way be answered."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=longest_s)

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`; a phone in a dialogue is busy."""
        if self._in_dialogue(msisdn):
            return PushOutcome.BUSY
        return await self._pushes.push(dialogue, msisdn, text, ask=ask)

    def opened(self, dialogue: str, heard: Heard) -> Fate | None:
        """As `adapters.smpp.push.Opened`."""
        if self._in_dialogue(heard.msisdn):
            return None
        loop = asyncio.get_running_loop()
        fate: Fate = loop.create_future()
        self._open[heard.msisdn] = _Dialogue(heard, loop.time(), loop.time(), dialogue, fate=fate)
        return fate

    def dropped(self, dialogue: str, msisdn: str) -> None:
        """As `adapters.smpp.push.Opened`."""
        known = self._open.get(msisdn)
        if known is not None and known.id == dialogue:
            del self._open[msisdn]

    # --- dialogues ----------------------------------------------------------------------------------------

    def _begin(self, heard: Heard, known: _Dialogue | None) -> None:
        now = asyncio.get_running_loop().time()
        repeats = (
            known is not None
            and known.turns == 1
            and known.heard.text == heard.text
            and now - known.began_at < (DUPLICATE_S if heard.name is None else DUPLICATE_NAMED_S)
        )
        if known is None or not repeats:
            if (pushed := self._open.get(heard.msisdn)) is not None:
                pushed.settle(PushOutcome.BUSY)  # who dials meanwhile has not seen it
            known = self._open[heard.msisdn] = _Dialogue(heard, now, now, turns=1)
        self._start(known, heard, Kind.BEGIN)

    def _answer(self, heard: Heard, known: _Dialogue | None) -> None:
        if known is None:
            # Of a dialogue that is over, or from before a restart: the engine says so; it is not kept.
            now = asyncio.get_running_loop().time()
            self._start(_Dialogue(heard, now, now), heard, Kind.ANSWER)
            return
        known.turns += 1
        known.settle(PushOutcome.ANSWERED)
        self._start(known, heard, Kind.ANSWER)

    def _start(self, dialogue: _Dialogue, heard: Heard, kind: Kind) -> None:
        dialogue.heard = heard
        dialogue.last_at = asyncio.get_running_loop().time()
        dialogue.doing = (heard.kind, heard.text)
        self._spawn(self._play(dialogue, heard, kind))

    async def _play(self, dialogue: _Dialogue, heard: Heard, kind: Kind) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.deadline_s
        kept = self._open.get(heard.msisdn) is dialogue
        try:
            reply = await self._turn(dialogue, kind, heard.text)
        finally:
            dialogue.doing = None
        if kept and self._open.get(heard.msisdn) is not dialogue:
            return  # the subscriber has left, or dialled anew
        dialogue.ended = dialogue.ended or not reply.open
        answer = await self._show(dialogue, heard, reply, until)
        if answer is Silence.NOT_SENT or (isinstance(answer, Pdu) and answer.status != OK):
            why = answer.value if isinstance(answer, Silence) else name_of(answer.status)
            log.warning("a screen was not taken", extra={"gateway": self._gateway, "why": why})
            self._observe(self._gateway, "undelivered")
            if self._open.get(heard.msisdn) is dialogue and not dialogue.ended:
                self._end(dialogue, Kind.ABORT)

    async def _turn(self, dialogue: _Dialogue, kind: Kind, text: str) -> Reply:
        turn = Turn(
            gateway=self._gateway,
            dialogue=dialogue.id,
            msisdn=dialogue.heard.msisdn,
            kind=kind,
            text=text,
            screen_octets=self._options.screen_octets,
            deadline_s=self._options.deadline_s,
        )
        try:
            return await self._patience.wait(self._engine.handle(turn), turn.deadline_s)
        except TimeoutError:
            self._observe(self._gateway, "late")
        except Exception:
            log.exception("a turn failed", extra={"gateway": self._gateway})
            self._observe(self._gateway, "failed")
        return self._trouble

    async def _show(self, dialogue: _Dialogue, heard: Heard, reply: Reply, until: float) -> Pdu | Silence:
        options = self._options
        end_op = options.push_end if dialogue.pushed else options.end_op
        pdu = ussd.write(
            reply.text,
            op=ASK if reply.open else end_op,
            ends=heard.ends,
            named=options.family.answer_to(heard.tlvs, last=not reply.open),
            options=options,
        )
        left_s = max(until - asyncio.get_running_loop().time(), _GRACE_S)
        try:
            return await self._link.ask(pdu, left_s, urgent=True)
        except ValueError as error:  # an address of the centre's own that doesn't fit on the way back
            log.warning("a screen can't be sent", extra={"gateway": self._gateway, "why": str(error)})
            return Silence.NOT_SENT

    def _end(self, dialogue: _Dialogue, kind: Kind) -> None:
        """The subscriber has left, or was not heard of: the engine is told, nobody is answered."""
        if self._open.get(dialogue.heard.msisdn) is dialogue:
            del self._open[dialogue.heard.msisdn]

        async def tell() -> None:
            await self._turn(dialogue, kind, "")

        self._spawn(tell())

    def _in_dialogue(self, msisdn: str) -> bool:
        dialogue = self._open.get(msisdn)
        return dialogue is not None and not dialogue.ended

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _same(name: int | None, other: int | None) -> bool:
    """Whether two units may be of one dialogue of a subscriber; one without a name is of any."""
    return name is None or other is None or name == other
