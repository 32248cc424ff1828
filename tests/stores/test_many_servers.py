"""A master dies under load: of a Cluster, and under Sentinels. Sessions go on at its replica."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.benchmenu import actions, service
from tests.stores.conftest import spare_port
from tests.stores.servers import SLOTS, Cluster, Node, Watched, cluster, until, watched
from ussd_engine import Engine, Kind, StoreError, Turn
from ussd_engine.ports import SessionStore
from ussd_engine.stores.cluster import ClusterStore
from ussd_engine.stores.places import redis_store

FAILOVER_MAX_S = 12.0
"""Node timeout, election and our next look: some 2 s on an idle machine."""
POLITE = frozenset({"trouble", "over"})


@pytest.fixture
def six() -> Iterator[Cluster]:
    with cluster() as six:
        yield six


@pytest.fixture
def sentinels() -> Iterator[Watched]:
    with watched() as servers:
        yield servers


class Crowd:
    """Phones that play the bench menu's dialogue over and over, and check every screen."""

    def __init__(self, store: SessionStore) -> None:
        table = actions()
        menus = service(table)
        self.engine = Engine(menus, store=store, actions=table, key=b"k", clock=time.time)
        self.polite = {menus.say(code, "en") for code in POLITE}
        self.numbers: list[str] = []
        self.seen: Counter[str] = Counter()
        self.stop = False
        self.all_well_since = 0.0

    async def phone(self, number: int) -> None:
        """One phone, whose sum is its own: another's screen would show."""
        msisdn, amount, dialogue = f"9989{number:08d}", str(1000 + number), 0
        while not self.stop:
            dialogue += 1
            expected = ("Issue invoice", "Enter phone", "Enter amount", f"client {msisdn}, amount {amount}")
            for text, screen in zip(("", "2", msisdn, amount), expected, strict=True):
                kind = Kind.ANSWER if text else Kind.BEGIN
                reply = await self.engine.handle(
                    Turn(
                        "bench",
                        f"{msisdn}-{dialogue}",
                        msisdn,
                        kind,
                        text or self.engine.service.service_code,
                    )
                )
                if screen not in reply.text:
                    assert reply.text in self.polite, reply.text
                    assert not reply.open
                    self.seen["polite"] += 1
                    self.all_well_since = time.monotonic()
                    break
                self.seen["right"] += 1
                if screen.startswith("client"):
                    self.numbers.append(reply.text.partition(",")[0])
                await asyncio.sleep(0.01)

    async def plays_through(self, kill: Callable[[], None], enough: Callable[[], bool]) -> float:
        """Play, kill, and play on until all has been well for a second; how long it was not."""
        phones = [asyncio.create_task(self.phone(number)) for number in range(60)]
        await asyncio.sleep(0.5)
        assert self.seen["right"] > 60
        assert not self.seen["polite"]
        killed = self.all_well_since = time.monotonic()
        kill()
        while time.monotonic() - self.all_well_since < 1.5 or not enough():
            for phone in phones:
                if phone.done():
                    phone.result()
            assert time.monotonic() - killed < FAILOVER_MAX_S, self.seen
            await asyncio.sleep(0.05)
        before = self.seen["right"]
        await asyncio.sleep(0.5)
        self.stop = True
        await asyncio.gather(*phones)
        assert self.seen["right"] > before
        return self.all_well_since - killed


async def test_a_dead_master_of_a_cluster_costs_its_dialogues_the_failover_and_no_more(six: Cluster) -> None:
    store = redis_store(six.url.replace("redis://", "redis+cluster://"))
    crowd = Crowd(store)

    await crowd.plays_through(six.masters[1].kill, lambda: crowd.seen["polite"] > 0)

    assert len(set(crowd.numbers)) == len(crowd.numbers)
    await store.close()


async def test_a_dead_master_under_sentinels_is_replaced_without_help(sentinels: Watched) -> None:
    addresses = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels.sentinels)
    store = redis_store(f"redis+sentinel://{addresses}/sessions")
    crowd = Crowd(store)

    await crowd.plays_through(sentinels.master.kill, lambda: crowd.seen["polite"] > 0)

    assert len(set(crowd.numbers)) == len(crowd.numbers)
    await store.close()


async def test_a_cluster_that_could_not_be_reached_is_used_once_it_is_there(tmp_path: Path) -> None:
    port = spare_port()
    store = ClusterStore(f"redis://127.0.0.1:{port}")
    for _ in range(2):
        with pytest.raises(StoreError) as refusal:
            await asyncio.wait_for(store.load("{bench:998901234567}"), 5)
        assert refusal.value.retryable

    node = Node(tmp_path, ("--cluster-enabled", "yes", "--cluster-port", str(spare_port())), port)
    try:
        node.run("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        until(lambda: b"cluster_state:ok" in node.run("CLUSTER", "INFO"), "the cluster")
        assert await store.load("{bench:998901234567}") is None
        assert await store.save("{bench:998901234567}", b"home", expect=None, ttl_s=60)
    finally:
        await store.close()
        node.stop()


async def test_a_cluster_that_turns_callers_away_is_not_asked_without_a_pause() -> None:
    asked = 0

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    store = ClusterStore(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.9)
    with pytest.raises(StoreError):
        await store.load("{bench:998901234567}")
    await store.close()
    server.close()

    assert 0 < asked < 100


async def test_a_slot_that_has_moved_is_followed(six: Cluster) -> None:
    store = ClusterStore(six.url)
    key = "{bench:998901234567}"
    assert await store.save(key, b"home", expect=None, ttl_s=60)
    slot = six.nodes[0].run("CLUSTER", "KEYSLOT", key)
    old = next(m for m in six.masters if m.run("CLUSTER", "COUNTKEYSINSLOT", slot))
    new = next(m for m in six.masters if m is not old)
    name = new.run("CLUSTER", "MYID").decode()
    old_name = old.run("CLUSTER", "MYID").decode()

    new.run("CLUSTER", "SETSLOT", slot, "IMPORTING", old_name)
    old.run("CLUSTER", "SETSLOT", slot, "MIGRATING", name)
    old.run("MIGRATE", "127.0.0.1", new.port, key, 0, 1000)
    moving = asyncio.create_task(store.load(key))
    await asyncio.sleep(0.25)
    for master in (new, old):
        master.run("CLUSTER", "SETSLOT", slot, "NODE", name)

    for loaded in (await moving, await store.load(key)):
        assert loaded is not None
        assert loaded[1] == b"home"
    await store.close()


@pytest.mark.parametrize("url", ["redis+sentinel://127.0.0.1:26379", "redis+sentinel:///sessions"])
def test_a_url_of_sentinels_that_says_too_little_is_refused_with_the_mend(url: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT,HOST:PORT/NAME"):
        redis_store(url)


def test_a_sentinels_port_must_be_a_number_and_no_password_is_shown() -> None:
    with pytest.raises(ValueError, match="no number") as refusal:
        redis_store("redis+sentinel://:hidden@127.0.0.1:x/sessions")

    assert "hidden" not in str(refusal.value)
