"""The open dialogues of one line: messages in, turns of the engine, screens out.

A dialogue is named by IMSI and session id. Each of our screens is invoked with the id that follows that of
the subscriber's own invoke, so that an answer tells how its dialogue has to end, even after a restart.
The HLR mostly keeps to itself that a subscriber has left, and forgets a dialogue without a word when its
guard time is over: a clock of our own ends it before.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, Protocol

from adapters.gsup import component, wire
from adapters.gsup.component import Invoke, Lengths, Refusal, Result
from adapters.gsup.link import Link
from adapters.gsup.numbers import Numbers, Unreachable
from adapters.gsup.push import Fate, push, refused
from adapters.gsup.wire import Message, Procedure, State
from adapters.patience import Patience
from adapters.rate import limiter
from ussd_engine import Kind, PushOutcome, Reply, Turn, WireError

log: Final = logging.getLogger(__name__)
_GRACE_S: Final = 1.0
_LOOK_S: Final = 0.5
_UNKNOWN_INVOKE: Final = 0
_OURS: Final = 0xC000_0000
"""Begins the session ids of dialogues that we begin."""

Observe = Callable[[str, str], None]


class TurnHandler(Protocol):
    """The part of the engine that a gateway sees."""

    async def handle(self, turn: Turn) -> Reply:
        """Take one turn; answers in any case."""


@dataclass(frozen=True, slots=True)
class UssdOptions:
    """Times in seconds.

    Attributes:
        screen_octets: of one screen; see `adapters.gsup.component.SCREEN_OCTETS`.
        deadline_s: how long a turn may take, the look-up of its number included.
        idle_s: a dialogue without an answer ends after so long; below the HLR's `ncss-guard-timeout`.
        open_max: dialogues at once.
        rate: new ones in a time, `200/second`; one more reads that the service is in trouble.
        no_number, over: what is read by a subscriber whose number is not known; and after `idle_s`.
    """

    lengths: Lengths = "ber"
    screen_octets: int = component.SCREEN_OCTETS["ber"]
    deadline_s: float = 10.0
    idle_s: float = 28.0
    open_max: int = 5000
    rate: str = ""
    no_number: str = ""
    over: str = ""


@dataclass(slots=True)
class _Dialogue:
    imsi: str
    session: int
    invoke: int
    """The id of what the subscriber invoked: the last screen answers it."""
    last_at: float
    msisdn: str = ""
    doing: tuple[Kind, str] | None = field(default=None, repr=False)
    """The turn under way."""
    id: str = ""
    """Of one that we began."""
    fate: Fate | None = None
    """Of one that we began: what became of its first screen."""

    @property
    def name(self) -> str:
        return self.id or f"{self.imsi}:{self.session:08x}"

    @property
    def pushed(self) -> bool:
        """Nobody dialled for it."""
        return self.fate is not None

    @property
    def untold(self) -> bool:
        """It was pushed, and nothing was heard of it yet."""
        return self.fate is not None and not self.fate.done()

    def settle(self, outcome: PushOutcome) -> None:
        """The first that is heard of a pushed dialogue tells its fate."""
        if self.fate is not None and not self.fate.done():
            self.fate.set_result(outcome)


class Dialogues:
    """All dialogues of a link; `take` is told of every message."""

    def __init__(
        self,
        gateway: str,
        link: Link,
        engine: TurnHandler,
        numbers: Numbers | None,
        options: UssdOptions,
        observe: Observe,
        trouble: str = "",
    ) -> None:
        """`numbers`: None leaves it to the switch to tell them; `trouble`: see `adapters.gsup.gateway`."""
        self._gateway = gateway
        self._link = link
        self._engine = engine
        self._numbers = numbers
        self._options = options
        self._observe = observe
        self._trouble = Reply(trouble, open=False)
        self._open: dict[tuple[str, int], _Dialogue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience = Patience(_GRACE_S)
        self._has_room = limiter(options.rate)
        self._leaving = False
        # TCP brings each message once: `1` typed twice is never a repeat. Nor is what comes after a restart.
        self._numbering = (f"{secrets.token_hex(4)}-{count}" for count in itertools.count())

    @property
    def open(self) -> int:
        """How many subscribers are in a dialogue."""
        return len(self._open)

    def take(self, payload: bytes) -> None:
        """One message of the HLR."""
        try:
            message = wire.decode(payload)
        except WireError as error:
            self._malformed(str(error))
            return
        if message is None:
            return
        if message.procedure is Procedure.ERROR:  # the HLR doesn't know this dialogue any more
            self._left(message)
            return
        try:
            heard = component.decode(message.component) if message.component else None
            if self._leaving and message.state is not State.END:
                self._close(message, self._trouble.text)
            else:
                self._sort(message, heard)
        except WireError as error:
            self._malformed(str(error))
            self._close(message, self._trouble.text)

    async def watch(self) -> None:
        """End dialogues that nobody goes on with, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_LOOK_S, self._options.idle_s / 4))
            now = loop.time()
            for dialogue in list(self._open.values()):
                if (
                    dialogue.doing is None
                    and now - dialogue.last_at > self._options.idle_s
                    and not dialogue.untold
                ):
                    self._forget(dialogue)
                    self._tell(dialogue, Kind.TIMEOUT)
                    self._show(dialogue, Reply(self._options.over, open=False))

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`; a question waits as long as any other."""
        answer_s = self._options.idle_s
        return await push(self, self._numbers, dialogue, msisdn, text, ask=ask, answer_s=answer_s)

    def opened(self, dialogue: str, imsi: str, msisdn: str, text: str, operation: int) -> Fate | PushOutcome:
        """As `adapters.gsup.push.Opened`."""
        if any(one == imsi for one, _ in self._open):
            return PushOutcome.BUSY
        if self._leaving or len(self._open) >= self._options.open_max:
            return PushOutcome.TROUBLE
        loop = asyncio.get_running_loop()
        session = _OURS | secrets.randbits(30)  # the switches count theirs from below
        made = _Dialogue(imsi, session, 0, loop.time(), msisdn, id=dialogue, fate=loop.create_future())
        said = Invoke(1, operation, component.coded(text, self._options.screen_octets))
        if not self._send(made, Procedure.REQUEST, State.BEGIN, said):
            return PushOutcome.TROUBLE
        self._open[imsi, session] = made
        assert made.fate is not None
        return made.fate

    def dropped(self, dialogue: str, imsi: str) -> None:
        """As `adapters.gsup.push.Opened`."""
        found = next((one for one in self._open.values() if one.id == dialogue and one.imsi == imsi), None)
        if found is not None:
            self._forget(found)
            self._send(found, Procedure.RESULT, State.END)

    async def drain(self, longest_s: float) -> None:
        """Let the turns under way be answered; what comes now is told to try later."""
        self._leaving = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=longest_s)
            for task in late:
                task.cancel()

    # --- what comes ---------------------------------------------------------------------------------------

    def _sort(self, message: Message, heard: Invoke | Result | Refusal | None) -> None:
        if message.state is State.END:
            self._left(message)
        elif message.state is State.BEGIN:
            if not isinstance(heard, Invoke) or heard.operation != component.PROCESS or heard.text is None:
                raise WireError("a dialogue begins with what was dialled")
            self._begin(message, heard.id, component.plain(heard.text))
        elif self._confirms(message, heard):
            self._confirmed(message)
        elif isinstance(heard, Result) and heard.operation == component.ASK and heard.text is not None:
            self._answer(message, heard.id, component.plain(heard.text))
        elif isinstance(heard, Refusal):  # the phone can't, or is in another dialogue
            known = self._open.get((message.imsi, message.session))
            if known is not None and known.untold:
                known.settle(refused(heard))
            else:
                self._close(message, self._trouble.text)
        else:
            raise WireError("a dialogue goes on with what was typed")

    def _begin(self, message: Message, invoke: int, text: str) -> None:
        known = self._open.get((message.imsi, message.session))
        full = known is None and len(self._open) >= self._options.open_max
        if full or (known is None and not self._has_room()):
            self._observe(self._gateway, "busy" if full else "flooded")
            self._show(self._made(message, invoke), self._trouble)
            return
        if known is not None and known.doing is None:
            known.invoke = invoke
        self._start(known or self._made(message, invoke), message, Kind.BEGIN, text)

    def _answer(self, message: Message, invoke: int, text: str) -> None:
        known = self._open.get((message.imsi, message.session))
        if known is not None:
            known.settle(PushOutcome.ANSWERED)
        # Not known: of a dialogue that is over, or from before a restart; the engine can tell which.
        self._start(known or self._made(message, (invoke - 1) & 0x7F), message, Kind.ANSWER, text)

    def _start(self, dialogue: _Dialogue, message: Message, kind: Kind, text: str) -> None:
        if dialogue.doing is not None:
            # Once more while its screen is being made, or out of turn: the screen under way answers it.
            self._observe(self._gateway, "ignored")
            return
        self._open[dialogue.imsi, dialogue.session] = dialogue
        dialogue.doing = kind, text
        dialogue.msisdn = message.msisdn or dialogue.msisdn
        if message.msisdn and self._numbers is not None:
            self._numbers.learn(message.imsi, message.msisdn)
        self._spawn(self._play(dialogue, kind, text))

    def _left(self, message: Message) -> None:
        """The dialogue is over at the other end: the engine is told, nobody is answered."""
        known = self._open.get((message.imsi, message.session))
        if known is not None:
            known.settle(PushOutcome.REFUSED)
            self._forget(known)
            if known.doing is None:  # else once its turn is done
                self._tell(known, Kind.ABORT)

    def _confirms(self, message: Message, heard: Invoke | Result | Refusal | None) -> bool:
        """Whether a phone says that it has shown a USSN: by its operation, or by the bare id of a push."""
        if not isinstance(heard, Result) or heard.operation not in (component.NOTIFY, None):
            return False
        known = self._open.get((message.imsi, message.session))
        return heard.operation is not None or (known is not None and known.pushed)

    def _confirmed(self, message: Message) -> None:
        """A USSN is the last text of a dialogue that we began: release it, known or not."""
        known = self._open.get((message.imsi, message.session))
        if known is not None and known.untold:
            known.settle(PushOutcome.SHOWN)  # who pushed it releases it
            return
        made = known or self._made(message, _UNKNOWN_INVOKE)
        self._forget(made)
        self._send(made, Procedure.RESULT, State.END)

    def _close(self, message: Message, text: str) -> None:
        """End a dialogue that can't go on; a subscriber left without a result waits for the guard time."""
        if message.state is State.END:
            self._left(message)
            return
        known = self._open.get((message.imsi, message.session))
        if known is not None:
            self._left(message)
        self._show(known or self._made(message, _invoke_of(message)), Reply(text, open=False))

    def _made(self, message: Message, invoke: int) -> _Dialogue:
        return _Dialogue(message.imsi, message.session, invoke, asyncio.get_running_loop().time())

    def _malformed(self, why: str) -> None:
        log.warning("a message can't be used", extra={"gateway": self._gateway, "why": why})
        self._observe(self._gateway, "malformed")

    # --- turns --------------------------------------------------------------------------------------------

    async def _play(self, dialogue: _Dialogue, kind: Kind, text: str) -> None:
        reply = await self._safely(dialogue, kind, text)
        dialogue.doing = None
        dialogue.last_at = asyncio.get_running_loop().time()
        if self._open.get((dialogue.imsi, dialogue.session)) is not dialogue:
            self._tell(dialogue, Kind.ABORT)  # the subscriber has left meanwhile
            return
        if not self._show(dialogue, reply):
            log.warning("a screen was not taken", extra={"gateway": self._gateway, "why": "no line"})
            self._observe(self._gateway, "undelivered")
            self._forget(dialogue)
            if reply.open:
                self._tell(dialogue, Kind.ABORT)
        elif not reply.open:
            self._forget(dialogue)

    async def _safely(self, dialogue: _Dialogue, kind: Kind, text: str) -> Reply:
        try:
            return await self._patience.wait(self._turn(dialogue, kind, text), self._options.deadline_s)
        except TimeoutError:
            self._observe(self._gateway, "late")
        except Exception:
            log.exception("a turn failed", extra={"gateway": self._gateway})
            self._observe(self._gateway, "failed")
        return self._trouble

    async def _turn(self, dialogue: _Dialogue, kind: Kind, text: str) -> Reply:
        began = asyncio.get_running_loop().time()
        if not dialogue.msisdn:
            try:
                dialogue.msisdn = await self._numbers.msisdn(dialogue.imsi) if self._numbers else ""
            except Unreachable:
                self._observe(self._gateway, "unknown")
                return self._trouble
        if not dialogue.msisdn:
            log.warning("a subscriber's number is not known", extra={"gateway": self._gateway})
            self._observe(self._gateway, "unknown")
            return Reply(self._options.no_number, open=False)
        left_s = self._options.deadline_s - (asyncio.get_running_loop().time() - began)
        return await self._engine.handle(
            Turn(
                gateway=self._gateway,
                dialogue=dialogue.name,
                msisdn=dialogue.msisdn,
                kind=kind,
                text=text,
                request_id=next(self._numbering),
                ids_recur=True,  # a switch that has restarted may count its sessions from the same number
                screen_octets=self._options.screen_octets,
                deadline_s=max(left_s, 0.1),
            )
        )

    def _tell(self, dialogue: _Dialogue, kind: Kind) -> None:
        """Only to the engine, and only of a dialogue that it has heard of."""
        if dialogue.msisdn:

            async def tell() -> None:
                await self._safely(dialogue, kind, "")

            self._spawn(tell())

    # --- what goes ----------------------------------------------------------------------------------------

    def _show(self, dialogue: _Dialogue, reply: Reply) -> bool:
        """A screen that waits is invoked; the last one is the result of what was dialled.

        Nothing else ends a dialogue on the phone: an error of ours is only logged by the HLR.
        """
        text = component.coded(reply.text, self._options.screen_octets)
        ours = (dialogue.invoke + 1) & 0x7F
        if reply.open:
            return self._send(dialogue, Procedure.REQUEST, State.CONTINUE, Invoke(ours, component.ASK, text))
        if dialogue.pushed:  # the release follows when the phone has shown it
            return self._send(
                dialogue, Procedure.REQUEST, State.CONTINUE, Invoke(ours, component.NOTIFY, text)
            )
        last = Result(dialogue.invoke, component.PROCESS, text)
        return self._send(dialogue, Procedure.RESULT, State.END, last)

    def _send(
        self, dialogue: _Dialogue, procedure: Procedure, state: State, said: Invoke | Result | None = None
    ) -> bool:
        """One message of ours; False where there is no line."""
        octets = b"" if said is None else component.encode(said, self._options.lengths)
        return self._link.send(
            wire.encode(Message(procedure, dialogue.imsi, dialogue.session, state, octets))
        )

    def _forget(self, dialogue: _Dialogue) -> None:
        if self._open.get((dialogue.imsi, dialogue.session)) is dialogue:
            del self._open[dialogue.imsi, dialogue.session]

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _invoke_of(message: Message) -> int:
    """What a result would have to answer, as far as that can be read."""
    try:
        heard = component.decode(message.component)
    except WireError:
        return _UNKNOWN_INVOKE
    if isinstance(heard, Invoke):
        return heard.id
    return _UNKNOWN_INVOKE if heard.id is None else (heard.id - 1) & 0x7F
