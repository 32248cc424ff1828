"""An engine over the kiosk's menus, a hand clock, a store that can fail, and phones behind gateways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.core.kiosk import MERCHANT, NOON, SERVICE, Shop
from ussd_engine import Action, Engine, Kind, Reply, Service, StoreError, Turn
from ussd_engine.actions import declared
from ussd_engine.record import Record, decode
from ussd_engine.stores.memory import MemoryStore

KEY = b"k" * 32


@dataclass
class HandClock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


class FrailStore(MemoryStore):
    """A store that is out of reach while told to be."""

    down_for: str = ""

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        if "load" in self.down_for:
            raise StoreError("down", retryable=True)
        return await super().load(key)

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        if "save" in self.down_for:
            raise StoreError("down", retryable=True)
        await asyncio.sleep(0)  # another worker may write between our load and our save
        return await super().save(key, record, expect=expect, ttl_s=ttl_s)


@dataclass
class World:
    """What the engines of a test share."""

    clock: HandClock = field(default_factory=HandClock)
    shop: Shop = field(default_factory=Shop)
    store: FrailStore = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.store = FrailStore(self.clock)
        self.engine = self.worker()

    def worker(self, service: Service = SERVICE, actions: Mapping[str, Action] | None = None) -> Engine:
        """Start another worker on the same store."""
        return Engine(
            service, store=self.store, actions=actions or self.shop.actions(), key=KEY, clock=self.clock
        )

    def phone(self, dialogue: str = "d1", engine: Engine | None = None, msisdn: str = MERCHANT) -> Gateway:
        return Gateway(engine or self.engine, dialogue, msisdn)

    async def record(self, msisdn: str = MERCHANT) -> Record:
        held = await self.store.load(f"{{gw:{msisdn}}}")
        assert held is not None
        record = decode(held[1])
        assert record is not None
        return record

    async def octets(self, msisdn: str = MERCHANT) -> int:
        held = await self.store.load(f"{{gw:{msisdn}}}")
        assert held is not None
        return len(held[1])


@dataclass
class Gateway:
    """One dialogue of a gateway that sends each answer by itself."""

    engine: Engine
    dialogue: str
    msisdn: str

    def turn(self, kind: Kind, text: str = "", request_id: str = "", deadline_s: float = 10.0) -> Turn:
        return Turn(
            "gw", self.dialogue, self.msisdn, kind, text, request_id=request_id, deadline_s=deadline_s
        )

    async def dial(self, *answers: str, code: str = "*880#") -> Reply:
        reply = await self.engine.handle(self.turn(Kind.BEGIN, code))
        return await self.type(*answers) if answers else reply

    async def type(self, *answers: str, request_id: str = "") -> Reply:
        for text in answers:
            reply = await self.engine.handle(self.turn(Kind.ANSWER, text, request_id))
        return reply

    async def hang_up(self, kind: Kind = Kind.ABORT) -> Reply:
        return await self.engine.handle(self.turn(kind))


@dataclass
class Joined:
    """One dialogue of a gateway that sends all answers so far, joined by stars (Africa's Talking)."""

    engine: Engine
    dialogue: str = "at1"
    msisdn: str = MERCHANT

    async def send(self, accumulated: str) -> Reply:
        kind = Kind.ANSWER if accumulated else Kind.BEGIN
        rest = f"*{accumulated}" if accumulated else ""
        return await self.engine.handle(
            Turn(
                "gw",
                self.dialogue,
                self.msisdn,
                kind,
                f"*880{rest}#",
                accumulated=accumulated,
                may_begin=bool(accumulated),
            )
        )


def replaced(world: World, name: str, function: Callable[..., object], *, changes: bool = False) -> Engine:
    """Start a worker with one action replaced."""
    action = declared(name, function, changes=changes)
    return world.worker(actions={**world.shop.actions(), name: action})


@pytest.fixture
def world() -> World:
    return World()
