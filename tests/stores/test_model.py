"""Any sequence of reads, writes and passing time: a store does what a dictionary with a clock would."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.stores.conftest import MemoryShelf, RedisShelf

if TYPE_CHECKING:
    from tests.stores.conftest import Shelf

KEYS = ["{g:1}", "{g:2}", "{h:1}"]
keys = st.sampled_from(KEYS)
# Odd against even, so that no record's end falls on the moment at which it is looked at.
lives_s = st.integers(1, 500).map(lambda half: 2 * half + 1)
pauses_s = st.integers(1, 300).map(lambda half: 2 * half)


class Model(RuleBasedStateMachine):
    """`records` holds what must be there; `versions` all that have been seen, to write with old ones too."""

    def __init__(self, runner: asyncio.Runner, shelf: Shelf) -> None:
        super().__init__()
        self.runner = runner
        self.shelf = shelf
        self.now = 0
        self.records: dict[str, tuple[bytes, int]] = {}
        self.versions: dict[str, list[bytes]] = {key: [] for key in KEYS}

    def teardown(self) -> None:
        self.runner.run(self.shelf.store.close())

    def held(self, key: str) -> bytes | None:
        record, ends_at = self.records.get(key, (b"", -1))
        return record if ends_at > self.now else None

    def load(self, key: str) -> bytes | None:
        loaded = self.runner.run(self.shelf.store.load(key))
        if loaded is None:
            return None
        if loaded[0] not in self.versions[key]:
            self.versions[key].append(loaded[0])
        return loaded[1]

    def save(self, key: str, record: bytes, expect: bytes | None, ttl_s: int) -> bool:
        return self.runner.run(self.shelf.store.save(key, record, expect=expect, ttl_s=ttl_s))

    @rule(key=keys, record=st.binary(max_size=8), ttl_s=lives_s)
    def begin(self, key: str, record: bytes, ttl_s: int) -> None:
        absent = self.held(key) is None
        assert self.save(key, record, None, ttl_s) == absent
        if absent:
            self.records[key] = (record, self.now + ttl_s)

    @rule(key=keys, record=st.binary(max_size=8), ttl_s=lives_s)
    def go_on(self, key: str, record: bytes, ttl_s: int) -> None:
        if self.load(key) is not None:
            assert self.save(key, record, self.versions[key][-1], ttl_s)
            self.records[key] = (record, self.now + ttl_s)

    @rule(key=keys, data=st.data())
    def write_with_an_older_version(self, key: str, data: st.DataObject) -> None:
        self.load(key)
        older = self.versions[key][:-1]
        if older:
            assert not self.save(key, b"stale", data.draw(st.sampled_from(older)), 999)

    @rule(pause_s=pauses_s)
    def wait(self, pause_s: int) -> None:
        self.shelf.pass_time(pause_s)
        self.now += pause_s

    @invariant()
    def every_key_holds_what_it_must(self) -> None:
        for key in KEYS:
            assert self.load(key) == self.held(key)


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_store_is_a_dictionary_with_a_clock(kind: str, request: pytest.FixtureRequest) -> None:
    runner = asyncio.Runner()

    class ModelOfThisKind(Model):
        def __init__(self) -> None:
            super().__init__(
                runner, MemoryShelf() if kind == "memory" else RedisShelf(request.getfixturevalue("server"))
            )

    with runner:
        run_state_machine_as_test(
            ModelOfThisKind,
            settings=settings(
                max_examples=100 if kind == "memory" else 25, stateful_step_count=25, deadline=None
            ),
        )
