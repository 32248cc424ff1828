"""Sessions in a Redis Cluster: each key's calls go to the master of its slot.

redis-py asks the cluster where slots lie and opens connections. A master that has died is waited for, until a
call's time is up: a read, or a write that was never sent, goes to the replica that takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot

from ussd_engine.stores.calls import Load, Save
from ussd_engine.stores.pipe import Open, Pipe
from ussd_engine.stores.redis import TIMEOUT_S, UNANSWERED_MAX, RedisStore

LOOK_AGAIN_S: Final = 0.1
"""While the cluster chooses a new master, it is asked this often."""

# What a node says when another has the slot, or when nobody has it for the moment.
_ELSEWHERE: Final = ("MOVED", "ASK", "CLUSTERDOWN", "READONLY", "LOADING", "TRYAGAIN", "MASTERDOWN")


class ClusterStore(RedisStore):
    """`SessionStore` over a Redis Cluster.

    Args:
        url: of any node: `redis://` or `rediss://`; the others are learnt from it.
    """

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, unanswered_max: int = UNANSWERED_MAX
    ) -> None:
        super().__init__(url, timeout_s=timeout_s, unanswered_max=unanswered_max)
        self._cluster: RedisCluster = RedisCluster.from_url(
            url, protocol=2, socket_connect_timeout=timeout_s / 3, require_full_coverage=False
        )
        self._known = self._looked = False
        self._pipes: dict[str, Pipe] = {}
        self._parked: list[Load] = []
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """As of one server, for each of them."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        for call in self._parked:
            call.fail("the session store is closed", retryable=False)
        await asyncio.gather(*[pipe.close() for pipe in self._pipes.values()])
        await self._cluster.aclose()

    def refused(self, pipe: Pipe, call: Load, error: str) -> None:
        """Where another node has the slot, ask again which one."""
        if error.startswith(_ELSEWHERE):
            self._park(call, error)
        else:
            super().refused(pipe, call, error)

    def lost(self, pipe: Pipe, calls: Sequence[Load], reason: str, *, sent: bool) -> None:
        """Only a write that was sent may not be tried again."""
        unknown = [call for call in calls if sent and isinstance(call, Save)]
        super().lost(pipe, unknown, reason, sent=True)
        for call in calls:
            if call not in unknown:
                self._park(call, reason)

    def _send(self, call: Load) -> None:
        slots = self._cluster.nodes_manager.slots_cache if self._known else {}
        nodes = slots.get(key_slot(call.key.encode()))
        if not nodes:
            self._park(call, "no node has its slot")
            return
        node = nodes[0]
        pipe = self._pipes.get(node.name)
        if pipe is None:
            # A node of a cluster takes several keys in one command only if they share a slot.
            pipe = Pipe(_opener(node), self, timeout_s=self._timeout_s, calls_per_command=1)
            self._pipes[node.name] = pipe
        pipe.add(call)

    def _park(self, call: Load, why: str) -> None:
        if self._closed:
            call.fail("the session store is closed", retryable=False)
        elif asyncio.get_running_loop().time() + LOOK_AGAIN_S >= call.give_up_at:
            call.fail(f"Redis is out of reach: {why}", retryable=True)
        else:
            self._parked.append(call)
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Learn where the slots lie, and send what has waited for it."""
        why = f"no answer within {self._timeout_s / 3} s"
        try:
            if self._looked:
                await asyncio.sleep(LOOK_AGAIN_S)
            self._looked = True
            async with asyncio.timeout(self._timeout_s / 2):
                if self._known:
                    await self._cluster.nodes_manager.initialize()
                else:
                    await self._cluster.initialize()
            self._known, why = True, ""
        except TimeoutError:
            pass
        except Exception as error:  # noqa: BLE001 - redis-py's own for a cluster is no RedisError; calls wait here
            why = str(error) or type(error).__name__
        self._looking = None
        calls, self._parked = self._parked, []
        for call in calls:
            if call.answer.done():
                continue
            if why:
                self._park(call, why)
            else:
                self._send(call)


def _opener(node: ClusterNode) -> Open:
    async def opens() -> AbstractConnection:
        settings: dict[str, Any] = node.connection_kwargs
        connection: AbstractConnection = node.connection_class(**settings)
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    return opens
