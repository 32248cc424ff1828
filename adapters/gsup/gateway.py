"""One configured HLR: its settings, its line, and the dialogues on it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from adapters.gsup.component import SCREEN_OCTETS, Lengths
from adapters.gsup.dialogues import Dialogues, Observe, TurnHandler, UssdOptions
from adapters.gsup.link import Link, LinkOptions
from adapters.gsup.numbers import Numbers
from adapters.lines import LineState
from adapters.rate import check_rate
from ussd_engine import PushOutcome

LAST_ANSWERS_S: Final = 5.0
"""How long the end waits for the turns under way."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Options:
    """What `[[gateways]]` may say of this kind; times in seconds.

    Attributes:
        euse: our name, as `euse …` in the HLR's configuration; no two lines may have the same.
        ctrl_port: of the HLR's control interface, where numbers are looked up; 0: the switches send them.
        ctrl_host: where it is not `host`.
        number_kept_s: how long a number stays known; a SIM may be given another.
        lengths: `ber` is the standard's, `raw` Osmocom's; see `adapters.gsup.component`.
        screen_octets: 112 by BER, else 160, unless it is given.
        ping_every_s, pong_s, silent_s: see `adapters.gsup.link.LinkOptions`.
        idle_s: a little below the HLR's `ncss-guard-timeout`, which is 30 unless set.
        push: whether to show phones what they have not dialled for. osmo-hlr 1.5.0 dies when a phone answers
            that, so it is off; numbers are looked up at `ctrl_port`.
        rate, no_number, over: see `adapters.gsup.dialogues.UssdOptions`.
    """

    host: str
    port: int = 4222
    euse: str = "ussd-engine"
    ctrl_port: int = 0
    ctrl_host: str = ""
    number_kept_s: float = 60.0
    number_within_s: float = 3.0
    lengths: Lengths = "ber"
    screen_octets: int = 0
    connect_s: float = 10.0
    ping_every_s: float = 10.0
    pong_s: float = 5.0
    silent_s: float = 300.0
    deadline_s: float = 10.0
    idle_s: float = 28.0
    open_max: int = 5000
    rate: str = ""
    push: bool = False
    no_number: str = "Номер не определён. Raqam aniqlanmadi"
    over: str = "Время вышло. Vaqt tugadi"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.euse):
            raise ValueError("euse is the name alone, as in the HLR's configuration, without EUSE-")
        if not 0 < self.port < 65536 or not 0 <= self.ctrl_port < 65536:
            raise ValueError("port and ctrl_port are ports; ctrl_port = 0 asks nobody")
        if not 0 <= self.screen_octets <= SCREEN_OCTETS["raw"]:
            raise ValueError(f"screen_octets: a USSD string has {SCREEN_OCTETS['raw']} at most")
        times = (self.connect_s, self.ping_every_s, self.pong_s, self.deadline_s, self.idle_s)
        if min(*times, self.number_within_s) <= 0 or min(self.number_kept_s, self.silent_s) < 0:
            raise ValueError("times are above 0")
        if self.push and not self.ctrl_port:
            raise ValueError("push = true needs ctrl_port, where a number's IMSI is asked for")
        check_rate(self.rate)
        if self.open_max < 1:
            raise ValueError("open_max is above 0")


class Gsup:
    """A gateway of this kind; `run` is its life, in the one process that keeps links."""

    options_type: ClassVar[type[Options]] = Options

    def __init__(self, name: str, options: Options, observe: Observe, trouble: str = "") -> None:
        """Make it; nothing is connected yet.

        Args:
            observe: told of messages that become no turn.
            trouble: what a subscriber reads whose turn failed.
        """
        self.name = name
        self._options = options
        self._observe = observe
        self._trouble = trouble
        self._link = Link(name, _link(options), self._take)
        self._dialogues: Dialogues | None = None

    @property
    def state(self) -> LineState:
        """How the line is; its requests without an answer are the dialogues that are open."""
        return replace(self._link.state, unanswered=self.open, window=self._options.open_max)

    @property
    def open(self) -> int:
        """How many subscribers are in a dialogue."""
        return 0 if self._dialogues is None else self._dialogues.open

    @property
    def carries_push(self) -> bool:
        """Whether the settings let it push."""
        return self._options.push

    @property
    def screen_octets(self) -> int:
        """What one screen holds."""
        return _ussd(self._options).screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`; where the line is down nothing is shown."""
        if self._dialogues is None or not self._link.up:
            return PushOutcome.TROUBLE
        return await self._dialogues.push(dialogue, msisdn, text, ask=ask)

    async def run(self, engine: TurnHandler) -> None:
        """Keep the line, and play dialogues with `engine`, until cancelled; then end in order.

        Dialogues that wait for an answer stay open at the HLR: with a lasting session store the next process
        goes on with them.
        """
        options = self._options
        numbers = None
        if options.ctrl_port:
            numbers = Numbers(
                self.name,
                options.ctrl_host or options.host,
                options.ctrl_port,
                within_s=options.number_within_s,
                keep_s=options.number_kept_s,
            )
        dialogues = self._dialogues = Dialogues(
            self.name, self._link, engine, numbers, _ussd(options), self._observe, self._trouble
        )
        tasks = [asyncio.create_task(self._link.run()), asyncio.create_task(dialogues.watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await asyncio.shield(_finish(dialogues, numbers, tasks))

    def _take(self, payload: bytes) -> None:
        if self._dialogues is not None:
            self._dialogues.take(payload)


async def _finish(dialogues: Dialogues, numbers: Numbers | None, tasks: list[asyncio.Task[None]]) -> None:
    await dialogues.drain(LAST_ANSWERS_S)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    if numbers is not None:
        await numbers.close()


def _link(options: Options) -> LinkOptions:
    return LinkOptions(
        host=options.host,
        port=options.port,
        name=options.euse,
        connect_s=options.connect_s,
        ping_every_s=options.ping_every_s,
        pong_s=options.pong_s,
        silent_s=options.silent_s,
    )


def _ussd(options: Options) -> UssdOptions:
    return UssdOptions(
        lengths=options.lengths,
        screen_octets=options.screen_octets or SCREEN_OCTETS[options.lengths],
        deadline_s=options.deadline_s,
        idle_s=options.idle_s,
        open_max=options.open_max,
        rate=options.rate,
        no_number=options.no_number,
        over=options.over,
    )
