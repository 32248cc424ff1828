"""Inside one process: the step by size of menu and number of sessions, compiling, the record, memory."""

from __future__ import annotations

import asyncio
import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app import benchmenu
from bench.rounds import redis
from ussd_engine import Engine, Kind, Service, Turn, check, compile_menus
from ussd_engine.core.events import ActionDone, Answer, Begin, Event
from ussd_engine.core.session import Session
from ussd_engine.core.step import begin, step
from ussd_engine.record import Record, decode, encode
from ussd_engine.stores.redis import RedisStore

SIZES = (50, 500, 5_000)
PLAYED = (0, 10_000, 100_000)
MEASURED = 1_000
REPEATS = 5
PROBLEMS = 200
OPEN = (1_000, 100_000)
WARM = 5_000
AT_ONCE = 50
OWN_STATES = 7
"""States of the bench menu itself."""
CALLER = "998901112233"
TYPED = ("2", "998930000007", "50000")


Place = tuple[Session, Event]
"""Where a dialogue stands, and what comes in there."""


def report(given_open: Sequence[int] = OPEN) -> None:
    """Print the tables."""
    table = benchmenu.actions()
    print("\nCompiling, and one step of the bench dialogue, rendering included (median)")
    print(f"{'states':>8} {'compile s':>10} {'step us':>8}")
    compiled, compile_s = {}, {}
    for size in SIZES:
        begun = time.perf_counter()
        compiled[size] = compile_menus({"bench.yaml": padded(size)}, table)
        compile_s[size] = time.perf_counter() - begun
    # In turn, as servers are: the machine's speed may change within seconds.
    rounds = [{size: _step_us(service) for size, service in compiled.items()} for _ in range(REPEATS)]
    for size in SIZES:
        step_us = statistics.median(one[size] for one in rounds)
        print(f"{size:8} {compile_s[size]:10.2f} {step_us:8.1f}", flush=True)

    begun = time.perf_counter()
    _, problems = check({"bench.yaml": broken(padded(SIZES[-1]))}, table)
    told_s = time.perf_counter() - begun
    print(f"\n{len(problems)} problems among {SIZES[-1]} states are told in {told_s:.2f} s")

    service = benchmenu.service(table)
    print("\nStepping, by dialogues played before")
    print(f"{'played':>8} {'step us':>8}")
    played = 0
    for count in PLAYED:
        for number in range(played, count):
            play(service, f"99890{number:07}")
        played = count
        print(f"{count:8} {_step_us(service, count):8.1f}", flush=True)

    records = [_record(service, session) for session, _ in play(service, CALLER)[1:]]
    sizes = sorted(len(encode(record)) for record in records)
    octets = encode(records[-1])
    print(f"\nRecord with its reply: {sizes[0]} to {sizes[-1]} octets, median {statistics.median(sizes):.0f}")
    encoding = _per_call_us(lambda: encode(records[-1]))
    print(f"encode {encoding:.1f} us, decode {_per_call_us(lambda: decode(octets)):.1f} us")
    print("\nOctets for each dialogue that is open, by how many are")
    print(f"{'open':>8} {'in Redis':>9} {'in the process':>15} {'process, MB':>12}")
    for count in given_open:
        with redis() as port:
            in_redis, in_process = asyncio.run(_growth_octets(service, port, count))
        print(
            f"{count:8} {in_redis / count:9.0f} {in_process / count:15.1f} {in_process / 1e6:12.1f}",
            flush=True,
        )


def padded(size: int) -> str:
    """The bench menu with as many more states, each reached from the one before."""
    lines = [benchmenu.MENU.replace("text: Help, goto: help", "text: Help, goto: more1")]
    count = size - OWN_STATES
    for number in range(1, count + 1):
        goto = f"more{number + 1}" if number < count else "help"
        lines.append(f"  more{number}:\n    text: Page {number}\n    options: [{{text: On, goto: {goto}}}]\n")
    return "".join(lines)


def broken(text: str) -> str:
    """The menu with `PROBLEMS` ways that lead nowhere, spread over it."""
    pieces = text.split("goto: ")
    every = len(pieces) // PROBLEMS
    return pieces[0] + "".join(
        f"goto: {'lost_' if place % every == 0 and place <= every * PROBLEMS else ''}{piece}"
        for place, piece in enumerate(pieces[1:], 1)
    )


def play(service: Service, caller: str) -> list[Place]:
    """The dialogue, place by place."""
    session, steps = begin(service, caller), list[Place]()
    events: tuple[Event, ...] = (
        Begin(0.0),
        *(Answer(0.0, text) for text in TYPED),
        ActionDone(0.0, "issued", {"number": 1}),
    )
    for event in events:
        steps.append((session, event))
        session = step(service, session, event).session
    return steps


def _step_us(service: Service, first: int = 0) -> float:
    """The median step of the dialogues from number `first` on."""
    took = []
    for number in range(first, first + MEASURED):
        for session, event in play(service, f"99890{number:07}"):
            begun = time.perf_counter_ns()
            step(service, session, event)
            took.append(time.perf_counter_ns() - begun)
    return statistics.median(took) / 1_000


def _per_call_us(call: Callable[[], object], calls: int = 5_000) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter_ns() - begun) / calls / 1_000)
    return best


def _record(service: Service, session: Session) -> Record:
    return Record(
        menu=service.version,
        dialogue=b"12345678",
        before=b"",
        fingerprint=b"12345678",
        taken=20,
        reply="Merchant menu\n1.Balance\n2.Issue invoice\n3.Help",
        at=1.7e9,
        began=1.7e9,
        turns=1,
        session=session,
    )


async def _growth_octets(service: Service, port: int, count: int) -> tuple[int, int]:
    """What dialogues that are left open take: in Redis, by its own count, and in the process, resident."""
    store = RedisStore(f"redis://127.0.0.1:{port}/0")
    engine = Engine(service, store=store, actions=benchmenu.actions(), key=b"bench", clock=time.time)

    async def open_some(first: int, count: int) -> None:
        for number in range(first, first + count, AT_ONCE):
            await asyncio.gather(*(engine.handle(_dials(one)) for one in range(number, number + AT_ONCE)))

    await open_some(0, WARM)
    gc.collect()
    process, redis_ = _resident_octets(), await _redis_octets(port)
    await open_some(WARM, count)
    gc.collect()
    grown = await _redis_octets(port) - redis_, _resident_octets() - process
    await store.close()
    return grown


async def _redis_octets(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"INFO memory\r\n")
    length = int((await reader.readline())[1:])
    told = (await reader.readexactly(length + 2)).decode()
    writer.close()
    return int(told.partition("used_memory:")[2].split()[0])


def _dials(number: int) -> Turn:
    caller, code = f"99890{number:07}", "*500#"
    return Turn("bench", caller, caller, Kind.BEGIN, code, code, accumulated="")


def _resident_octets() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
