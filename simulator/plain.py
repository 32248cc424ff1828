"""The handset of a plain terminal, for pipes and screen readers: a line in, a screen out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from simulator.display import measure
from simulator.faults import OPERATORS, Fault
from simulator.model import Mode
from simulator.network import Network
from simulator.phone import NoService, Server
from simulator.script import transcript
from simulator.subscriber import Subscriber
from simulator.wires.wire import Frames, Leaving
from ussd_engine import WireError

HELP: Final = """\
  *880#         dial (any string that ends with #)
  1, 0, ...     answer the screen
  =TEXT         answer with a text that is also a word of this list
  sms           read this phone's messages
  as 998...     take another phone
  off           hang up
  again         send once more what got no answer
  lose request | lose reply | twice | late     what the next turn suffers
  abort | timeout                              the network ends the dialogue
  down | up                                    the gateway is cut off, and back
  operator      the next operator: latency and loss
  state         where the dialogue stands
  frames        what went over the wire last
  save FILE     what was done, as a scenario; transcript FILE: as text
  quit          leave"""
_FAULTS: Final = {
    "lose request": Fault.LOST_REQUEST,
    "lose reply": Fault.LOST_REPLY,
    "twice": Fault.DUPLICATE,
    "late": Fault.DELAY,
}
_FRAMES_SHOWN: Final = 4
HIDDEN: Final = "(hidden: a secret was typed)"


def run(server: Server, number: str, lines: Iterable[str], show: Callable[[str], None]) -> None:
    """Play a phone of Africa's Talking until `quit` or the end of `lines`; `show` gets whole texts.

    Raises:
        WireError: `number` is none.
    """
    from simulator.standing import DemoPages
    from simulator.wires.dialects import dialect
    from simulator.wires.http import HttpWire

    frames = Frames()
    wire = HttpWire(server, dialect("africastalking", {}), "africastalking", frames)
    network = Network(wire, frames, DemoPages(server, frames))
    network.add(number)
    asyncio.run(play(network, lines, show))


async def play(network: Network, lines: Iterable[str], show: Callable[[str], None]) -> None:
    """The same on any network that has a phone."""
    await network.open()
    try:
        talk = _Talk(network, show)
        for phone in network.phones:
            await phone.look_for_sms()  # what is there now is old
        show(f"Phone {talk.phone.handset.number}. Dial *880#; ? for help.")
        coming = iter(lines)
        while (line := await asyncio.to_thread(next, coming, None)) is not None:
            if not await talk.take(line.rstrip("\r\n")):
                return
    finally:
        await network.close()


class _Talk:
    """What is typed, word by word, and what is said to it."""

    def __init__(self, network: Network, show: Callable[[str], None]) -> None:
        self._network = network
        self._show = show
        self.phone: Subscriber = network.phones[0]

    async def take(self, typed: str) -> bool:
        """One line; False: it was the last."""
        word, _, rest = typed.strip().partition(" ")
        if word in ("quit", "exit"):
            return False
        try:
            said = await self._said(typed, word, rest.strip())
        except (NoService, WireError) as error:
            said = f"! {error}"
        except OSError as error:
            said = f"! {error.filename}: {error.strerror}"
        if said:
            self._show(said)
        return True

    async def _said(self, typed: str, word: str, rest: str) -> str:
        stripped = typed.strip()
        if stripped in _FAULTS:
            self.phone.carrier.arm(_FAULTS[stripped])
            armed = self.phone.carrier.armed
            return f"(next turn: {armed.value})" if armed else "(next turn: as usual)"
        if word in ("save", "transcript") and rest:
            return self._save(word, Path(rest))
        if word == "as":
            self.phone = self._network.phone(rest.removeprefix("+")) or self._network.add(rest)
            return f"Phone {self.phone.handset.number}."
        command = getattr(self, f"_{stripped}", None) if stripped in _COMMANDS else None
        if command is not None:
            told: str = await command()
            return told
        if stripped in ("?", "help"):
            return HELP
        return await self._turn(typed.removeprefix("="))

    async def _turn(self, typed: str) -> str:
        handset = self.phone.handset
        is_dialled = typed.startswith(("*", "#")) and typed.rstrip().endswith("#")
        if handset.mode is not Mode.OPEN and not is_dialled:
            return "No dialogue is open: dial *880#, or ? for help." if typed.strip() else ""
        if handset.mode is Mode.OPEN and is_dialled:
            self.phone.press_end()
        handset.clear_line()
        handset.press(typed.strip() if is_dialled else typed)
        return await self._sent()

    async def _sent(self) -> str:
        task = self.phone.press_call()
        if task is None:
            return self.phone.handset.notice or "(nothing to send)"
        await task
        await self.phone.settle()
        return await self._screen()

    async def _screen(self) -> str:
        handset = self.phone.handset
        if handset.mode is Mode.LOST:
            return f"! {handset.notice}"
        size = measure(handset.text, self.phone.wire.screen_octets)
        notes = ["open" if handset.mode is Mode.OPEN else "closed", str(size)]
        if size.cut_at is not None:
            notes.append(f"a phone cuts it before {handset.text[size.cut_at :][:12]!r}")
        if self.phone.told:
            notes.append(self.phone.told)
        if handset.mode is not Mode.OPEN:
            await self.phone.look_for_sms()
            if handset.unread:
                notes.append(f"{handset.unread} new SMS")
        return f"{handset.text}\n[{', '.join(notes)}]"

    # --- words --------------------------------------------------------------------------------------------

    async def _sms(self) -> str:
        await self.phone.look_for_sms()
        handset = self.phone.handset
        told = [
            f"[{one.at}] {one.sender}: {one.text}" + (f" ({one.parts} SMS)" if one.parts > 1 else "")
            for one in handset.inbox
        ]
        handset.know_all()
        return "\n".join(told) or "(no messages)"

    async def _off(self) -> str:
        self.phone.press_end()
        await self.phone.settle()
        return "(hung up)"

    async def _again(self) -> str:
        if self.phone.handset.mode is not Mode.LOST:
            return "(nothing was lost)"
        self.phone.handset.clear_line()
        return await self._sent()

    async def _abort(self) -> str:
        return await self._broken(Leaving.NETWORK)

    async def _timeout(self) -> str:
        return await self._broken(Leaving.TIMEOUT)

    async def _broken(self, why: Leaving) -> str:
        if not self.phone.abort(why):
            return "(no dialogue is open)"
        await self.phone.settle()
        return self.phone.handset.notice

    async def _down(self) -> str:
        self._network.cut(down=True)
        return "(the gateway is down)"

    async def _up(self) -> str:
        self._network.cut(down=False)
        return "(the gateway is up)"

    async def _operator(self) -> str:
        at = OPERATORS.index(self.phone.carrier.operator)
        self._network.use(OPERATORS[(at + 1) % len(OPERATORS)])
        return f"({self.phone.carrier.operator})"

    async def _state(self) -> str:
        standing = self.phone.standing
        if standing is None:
            return f"({self._network.wire.state}; the service tells nothing)"
        rows = {"state": standing.state, "menu": standing.menu, "dialogue": standing.dialogue}
        rows |= {"language": standing.language, "ended": standing.cause, **standing.variables}
        return "\n".join(f"{name}: {value}" for name, value in rows.items() if value)

    async def _frames(self) -> str:
        told = [
            f"{'>>' if one.out else '<<'} {one.head}\n{HIDDEN if one.secret else one.text}"
            for one in self._network.frames.kept[-_FRAMES_SHOWN:]
        ]
        return "\n".join(told) or "(nothing yet)"

    def _save(self, word: str, path: Path) -> str:
        # Only now: they bring YAML and a schema's library along.
        from simulator.script_file import NothingRecorded, scenario

        recorder = self._network.recorder
        if word == "save":
            try:
                text = scenario(recorder, path.stem)
            except NothingRecorded as error:
                return f"! {error}"
        else:
            text = transcript(recorder.moments, recorder.names)
        path.write_text(text, encoding="utf-8")
        return f"(saved {path})"


_COMMANDS: Final = ("sms", "off", "again", "abort", "timeout", "down", "up", "operator", "state", "frames")
