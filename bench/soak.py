"""The service under a steady mixed load with faults, for long: does anything grow that should not?

    python -m bench soak --minutes 30 --out soak.txt &

Samples every ten seconds, a row a minute. The verdict compares the last third of the samples with the first
(for what is there from the beginning: files, tasks, answer times) or with the middle one (memory and Redis,
which fill up first: a session stays for 180 s beyond its last turn).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

import aiohttp

from bench.driver import cpu_s
from bench.soak_figures import HEAD, Sample, part, row, verdict
from bench.soak_load import FAULT_EVERY_S, Load, Told, sessions_of
from bench.soak_town import Town, town

SAMPLE_EVERY_S: Final = 10.0
SAMPLES_A_ROW: Final = 6
FILLED_UP_S: Final = 15 * 60
"""Each thread that checks PINs keeps its 19 MiB from the first one on; sessions take minutes to go."""
MERCHANTS, CUSTOMERS = 20, 40
CLIENT_MAX_S: Final = 25.0
CONNECTIONS_MAX: Final = 60
MB: Final = 1 << 20
_TASKS: Final = re.compile(r'^ussd_tasks\{.*worker="(\d+)".*\} (\S+)$', re.MULTILINE)

Write = Callable[[str], None]


def main(arguments: Sequence[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m bench soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.0, help="1: some 45 turns a second")
    parser.add_argument("--out", type=Path, help="write everything there as well, line by line")
    given = parser.parse_args(arguments)
    with _lines(given.out) as write:
        asyncio.run(_soak(given.minutes * 60, given.workers, given.rate, write))


async def _soak(seconds: float, workers: int, rate: float, write: Write) -> None:
    times = aiohttp.ClientTimeout(total=CLIENT_MAX_S)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with (
            town(Path(folder), workers, MERCHANTS, CUSTOMERS) as where,
            aiohttp.ClientSession(
                timeout=times, connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
            ) as http,
        ):
            load = Load(where, http, rate)
            what = f"{workers} workers, {seconds / 60:g} minutes, rate {rate:g}"
            write(f"{what}; a fault every {FAULT_EVERY_S:g} s")
            write(HEAD)
            playing = asyncio.create_task(load.run())
            try:
                samples = await _watch(where, http, load, seconds, write)
            finally:
                playing.cancel()
                with suppress(asyncio.CancelledError):
                    await playing
            for line in (*_told(load.told, where), *verdict(samples)):
                write(line)
            if seconds < FILLED_UP_S:
                write(
                    f"in less than {FILLED_UP_S / 60:g} minutes memory, files and Redis are still filling up"
                )


async def _watch(
    where: Town, http: aiohttp.ClientSession, load: Load, seconds: float, write: Write
) -> list[Sample]:
    """Sample until the time is over, or the load has died."""
    begun, seen, told = time.monotonic(), 0, load.told
    samples = [await _sample(where, http, 0.0, ())]
    while samples[-1].at_s < seconds:
        await asyncio.sleep(SAMPLE_EVERY_S)
        menu = told.took["menu"][seen:]
        seen += len(menu)
        samples.append(await _sample(where, http, time.monotonic() - begun, menu))
        if (len(samples) - 1) % SAMPLES_A_ROW == 0:
            write(row(len(samples) // SAMPLES_A_ROW, samples[-1 - SAMPLES_A_ROW], samples[-1], told))
            told.took.clear()
            told.turns = seen = 0
    return samples[1:]


async def _sample(where: Town, http: aiohttp.ClientSession, at_s: float, menu: Sequence[float]) -> Sample:
    async with http.get(f"{where.url}/metrics") as answer:
        tasks = {int(worker): int(float(value)) for worker, value in _TASKS.findall(await answer.text())}
    try:
        keys, redis_mb = await _redis(where.redis_port)
    except (OSError, ValueError, asyncio.IncompleteReadError):  # the load has just cut all connections
        keys, redis_mb = await _redis(where.redis_port)
    return Sample(
        at_s=at_s,
        rss_mb=tuple(_rss_mb(pid) for pid in where.workers),
        files=tuple(_files(pid) for pid in where.workers),
        tasks=tuple(tasks.get(place, 0) for place in range(len(where.workers))),
        keys=keys,
        redis_mb=redis_mb,
        sql=await asyncio.to_thread(sessions_of, where.database),
        cpu_s=sum(cpu_s(pid) for pid in where.workers),
        p50_ms=part(menu, 0.5),
        p99_ms=part(menu, 0.99),
    )


async def _redis(port: int) -> tuple[int, float]:
    """Keys, and megabytes in use."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"DBSIZE\r\nINFO memory\r\n")
    keys = int((await reader.readline())[1:])
    length = int((await reader.readline())[1:])
    told = (await reader.readexactly(length + 2)).decode()
    writer.close()
    used = re.search(r"used_memory:(\d+)", told)
    assert used
    return keys, int(used[1]) / MB


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / MB


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _told(told: Told, where: Town) -> Iterator[str]:
    done = ", ".join(f"{count} {kind}" for kind, count in sorted(told.done.items()))
    faults = ", ".join(f"{count} {kind}" for kind, count in told.faults.items())
    wrong = "; ".join(f"{count} times {what}" for what, count in told.wrong.most_common(10)) or "nothing"
    logged = where.log.read_text(encoding="utf-8")
    yield f"dialogues: {done}; left out: {told.left_out}; notices at the SMSC: {where.centre.told['submit']}"
    yield f"faults: {faults}; polite closings: {told.troubles}; wrong: {wrong}"
    yield f"log: {len(logged.splitlines())} warnings and errors, {logged.count('Traceback')} tracebacks"


@contextmanager
def _lines(out: Path | None) -> Iterator[Write]:
    file: TextIO | None = out.open("w", encoding="utf-8") if out else None

    def write(line: str) -> None:
        for stream in (sys.stdout, file):
            if stream is not None:
                print(line, file=stream, flush=True)

    try:
        yield write
    finally:
        if file is not None:
            file.close()
