"""Pushes by lines that another process has up: left in the session store, where that process finds them.

One record holds all that waits. Leaving and taking are compare-and-set, so a text is sent at most once, and
any store will do: behind Sentinels, a Cluster, and memory, where the process finds its own once it has the
lines.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from ussd_engine import Pusher, PushOutcome, SessionStore, StoreError

log: Final = logging.getLogger(__name__)
LOOK_S: Final = 0.25
TAKEN_WITHIN_S: Final = 10.0
"""A letter that waited longer is not opened: lines move to another process in less."""
CLOCKS_APART_MAX_S: Final = 2.0
OUTCOME_WITHIN_S: Final = 100.0
"""From the taking on; the lines' own limits are shorter, and `ussd push` waits longer."""
WAITING: Final = "{pushes}"
WAITING_MAX: Final = 200
_KEPT_S: Final = TAKEN_WITHIN_S + CLOCKS_APART_MAX_S + OUTCOME_WITHIN_S
_TRIES_MAX: Final = 50
"""Compare-and-sets for one letter; each that fails is another's that went in."""


class Letter(msgspec.Struct, frozen=True):
    """What `Pusher.push` was asked; it isn't done later than `until`, Unix seconds."""

    id: str
    until: float
    gateway: str
    dialogue: str
    msisdn: str
    text: str
    ask: bool


_letters: Final = msgspec.json.Decoder(tuple[Letter, ...])


class Letterbox:
    """Where letters wait, and what became of them.

    Args:
        held: whether the lines are up in this process.
    """

    def __init__(self, store: SessionStore, held: Callable[[], bool]) -> None:
        self._store = store
        self._held = held
        self._lines: dict[str, Pusher] = {}
        self._leaving = asyncio.Lock()
        self._serving: asyncio.Task[None] | None = None
        self._opened: set[asyncio.Task[None]] = set()

    def pusher(self, gateway: str, line: Pusher) -> Pusher:
        """What pushes by the line from any process."""
        self._lines[gateway] = line
        return _Wherever(self, self._held, gateway, line)

    def start(self) -> None:
        """Open what others leave, while the lines are here."""
        if self._lines:
            self._serving = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """Give up what still waits for the network's word."""
        tasks = [*self._opened, *([self._serving] if self._serving is not None else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, gateway: str, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """Have it done by the process that has the line.

        Returns:
            What that process was told; `trouble` where nobody took it, `unknown` where nobody told.
        """
        until = time.time() + TAKEN_WITHIN_S
        letter = Letter(secrets.token_hex(8), until, gateway, dialogue, msisdn, text, ask)
        try:
            if not await self._leave(letter):
                log.warning("too many pushes wait for the process that has the lines")
                return PushOutcome.TROUBLE
        except StoreError as error:
            log.warning("session store: %s", error)
            return PushOutcome.UNKNOWN  # it may have been left
        if await self._told(_taken(letter), until + CLOCKS_APART_MAX_S) is None:
            return PushOutcome.TROUBLE
        outcome = await self._told(_became(letter), time.time() + OUTCOME_WITHIN_S)
        return PushOutcome.UNKNOWN if outcome is None else PushOutcome(outcome.decode())

    async def _leave(self, letter: Letter) -> bool:
        async with self._leaving:
            for _ in range(_TRIES_MAX):
                version, waiting = await self._waiting()
                if len(waiting) >= WAITING_MAX:
                    return False
                if await self._put((*waiting, letter), version):
                    return True
        return False

    async def _serve(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                letters = await self._take() if self._held() else ()
            except StoreError as error:
                log.warning("session store: %s", error)
                continue
            for letter in letters:
                task = asyncio.create_task(self._open(letter))
                self._opened.add(task)
                task.add_done_callback(self._opened.discard)

    async def _open(self, letter: Letter) -> None:
        line = self._lines.get(letter.gateway)
        if line is None or time.time() > letter.until:
            log.warning("a push came too late or to no line", extra={"gateway": letter.gateway})
            return
        try:
            await self._store.save(_taken(letter), b"", expect=None, ttl_s=_KEPT_S)
            outcome = await line.push(letter.dialogue, letter.msisdn, letter.text, ask=letter.ask)
            await self._store.save(_became(letter), outcome.value.encode(), expect=None, ttl_s=_KEPT_S)
        except StoreError as error:
            log.warning("session store: %s", error)
        except Exception:
            log.exception("a push failed", extra={"gateway": letter.gateway})

    async def _take(self) -> tuple[Letter, ...]:
        version, waiting = await self._waiting()
        return waiting if waiting and await self._put((), version) else ()

    async def _waiting(self) -> tuple[bytes | None, tuple[Letter, ...]]:
        found = await self._store.load(WAITING)
        if found is None:
            return None, ()
        try:
            return found[0], _letters.decode(found[1])
        except msgspec.DecodeError:
            log.warning("the pushes that another version of this program left can't be read")
            return found[0], ()

    async def _put(self, letters: tuple[Letter, ...], version: bytes | None) -> bool:
        return await self._store.save(WAITING, msgspec.json.encode(letters), expect=version, ttl_s=_KEPT_S)

    async def _told(self, key: str, until: float) -> bytes | None:
        while time.time() < until:
            try:
                if (found := await self._store.load(key)) is not None:
                    return found[1]
            except StoreError as error:
                log.warning("session store: %s", error)
            await asyncio.sleep(LOOK_S)
        return None


class _Wherever:
    """By the line, where this process has it up, else by a letter."""

    def __init__(self, letters: Letterbox, held: Callable[[], bool], gateway: str, line: Pusher) -> None:
        self._letters = letters
        self._held = held
        self._gateway = gateway
        self._line = line
        self.screen_octets: int = getattr(line, "screen_octets", 160)

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`."""
        if self._held():
            return await self._line.push(dialogue, msisdn, text, ask=ask)
        return await self._letters.send(self._gateway, dialogue, msisdn, text, ask=ask)


def _taken(letter: Letter) -> str:
    return f"{{push {letter.id}}}taken"


def _became(letter: Letter) -> str:
    return f"{{push {letter.id}}}became"
