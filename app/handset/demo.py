"""The demo's pages: what a phone was sent, and where its dialogue stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from app.actions.invoices import InThread
from invoicing import InboxSender, Relay
from ussd_engine import Engine, SessionStore
from ussd_engine.core.service import End, Question
from ussd_engine.journal.cause import of_end
from ussd_engine.record import decode

_ON_THEIR_WAY_MAX, _LOOK_AGAIN_S = 20, 0.05


class Named(Protocol):
    """A gateway, as far as it matters here."""

    @property
    def name(self) -> str:
        """As its dialogues are kept under."""


class Demo:
    """Serves `/demo/inbox/…` and `/demo/session/…`."""

    def __init__(
        self,
        engine: Engine,
        store: SessionStore,
        inbox: InboxSender,
        relay: Relay,
        gateways: Iterable[Named],
        in_thread: InThread,
    ) -> None:
        self._engine = engine
        self._store = store
        self._inbox = inbox
        self._relay = relay
        self._gateways = [gateway.name for gateway in gateways]
        self._in_thread = in_thread

    async def inbox(self, msisdn: str) -> list[dict[str, Any]]:
        """The phone's SMS, newest last; waits a moment for those that are on their way."""
        for _ in range(_ON_THEIR_WAY_MAX):
            if not await self._in_thread(self._relay.depth):
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
        found = await self._in_thread(self._inbox.inbox, msisdn)
        return [
            {
                "at": message.at.isoformat(timespec="seconds"),
                "from": message.sender,
                "text": message.text,
                "parts": message.parts,
            }
            for message in found
        ]

    async def session(self, msisdn: str) -> list[dict[str, Any]]:
        """The phone's dialogue at each gateway that holds one."""
        found = [await self._at(gateway, msisdn) for gateway in self._gateways]
        return [one for one in found if one is not None]

    async def _at(self, gateway: str, msisdn: str) -> dict[str, Any] | None:
        loaded = await self._store.load(f"{{{gateway}:{msisdn}}}")
        record = decode(loaded[1]) if loaded else None
        if record is None:
            return None
        session, names = record.session, self._engine.service.names
        name = names.get(session.state, "")
        state = self._engine.service.states.get(name)
        return {
            "gateway": gateway,
            "dialogue": record.dialogue.hex(),
            "menu": record.menu.hex(),
            "open": not session.ended,
            # As the journal has it, as far as the session tells; who broke a dialogue off knows it himself.
            "cause": of_end(name, "").value if session.ended and isinstance(state, End) else "",
            "state": name,
            # What is typed next is a PIN or a card's number: a handset shows dots, a recorder keeps nothing.
            "secret": isinstance(state, Question) and state.type.secret,
            "history": [names.get(state) for state in session.history],
            "language": session.language,
            "variables": session.variables,
            "screen": record.reply,
            "turns": record.turns,
            "began": record.began,
            "at": record.at,
        }
