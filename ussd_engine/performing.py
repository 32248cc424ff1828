"""Performs the actions of a turn within the gateway's deadline."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any

from ussd_engine.actions import Action, Call
from ussd_engine.core.events import ActionDone, Run
from ussd_engine.core.http import HttpAction
from ussd_engine.core.service import Service
from ussd_engine.ports import Clock, HttpRunner, Kind, Turn, Watch
from ussd_engine.text.template import Value

ANSWER_MARGIN_S = 0.5
"""Kept back from the gateway's deadline for storing and sending the reply."""

log = logging.getLogger("ussd_engine")


class _NoHttp:
    async def run(self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        log.error("action %s: HTTP actions are off", action.name)
        return ActionDone(at, "failed")


class Performer:
    """Runs one action after another, and keeps an eye on those that outlast their turn."""

    def __init__(
        self, actions: Mapping[str, Action], http: HttpRunner | None, clock: Clock, watch: Watch
    ) -> None:
        self._actions = actions
        self._http: HttpRunner = http or _NoHttp()
        self._clock = clock
        self._watch = watch
        self._left_running: set[asyncio.Task[ActionDone]] = set()

    async def perform(
        self, service: Service, run: Run, turn: Turn, language: str, deadline: float, began: float
    ) -> ActionDone:
        """Run one action within what is left until `deadline`, a time of the event loop.

        One that changes something is left running when time is up: its result comes by SMS. Any other is
        cancelled and has failed.

        Args:
            began: when the dialogue began, Unix seconds; kept in its record.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        until = deadline - ANSWER_MARGIN_S
        if run.timeout_s is not None:
            until = min(until, started + run.timeout_s)
        dialogue = turn.dialogue
        if turn.ids_recur or not dialogue:
            dialogue = f"{dialogue}@{_beginning(turn, began)}"
        key = f"{turn.gateway}|{dialogue}|{turn.msisdn}|{run.answers}|{run.state}"
        call = Call(turn.gateway, turn.dialogue, turn.msisdn, language, key, until)
        asks = service.http.get(run.action)
        if asks is not None:
            doing = self._http.run(asks, call, run.args, self._clock())
            outcome = await self._in_time(call, run, doing, changes=asks.method != "GET")
        elif (action := self._actions[run.action]).waits:
            doing = action.run(call, run.args, self._clock())
            outcome = await self._in_time(call, run, doing, changes=action.changes)
        else:
            outcome = self._at_once(call, run, action)
        self._watch.action(run.action, outcome.result, loop.time() - started)
        return outcome

    def _at_once(self, call: Call, run: Run, action: Action) -> ActionDone:
        try:
            return action.run_at_once(call, run.args, self._clock())
        except Exception as error:  # noqa: BLE001 - whatever fails, the menu goes on
            log.error("action %s failed: %s in %s", run.action, type(error).__name__, place(error))
            return ActionDone(self._clock(), "failed")

    async def _in_time(
        self, call: Call, run: Run, doing: Coroutine[Any, Any, ActionDone], *, changes: bool
    ) -> ActionDone:
        task = asyncio.ensure_future(doing)
        try:
            await asyncio.sleep(0)
            if not task.done():  # one that had nothing to wait for needs no timer
                left = call.deadline - asyncio.get_running_loop().time()
                await asyncio.wait([task], timeout=max(left, 0.0))
        finally:
            if not task.done():
                self._leave(task, running=changes)
        if not task.done():
            return ActionDone(self._clock(), "late" if changes else "failed")
        if (failure := _failure(task)) is not None:
            log.error("action %s failed: %s", run.action, failure)
            return ActionDone(self._clock(), "failed")
        return task.result()

    async def drain(self, timeout_s: float) -> None:
        """Wait for actions that outlasted their turn, `timeout_s` at most."""
        if self._left_running:
            await asyncio.wait(self._left_running, timeout=timeout_s)

    def _leave(self, task: asyncio.Task[ActionDone], *, running: bool) -> None:
        """Go on without an action: its time is up, or the gateway has hung up."""
        if not running:
            task.cancel()
        self._left_running.add(task)
        task.add_done_callback(self._finished_late)

    def _finished_late(self, task: asyncio.Task[ActionDone]) -> None:
        self._left_running.discard(task)
        if not task.cancelled() and (failure := _failure(task)) is not None:
            log.error("an action failed after its deadline: %s", failure)


def _beginning(turn: Turn, began: float) -> str:
    """Tell a dialogue from others of its name. All turns after the first find in its record when it began."""
    if turn.kind is Kind.BEGIN and turn.request_id and not turn.dialogue:
        return turn.request_id  # copies in two workers begin at two times
    return f"{began:.6f}"


def _failure(task: asyncio.Task[ActionDone]) -> str | None:
    """Say how a task that is over went wrong, if it did."""
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return None if error is None else f"{type(error).__name__} in {place(error)}"


def place(error: BaseException) -> str:
    """Name the innermost place of an error: file and line, never values, which may be what was typed."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{frames[-1].filename.rsplit('/', 2)[-1]}:{frames[-1].lineno}" if frames else "an unknown place"
