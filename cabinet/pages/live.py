"""Open pages are told at once when an invoice is issued, paid or otherwise closed (SSE).

One task of the process asks the database for all merchants whose pages are open, and only while any is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from cabinet.office import Office, office_of
from cabinet.pages.shell import words
from cabinet.pages.statuses import STATUSES
from cabinet.sessions import signed_in
from invoicing import SignedIn, StorageError
from invoicing.reports import Change

log: Final = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
LOOK_BACK: Final = timedelta(seconds=15)
"""A change is dated when its transaction began and seen when it has committed: so far apart at most."""
STILL_IN_EVERY_S: Final = 10.0
"""How soon a page that stays open notices that its session is over."""
OPEN_MAX: Final = 2_000
"""Pages of one process that listen; further ones are refreshed by hand."""
PER_USER_MAX: Final = 8
_WAITING_MAX: Final = 50


class Watch:
    """Who listens, and the task that looks for them."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._queues: dict[int, set[asyncio.Queue[Change | None]]] = defaultdict(set)
        self._listening: dict[str, int] = defaultdict(int)
        self._seen: dict[tuple[str, int], float] = {}
        self._task: asyncio.Task[None] | None = None
        self._over = False

    def open(self, who: SignedIn) -> asyncio.Queue[Change | None] | None:
        """A queue of changes of the merchant's invoices; `None`: too many listen."""
        many = sum(len(queues) for queues in self._queues.values())
        full = many >= OPEN_MAX or self._listening[who.user_id] >= PER_USER_MAX
        if who.merchant_id is None or full or self._over:
            return None
        queue: asyncio.Queue[Change | None] = asyncio.Queue(_WAITING_MAX)
        self._queues[who.merchant_id].add(queue)
        self._listening[who.user_id] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        return queue

    def close(self, who: SignedIn, queue: asyncio.Queue[Change | None]) -> None:
        if who.merchant_id is None:
            return
        self._queues[who.merchant_id].discard(queue)
        if not self._queues[who.merchant_id]:
            del self._queues[who.merchant_id]
        self._listening[who.user_id] -= 1
        if not self._listening[who.user_id]:
            del self._listening[who.user_id]

    async def stop(self) -> None:
        """End every stream: the service's own end waits for none, and browsers come back by themselves."""
        self._over = True
        for queue in [queue for queues in self._queues.values() for queue in queues]:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        reports, loop = self._office.reports, asyncio.get_running_loop()
        looked = False
        while self._queues:
            try:
                now = await self._office.in_thread(reports.now)
                found = await self._office.in_thread(reports.changes, tuple(self._queues), now - LOOK_BACK)
            except StorageError:
                log.warning("open pages could not be told of changes")
                found = ()
            # What was there at the first look is on the pages already.
            self._note(found, loop.time(), tell=looked)
            looked = True
            await asyncio.sleep(LOOK_EVERY_S)

    def _note(self, found: tuple[Change, ...], at: float, *, tell: bool) -> None:
        for change in found:
            known = (change.id, change.version)
            if tell and known not in self._seen:
                for queue in self._queues.get(change.merchant_id, ()):
                    if not queue.full():
                        queue.put_nowait(change)
            self._seen[known] = at
        over = at - 2 * LOOK_BACK.total_seconds()
        self._seen = {known: seen for known, seen in self._seen.items() if seen > over}


WATCH: Final = web.AppKey("watch", Watch)


def routes() -> list[web.RouteDef]:
    return [web.get("/events", events), web.get("/alive", alive)]


async def alive(request: web.Request) -> web.StreamResponse:
    """Somebody is still there: the session's idle time begins anew."""
    signed_in(request)
    return web.Response(status=204)


async def events(request: web.Request) -> web.StreamResponse:
    """Changes of the merchant's invoices as they happen, until the page closes or the session is over."""
    who, watch = signed_in(request), request.config_dict[WATCH]
    queue = watch.open(who)
    if queue is None:
        return web.Response(status=204)  # tells a browser not to come back
    response: web.StreamResponse = web.Response(status=204)
    try:
        # Whoever leaves a page at once is gone before its stream has begun, and a stream wants a peer.
        if request.transport is not None:
            async with sse_response(request) as response:
                await _tell(request, response, queue, who)
    except ConnectionError:
        pass  # the page was closed while it was told something
    finally:
        watch.close(who, queue)
    return response


async def _tell(
    request: web.Request,
    response: EventSourceResponse,
    queue: asyncio.Queue[Change | None],
    who: SignedIn,
) -> None:
    while response.is_connected():
        try:
            change = await asyncio.wait_for(queue.get(), STILL_IN_EVERY_S)
        except TimeoutError:
            if await _still_in(request, who):
                continue
            await response.send("", event="over")
            return
        if change is None:
            return
        await response.send(json.dumps(_told(request, change)), event="invoice")


async def _still_in(request: web.Request, who: SignedIn) -> bool:
    """Whether the session lives; asking so does not keep it alive."""
    office = office_of(request)
    try:
        return await office.in_thread(office.accounts.again, who) is not None
    except StorageError:
        return True


def _told(request: web.Request, change: Change) -> Mapping[str, str]:
    spoken = words(request)
    return {
        "id": change.id,
        "status": change.status.value,
        "text": spoken(
            "No %(number)s: %(status)s, %(sum)s",
            number=change.number,
            status=spoken(STATUSES[change.status].text),
            sum=spoken.money(change.amount_tiyin),
        ),
    }
