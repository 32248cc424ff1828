"""The demo's network as far as it reaches phones by itself: screens that are pushed to handsets.

A handset is switched on while it asks for pushes:

    GET /demo/pushes/998901234567?wait=25

holds until there is one, `wait` seconds at most (0 to 30, else 25), and then answers 200 with

    {"id": "push-0f…", "gateway": "africastalking", "text": "№1001\\n…", "open": true}

or 204 where none came. `open`: an answer is expected (USSR); else the text is only shown (USSN). One push
goes to one of those who ask. A number that nobody has asked for within `LATELY_S` is absent. The answer goes
back by

    POST /demo/pushes/998901234567   {"id": "push-0f…", "answer": "1", "n": 1}

and gets `{"text": …, "open": …}`, the next screen; so do the answers after it, as long as `open` is true. `n`
counts the handset's answers from 1, so that one that is sent again is known (without it, equal ones within a
second are). Who puts the phone away instead sends `{"id": …, "leaves": true}` and gets 204. A dialogue that
is over says so in a closing text. Dialling `*880#` as always, by `/gateways/…`, ends a pushed dialogue as it
does any other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiohttp import web

from adapters.form import msisdn
from adapters.http import TurnHandler
from ussd_engine import Kind, PushOutcome, Turn, WireError

LATELY_S: Final = 3.0
"""A handset that has asked so lately is about to ask again."""
ANSWER_S: Final = 60.0
WAIT_S, WAIT_MAX_S = 25.0, 30.0
_LOOK_S: Final = 0.5
_TYPED_MAX: Final = 182

_dumps = partial(json.dumps, ensure_ascii=False)


@dataclass(eq=False)
class _Asking:
    """A handset that waits for a push. `there`: it still does."""

    there: Callable[[], bool]
    given: asyncio.Future[dict[str, Any]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(eq=False)
class _Open:
    """A push that waits for its answer."""

    msisdn: str
    fate: asyncio.Future[PushOutcome] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Handsets:
    """The demo's phones; a `ussd_engine.Pusher`."""

    def __init__(self, engine: TurnHandler, gateway: str, answer_s: float = ANSWER_S) -> None:
        """`gateway`: the one that the handsets dial by: its dialogues and pushed ones exclude each other."""
        self._engine = engine
        self._gateway = gateway
        self._answer_s = answer_s
        self._asking: dict[str, list[_Asking]] = {}
        self._seen: dict[str, float] = {}
        self._open: dict[str, _Open] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        """What the handset asks for; see the module's text."""
        return (
            web.get("/demo/pushes/{msisdn}", _plainly(self._next), allow_head=False),
            web.post("/demo/pushes/{msisdn}", _plainly(self._answered)),
        )

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`."""
        asking = await self._handset(msisdn)
        if asking is None:
            return PushOutcome.ABSENT
        waiting = self._open[dialogue] = _Open(msisdn)
        asking.given.set_result({"id": dialogue, "gateway": self._gateway, "text": text, "open": ask})
        if not ask:
            del self._open[dialogue]
            return PushOutcome.SHOWN
        try:
            await asyncio.wait([waiting.fate], timeout=self._answer_s)
        finally:
            del self._open[dialogue]
        return waiting.fate.result() if waiting.fate.done() else PushOutcome.TIMEOUT

    async def _handset(self, msisdn: str) -> _Asking | None:
        """One that waits for a push, or is about to."""
        loop = asyncio.get_running_loop()
        until = self._seen.get(msisdn, -LATELY_S) + LATELY_S
        while True:
            for asking in self._asking.get(msisdn, ()):
                if asking.there() and not asking.given.done():
                    return asking
            if loop.time() >= until:
                return None
            await asyncio.sleep(_LOOK_S / 10)

    # --- what handsets send -------------------------------------------------------------------------------

    async def _next(self, request: web.Request) -> web.Response:
        number = msisdn(request.match_info["msisdn"], "the phone")
        try:
            wait_s = min(max(float(request.query.get("wait", WAIT_S)), 0.0), WAIT_MAX_S)
        except ValueError:
            raise WireError("wait is no number of seconds") from None
        loop = asyncio.get_running_loop()
        asking = _Asking(lambda: request.transport is not None and not request.transport.is_closing())
        self._asking.setdefault(number, []).append(asking)
        until = loop.time() + wait_s
        try:
            while asking.there() and not asking.given.done() and (left_s := until - loop.time()) > 0:
                await asyncio.wait([asking.given], timeout=min(left_s, _LOOK_S))
        finally:
            self._seen[number] = loop.time()
            self._asking[number].remove(asking)
            if not self._asking[number]:
                del self._asking[number]
        if asking.given.done():
            return web.json_response(asking.given.result(), dumps=_dumps)
        return web.Response(status=204)

    async def _answered(self, request: web.Request) -> web.Response:
        number = msisdn(request.match_info["msisdn"], "the phone")
        fields = _fields(await request.read())
        dialogue, answer = fields.get("id"), fields.get("answer", "")
        leaves, count = fields.get("leaves", False), fields.get("n", "")
        if not isinstance(dialogue, str) or not isinstance(answer, str) or not isinstance(leaves, bool):
            raise WireError("id and answer are texts, leaves is true or false")
        if len(dialogue) > 40 or len(answer) > _TYPED_MAX:
            raise WireError(f"an answer has {_TYPED_MAX} characters at most")
        waiting = self._open.get(dialogue)
        if waiting is not None and waiting.msisdn != number:
            raise WireError("this push went to another phone")
        if waiting is not None and not waiting.fate.done():
            waiting.fate.set_result(PushOutcome.REFUSED if leaves else PushOutcome.ANSWERED)
        turn = Turn(
            gateway=self._gateway,
            dialogue=dialogue,
            msisdn=number,
            kind=Kind.ABORT if leaves else Kind.ANSWER,
            text=answer,
            request_id=f"n{count}" if isinstance(count, int) else "",
        )
        reply = await self._engine.handle(turn)
        if leaves:
            return web.Response(status=204)
        return web.json_response({"text": reply.text, "open": reply.open}, dumps=_dumps)


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WireError("the body is no JSON object")
    return found


def _plainly(handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    """`handler`, with what it can't read said in plain text."""

    async def answer(request: web.Request) -> web.Response:
        try:
            found: web.Response = await handler(request)
        except WireError as error:
            return web.Response(status=error.status, text=f"{error}\n")
        return found

    return answer
