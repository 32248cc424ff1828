"""One owner by lease, the database's clock, and two processes of which one is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.serving import owner
from invoicing import DatabaseClock, Lease, SystemClock, clock_of, connect
from invoicing.leases import LIFE, RENEW_EVERY_S
from invoicing.storage.connect import reading
from invoicing.storage.rows import database_time
from tests.invoicing.world import Hand
from tests.peers.postgres import Cluster

TAKEOVER_MAX_S = 10


class Steady:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Two:
    """Two processes' leases on one database."""

    def __init__(self, engine: Engine) -> None:
        self.clock, self.steady = Hand(), Steady()
        self.one, self.other = (
            Lease(engine, clock=self.clock, owner=name, monotonic=self.steady) for name in ("one", "other")
        )

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.steady.at += seconds


@pytest.fixture
def two(engine: Engine) -> Two:
    return Two(engine)


def test_one_of_two_has_the_lease_for_as_long_as_it_renews(two: Two) -> None:
    for _ in range(10):
        assert (two.one.keep(), two.other.keep()) == (True, False)
        two.wait(RENEW_EVERY_S)
    assert (two.one.held, two.other.held) == (True, False)
    assert two.one.epoch == 1


def test_who_does_not_renew_stops_by_himself_before_another_may_take_over(two: Two) -> None:
    two.one.keep()
    two.wait(LIFE.total_seconds() - 1)
    assert not two.one.held
    assert not two.other.keep()
    two.wait(1)

    assert two.other.keep()
    assert two.other.epoch == 2
    assert not two.one.keep()


def test_an_owner_who_was_away_finds_his_lease_taken(two: Two) -> None:
    two.one.keep()
    two.wait(60)
    two.other.keep()

    assert (two.one.keep(), two.one.held, two.other.held) == (False, False, True)


def test_a_released_lease_is_free_at_once(two: Two) -> None:
    two.one.keep()
    two.one.release()

    assert (two.one.held, two.other.keep()) == (False, True)
    two.one.release()
    assert two.other.keep()


def test_a_lease_that_ran_out_unnoticed_is_taken_anew_under_the_next_epoch(two: Two) -> None:
    two.one.keep()
    two.wait(60)

    assert two.one.keep()
    assert two.one.epoch == 2


def test_the_lease_of_a_process_that_surely_ended_need_not_run_out(engine: Engine) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "from app.serving import owner; print(owner.identity())"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    dead, clock = child.stdout.strip(), Hand()
    Lease(engine, clock=clock, owner=dead).keep()

    assert not Lease(engine, clock=clock, owner="next").keep()
    assert Lease(engine, clock=clock, owner=owner.identity(), gone=owner.gone).keep()
    assert not owner.gone(owner.identity())
    assert not owner.gone("another machine:1:2")
    assert len(dead) <= 64


OWNER_PROGRAM = """
import sys, time
from invoicing import Lease, clock_of, connect
engine = connect(sys.argv[1])
lease = Lease(engine, clock=clock_of(engine), owner=sys.argv[2])
if not lease.keep():
    print("waits", flush=True)
while True:
    if lease.keep():
        print("owner", flush=True)
    time.sleep(0.5)
"""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_when_the_owner_is_killed_the_other_process_takes_over_in_ten_seconds(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if database == "postgresql":
        request.getfixturevalue("postgres_engine")
        url = request.getfixturevalue("postgres").url("money")
    else:
        from tests.invoicing.world import on_file

        on_file(tmp_path).dispose()
        url = f"sqlite:///{tmp_path / 'money.db'}"

    def begin(name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", OWNER_PROGRAM, url, name],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    first = begin("first")
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "owner\n"
        second = begin("second")
        try:
            assert second.stdout is not None
            assert second.stdout.readline() == "waits\n"
            first.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            assert second.stdout.readline() == "owner\n"
            assert time.monotonic() - killed < TAKEOVER_MAX_S
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()


# --- F16: the clock --------------------------------------------------------------------------------------


def test_f16_a_machines_clock_may_jump_and_the_databases_is_what_counts(
    postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clock_of(postgres_engine)
    before = clock.now()
    real = time.time
    for hours in (2, -2):
        monkeypatch.setattr(time, "time", lambda hours=hours: real() + hours * 3600)
        assert timedelta(0) <= clock.now() - before < timedelta(minutes=1)
    with reading(postgres_engine) as conn:
        assert abs(database_time(conn) - clock.now()) < timedelta(seconds=1)


def test_f16_the_databases_clock_is_asked_again_after_a_while_and_counted_on_in_between(
    postgres_engine: Engine,
) -> None:
    steady = Steady()
    clock = DatabaseClock(postgres_engine, monotonic=steady)
    first = clock.now()
    steady.at += 5
    assert clock.now() - first == timedelta(seconds=5)
    steady.at += 3600  # this machine's own count ran away; the database is asked again
    assert clock.now() - first < timedelta(minutes=1)


def test_f16_while_the_database_is_away_the_last_time_is_counted_on(postgres: Cluster) -> None:
    steady, engine = Steady(), connect(postgres.create("away"))
    clock = DatabaseClock(engine, monotonic=steady)
    first = clock.now()
    engine.dispose()
    with connect(postgres.url("postgres")).execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        conn.exec_driver_sql('DROP DATABASE "away" WITH (FORCE)')
        conn.engine.dispose()
    steady.at += 60

    assert clock.now() - first == timedelta(seconds=60)


def test_a_file_belongs_to_one_machine_and_its_clock_is_the_machines() -> None:
    engine = connect("sqlite://")

    assert isinstance(clock_of(engine), SystemClock)
