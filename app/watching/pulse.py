"""What `/metrics` tells of each process: its loop's tasks, and how late the loop comes to what is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

LOOK_EVERY_S: Final = 1.0


@asynccontextmanager
async def pulse(registry: CollectorRegistry, worker: int) -> AsyncIterator[None]:
    """Keep the figures of this process up to date while the block lasts; `worker` is its label."""
    tasks = _gauge("ussd_tasks", "Tasks of the worker's loop", registry).labels(worker)
    late = _gauge("ussd_loop_late_seconds", "How late the worker's loop came to a timer", registry)
    beating = asyncio.create_task(_beat(tasks, late.labels(worker)), name="pulse")
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


def _gauge(name: str, what: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, what, ["worker"], registry=registry, multiprocess_mode="mostrecent")


async def _beat(tasks: Gauge, late: Gauge) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK_EVERY_S
        await asyncio.sleep(LOOK_EVERY_S)
        late.set(max(0.0, loop.time() - due))
        tasks.set(len(asyncio.all_tasks(loop)))
