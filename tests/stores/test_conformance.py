"""What every session store promises; `ussd_engine.ports.SessionStore` says it in words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stores.conftest import Shelf

KEY = "{africastalking:998901234567}"
MINUTE = 60.0


async def test_a_key_never_written_is_absent(shelf: Shelf) -> None:
    assert await shelf.store.load(KEY) is None


async def test_a_new_record_is_written_and_read_back(shelf: Shelf) -> None:
    assert await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)

    loaded = await shelf.store.load(KEY)

    assert loaded is not None
    assert loaded[1] == b"home"


async def test_a_writer_who_knows_the_version_replaces_the_record(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    first = await shelf.store.load(KEY)
    assert first is not None

    assert await shelf.store.save(KEY, b"amount", expect=first[0], ttl_s=MINUTE)

    second = await shelf.store.load(KEY)
    assert second is not None
    assert second[1] == b"amount"
    assert second[0] != first[0]


async def test_the_same_record_written_again_has_another_version(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    first = await shelf.store.load(KEY)
    assert first is not None

    assert await shelf.store.save(KEY, b"home", expect=first[0], ttl_s=MINUTE)
    assert not await shelf.store.save(KEY, b"home", expect=first[0], ttl_s=MINUTE)


async def test_a_writer_who_is_late_changes_nothing(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    loaded = await shelf.store.load(KEY)
    assert loaded is not None
    await shelf.store.save(KEY, b"amount", expect=loaded[0], ttl_s=MINUTE)

    assert not await shelf.store.save(KEY, b"stale", expect=loaded[0], ttl_s=MINUTE)
    assert not await shelf.store.save(KEY, b"stale", expect=None, ttl_s=MINUTE)

    kept = await shelf.store.load(KEY)
    assert kept is not None
    assert kept[1] == b"amount"


async def test_a_writer_who_expects_a_record_does_not_bring_an_absent_one_back(shelf: Shelf) -> None:
    assert not await shelf.store.save(KEY, b"stale", expect=b"12345678", ttl_s=MINUTE)
    assert await shelf.store.load(KEY) is None


async def test_of_two_writers_exactly_one_wins(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    loaded = await shelf.store.load(KEY)
    assert loaded is not None

    outcomes = await asyncio.gather(
        shelf.store.save(KEY, b"left", expect=loaded[0], ttl_s=MINUTE),
        shelf.store.save(KEY, b"right", expect=loaded[0], ttl_s=MINUTE),
    )

    assert sorted(outcomes) == [False, True]
    kept = await shelf.store.load(KEY)
    assert kept is not None
    assert kept[1] == (b"left" if outcomes[0] else b"right")


@pytest.mark.parametrize("begun", [False, True])
async def test_of_200_writers_at_once_exactly_one_wins(shelf: Shelf, begun: bool) -> None:
    expect = None
    if begun:
        await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
        loaded = await shelf.store.load(KEY)
        assert loaded is not None
        expect = loaded[0]

    outcomes = await asyncio.gather(
        *[shelf.store.save(KEY, b"%d" % writer, expect=expect, ttl_s=MINUTE) for writer in range(200)]
    )

    assert outcomes.count(True) == 1
    kept = await shelf.store.load(KEY)
    assert kept is not None
    assert kept[1] == b"%d" % outcomes.index(True)


async def test_300_dialogues_at_once_each_get_their_own(shelf: Shelf) -> None:
    async def play(subscriber: int) -> bytes:
        key = f"{{gateway:{subscriber}}}"
        version = None
        record = b""
        for turn in range(4):
            record = b"%d at %d" % (subscriber, turn)
            assert await shelf.store.save(key, record, expect=version, ttl_s=MINUTE)
            loaded = await shelf.store.load(key)
            assert loaded is not None
            version, held = loaded
            assert held == record
        return record

    records = await asyncio.gather(*[play(subscriber) for subscriber in range(300)])

    assert records == [b"%d at 3" % subscriber for subscriber in range(300)]


async def test_a_record_is_absent_once_its_time_is_over(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    loaded = await shelf.store.load(KEY)
    assert loaded is not None

    shelf.pass_time(MINUTE - 5)
    assert await shelf.store.load(KEY) is not None
    shelf.pass_time(6)

    assert await shelf.store.load(KEY) is None
    assert not await shelf.store.save(KEY, b"late", expect=loaded[0], ttl_s=MINUTE)
    assert await shelf.store.save(KEY, b"new", expect=None, ttl_s=MINUTE)


async def test_writing_renews_the_time_and_reading_does_not(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    shelf.pass_time(MINUTE / 2)
    loaded = await shelf.store.load(KEY)
    assert loaded is not None
    await shelf.store.save(KEY, b"amount", expect=loaded[0], ttl_s=MINUTE)

    shelf.pass_time(MINUTE - 10)
    assert await shelf.store.load(KEY) is not None
    shelf.pass_time(11)
    assert await shelf.store.load(KEY) is None


async def test_a_lost_race_does_not_renew_the_time(shelf: Shelf) -> None:
    await shelf.store.save(KEY, b"home", expect=None, ttl_s=MINUTE)
    shelf.pass_time(MINUTE / 2)
    assert not await shelf.store.save(KEY, b"stale", expect=None, ttl_s=10 * MINUTE)

    shelf.pass_time(MINUTE / 2 + 1)

    assert await shelf.store.load(KEY) is None


@pytest.mark.parametrize(
    "record",
    [b"", b"\x00", b"\r\n$5\r\nEVAL", bytes(range(256)), b"\xff" * 65_536, "№ʻ😀".encode()],
    ids=["empty", "nul", "protocol", "every octet", "long", "utf-8"],
)
async def test_any_octets_come_back_as_they_were(shelf: Shelf, record: bytes) -> None:
    await shelf.store.save(KEY, record, expect=None, ttl_s=MINUTE)

    loaded = await shelf.store.load(KEY)

    assert loaded is not None
    assert loaded[1] == record


async def test_keys_that_look_alike_are_different_keys(shelf: Shelf) -> None:
    keys = ["{a:998901234567}", "a:998901234567", "{a:998901234567}}", "{{a:998901234567}", "{}", "", "{ў:1}"]
    for key in keys:
        assert await shelf.store.save(key, key.encode(), expect=None, ttl_s=MINUTE)

    loaded = await asyncio.gather(*[shelf.store.load(key) for key in keys])

    assert [record[1].decode() for record in loaded if record is not None] == keys
