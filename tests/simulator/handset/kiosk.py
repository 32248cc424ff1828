"""A network for tests: phones on the kiosk's engine in this process, told of as the demo tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from simulator.faults import Carrier
from simulator.model import Message
from simulator.network import Network
from simulator.script import Recorder
from simulator.standing import Standing
from simulator.wires.inprocess import InProcess
from simulator.wires.wire import Frames, Pushed
from tests.adapters.serving import Counting
from ussd_engine import Call, Engine, Secret, action, compile_menus
from ussd_engine.core.service import Question
from ussd_engine.record import decode
from ussd_engine.stores.memory import MemoryStore

SHOP, CUSTOMER, OTHER = "998901112233", "998901234567", "998977654321"
PIN = "24680"
MENU = """\
menu: kiosk
service_code: "*880#"
languages: [en]
start: home
states:
  home:
    text: Kiosk
    options:
      - {text: Note, goto: note}
      - {text: Pay, goto: pin}
      - {text: Long, goto: long}
      - {text: Leave, goto: left}
  note: {ask: "Note:", as: note, type: {text: {min: 0, max: 60}}, goto: noted}
  noted: {end: "Noted: {note}"}
  pin: {ask: "PIN:", as: pin, type: {pin: {digits: 5}}, goto: pay}
  pay: {do: kiosk.pay, with: {pin: pin}, on: {paid: paid, failed: left}}
  paid: {end: "Тўланди: 50 000 сўм"}
  long: {end: "Ёзувлар рўйхати: Қўқон, Тошкент, Самарқанд, Бухоро, Хива, Нукус, Термиз, Қарши"}
  left: {end: Bye}
"""


@dataclass(frozen=True)
class Paid:
    """It is paid."""


@action("kiosk.pay")
async def pay(_call: Call, pin: Secret) -> Paid:
    """Whatever the PIN is."""
    return Paid()


ACTIONS = {"kiosk.pay": pay}
SERVICE = compile_menus({"kiosk.yaml": MENU}, ACTIONS)


class Told:
    """What the service tells besides its screens."""

    def __init__(self, store: MemoryStore) -> None:
        self.messages: dict[str, list[Message]] = {}
        self.takers: dict[str, Callable[[Pushed], None]] = {}
        self._store = store

    async def inbox(self, number: str) -> list[Message]:
        return list(self.messages.get(number, ()))

    async def standing(self, number: str) -> Standing | None:
        loaded = await self._store.load(f"{{handset:{number}}}")
        record = decode(loaded[1]) if loaded else None
        if record is None:
            return None
        state = SERVICE.states[SERVICE.names[record.session.state]]
        return Standing(
            "handset",
            not record.session.ended,
            state.name,
            menu=record.menu.hex(),
            dialogue=record.dialogue.hex(),
            language="en",
            variables={name: str(value) for name, value in record.session.variables.items()},
            secret=isinstance(state, Question) and state.type.secret,
            cause="SUCCESS" if record.session.ended else "",
        )

    def listen(self, number: str, take: Callable[[Pushed], None]) -> None:
        self.takers[number] = take

    def stop(self) -> None:
        self.takers.clear()


class Kiosk:
    """Phones, and all that is behind them."""

    def __init__(self, *numbers: str, session_s: float = 180.0, screen_octets: int = 160) -> None:
        self.store = MemoryStore()
        self.told = Told(self.store)
        engine = Engine(
            SERVICE, store=self.store, actions=ACTIONS, key=b"k" * 32, clock=lambda: 1_795_000_000.0
        )
        self.engine = Counting(engine)
        self.frames = Frames()
        self.recorder = Recorder(names={SHOP: "shop", CUSTOMER: "customer"}, secrets={"pin": PIN})
        self.network = Network(
            InProcess(self.engine, self.frames, screen_octets),
            self.frames,
            self.told,
            names={SHOP: "MAGAZIN-24", CUSTOMER: "Customer"},
            recorder=self.recorder,
            session_s=session_s,
            carrier=lambda: Carrier(lost_after_s=0.02, delay_s=0.05, seed=1),
        )
        self.phones = [self.network.add(number) for number in numbers or (SHOP,)]

    def text_to(self, number: str, text: str) -> None:
        """An SMS."""
        had = self.told.messages.setdefault(number, [])
        had.append(Message(f"2026-11-24T08:{len(had):02}:00+00:00", "CLICK", text, 1 + len(text) // 70))

    async def type(self, keys: str, *, on: int = 0) -> None:
        """Type something on a phone and press Call."""
        phone = self.phones[on]
        phone.handset.press(keys)
        task = phone.press_call()
        assert task is not None
        await task
        await phone.settle()


async def until(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait for something."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)
