"""What Redis adds: a network that breaks, a server that dies, calls that share an exchange."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.stores.conftest import spare_port
from ussd_engine.core.errors import StoreError
from ussd_engine.stores.redis import CALLS_PER_COMMAND_MAX, RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tests.stores.conftest import Server

KEY = "{africastalking:998901234567}"


@pytest.fixture
async def store(server: Server) -> AsyncIterator[RedisStore]:
    server.admin.flushall()
    store = RedisStore(server.url)
    yield store
    await store.close()


@pytest.fixture
async def own_store(own_server: Server) -> AsyncIterator[RedisStore]:
    store = RedisStore(own_server.url)
    yield store
    await store.close()


async def refused(call: Awaitable[object], *, within_s: float = 2.0) -> StoreError:
    """The error that `call` must raise in time."""
    begun = time.monotonic()
    with pytest.raises(StoreError) as refusal:
        await call
    assert time.monotonic() - begun < within_s
    return refusal.value


async def test_where_nothing_listens_every_call_fails_soon_and_may_be_repeated() -> None:
    store = RedisStore(f"redis://127.0.0.1:{spare_port()}")

    assert (await refused(store.load(KEY))).retryable
    assert (await refused(store.save(KEY, b"x", expect=None, ttl_s=60))).retryable
    await store.close()


async def test_a_killed_server_fails_calls_soon_and_a_restarted_one_is_used_without_help(
    own_server: Server, own_store: RedisStore
) -> None:
    assert await own_store.save(KEY, b"home", expect=None, ttl_s=60)

    for _ in range(2):
        own_server.kill()
        for _ in range(3):
            await refused(own_store.load(KEY))
            await refused(own_store.save(KEY, b"x", expect=None, ttl_s=60))
        own_server.start()

        assert await own_store.load(KEY) is None
        assert await own_store.save(KEY, b"again", expect=None, ttl_s=60)


async def test_a_server_restarted_between_two_calls_is_not_noticed(
    own_server: Server, own_store: RedisStore
) -> None:
    assert await own_store.save(KEY, b"home", expect=None, ttl_s=60)
    own_server.kill()
    own_server.start()
    await asyncio.sleep(0.01)  # in which it learns that the connection has ended

    assert await own_store.save(KEY, b"again", expect=None, ttl_s=60)


async def test_a_connection_that_the_server_drops_is_replaced(server: Server, store: RedisStore) -> None:
    assert await store.save(KEY, b"home", expect=None, ttl_s=60)
    server.admin.client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.01)

    loaded = await store.load(KEY)

    assert loaded is not None
    assert loaded[1] == b"home"


async def test_a_server_that_hangs_fails_reads_as_repeatable_and_writes_as_unknown(
    own_server: Server, own_store: RedisStore
) -> None:
    assert await own_store.save(KEY, b"home", expect=None, ttl_s=60)
    own_server.freeze()

    errors = await asyncio.gather(
        refused(own_store.load(KEY)), refused(own_store.save(KEY, b"hung", expect=None, ttl_s=60))
    )

    assert [error.retryable for error in errors] == [True, False]


async def test_answers_that_come_after_the_wait_are_nobody_elses(
    own_server: Server, own_store: RedisStore
) -> None:
    keys = [f"{{g:{dialogue}}}" for dialogue in range(20)]
    for key in keys:
        assert await own_store.save(key, key.encode(), expect=None, ttl_s=60)
    own_server.freeze()
    await asyncio.gather(*[refused(own_store.load(key)) for key in keys])
    own_server.thaw()

    loaded = await asyncio.gather(*[own_store.load(key) for key in reversed(keys)])

    assert [record[1].decode() for record in loaded if record is not None] == keys[::-1]


async def test_calls_that_wait_behind_a_hanging_server_are_refused_in_time(own_server: Server) -> None:
    store = RedisStore(own_server.url, timeout_s=0.3)
    assert await store.load(KEY) is None
    own_server.freeze()

    # Sent one exchange after another, the last of them would wait for 1.8 s.
    calls = [refused(store.load(KEY), within_s=3.0) for _ in range(6 * CALLS_PER_COMMAND_MAX)]
    errors = await asyncio.gather(*calls)

    assert all(error.retryable for error in errors)
    await store.close()


async def test_above_the_limit_of_unanswered_calls_one_is_refused_at_once(own_server: Server) -> None:
    store = RedisStore(own_server.url, timeout_s=0.3, unanswered_max=4)
    assert await store.load(KEY) is None
    own_server.freeze()
    hanging = asyncio.create_task(refused(store.load(KEY)))
    await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(refused(store.load(KEY))) for _ in range(3)]
    await asyncio.sleep(0.01)

    error = await refused(store.load(KEY), within_s=1.0)

    assert error.retryable
    assert "4 calls" in str(error)
    await asyncio.gather(hanging, *waiting)
    await store.close()


async def test_calls_of_one_turn_of_the_loop_share_one_command(server: Server, store: RedisStore) -> None:
    await store.load(KEY)
    reads, writes = server.calls("mget"), server.calls("eval")

    await asyncio.gather(
        *[store.load(f"{{g:{dialogue}}}") for dialogue in range(100)],
        *[store.save(f"{{g:{dialogue}}}", b"x", expect=None, ttl_s=60) for dialogue in range(100)],
    )

    assert server.calls("mget") - reads == 1
    assert server.calls("eval") - writes == 1


async def test_more_calls_than_a_command_or_a_pool_holds_are_all_answered(store: RedisStore) -> None:
    count = 5 * CALLS_PER_COMMAND_MAX

    outcomes = await asyncio.gather(
        *[store.save(f"{{g:{dialogue}}}", b"x", expect=None, ttl_s=60) for dialogue in range(count)]
    )

    assert outcomes == [True] * count


async def test_a_key_that_holds_something_else_fails_its_own_call_only(
    server: Server, store: RedisStore
) -> None:
    server.admin.lpush("{g:list}", "not a session")

    outcomes = await asyncio.gather(
        *[store.save(key, b"secret", expect=None, ttl_s=60) for key in ("{g:1}", "{g:list}", "{g:2}")],
        return_exceptions=True,
    )

    assert outcomes[0] is True
    assert outcomes[2] is True
    assert isinstance(outcomes[1], StoreError)
    assert "WRONGTYPE" in str(outcomes[1])
    assert "secret" not in str(outcomes[1])


async def test_a_server_that_refuses_the_script_fails_the_writes_and_not_the_reads(
    server: Server, store: RedisStore
) -> None:
    assert await store.save(KEY, b"home", expect=None, ttl_s=60)
    server.admin.config_set("maxmemory", 1)
    try:
        loaded, error = await asyncio.gather(
            store.load(KEY), refused(store.save("{g:2}", b"x", expect=None, ttl_s=60))
        )
    finally:
        server.admin.config_set("maxmemory", 0)

    assert loaded is not None
    assert error.retryable
    assert "OOM" in str(error)


async def test_a_write_whose_caller_gave_up_before_it_was_sent_is_not_sent(store: RedisStore) -> None:
    given_up = asyncio.create_task(store.save(KEY, b"x", expect=None, ttl_s=60))
    asyncio.get_running_loop().call_soon(given_up.cancel)
    # The cancel runs after the call has been queued and before the turn's calls are sent.
    with pytest.raises(asyncio.CancelledError):
        await given_up

    assert await store.load(KEY) is None


async def test_a_caller_who_gives_up_takes_no_one_else_along(store: RedisStore) -> None:
    impatient = asyncio.create_task(store.load("{g:1}"))
    patient = asyncio.create_task(store.save(KEY, b"x", expect=None, ttl_s=60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_record_expires_by_the_servers_own_clock(store: RedisStore) -> None:
    assert await store.save(KEY, b"home", expect=None, ttl_s=0.05)
    await asyncio.sleep(0.1)

    assert await store.load(KEY) is None


async def test_a_closed_store_refuses_calls_and_leaves_none_waiting(own_server: Server) -> None:
    store = RedisStore(own_server.url, timeout_s=1.5)
    assert await store.load(KEY) is None
    own_server.freeze()
    sent = asyncio.create_task(refused(store.load(KEY), within_s=10))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(refused(store.load(KEY), within_s=10))
    asyncio.get_running_loop().call_soon(lambda: closing.append(asyncio.ensure_future(store.close())))
    closing: list[asyncio.Future[None]] = []
    await asyncio.sleep(0.01)

    await asyncio.wait_for(closing[0], timeout=10)

    assert (await sent).retryable
    assert (await waiting).retryable
    await refused(store.load(KEY))
