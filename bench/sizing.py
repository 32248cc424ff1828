"""What a dialogue costs each process, through the whole service: the figures of docs/operating.md, "Sizing".

    python -m bench sizing --dialogues 300

Processor time is read before and after, notices and audit included; what the service does while nobody dials
is measured first and taken off. On a machine that others use it is more than on an idle one.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bench.driver import cpu_s
from bench.rounds import process_of
from bench.soak_load import Load
from bench.soak_town import Town, town

MERCHANTS, CUSTOMERS = 20, 20
AT_ONCE: Final = 8
WARM: Final = 40
IDLE_S: Final = 10.0
QUIET_S: Final = 3.0
"""Nothing is left to tell anybody when the SMSC has heard nothing for so long."""


@dataclass(frozen=True)
class Used:
    """So far: processor time in seconds, what is kept in octets, turns, and when that was."""

    engine: float
    postgres: float
    redis: float
    database: int
    journal: int
    turns: int
    at: float


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench sizing")
    parser.add_argument("--dialogues", type=int, default=300, help="of each kind")
    asyncio.run(_measure(parser.parse_args(arguments).dialogues))


async def _measure(dialogues: int) -> None:
    with tempfile.TemporaryDirectory(prefix="sizing-") as folder:
        async with town(Path(folder), 1, MERCHANTS, CUSTOMERS) as where, aiohttp.ClientSession() as http:
            load = Load(where, http, rate=1.0)
            kinds = {"looking": load.look, "issuing": load.issue, "paying": load.pay}
            for play in kinds.values():
                await _play(play, WARM)
            await _told_all(where)
            begun = _used(where, load)
            await asyncio.sleep(IDLE_S)
            idle = _used(where, load)
            print(
                f"{'dialogue':10} {'turns':>6} {'engine ms':>10} {'PostgreSQL ms':>14} {'Redis ms':>9}"
                f" {'database kB':>12} {'journal kB':>11}"
            )
            for name, play in kinds.items():
                before = _used(where, load)
                await _play(play, dialogues)
                await _told_all(where)
                print(_row(name, dialogues, before, _used(where, load), begun, idle), flush=True)
            wrong = "; ".join(load.told.wrong) or "nothing"
            print(f"polite closings: {load.told.troubles}; wrong: {wrong}")


async def _play(play: Callable[[], Awaitable[None]], count: int) -> None:
    left = iter(range(count))

    async def one_by_one() -> None:
        for _ in left:
            await play()

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))


async def _told_all(where: Town) -> None:
    told, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if where.centre.told["submit"] != told:
            told, since = where.centre.told["submit"], time.monotonic()
        await asyncio.sleep(0.1)


def _used(where: Town, load: Load) -> Used:
    pid = (where.database.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0]
    journal = where.log.parent / "data" / "journal"
    return Used(
        engine=cpu_s(where.pid),
        postgres=cpu_s(int(pid)),
        redis=cpu_s(process_of(where.redis_port)),
        database=int(where.database.ask("SELECT sum(pg_database_size(oid)) FROM pg_database")),
        journal=sum(file.stat().st_size for file in journal.rglob("*") if file.is_file()),
        turns=load.told.turns,
        at=time.monotonic(),
    )


def _row(name: str, count: int, before: Used, after: Used, begun: Used, idle: Used) -> str:
    def ms(part: str) -> float:
        resting = (getattr(idle, part) - getattr(begun, part)) / (idle.at - begun.at)
        spent = getattr(after, part) - getattr(before, part) - resting * (after.at - before.at)
        return float(spent) * 1_000 / count

    def kb(part: str) -> float:
        return float(getattr(after, part) - getattr(before, part)) / 1_000 / count

    turns = (after.turns - before.turns) / count
    return (
        f"{name:10} {turns:6.1f} {ms('engine'):10.1f} {ms('postgres'):14.1f} {ms('redis'):9.2f}"
        f" {kb('database'):12.1f} {kb('journal'):11.1f}"
    )
