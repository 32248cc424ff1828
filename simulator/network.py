"""All phones of one handset program, on one wire to one service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from adapters.form import msisdn
from simulator.faults import Carrier, Operator
from simulator.model import Handset, Message
from simulator.script import Recorder
from simulator.standing import Service
from simulator.subscriber import SESSION_S, Subscriber
from simulator.wires.wire import Frames, Pushed, Wire

LOOK_EVERY_S: Final = 3.0


class Network:
    """Phones, their wire, and what is recorded of them.

    Attributes:
        recorder: what was done and seen at the phones, in order, without a secret.
        changed: called whenever something that a screen shows has changed.
    """

    def __init__(
        self,
        wire: Wire,
        frames: Frames,
        service: Service | None,
        *,
        names: Mapping[str, str] | None = None,
        recorder: Recorder | None = None,
        session_s: float = SESSION_S,
        carrier: Callable[[], Carrier] = Carrier,
    ) -> None:
        """`names`: what phones are called, by number."""
        self.wire = wire
        self.frames = frames
        self.phones: list[Subscriber] = []
        self.recorder = recorder or Recorder()
        self.changed: Callable[[], None] = lambda: None
        self._service = service
        self._names = dict(names or {})
        self._session_s = session_s
        self._carrier = carrier
        self._turned = asyncio.Event()
        self._is_open = False

    async def open(self) -> None:
        """Make the wire ready; phones are switched on from now on.

        Raises:
            NoService: the wire can't be had.
        """
        self._is_open = True
        for phone in self.phones:
            self._listen(phone)
        await self.wire.open()

    async def close(self) -> None:
        """Let go of everything."""
        self._is_open = False
        if self._service is not None:
            self._service.stop()
        await self.wire.close()

    def _listen(self, phone: Subscriber) -> None:
        if self._service is not None:
            self._service.listen(phone.handset.number, self.pushed)

    def add(self, number: str) -> Subscriber:
        """One more phone.

        Raises:
            WireError: no number.
        """
        digits = msisdn(number, "the phone's number")
        subscriber = Subscriber(
            Handset(digits, self._names.get(digits, "")),
            self.wire,
            self._carrier(),
            self._service,
            changed=lambda: self.changed(),
            recorder=self.recorder,
            frames=self.frames,
            turned=self._turned.set,
            session_s=self._session_s,
        )
        if self.phones:
            subscriber.carrier.down = self.phones[0].carrier.down
            subscriber.carrier.operator = self.phones[0].carrier.operator
        self.phones.append(subscriber)
        if self._is_open:
            self._listen(subscriber)
        return subscriber

    def phone(self, number: str) -> Subscriber | None:
        """The phone of that number."""
        return next((one for one in self.phones if one.handset.number == number), None)

    # --- the network's own --------------------------------------------------------------------------------

    @property
    def down(self) -> bool:
        """Whether the gateway is cut off."""
        return any(phone.carrier.down for phone in self.phones)

    def cut(self, *, down: bool) -> None:
        """Cut the gateway off, or let it be reached again."""
        for phone in self.phones:
            phone.carrier.down = down
        self.changed()

    def use(self, operator: Operator) -> None:
        """Take on an operator's manners."""
        for phone in self.phones:
            phone.carrier.operator = operator
        self.changed()

    # --- what comes by itself -----------------------------------------------------------------------------

    def pushed(self, push: Pushed) -> None:
        """Show a pushed text on its phone; one that is not here is away."""
        phone = self.phone(push.call.number)
        if phone is None:
            push.taken(False)
        else:
            phone.pushed(push)

    def texted(self, number: str, message: Message) -> None:
        """An SMS came over the wire itself."""
        phone = self.phone(number)
        if phone is not None:
            phone.receive([*phone.handset.inbox, message])

    async def watch(self) -> None:
        """Look for SMS, for ever: now and then, and at once after a turn, which may have made some."""
        while True:
            self._turned.clear()
            for phone in list(self.phones):
                await phone.look_for_sms()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turned.wait(), LOOK_EVERY_S)
