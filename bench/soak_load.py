"""The soak's load: people who look, issue, pay, list, repeat and hang up; and what goes wrong around them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

import aiohttp

from bench.soak_town import ANSWER_S, PIN, Town
from tests.peers.postgres import Cluster

AT_ONCE_MAX: Final = 200
"""More dialogues at a time mean that the service can't keep up: what is due is left out, and counted."""
LOOKERS: Final = 5_000
TROUBLE: Final = "Попробуйте позже"
A_SECOND: Final = {
    "look": 6.0,
    "issue": 2.0,
    "pay": 1.5,
    "list": 1.0,
    "twice": 1.0,
    "hang up": 1.0,
    "smpp": 1.0,
}
"""Dialogues a second at rate 1; about 45 turns."""
FAULT_EVERY_S: Final = 20.0
"""One of the faults, in turn."""


@dataclass
class Told:
    """What came of it; times in seconds, for the minute that is not yet told."""

    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    turns: int = 0
    done: Counter[str] = field(default_factory=Counter)
    troubles: int = 0
    """Polite closings; there must be some, since there are faults."""
    wrong: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Load:
    """Plays at a steady rate until cancelled."""

    def __init__(self, town: Town, http: aiohttp.ClientSession, rate: float) -> None:
        self.town = town
        self.told = Told()
        self._http = http
        self._rate = rate
        self._random = Random(8)
        self._sums = count(1_001)
        self._dialogues = count(1)
        self._under_way: set[asyncio.Task[None]] = set()
        self._paying: set[str] = set()

    async def run(self) -> None:
        """All kinds side by side, and the faults."""
        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "look": self.look, "issue": self.issue, "pay": self.pay, "list": self._list,
            "twice": self._twice, "hang up": self._hang_up, "smpp": self._smpp,
        }  # fmt: skip
        try:
            async with asyncio.TaskGroup() as tasks:
                for kind, play in kinds.items():
                    tasks.create_task(self._steadily(kind, play))
                tasks.create_task(self._faults())
        finally:
            for dialogue in self._under_way:
                dialogue.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _steadily(self, kind: str, play: Callable[[], Awaitable[None]]) -> None:
        pause = 1 / (A_SECOND[kind] * self._rate)
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * pause)
            if len(self._under_way) >= AT_ONCE_MAX:
                self.told.left_out += 1
                continue
            task = asyncio.create_task(self._counted(kind, play))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _counted(self, kind: str, play: Callable[[], Awaitable[None]]) -> None:
        try:
            await play()
            self.told.done[kind] += 1
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.told.wrong[f"{kind}: {type(error).__name__}"] += 1

    async def look(self) -> None:
        """Home, settings, back, help."""
        await self._dial(self._somebody(), "*880#", "6", "0", "7")

    async def issue(self) -> None:
        """An invoice by the dial string; two turns where it must be confirmed."""
        merchant = self._random.choice(self.town.people.merchants)
        customer = self._random.choice(self.town.people.customers)
        await self._dial(merchant, f"*880**0*{customer}*{next(self._sums)}#", "1")

    async def pay(self) -> None:
        """The first open invoice of somebody who is not paying already."""
        free = [one for one in self.town.people.customers if one not in self._paying]
        customer = self._random.choice(free)
        self._paying.add(customer)
        try:
            await self._dial(customer, "*880#", "1", "1", "1", PIN)
        finally:
            self._paying.discard(customer)

    async def _list(self) -> None:
        token = self._random.choice(self.town.people.tokens)
        begun = time.perf_counter()
        where = f"{self.town.url}/api/v1/invoices"
        async with self._http.get(where, headers={"Authorization": f"Bearer {token}"}) as answer:
            await answer.read()
            self._took("list", begun)
            if answer.status != 200:
                self.told.wrong[f"list: {answer.status}"] += 1

    async def _twice(self) -> None:
        """Each request two times at once, and the last one once more; all copies must be told the same."""
        phone, dialogue = self._somebody(), self._name()
        for text in ("", "6"):
            one, other = await asyncio.gather(
                self._turn(phone, dialogue, "*880#", text), self._turn(phone, dialogue, "*880#", text)
            )
            if one != other and TROUBLE not in one + other:
                self.told.wrong[f"twice: {one!r} and {other!r}"] += 1

    async def _hang_up(self) -> None:
        """One that is never answered again, and one whose caller doesn't wait for the screen."""
        await self._turn(self._somebody(), self._name(), "*880#", "")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.002):
                await self._turn(self._somebody(), self._name(), "*880#", "")

    async def _smpp(self) -> None:
        phone = self._somebody()
        self.town.centre.order("dial", msisdn=phone, text="*880#")
        await asyncio.sleep(1.0)
        self.town.centre.order("hangup", msisdn=phone)

    async def _dial(self, phone: str, code: str, *answers: str) -> None:
        dialogue, typed = self._name(), list[str]()
        shown = await self._turn(phone, dialogue, code, "")
        for answer in answers:
            if not shown.startswith("CON "):
                return
            typed.append(PIN if "PIN" in shown else answer)
            shown = await self._turn(phone, dialogue, code, "*".join(typed))

    async def _turn(self, phone: str, dialogue: str, code: str, text: str) -> str:
        form = {"sessionId": dialogue, "serviceCode": code, "phoneNumber": f"+{phone}", "text": text}
        begun = time.perf_counter()
        async with self._http.post(f"{self.town.url}/gateways/africastalking", data=form) as answer:
            shown = await answer.text()
        self._took("pay" if PIN in text else "issue" if "**0*" in code else "menu", begun)
        if answer.status != 200 or shown[:4] not in ("CON ", "END "):
            self.told.wrong[f"{answer.status} {shown[:60]}"] += 1
        self.told.troubles += TROUBLE in shown
        return shown

    def _took(self, kind: str, begun: float) -> None:
        self.told.turns += 1
        self.told.took[kind].append(time.perf_counter() - begun)

    def _somebody(self) -> str:
        return f"99893{self._random.randrange(LOOKERS):07}"

    def _name(self) -> str:
        return f"S{next(self._dialogues)}"

    async def _faults(self) -> None:
        faults: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("redis cut", self._cut_redis),
            ("switch late", self._late_switch),
            ("smsc dropped", self._drop_smsc),
        )
        for number in count():
            await asyncio.sleep(FAULT_EVERY_S)
            name, make = faults[number % len(faults)]
            await make()
            self.told.faults[name] += 1

    async def _cut_redis(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.town.redis_port)
        writer.write(b"CLIENT KILL TYPE normal SKIPME yes\r\n")
        await reader.readline()
        writer.close()

    async def _late_switch(self) -> None:
        fault = self.town.bank.fault
        await asyncio.to_thread(fault, "late", times=2, seconds=ANSWER_S + 1)

    async def _drop_smsc(self) -> None:
        self.town.centre.order("drop")


def sessions_of(database: Cluster) -> int:
    """How many connections clients have to the database."""
    return int(database.ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
