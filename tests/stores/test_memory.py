from __future__ import annotations

import pytest

from tests.stores.conftest import HandClock
from ussd_engine.core.errors import StoreError
from ussd_engine.stores.memory import MemoryStore


async def test_expired_records_leave_memory_without_being_asked_for() -> None:
    clock = HandClock()
    store = MemoryStore(clock)
    most = 0
    for dialogue in range(5_000):
        assert await store.save(f"{{g:{dialogue}}}", b"x", expect=None, ttl_s=100)
        clock.now += 1
        most = max(most, len(store))

    # 100 are alive at any time; the sweep lags by no more than as many again.
    assert most <= 201


async def test_short_lived_records_leave_memory_from_behind_a_long_lived_one() -> None:
    clock = HandClock()
    store = MemoryStore(clock)
    await store.save("{g:long}", b"x", expect=None, ttl_s=1e9)
    for dialogue in range(2_000):
        await store.save(f"{{g:{dialogue}}}", b"x", expect=None, ttl_s=10)
        clock.now += 1

    assert len(store) <= 22
    assert await store.load("{g:long}") is not None


async def test_a_full_store_refuses_new_dialogues_and_goes_on_with_the_old() -> None:
    clock = HandClock()
    store = MemoryStore(clock, records_max=3)
    for dialogue in range(3):
        assert await store.save(f"{{g:{dialogue}}}", b"x", expect=None, ttl_s=60)

    with pytest.raises(StoreError) as refusal:
        await store.save("{g:3}", b"x", expect=None, ttl_s=60)

    assert refusal.value.retryable
    loaded = await store.load("{g:0}")
    assert loaded is not None
    assert await store.save("{g:0}", b"y", expect=loaded[0], ttl_s=60)
    clock.now += 61
    assert await store.save("{g:3}", b"x", expect=None, ttl_s=60)
