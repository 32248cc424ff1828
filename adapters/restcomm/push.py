"""Dialogues that begin with a push by RestComm's gateway: we are its client for the whole of them."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from adapters.http import TurnHandler
from adapters.outward import SILENT, Silence, Told, send
from adapters.restcomm.wire import Answered, Options, pushed, read_told, released
from ussd_engine import Kind, PushOutcome, Reply, Turn, WireError

log: Final = logging.getLogger(__name__)
SCREENS_MAX: Final = 100
"""Of one dialogue: more is a gateway that answers by itself."""
_COOKIE: Final = re.compile(r"[!-+\--:<-~]{1,200}")  # RFC 6265 §4.1.1, but no comma and no semicolon


class RestCommPusher:
    """Pushes of one gateway; a `ussd_engine.Pusher`."""

    def __init__(self, name: str, options: Options, engine: TurnHandler) -> None:
        self._name = name
        self._options = options
        self._engine = engine
        self._playing: set[asyncio.Task[None]] = set()
        self.screen_octets = options.screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`. The answers are turns of a task of its own."""
        told, cookie = await self._show(msisdn, text, ask=ask)
        if isinstance(told, PushOutcome):
            return told
        if not ask or told.typed is None:
            await self._release(cookie)
            return PushOutcome.SHOWN
        task = asyncio.create_task(self._play(dialogue, msisdn, told.typed, cookie))
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)
        return PushOutcome.ANSWERED

    async def close(self) -> None:
        """Give up the dialogues that are open."""
        playing = list(self._playing)
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    async def _play(self, dialogue: str, msisdn: str, typed: str, cookie: str) -> None:
        """From the first answer to the end."""
        for count in range(SCREENS_MAX):
            reply = await self._turn(dialogue, msisdn, Kind.ANSWER, typed, str(count))
            told, cookie = await self._show(msisdn, reply.text, ask=reply.open, cookie=cookie)
            if isinstance(told, PushOutcome) or told.typed is None or not reply.open:
                break
            typed = told.typed
        if reply.open:
            gone = Kind.TIMEOUT if told is PushOutcome.TIMEOUT else Kind.ABORT
            await self._turn(dialogue, msisdn, gone, "", "")
        if isinstance(told, Answered):
            await self._release(cookie)

    async def _turn(self, dialogue: str, msisdn: str, kind: Kind, text: str, request: str) -> Reply:
        options = self._options
        return await self._engine.handle(
            Turn(
                gateway=self._name,
                dialogue=dialogue,
                msisdn=msisdn,
                kind=kind,
                text=text,
                request_id=request,
                screen_octets=options.screen_octets,
                deadline_s=options.deadline_s,
            )
        )

    async def _show(
        self, msisdn: str, text: str, *, ask: bool, cookie: str = ""
    ) -> tuple[Answered | PushOutcome, str]:
        """Show a text and wait for what becomes of it; the cookie of its dialogue."""
        options = self._options
        within_s = options.push_within_s + (options.push_answer_s if ask else 0)
        told = await send(self._name, pushed(options, msisdn, text, ask=ask, cookie=cookie), within_s)
        if isinstance(told, Silence):
            return SILENT[told], cookie
        if not 200 <= told.status < 300:
            return PushOutcome.REFUSED, cookie
        try:
            return read_told(told.content_type, told.body), _cookie(told) or cookie
        except WireError as error:
            log.warning("an answer can't be used", extra={"gateway": self._name, "why": str(error)})
            return PushOutcome.UNKNOWN, cookie

    async def _release(self, cookie: str) -> None:
        await send(self._name, released(self._options, cookie), self._options.push_within_s)


def _cookie(told: Told) -> str:
    """The gateway's cookie, if it is one that may go into a header."""
    value = told.cookies.get("JSESSIONID", "")
    return value if _COOKIE.fullmatch(value) else ""
