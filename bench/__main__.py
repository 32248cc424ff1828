"""`python -m bench`: print the tables. Figures of two calls do not compare; ratios within a call do."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from bench import inside, money, rounds, sizing, smpp, soak, workers
from bench.contestants import LIMITS, OURS, peers

REFERENCE = "redis+uvloop"
MONEY_S_MIN = 5.0
PARTS = ("all", "http", "workers", "inside", "smpp", "money")
PACKAGES = ("aiohttp", "uvloop", "redis", "hiredis", "msgspec", "transitions")


def main() -> None:
    """Print what was asked for; a server that fails is a line of the table, never the end."""
    apart = {"soak": soak.main, "sizing": sizing.main}.get("".join(sys.argv[1:2]))
    if apart is not None:
        print(_machine(), flush=True)
        apart(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("part", nargs="?", choices=PARTS, default="all")
    parser.add_argument("-c", "--phones", type=int, nargs="+", default=[32, 128, 1])
    parser.add_argument("-d", "--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--no-peers", action="store_true", help="install nothing, measure limits and ours only"
    )
    given = parser.parse_args()
    print(_machine(), flush=True)
    if given.part in ("all", "inside"):
        inside.report()
    if given.part in ("all", "smpp"):
        smpp.report(given.seconds)
    if given.part in ("all", "money"):
        print("\nMoney on PostgreSQL, made for the run: on the disk, with fsync", flush=True)
        money.main(["--seconds", str(max(given.seconds, MONEY_S_MIN))])
    if given.part in ("all", "http"):
        _http(given.phones, given.seconds, given.rounds, with_peers=not given.no_peers)
    if given.part in ("all", "workers"):
        workers.report(given.phones[0], given.seconds, given.rounds)


def _http(phones: list[int], seconds: float, count: int, *, with_peers: bool) -> None:
    print("\nHTTP turns, sessions in Redis; driver and Redis on the other core", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        others = tuple(peers(Path(folder))) if with_peers else ()
        runs = []
        for number in phones:
            shown = (*LIMITS, OURS, *others) if number == phones[0] else (*LIMITS, OURS)
            runs += rounds.play(shown, phones=number, seconds=seconds, rounds=count)
    print(rounds.table(runs, REFERENCE))
    print(f"ratio: times {REFERENCE} in the same round, median; above 1 is faster")


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    used = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, load {load}; Python {platform.python_version()}, {used}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main()
