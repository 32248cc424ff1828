"""The audit trail and its chain (S24)."""

from __future__ import annotations

import contextlib
import threading

import pytest
from sqlalchemy import Connection

from invoicing import audit
from invoicing.storage import audit as storage
from invoicing.storage.connect import reading, write
from tests.invoicing.test_requests import at_once
from tests.invoicing.world import World

KEY = b"audit-key-of-the-tests"


def broken(world: World, key: bytes = KEY) -> int | None:
    with reading(world.engine) as conn:
        return audit.first_broken(conn, key)


def edit(world: World, statement: str) -> None:
    write(world.engine, lambda conn: conn.exec_driver_sql(statement).rowcount)


def test_what_happened_is_chained_behind_and_only_once(world: World) -> None:
    world.pay(world.issue())
    rows = world.count("audit")

    assert world.workers.seal_audit() == rows
    assert world.workers.seal_audit() == 0
    assert broken(world) is None


def test_the_chain_goes_on_where_it_ended(world: World) -> None:
    for _ in range(3):
        world.issue()
        world.workers.seal_audit()

    assert broken(world) is None


def test_two_sealers_that_overlap_leave_one_whole_chain(
    file_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = file_world
    world.pay(world.issue())
    both, unsealed = threading.Barrier(2), storage.unsealed

    def together(conn: Connection, limit: int) -> tuple[storage.AuditRow, ...]:
        found = unsealed(conn, limit)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return found

    monkeypatch.setattr(storage, "unsealed", together)
    at_once(2, lambda _: world.workers.seal_audit())
    world.issue()
    world.workers.seal_audit()

    assert broken(world) is None


@pytest.mark.parametrize("column", ["actor", "action", "object", "channel", "after", "at", "ip", "before"])
def test_an_edited_row_is_named(world: World, column: str) -> None:
    world.pay(world.issue())
    world.workers.seal_audit()
    edit(world, f"UPDATE audit SET \"{column}\" = '2020-01-01' WHERE id = 3")

    assert broken(world) == 3
    assert world.workers.problems() == ["audit row 3 breaks the chain"]


def test_a_row_taken_out_of_the_middle_is_noticed_at_the_next(world: World) -> None:
    world.pay(world.issue())
    world.workers.seal_audit()
    edit(world, "DELETE FROM audit WHERE id = 3")

    assert broken(world) == 4


def test_two_rows_that_changed_places_are_noticed(world: World) -> None:
    world.pay(world.issue())
    world.workers.seal_audit()
    for statement in ("seal = 99 WHERE seal = 2", "seal = 2 WHERE seal = 3", "seal = 3 WHERE seal = 99"):
        edit(world, f"UPDATE audit SET {statement}")

    assert broken(world) is not None


def test_who_lacks_the_key_cannot_mend_the_chain(world: World) -> None:
    world.issue()
    write(world.engine, lambda conn: audit.seal(conn, b"forged"))

    assert broken(world) == 1


@pytest.mark.parametrize("table", ["entry", "transfer"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = 9", "DELETE FROM {}"])
def test_the_ledger_only_grows(world: World, table: str, verb: str) -> None:
    world.pay(world.issue())

    with pytest.raises(Exception, match="append-only"):
        edit(world, verb.format(table))


def test_a_payment_whose_row_was_edited_no_longer_fits_its_entries(world: World) -> None:
    world.pay(world.issue())
    edit(world, "UPDATE payment SET amount_tiyin = amount_tiyin - 1")

    assert "payment 5000001 and its entries differ" in world.workers.problems()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE invoice SET state = 'issued'", "invoice 1001 and its payments differ"),
        ("UPDATE payment SET state = 'reversed'", "payment 5000001 and its entries differ"),
        (
            "UPDATE account SET owner_id = 2 WHERE kind = 'merchant_payable'",
            "merchant 2 is owed another sum than was paid",
        ),
        (
            "DELETE FROM outbox WHERE template = 'paid_merchant'",
            "payment 5000001 has not exactly one SMS to its merchant",
        ),
        (
            "INSERT INTO transfer (kind, ref_payment, at) VALUES ('refund', 1, '2026-11-24 02:20:00.000000')",
            "transfer 2 does not balance",
        ),
    ],
)
def test_each_breach_of_the_books_is_found(world: World, statement: str, problem: str) -> None:
    world.pay(world.issue())
    edit(world, statement)

    assert problem in world.workers.problems()
