"""The proof's kills: 200 on each database, with a live switch: `python -m tests.kills --proof`.

Parts of 25 count once they are judged, so that a proof that was stopped goes on.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from invoicing import connect, upgrade
from tests.kills.round import RESTART_MAX_S, Killing, Life
from tests.peers.postgres import cluster
from tests.simulation.progress import Progress
from tests.simulation.verdict import must

PROOF_KILLS: Final = 200
_PART: Final = 25


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--proof", action="store_true")
    what.add_argument("--kills", type=int, help="so many on each database, from the beginning")
    given = parser.parse_args()
    for database in ("postgresql", "sqlite"):
        if given.proof:
            _prove(database)
        else:
            _part(database, given.kills, seed=given.kills)
    return 0


def _prove(database: str) -> None:
    progress = Progress(f"kills-{database}")
    while progress.done < PROOF_KILLS:
        _part(database, _PART, seed=progress.done)
        progress.add(_PART)
    sys.stdout.write(f"kills: {progress.done} on {database}, nothing lost or doubled\n")


def _part(database: str, kills: int, *, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ussd-kills-") as name, _url(database, Path(name)) as url:
        engine = connect(url, wait_s=20)
        upgrade(engine)
        killing = Killing(url, engine, Path(name), seed)
        killing.open()
        try:
            for _ in range(kills):
                killing.kill_one()
            counts = killing.judge()
        finally:
            killing.close()
            engine.dispose()
    told = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    sys.stdout.write(f"{database}: {told}; ready {_times(killing.lives)}\n")
    sys.stdout.flush()
    # Processor time, since others may be at work on the machine; the times on the wall are told above.
    slowest_s = max(life.cpu_s for life in killing.lives)
    must("ready_soon", slowest_s < RESTART_MAX_S, f"a restart took {slowest_s:.2f} s of a processor")


def _times(lives: list[Life]) -> str:
    wall, cpu = [life.wall_s for life in lives], [life.cpu_s for life in lives]
    return (
        f"after {statistics.median(wall):.2f} s (median, at most {max(wall):.2f}), "
        f"{statistics.median(cpu):.2f} s of a processor (at most {max(cpu):.2f})"
    )


@contextmanager
def _url(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder / 'money.db'}"
        return
    with cluster() as running:
        yield running.create("kills")


if __name__ == "__main__":
    sys.exit(main())
