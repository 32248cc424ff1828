"""SQLite under threads, migrations, and what the tables themselves refuse."""

from __future__ import annotations

import os
import re
import socket
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import IntegrityError

from invoicing import Issued, StorageBusy, StorageFailed, connect, upgrade
from invoicing.storage.connect import reading, write
from invoicing.storage.rows import gathered, next_number
from invoicing.storage.tables import inbox, invoice, metadata, sequence
from tests.invoicing.world import CUSTOMER, FIFTY, SHOP, World, in_memory

THREADS, EACH = 16, 15
HEAD = "0005"


def read_then_write(conn: Connection) -> int:
    """What loses updates under a deferred begin: the next value depends on the one that was read."""
    query = select(sequence.c.next).where(sequence.c.name == "test")
    present = conn.execute(query.with_for_update()).scalar_one()
    conn.execute(update(sequence).where(sequence.c.name == "test").values(next=present + 1))
    return int(present)


def run_threads(engine: Engine) -> list[int]:
    seen: list[int] = []

    def work() -> None:
        seen.extend(write(engine, read_then_write) for _ in range(EACH))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


@pytest.mark.parametrize("where", ["file", "memory", "postgresql"])
def test_sixteen_threads_lose_no_update(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if where == "postgresql":
        engine: Engine = request.getfixturevalue("postgres_engine")
    else:
        engine = connect(f"sqlite:///{tmp_path / 'money.db'}" if where == "file" else "sqlite://", wait_s=30)
        upgrade(engine)
    write(engine, lambda conn: conn.execute(sequence.insert().values(name="test", next=0)).rowcount)

    seen = run_threads(engine)

    assert sorted(seen) == list(range(THREADS * EACH))
    with reading(engine) as conn:
        kept = conn.execute(select(sequence.c.next).where(sequence.c.name == "test")).scalar_one()
    assert kept == THREADS * EACH


def test_two_engines_on_one_file_lose_no_update(tmp_path: Path) -> None:
    engines = [connect(f"sqlite:///{tmp_path / 'money.db'}", wait_s=30) for _ in range(2)]
    upgrade(engines[0])
    write(engines[0], lambda conn: conn.execute(sequence.insert().values(name="test", next=0)).rowcount)
    seen: list[int] = []

    def work(engine: Engine) -> None:
        seen.extend(write(engine, read_then_write) for _ in range(60))

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == list(range(120))


def test_a_file_is_opened_in_wal_with_full_synchronisation(tmp_path: Path) -> None:
    with reading(connect(f"sqlite:///{tmp_path / 'money.db'}")) as conn:
        pragmas = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert pragmas == ["wal", 2, 1, 4000]


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'money.db'}", wait_s=0.1)
    upgrade(engine)

    with engine.begin() as writer:
        next_number(writer, "invoice")
        with reading(engine) as conn:
            assert conn.execute(select(sequence)).all() == []


def test_a_writer_whose_turn_does_not_come_is_told_to_come_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'money.db'}"
    engine, other = connect(url, wait_s=0.1), connect(url, wait_s=0.1)
    upgrade(engine)

    with engine.begin(), pytest.raises(StorageBusy) as caught:
        write(other, lambda conn: next_number(conn, "invoice"))
    assert caught.value.retryable
    assert write(other, lambda conn: next_number(conn, "invoice")) == 1001


def test_a_database_in_memory_is_one_and_queues_its_users() -> None:
    engine = connect("sqlite://", wait_s=0.1)
    upgrade(engine)

    with engine.begin(), pytest.raises(StorageBusy):
        write(engine, lambda conn: next_number(conn, "invoice"))
    with engine.begin(), pytest.raises(StorageBusy), reading(engine):
        pass
    assert write(engine, lambda conn: next_number(conn, "invoice")) == 1001


def test_a_full_disk_leaves_no_half_of_anything_and_the_key_may_come_again(
    sqlite_world: World,
) -> None:
    world = sqlite_world

    def allow(pages: str) -> None:
        with world.engine.connect() as conn:
            conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with world.engine.connect() as conn:
        used = int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())
    allow(str(used))
    keys = [world.key()]

    def issue_for_ever() -> None:
        while world.service.issue(keys[-1], SHOP, CUSTOMER, FIFTY, again=True):
            keys.append(world.key())

    with pytest.raises(StorageFailed) as caught:
        issue_for_ever()
    counts = [world.count(table) for table in ("invoice", "outbox", "request_log")]
    allow("1000000")
    again = world.service.issue(keys[-1], SHOP, CUSTOMER, FIFTY, again=True)

    assert not caught.value.retryable
    assert counts == [len(keys) - 1] * 3
    assert isinstance(again, Issued)
    assert again.invoice.number == 1000 + len(keys)


def test_a_database_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/no/such/folder/money.db")

    with pytest.raises(StorageFailed):
        write(engine, lambda conn: next_number(conn, "invoice"))
    with pytest.raises(StorageFailed), reading(engine):
        pass


def test_a_server_that_vanished_is_noticed_within_ten_seconds_unless_its_url_says_otherwise(
    postgres_engine: Engine,
) -> None:
    """Its machine lost its power: nothing comes back, and nothing says that nothing will."""
    given = postgres_engine.url.update_query_dict({"keepalives_idle": "60", "tcp_user_timeout": "90000"})
    patient = connect(given.render_as_string(hide_password=False))

    assert _notices_in_s(postgres_engine) == (8, 8)
    assert _notices_in_s(patient) == (64, 90)
    patient.dispose()


def _notices_in_s(engine: Engine) -> tuple[float, float]:
    """After how long the kernel gives a connection up: one that waits for an answer, one that sends."""
    with engine.connect() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, pause, count, sends_ms = (
                line.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT
                )
            )  # fmt: skip
    return idle + pause * count, sends_ms / 1000


def test_what_fails_is_rolled_back_as_a_whole() -> None:
    engine = in_memory()

    def half(conn: Connection) -> None:
        next_number(conn, "invoice")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        write(engine, half)
    assert write(engine, lambda conn: next_number(conn, "invoice")) == 1001


def test_migrations_from_an_empty_file_give_the_model(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'money.db'}")
    upgrade(engine)

    with engine.connect() as conn:
        assert drift(conn) == []
        triggers = conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
        assert len(list(triggers)) == 4


def test_migrations_from_an_empty_database_give_the_model_on_postgresql(postgres_engine: Engine) -> None:
    with postgres_engine.connect() as conn:
        assert drift(conn) == []
        triggers = conn.exec_driver_sql("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal").scalars()
        assert len(list(triggers)) == 4


def drift(conn: Connection) -> list[object]:
    """What Alembic would still change to make the database the model: types, defaults, keys, indexes."""
    context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
    assert context.get_current_revision() == HEAD
    return list(compare_metadata(context, metadata))


def test_the_migrated_tables_are_word_for_word_the_models(tmp_path: Path) -> None:
    def schema(engine: Engine) -> dict[str, list[str]]:
        with engine.connect() as conn:
            rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            # The order of constraints in a table is nobody's business.
            return {
                name: sorted(re.findall(r"[\w']+", sql)) for name, sql in rows if name != "alembic_version"
            }

    migrated = connect(f"sqlite:///{tmp_path / 'money.db'}")
    upgrade(migrated)

    assert schema(migrated) == schema(in_memory())


def test_upgrading_what_is_new_already_changes_nothing_and_many_may_begin_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'money.db'}"
    failures: list[BaseException] = []

    def work() -> None:
        try:
            upgrade(url)
        except BaseException as error:  # noqa: BLE001 - the thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    upgrade(url)

    assert failures == []


def test_one_invoice_has_one_live_payment_whatever_the_code_does(world: World) -> None:
    world.pay(world.issue())

    with pytest.raises(IntegrityError, match="invoice_id"):
        write(
            world.engine,
            lambda conn: (
                conn.exec_driver_sql(
                    "INSERT INTO payment (id, number, kind, customer_id, invoice_id, card_id, amount_tiyin,"
                    " state, stan, rrn, terminal, business_day, created_at, request_scope, request_key)"
                    " SELECT 2, 9, kind, customer_id, invoice_id, card_id, amount_tiyin, 'sent', '9', '9',"
                    " terminal, business_day, created_at, 's', 'k' FROM payment"
                ).rowcount
            ),
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoice SET amount_tiyin = 0",
        "UPDATE invoice SET state = 'maybe'",
        "UPDATE payment SET state = 'maybe'",
        "UPDATE merchant SET fee_bp = 10001",
        "DELETE FROM merchant",
    ],
)
def test_the_tables_refuse_what_no_rule_allows(world: World, statement: str) -> None:
    world.pay(world.issue())

    with pytest.raises(IntegrityError):
        write(world.engine, lambda conn: conn.exec_driver_sql(statement).rowcount)


def test_moments_come_back_as_they_went_in_utc(world: World) -> None:
    tashkent = datetime(2026, 11, 24, 7, 20, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    write(
        world.engine,
        lambda conn: (
            conn.execute(
                inbox.insert().values(notice_id=1, at=tashkent, msisdn="9", sender="c", text="", parts=1)
            ).rowcount
        ),
    )

    with reading(world.engine) as conn:
        kept = conn.execute(select(inbox.c.at)).scalar_one()
    assert kept == datetime(2026, 11, 24, 2, 20, 0, 123456, tzinfo=UTC)
    assert kept.tzinfo is UTC


def test_a_moment_without_a_zone_is_a_fault(world: World) -> None:
    with pytest.raises(Exception, match="without a time zone"), reading(world.engine) as conn:
        conn.execute(select(invoice).where(invoice.c.issued_at > datetime(2026, 11, 24)))  # noqa: DTZ001


def test_a_connection_that_breaks_among_gathered_rows_is_told_as_such_and_the_work_done_again(
    postgres_engine: Engine,
) -> None:
    tries: list[Connection] = []

    def work(conn: Connection) -> int:
        tries.append(conn)
        with gathered(conn):
            if len(tries) == 1:
                conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return len(tries)

    assert write(postgres_engine, work) == 2
