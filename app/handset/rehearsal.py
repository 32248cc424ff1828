"""Stages for scenarios: the demo's people in this process, or phones of a service that runs somewhere."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from pydantic import SecretStr

from app import plugins
from app.actions import invoices as actions
from app.actions import wallet
from app.actions.push import PushActions
from app.configuring import load
from app.lines.pushing import Pushes
from app.money import Money
from app.planning import DEMO_TABLES
from app.settings import Database
from invoicing.registration import DEMO_PIN
from simulator.phone import NoService, Phone, Server
from ussd_engine import Action, Engine, Reply, Service
from ussd_engine.scenarios import EngineStage, Fakes, Leaving, Scenario
from ussd_engine.scenarios.play import StageError
from ussd_engine.stores.memory import MemoryStore

P = ParamSpec("P")
R = TypeVar("R")

DEMO_SECRETS: Mapping[str, str] = {"pin": DEMO_PIN, "wrong_pin": "".join(reversed(DEMO_PIN))}
"""What scenarios may type without saying it: the demo customer's CLICK-PIN, and one that is not."""
THREADS = 2
_RELAY_S = 1.0
"""The demo's relay looks for SMS at least this often."""
_SMS_MAX_S = 5.0


@dataclass(frozen=True)
class Town:
    """What a rehearsal plays on. `sms` sends what is owed and reads what a phone got, oldest first."""

    engine: Engine
    store: MemoryStore
    money: Money
    in_thread: actions.InThread
    sms: Callable[[str], Awaitable[list[str]]]


class Rehearsal:
    """The demo, in memory and fresh for each scenario: its database is made once and copied."""

    def __init__(self, service: Service, declared: Mapping[str, Action]) -> None:
        self._service = service
        self._declared = declared
        settings = load(None, defaults=DEMO_TABLES)
        in_memory = Database(url=SecretStr("sqlite://"), threads=THREADS)
        self._settings = settings.model_copy(update={"database": in_memory})
        self._key = secrets.token_bytes(32)
        self._template: Money | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._held.close()

    @asynccontextmanager
    async def stage(self, scenario: Scenario) -> AsyncIterator[EngineStage]:
        """Phones for one scenario; with fake actions where it declares them, else with the demo's people."""
        code = self._service.service_code
        if scenario.actions is not None:
            fakes = Fakes(scenario.actions, self._declared, self._service.http)
            yield EngineStage(self._engine(fakes.actions(), fakes), code, watch=fakes.problems)
            return
        with self.town() as town:
            yield EngineStage(town.engine, code, sms=town.sms)

    @contextmanager
    def town(self) -> Iterator[Town]:
        """The demo's people and their bank, afresh."""
        with ExitStack() as held:
            money = self._copy(held)
            in_thread = partial(_in_thread, held.enter_context(ThreadPoolExecutor(THREADS)))
            table = (
                actions.MenuActions(money.invoicing, in_thread).table()
                | wallet.WalletActions(money.invoicing, in_thread).table()
                | PushActions(Pushes(lambda _gateway, _outcome: None)).table()
                | plugins.actions()
            )
            store = MemoryStore()
            engine = self._engine(table, store=store)
            yield Town(engine, store, money, in_thread, sms=partial(in_thread, _sms, money))

    def _engine(
        self, table: Mapping[str, Action], fakes: Fakes | None = None, store: MemoryStore | None = None
    ) -> Engine:
        return Engine(
            self._service,
            store=store or MemoryStore(),
            actions=table,
            key=self._key,
            clock=time.time,
            http=fakes,
        )

    def _copy(self, held: ExitStack) -> Money:
        if self._template is None:
            self._template = self._open(self._held)
            self._template.upgrade()
            self._template.invoicing.seed_demo()
        fresh = self._open(held)
        source, target = self._template.engine.raw_connection(), fresh.engine.raw_connection()
        try:
            ours, theirs = source.driver_connection, target.driver_connection
            assert isinstance(ours, sqlite3.Connection)
            assert isinstance(theirs, sqlite3.Connection)
            ours.backup(theirs)
        finally:
            source.close()
            target.close()
        return fresh

    def _open(self, held: ExitStack) -> Money:
        return held.enter_context(Money.open(self._settings, Path(), self._key, line=0))


class Away:
    """`Stage` of a service that answers at an address, as a network sees it."""

    def __init__(self, server: Server, gateway: str) -> None:
        self._server = server
        self._gateway = gateway
        self._phones: dict[str, Phone] = {}

    async def dial(self, msisdn: str, code: str) -> Reply:
        """Begin a dialogue.

        Raises:
            StageError: the phone shows nothing.
        """
        phone = self._phones.setdefault(msisdn, Phone(self._server, msisdn, self._gateway))
        return await _asked(phone.dial, code)

    async def push(self, msisdn: str, state: str, given: Mapping[str, str]) -> Reply:  # noqa: ARG002
        """Nobody can make a service elsewhere begin by itself.

        Raises:
            StageError: always.
        """
        raise StageError("a push is played in this process only: leave --url out")

    async def answer(self, msisdn: str, text: str) -> Reply:
        """Type into it.

        Raises:
            StageError: the phone shows nothing.
        """
        return await _asked(self._phones[msisdn].answer, text)

    async def leave(self, msisdn: str, why: Leaving) -> None:
        """Send the notice that the dialogue is over.

        Raises:
            StageError: the service did not take it.
        """
        await _asked(self._phones[msisdn].leave, timed_out=why is Leaving.TIMES_OUT)

    async def inbox(self, msisdn: str) -> Sequence[str]:
        """The demo's SMS, once no more come for a moment.

        Raises:
            StageError: the service is no demo.
        """
        loop = asyncio.get_running_loop()
        began, before = loop.time(), -1
        while True:
            found = [str(message["text"]) for message in await _asked(self._server.inbox, msisdn)]
            if len(found) == before or loop.time() - began > _SMS_MAX_S:
                return found
            before = len(found)
            await asyncio.sleep(_RELAY_S)

    def problems(self) -> Sequence[str]:
        """Nothing is known of what goes on there."""
        return ()


def _sms(money: Money, msisdn: str) -> list[str]:
    """Send what is owed, and read what a phone got."""
    while money.relay.run_once(money.inbox).sent:
        pass
    return [message.text for message in money.inbox.inbox(msisdn)]


async def _asked(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except NoService as error:
        raise StageError(str(error)) from None


def _in_thread(
    pool: ThreadPoolExecutor, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> Awaitable[R]:
    return asyncio.get_running_loop().run_in_executor(pool, partial(call, *args, **kwargs))
