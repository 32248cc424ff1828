"""Dialogues that the service begins by itself, over whichever gateways can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from app import plugins
from app.lines.letterbox import Letterbox
from app.settings import Settings
from ussd_engine import Engine, Pusher, PushOutcome, Service, StoreError
from ussd_engine.pushing import NotPushable, given_to

log: Final = logging.getLogger(__name__)
IN_FLIGHT_MAX: Final = 1000
"""Pushes at once; the network shows few of them in a second, and the rest would come too late."""

Count = Callable[[str, str], None]
"""Told the gateway and the outcome of each push."""


class BadPush(Exception):
    """`[push]` names what isn't there; the message says what to mend."""


class Pushes:
    """What can push in this process.

    A push is an attempt, and nothing hangs on it: whatever must arrive goes by SMS as well.
    """

    def __init__(self, count: Count, *, preferred: str = "") -> None:
        """`preferred`: the gateway that is used unless another is named."""
        self._count = count
        self._preferred = preferred
        self._pushers: dict[str, Pusher] = {}
        self._engine: Engine | None = None
        self._running: set[asyncio.Task[PushOutcome]] = set()

    def over(self, engine: Engine, pushers: Mapping[str, Pusher]) -> None:
        """Take the engine, and what can push by the gateways' names."""
        self._engine = engine
        self._pushers |= pushers

    async def push(self, msisdn: str, state: str, given: Mapping[str, str], gateway: str = "") -> PushOutcome:
        """Begin a dialogue at a state and have its first screen shown.

        Raises:
            NotPushable: the state can't begin one like this, or no gateway can push.
        """
        name, pusher = self._pusher(gateway)
        assert self._engine is not None
        values = given_to(self._engine.service, state, given, msisdn)
        outcome = PushOutcome.TROUBLE
        try:
            octets = getattr(pusher, "screen_octets", 160)
            outcome = await self._engine.push(name, pusher, msisdn, state, values, screen_octets=octets)
        except StoreError as error:
            log.warning("session store: %s", error)
        finally:
            self._count(name, outcome.value)
        return outcome

    def begin(self, msisdn: str, state: str, given: Mapping[str, str]) -> bool:
        """As `push`, without waiting; False where nothing can push. What goes wrong is only logged."""
        if not self._pushers or len(self._running) >= IN_FLIGHT_MAX:
            return False
        task = asyncio.get_running_loop().create_task(self.push(msisdn, state, given))
        self._running.add(task)
        task.add_done_callback(self._done)
        return True

    async def stop(self) -> None:
        """Give up what still waits for an answer."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for pusher in self._pushers.values():
            if (close := getattr(pusher, "close", None)) is not None:
                await close()

    def _done(self, task: asyncio.Task[PushOutcome]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            what = str(error) if isinstance(error, NotPushable) else type(error).__name__
            log.error("a push was not begun: %s", what)

    def _pusher(self, gateway: str) -> tuple[str, Pusher]:
        known = ", ".join(self._pushers) or "none"
        name = gateway or self._preferred or (known if len(self._pushers) == 1 else "")
        if not name:
            raise NotPushable(f"name the gateway to push by; able are: {known}")
        if name not in self._pushers:
            raise NotPushable(f"gateway '{name}' can't push; able are: {known}")
        return name, self._pushers[name]


def pushers(
    settings: Settings, engine: Engine, links: Mapping[str, plugins.LinkFamily], letters: Letterbox
) -> dict[str, Pusher]:
    """What can push, by gateway: lines that carry it, and HTTP gateways that are told where to."""
    found: dict[str, Pusher] = {}
    for gateway in settings.gateways.values():
        family = plugins.adapter(gateway.kind)
        if plugins.is_link(family):
            link = links.get(gateway.name)
            if plugins.is_pusher(link) and getattr(link, "carries_push", True):
                found[gateway.name] = letters.pusher(gateway.name, link)
        elif (make := getattr(family, "pusher", None)) is not None:
            pusher: Pusher | None = make(gateway.name, gateway.options, engine)
            if pusher is not None:
                found[gateway.name] = pusher
    return found


def check_push(settings: Settings, service: Service) -> None:
    """See that `[push]` can do what it says, before anything is opened.

    Raises:
        BadPush: see there.
    """
    given = settings.push
    if given.gateway and given.gateway not in settings.gateways:
        known = ", ".join(settings.gateways) or "none"
        raise BadPush(f"[push] gateway: no gateway is named '{given.gateway}'; known are: {known}")
    if not given.invoices:
        return
    asked = service.pushes.get(given.state)
    if asked is None or set(asked) != {"invoice"}:
        able = ", ".join(name for name, needs in service.pushes.items() if set(needs) == {"invoice"})
        what = f"[push] state: '{given.state}' is no state with `push: {{invoice: …}}`"
        raise BadPush(f"{what}; such are: {able or 'none'}")
