"""Play seeds: `python -m tests.simulation --seeds 500`, one of them again with `--seed 7`, or `--proof`."""

from __future__ import annotations

import argparse
import contextlib
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

PROOF_SEEDS: Final = 10_000
PROOF_SEEDS_POSTGRESQL: Final = 500
_PART: Final = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="play this one and print its whole history")
    what.add_argument("--seeds", type=int, help="play so many")
    what.add_argument("--proof", action="store_true", help="10,000 and 500 on PostgreSQL, resumable")
    parser.add_argument("--first", type=int, default=0, help="the first of --seeds")
    parser.add_argument("--plant", choices=NAMES, help="with this bug planted into the domain")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    bug: AbstractContextManager[None] = planted(given.plant) if given.plant else contextlib.nullcontext()
    with bug:
        if given.proof:
            return _prove()
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


def _prove() -> int:
    """The full figures. What is done counts as long as neither the domain nor the simulation changes."""
    for database, seeds in (("sqlite", PROOF_SEEDS), ("postgresql", PROOF_SEEDS_POSTGRESQL)):
        progress = Progress(f"simulation-{database}")
        with _database(database) as fresh:
            while progress.done < seeds:
                part = range(progress.done, min(seeds, progress.done + _PART))
                if not _all(part, fresh, None):
                    return 1
                progress.add(len(part))
        sys.stdout.write(f"simulation: {progress.done} seeds on {database}, 0 violations\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
