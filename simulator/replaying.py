"""A scenario played on the handset's own phones, a step at a time, forward and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator.model import Message, Mode
from simulator.network import Network
from simulator.script_replay import Frame, NoSecret, Stepper, Turn, Verdict
from simulator.subscriber import Subscriber
from simulator.wires.wire import Leaving
from ussd_engine import Reply
from ussd_engine.scenarios import Leaving as Broken
from ussd_engine.scenarios import Scenario, ScenarioError, read

SMS_WITHIN_S: Final = 5.0
NO_SMS_WITHIN_S: Final = 1.0
_LOOK_S: Final = 0.1


class NoReplay(Exception):
    """The file can't be replayed; the message says why."""


def scenarios(path: Path) -> list[Scenario]:
    """What a file holds, as far as it can be played on phones.

    Raises:
        NoReplay: it can't be read, or all of it declares its own actions.
    """
    try:
        found = read(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoReplay(f"{path}: {error.strerror}") from None
    except (ScenarioError, UnicodeDecodeError) as error:
        raise NoReplay(str(error).partition("\n")[0]) from None
    real = [scenario for scenario in found if scenario.actions is None]
    if not real:
        raise NoReplay(f"{path}: its actions are fake, so only `ussd test` plays it")
    return real


@dataclass
class _Inbox:
    """SMS of one phone that no step has read yet. `before`: what was there when the replay began."""

    before: set[Message]
    fresh: list[str] = field(default_factory=list)


class Replay:
    """One scenario on one network.

    Attributes:
        stepper: where it stands.
        trouble: why it can't go on; empty while it can.
    """

    def __init__(self, network: Network, scenario: Scenario, secrets: Mapping[str, str]) -> None:
        self.stepper = Stepper(scenario, secrets)
        self.trouble = ""
        self._network = network
        self._inboxes: dict[Subscriber, _Inbox] = {}
        for number in scenario.phones.values():
            phone = network.phone(number) or network.add(number)
            self._inboxes[phone] = _Inbox(set(phone.handset.inbox))

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.stepper)

    @property
    def position(self) -> int:
        """How many steps lie behind."""
        return self.stepper.position

    @property
    def looking_back(self) -> bool:
        """What is seen is not what the phones show."""
        return self.stepper.position < self.stepper.played

    @property
    def done(self) -> bool:
        """All was played, and the last of it is looked at."""
        return self.stepper.position == len(self.stepper)

    def back(self) -> Frame | None:
        """Look at the step before."""
        return self.stepper.back()

    async def forward(self) -> Frame | None:
        """Look at the next step; one that was not played yet is played. None: there is none."""
        if self.looking_back:
            return self.stepper.forward()
        try:
            turn = self.stepper.turn()
        except NoSecret as error:
            self.trouble = str(error)
            return None
        return None if turn is None else await self._play(turn)

    async def to_the_end(self) -> Frame | None:
        """Play until a step goes otherwise, or all is played."""
        frame = self.stepper.frame
        while not self.done and not self.trouble:
            frame = await self.forward()
            if frame is not None and frame.verdict is Verdict.OTHERWISE:
                break
        return frame

    async def _play(self, turn: Turn) -> Frame:
        phone = self._network.phone(turn.number)
        assert phone is not None
        if turn.sms is not None:
            return await self._messages(phone, expected=bool(turn.sms))
        if turn.leaves is not None:
            if turn.leaves is Broken.TIMES_OUT:
                phone.abort(Leaving.TIMEOUT)
            else:
                phone.press_end()
            await phone.settle()
            return self.stepper.left()
        return await self._type(phone, turn.dial, turn.answer or "", secret=turn.secret)

    async def _type(self, phone: Subscriber, dial: str | None, answer: str, *, secret: bool) -> Frame:
        handset = phone.handset
        handset.reading = None
        if dial is not None and handset.mode is not Mode.IDLE:
            phone.press_end()
        elif dial is None and handset.mode is not Mode.OPEN:
            return self.stepper.nothing("no dialogue is open")
        handset.clear_line()
        handset.secret = handset.secret or secret
        handset.press(answer if dial is None else dial)
        task = phone.press_call()
        if task is None:
            return self.stepper.nothing(handset.notice)
        await task
        await phone.settle()
        if handset.mode in (Mode.OPEN, Mode.ENDED):
            return self.stepper.shown(Reply(handset.text, open=handset.mode is Mode.OPEN))
        return self.stepper.nothing(handset.notice)

    async def _messages(self, phone: Subscriber, *, expected: bool) -> Frame:
        inbox = self._inboxes[phone]
        loop = asyncio.get_running_loop()
        until = loop.time() + (SMS_WITHIN_S if expected else NO_SMS_WITHIN_S)
        while True:
            await phone.look_for_sms()
            for message in phone.handset.inbox:
                if message not in inbox.before:
                    inbox.before.add(message)
                    inbox.fresh.append(message.text)
            if inbox.fresh or loop.time() > until:
                return self.stepper.messages(inbox.fresh)
            await asyncio.sleep(_LOOK_S)
