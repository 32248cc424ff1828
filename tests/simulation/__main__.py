"""Play seeds: `python -m tests.simulation --seeds 500`, one of them again with `--seed 7`, or `--proof`.

The proof is shared by as many processes as the machine has processors; each keeps its own place.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.simulation.plan import plan_of
from tests.simulation.plants import NAMES, planted
from tests.simulation.progress import Progress
from tests.simulation.report import told
from tests.simulation.run import Fresh, Result, play
from tests.simulation.shrink import shrunk

_PROOF: Final = {"postgresql": 500, "sqlite": 10_000}
_PART: Final = 125
_LOOK_EVERY_S: Final = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="play this one and print its whole history")
    what.add_argument("--seeds", type=int, help="play so many")
    what.add_argument("--proof", action="store_true", help="10,000 and 500 on PostgreSQL, resumable")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes of --proof")
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help="the first of --seeds")
    parser.add_argument("--plant", choices=NAMES, help="with this bug planted into the domain")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    bug: AbstractContextManager[None] = planted(given.plant) if given.plant else contextlib.nullcontext()
    with bug:
        if given.proof:
            return _prove(given.jobs) if given.share is None else _prove_share(given.share, given.jobs)
        with _database(given.database) as fresh:
            if given.seed is not None:
                return _one(given.seed, fresh, given.plant)
            seeds = range(given.first, given.first + given.seeds)
            return 0 if _all(seeds, fresh, given.plant) else 1


@contextmanager
def _database(name: str) -> Iterator[Fresh | None]:
    if name == "sqlite":
        yield None
        return
    from tests.simulation.postgres import postgres_stock

    with postgres_stock() as stock:
        yield stock.fresh


def _one(seed: int, fresh: Fresh | None, plant: str | None) -> int:
    result = play(plan_of(seed), fresh)
    if result.violation is not None:
        _fail(result, fresh, plant)
        return 1
    sys.stdout.write("\n".join(result.history))
    sys.stdout.write(f"\nseed {seed}: {result.events} events, nothing was wrong\n")
    return 0


def _all(seeds: Iterable[int], fresh: Fresh | None, plant: str | None) -> bool:
    began, played, counts = time.monotonic(), 0, Counter[str]()
    for seed in seeds:
        result = play(plan_of(seed), fresh)
        if result.violation is not None:
            _fail(result, fresh, plant)
            return False
        played += 1
        counts += result.counts
    spent = time.monotonic() - began
    sys.stdout.write(f"{played} seeds, 0 violations, {played / spent:.1f} seeds/s\n")
    sys.stdout.write("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + "\n")
    sys.stdout.flush()
    return True


def _fail(result: Result, fresh: Fresh | None, plant: str | None) -> None:
    short = shrunk(result, lambda plan: play(plan, fresh))
    again = f"make simulate SEED={result.plan.seed}" if plant is None else "the same command"
    sys.stdout.write(told(short, command=again) + "\n")


def _prove(jobs: int) -> int:
    """The full figures. What is done counts as long as neither the domain nor the simulation changes."""
    command = [sys.executable, "-m", "tests.simulation", "--proof", "--jobs", str(jobs)]
    shares = [subprocess.Popen([*command, "--share", str(share)]) for share in range(jobs)]
    try:
        while any(share.poll() is None for share in shares):
            if any(share.poll() for share in shares):
                return 1  # one has found something: what the others would find is worth nothing any more
            time.sleep(_LOOK_EVERY_S)
    finally:
        for share in shares:
            share.terminate()
            share.wait()
    if any(share.returncode for share in shares):
        return 1
    for database, seeds in _PROOF.items():
        sys.stdout.write(f"simulation: {seeds} seeds on {database}, 0 violations\n")
    return 0


def _prove_share(share: int, jobs: int) -> int:
    """One process's part of the proof: seeds in a row, on each database, in parts that count once done."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a database of its own is stopped, too
    for database, all_seeds in _PROOF.items():
        seeds = share_of(all_seeds, share, jobs)
        progress = Progress(f"simulation-{database}-{share + 1}of{jobs}")
        if progress.done >= len(seeds):
            continue
        with _database(database) as fresh:
            while progress.done < len(seeds):
                part = seeds[progress.done : progress.done + _PART]
                if not _all(part, fresh, None):
                    return 1
                progress.add(len(part))
    return 0


def share_of(seeds: int, share: int, jobs: int) -> range:
    """The seeds of one process of several, counted from 0."""
    return range(seeds * share // jobs, seeds * (share + 1) // jobs)


if __name__ == "__main__":
    sys.exit(main())
