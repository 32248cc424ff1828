"""The gateways that are lines to somebody: up in the one process that holds the lease, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final, cast

from adapters.http import Observer, TurnHandler
from adapters.lines import LineState
from adapters.sms import SmsCarrier
from app import plugins
from app.lines.sms import GatewaySender
from app.plugins import LinkFamily
from app.settings import Settings
from app.watching.board import Board
from invoicing import Sender

log: Final = logging.getLogger(__name__)
INBOX: Final = "inbox"
AGAIN_S: Final = 1.0
LOOK_S: Final = 0.25
"""How often the lease is looked at; it runs out seconds after it was last renewed."""
ERROR_MAX: Final = 200
"""Characters of a line's error that are told."""

Note = Callable[[str, LineState], None]


class BadLink(Exception):
    """A gateway can't be made, or can't do what it is meant for; the message says what to mend."""


class Links:
    """All lines of a process."""

    def __init__(
        self,
        settings: Settings,
        observe: Observer,
        trouble: str,
        note: Note = lambda _gateway, _state: None,
        board: Board | None = None,
    ) -> None:
        """Make them; nothing is connected yet.

        Args:
            observe: told of what comes in and becomes no turn.
            trouble: what a subscriber reads whose turn failed.
            note: told again and again how each line is.
            board: where the other workers read it.

        Raises:
            BadLink: see there.
        """
        self._note = note
        self._board = board
        self._turned: dict[str, tuple[bool, float]] = {}
        self._told_wrong: set[str | None] = set()
        self._links: dict[str, LinkFamily] = {}
        for gateway in settings.gateways.values():
            family = plugins.adapter(gateway.kind)
            if not plugins.is_link(family):
                continue
            try:
                self._links[gateway.name] = family(gateway.name, gateway.options, observe, trouble)
            except (OSError, ValueError) as error:
                raise BadLink(f"gateway '{gateway.name}': {error}") from None
        self._carrier = self._named(settings.sms.sender)
        self._following: asyncio.Task[None] | None = None

    @property
    def by_name(self) -> Mapping[str, LinkFamily]:
        """The lines by their gateways' names."""
        return self._links

    def start(self, engine: TurnHandler, held: Callable[[], bool]) -> None:
        """Put the lines up whenever `held` says that they are ours, on the running loop."""
        if self._links:
            self._following = asyncio.create_task(self._follow(engine, held))

    async def stop(self) -> None:
        """Let what is under way end, and take the lines down."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def sender(self, loop: asyncio.AbstractEventLoop, inbox: Sender) -> Sender:
        """Who sends notices, as `[sms] sender` says."""
        return inbox if self._carrier is None else GatewaySender(self._carrier, loop)

    def _named(self, name: str) -> SmsCarrier | None:
        if name == INBOX:
            return None
        link = self._links.get(name)
        if link is None or not getattr(link, "carries_sms", False):
            able = [one for one, link in self._links.items() if getattr(link, "carries_sms", False)]
            raise BadLink(
                f"[sms] sender: no gateway '{name}' can send SMS; known are: {', '.join((INBOX, *able))}"
            )
        return cast(SmsCarrier, link)

    async def _follow(self, engine: TurnHandler, held: Callable[[], bool]) -> None:
        lines: list[asyncio.Task[None]] = []
        try:
            while True:
                if held() != bool(lines):
                    await _down(lines)
                    kept = self._links.items() if held() else ()
                    lines = [asyncio.create_task(_keep(name, link, engine)) for name, link in kept]
                self._tell(held=bool(lines))
                await asyncio.sleep(LOOK_S)
        finally:
            await _down(lines)

    def _tell(self, *, held: bool) -> None:
        """Say how the lines are; a fault in that must not take them down."""
        try:
            states = {name: self._state(name, link) for name, link in self._links.items()}
            for name, state in states.items():
                self._note(name, state)
            if self._board is not None:
                self._board.write({"at": time.time(), "held": held, "lines": self._since(states)})
        except Exception:
            if None not in self._told_wrong:
                log.exception("the state of the lines can't be told")
            self._told_wrong.add(None)

    def _state(self, name: str, link: LinkFamily) -> LineState:
        """A line's state; one of another distribution may know less of itself than is asked for here."""
        try:
            told = link.state
            known: dict[str, Any] = {
                one.name: getattr(told, one.name, one.default) for one in fields(LineState)
            }
            return LineState(**known)
        except Exception as error:
            if name not in self._told_wrong:
                log.exception("a line doesn't tell its state", extra={"gateway": name})
            self._told_wrong.add(name)
            return LineState(error=f"its state can't be read: {type(error).__name__}")

    def _since(self, states: Mapping[str, LineState]) -> dict[str, dict[str, Any]]:
        """What is told of each line; `since`: when it came up or went down, Unix seconds."""
        told = {}
        for name, state in states.items():
            was_up, _ = self._turned.get(name, (not state.up, 0.0))
            if was_up != state.up:
                self._turned[name] = state.up, time.time()
            told[name] = {**asdict(state), "error": state.error[:ERROR_MAX], "since": self._turned[name][1]}
        return told


async def _down(lines: list[asyncio.Task[None]]) -> None:
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


async def _keep(name: str, link: LinkFamily, engine: TurnHandler) -> None:
    """A fault of ours in a line must not leave the service without it."""
    while True:
        try:
            await link.run(engine)
        except Exception:
            log.exception("a line failed", extra={"gateway": name, "again_in_s": AGAIN_S})
        await asyncio.sleep(AGAIN_S)
