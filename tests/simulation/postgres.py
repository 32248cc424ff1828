"""The simulation's database on PostgreSQL: a cluster of its own, emptied before each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine

from invoicing import connect, upgrade
from tests.peers.postgres import Cluster, cluster

_NAME: Final = "simulation"


class PostgresStock:
    def __init__(self, running: Cluster) -> None:
        self._running = running
        self.engine = connect(running.create(_NAME))
        upgrade(self.engine)

    def fresh(self, register: Callable[[Engine], None]) -> Engine:
        """The engine, its database as it is right after `register`."""
        self._running.empty(_NAME)
        register(self.engine)
        return self.engine


@contextmanager
def postgres_stock() -> Iterator[PostgresStock]:
    with cluster("fsync=off", "full_page_writes=off") as running:  # the server itself never crashes here
        stock = PostgresStock(running)
        yield stock
        stock.engine.dispose()
