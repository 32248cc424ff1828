"""What a service tells of a phone besides its screens: SMS, where its dialogue stands, texts pushed to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulator.model import Message
from simulator.phone import Server
from simulator.pushes import DemoPushes
from simulator.wires.wire import Frames, NoService, Pushed


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a dialogue stands, as the service has it.

    Attributes:
        dialogue: the service's own name of it, as its journal has it.
        menu: version of the menus it began with.
        variables: no secret is among them: they are never stored.
        secret: what it waits for is a PIN or a code.
        cause: why it ended, by the journal's words; empty while it is open.
    """

    gateway: str
    open: bool
    state: str
    menu: str = ""
    dialogue: str = ""
    language: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    secret: bool = False
    cause: str = ""


class Service(Protocol):
    """A service that tells; any other is a wire and nothing else."""

    async def inbox(self, number: str) -> list[Message]:
        """All SMS to a phone, oldest first.

        Raises:
            NoService: it doesn't tell now.
        """

    async def standing(self, number: str) -> Standing | None:
        """Where the phone's latest dialogue stands; None where there is none.

        Raises:
            NoService: it doesn't tell now.
        """

    def listen(self, number: str, take: Callable[[Pushed], None]) -> None:
        """Give `take` the screens that the service pushes to a phone, from now on, if it pushes any."""

    def stop(self) -> None:
        """Listen no more."""


class DemoPages:
    """The demo's pages under `/demo/`; a service without them tells nothing."""

    def __init__(self, server: Server, frames: Frames) -> None:
        self._server = server
        self._pushes = DemoPushes(server, frames)

    def listen(self, number: str, take: Callable[[Pushed], None]) -> None:
        """As `Service.listen`."""
        self._pushes.ask(number, take)

    def stop(self) -> None:
        """As `Service.stop`."""
        self._pushes.stop()

    async def inbox(self, number: str) -> list[Message]:
        """As `Service.inbox`."""
        found = await asyncio.to_thread(self._server.inbox, number)
        return [Message(one["at"], one["from"], one["text"], one["parts"]) for one in found]

    async def standing(self, number: str) -> Standing | None:
        """As `Service.standing`."""
        found: list[dict[str, Any]] = await asyncio.to_thread(self._page, "session", number)
        return read_standing(max(found, key=lambda one: float(one.get("at", 0)))) if found else None

    def _page(self, name: str, number: str) -> Any:
        status, body = self._server.request("GET", f"/demo/{name}/{number}")
        if status != 200:
            raise NoService(f"{self._server} is no demo (HTTP {status})")
        return json.loads(body)


class Lines:
    """As `pages`, of a service whose SMS come over the wire itself."""

    def __init__(self, pages: Service) -> None:
        self.standing = pages.standing
        self.listen = pages.listen
        self.stop = pages.stop

    async def inbox(self, _number: str) -> list[Message]:
        """As `Service.inbox`: nothing is known here.

        Raises:
            NoService: always.
        """
        raise NoService("SMS come over the wire")


def read_standing(told: Mapping[str, Any]) -> Standing:
    """One object of `/demo/session/<msisdn>`."""
    return Standing(
        gateway=str(told["gateway"]),
        open=bool(told["open"]),
        state=str(told.get("state") or ""),
        menu=str(told.get("menu", "")),
        dialogue=str(told.get("dialogue", "")),
        language=str(told.get("language", "")),
        variables={name: str(value) for name, value in told.get("variables", {}).items()},
        history=tuple(str(state) for state in told.get("history", ())),
        secret=bool(told.get("secret", False)),
        cause=str(told.get("cause", "")),
    )
