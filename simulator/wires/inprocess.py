"""A service in the same process: no gateway, no form, only turns."""

from __future__ import annotations

from typing import Final, Protocol

from simulator.wires.wire import Call, Frames, Leaving
from ussd_engine import Kind, Reply, Turn

GATEWAY: Final = "handset"


class TurnHandler(Protocol):
    """The part of the engine that a gateway sees."""

    async def handle(self, turn: Turn) -> Reply:
        """Take one turn; answers in any case."""


class InProcess:
    """An engine behind no wire at all."""

    def __init__(self, engine: TurnHandler, frames: Frames, screen_octets: int = 160) -> None:
        self.screen_octets = screen_octets
        self._engine = engine
        self._frames = frames

    @property
    def state(self) -> str:
        """That there is none."""
        return "in this process"

    async def open(self) -> None:
        """Nothing to make ready."""

    async def begin(self, call: Call) -> Reply:
        """As `Wire.begin`."""
        return await self._turn(call, Kind.BEGIN, call.code)

    async def answer(self, call: Call, text: str) -> Reply:
        """As `Wire.answer`."""
        call.answers.append(text)
        return await self._turn(call, Kind.ANSWER, text)

    async def again(self, call: Call) -> Reply:
        """As `Wire.again`: the same turn under the same id."""
        return await self._take(call, call.last)

    async def leave(self, call: Call, why: Leaving) -> None:
        """As `Wire.leave`."""
        await self._turn(call, Kind.TIMEOUT if why is Leaving.TIMEOUT else Kind.ABORT, "")

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _turn(self, call: Call, kind: Kind, text: str) -> Reply:
        turn = Turn(
            gateway=GATEWAY,
            dialogue=call.name,
            msisdn=call.number,
            kind=kind,
            text=text,
            service_code=call.base,
            request_id=f"{call.name}-{len(call.answers)}-{kind.value}",
            screen_octets=self.screen_octets,
        )
        call.sends(turn)
        return await self._take(call, turn)

    async def _take(self, call: Call, turn: Turn) -> Reply:
        self._frames.add(call.number, f"turn {turn.kind.value}", turn.text, out=True)
        reply = await self._engine.handle(turn)
        head = "ask" if reply.open else "close"
        self._frames.add(call.number, f"reply: {head}", reply.text, out=False)
        return reply
