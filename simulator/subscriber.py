"""A phone in its network: what its keys send goes over a wire, what comes back is shown.

Knows no screen of a terminal: the handset in the terminal, the plain one and tests all drive it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from simulator.faults import Carrier, Lost
from simulator.model import Again, Answer, Cause, Dial, Handset, Message, Mode, Sent
from simulator.script import Recorder
from simulator.standing import Service, Standing
from simulator.wires.wire import Call, Frames, Leaving, NoService, Pushed, Wire
from ussd_engine import Reply

SESSION_S: Final = 180.0
"""domain.md 3.5: a dialogue's total life; the network ends it then."""
_CAUSES: Final = {
    Leaving.USER: Cause.USER,
    Leaving.NETWORK: Cause.NETWORK,
    Leaving.TIMEOUT: Cause.TIMEOUT,
}


class Subscriber:
    """One phone and its line.

    Attributes:
        call: the dialogue under way, or the last one.
        standing: what the service says of it.
        took_s: how long the last turn took, from the key to its reply.
        turns: of this dialogue.
        told: what is worth knowing of the last turn's way.
    """

    def __init__(
        self,
        handset: Handset,
        wire: Wire,
        carrier: Carrier,
        service: Service | None,
        *,
        recorder: Recorder,
        frames: Frames,
        changed: Callable[[], None],
        turned: Callable[[], None],
        session_s: float = SESSION_S,
    ) -> None:
        self.handset = handset
        self.wire = wire
        self.carrier = carrier
        self.call: Call | None = None
        self.standing: Standing | None = None
        self.took_s: float | None = None
        self.turns = 0
        self.told = ""
        self._service = service
        self._recorder = recorder
        self._frames = frames
        self._changed = changed
        self._turned = turned
        self._session_s = session_s
        self._ends_at: float | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._stood: asyncio.Task[None] | None = None
        self._greeted = False
        self._unrecorded: tuple[Sent, bool | None] | None = None

    # --- keys ---------------------------------------------------------------------------------------------

    def press_call(self) -> asyncio.Task[None] | None:
        """The green key; the turn under way, if it began one."""
        # Where nobody tells whether it is a secret, the recorder has to guess.
        secret = self.handset.secret if self.standing is not None else None
        sent = self.handset.call()
        self._changed()
        if sent is None:
            return None
        self._under_way = asyncio.get_running_loop().create_task(self._turn(sent, secret=secret))
        return self._under_way

    def press_end(self) -> None:
        """The red key."""
        if self.handset.end():
            self._leave(Leaving.USER)
        self._changed()

    def abort(self, why: Leaving) -> bool:
        """The network ends the dialogue; False where none is open."""
        if self.handset.mode not in (Mode.OPEN, Mode.WAITING):
            return False
        self.handset.ended(_CAUSES[why])
        self._leave(why)
        self._changed()
        return True

    # --- time ---------------------------------------------------------------------------------------------

    @property
    def left_s(self) -> float | None:
        """Until the network ends the dialogue; None where none is open."""
        if self._ends_at is None or self.handset.mode not in (Mode.OPEN, Mode.WAITING):
            return None
        return max(0.0, self._ends_at - time.monotonic())

    def tick(self) -> None:
        """Time passes: a dialogue that is too old is ended."""
        if self.left_s == 0.0:
            self.abort(Leaving.TIMEOUT)

    # --- what comes by itself -----------------------------------------------------------------------------

    def pushed(self, push: Pushed) -> None:
        """The service shows something by itself."""
        taken = self.handset.push(push.text, waits=push.waits)
        push.taken(taken)
        if taken:
            self.call = push.call
            self.turns, self.told = 0, "the service began this dialogue"
            self._ends_at = time.monotonic() + self._session_s
            self._look()
        self._changed()

    async def look_for_sms(self) -> int:
        """Fetch the inbox; how many came. What is there at first was there before this handset."""
        if self._service is None:
            return 0
        try:
            found = await self._service.inbox(self.handset.number)
        except NoService:
            return 0
        if self._greeted:
            return self.receive(found)
        self._greeted = True
        self.handset.receive(found)
        self.handset.know_all()
        return 0

    def receive(self, messages: list[Message]) -> int:
        """Take the whole inbox; how many are new."""
        before = set(self.handset.inbox)
        came = self.handset.receive(messages)
        for message in messages:
            if message not in before:
                self._recorder.got_sms(self.handset.number, message.text)
        if came:
            self._changed()
        return came

    async def settle(self) -> None:
        """Wait for what is under way."""
        for task in (self._under_way, self._stood):
            if task is not None:
                await asyncio.wait([task])

    # --- turns --------------------------------------------------------------------------------------------

    async def _turn(self, sent: Sent, *, secret: bool | None) -> None:
        call = self._called(sent)
        if isinstance(sent, Dial) or secret:
            self._frames.keep_secret(call.number, from_now=bool(secret))
        line = self._line(call)
        began = time.monotonic()
        reply: Reply | None = None
        try:
            reply, self.told = await self.carrier.carry(self._send(line, call, sent), _copy(line, call))
        except Lost as lost:
            self._failed(call, self.handset.lost, str(lost))
        except NoService as error:
            self._failed(call, self.handset.refused, str(error))
        self.took_s = time.monotonic() - began
        if not isinstance(sent, Again):
            self._flush()
            self._unrecorded = sent, secret
        if reply is not None:
            self._flush(reply)
        if reply is not None and self._is_current(call):
            self.turns += 1
            self.handset.shown(reply.text, is_open=reply.open)
            self._changed()
        self._turned()
        self._look()

    def _flush(self, reply: Reply | None = None) -> None:
        """Record what was sent last, once it is known what came of it: it may be sent again first."""
        if self._unrecorded is None:
            return
        (sent, secret), self._unrecorded = self._unrecorded, None
        number = self.handset.number
        if isinstance(sent, Dial):
            self._recorder.dialled(number, sent.code, reply)
        elif isinstance(sent, Answer):
            self._recorder.answered(number, sent.text, reply, secret=secret)

    def _line(self, call: Call) -> Wire:
        """What the service began over a wire of its own goes on there."""
        line: Wire = call.kept.get("line", self.wire)
        return line

    def _called(self, sent: Sent) -> Call:
        if isinstance(sent, Dial) or self.call is None:
            code = sent.code if isinstance(sent, Dial) else ""
            self.call, self.standing, self.turns, self.told = Call(self.handset.number, code), None, 0, ""
            self._ends_at = time.monotonic() + self._session_s
        return self.call

    def _send(self, line: Wire, call: Call, sent: Sent) -> Callable[[], Awaitable[Reply]]:
        if not isinstance(sent, Again):
            call.gone.clear()
        if isinstance(sent, Dial):
            call.kept["unsent"] = sent
            return lambda: self._sending(call, line.begin(call))
        if isinstance(sent, Answer):
            call.kept["unsent"] = sent
            return lambda: self._sending(call, line.answer(call, sent.text))
        # Where the request itself was lost there is nothing yet that could be repeated.
        unsent: Sent | None = call.kept.get("unsent")
        return self._send(line, call, unsent) if unsent is not None else lambda: line.again(call)

    async def _sending(self, call: Call, sending: Awaitable[Reply]) -> Reply:
        call.kept.pop("unsent", None)
        return await sending

    def _failed(self, call: Call, tell: Callable[[str], None], why: str) -> None:
        if self._is_current(call):
            tell(why)
            self._changed()

    def _is_current(self, call: Call) -> bool:
        """Whether the phone still waits for it: its owner may have hung up meanwhile."""
        return self.call is call and self.handset.mode is Mode.WAITING

    def _leave(self, why: Leaving) -> None:
        call, number = self.call, self.handset.number
        self._flush()
        if why is Leaving.TIMEOUT:
            self._recorder.timed_out(number)
        else:
            self._recorder.hung_up(number)
        if call is None:
            return

        async def leave() -> None:
            if not self.carrier.down:
                try:
                    await self._line(call).leave(call, why)
                except NoService as error:
                    self.told = str(error)
            await self._look_now()

        self._stood = asyncio.get_running_loop().create_task(leave())

    # --- what the service tells ---------------------------------------------------------------------------

    def _look(self) -> None:
        self._stood = asyncio.get_running_loop().create_task(self._look_now())

    async def _look_now(self) -> None:
        if self._service is None:
            return
        try:
            self.standing = await self._service.standing(self.handset.number)
        except NoService:
            self.standing = None
        if self.standing is not None and self.handset.mode is Mode.OPEN:
            self.handset.secret = self.standing.secret
        self._changed()


def _copy(line: Wire, call: Call) -> Callable[[], Awaitable[Reply]]:
    """Sends this turn once more as soon as it has gone out: some wires wait for a line first."""

    async def again() -> Reply:
        await call.gone.wait()
        return await line.again(call)

    return again
