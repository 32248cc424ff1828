"""What operators watch: figures that follow the books, and a walk that finds a broken audit row."""

from __future__ import annotations

from sqlalchemy import Engine, text

from invoicing.figures import AuditWalk, figures
from invoicing.storage import figures as storage
from invoicing.storage.connect import write
from tests.invoicing.test_audit import KEY, edit
from tests.invoicing.world import CUSTOMER, PIN, World

_OTHER_INDEXES = text(
    "SELECT indexname FROM pg_indexes WHERE tablename = 'payment'"
    " AND indexname NOT IN ('uq_payment_target_live', 'uq_payment_refund_live')"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)


def test_where_nothing_waits_all_is_zero(world: World) -> None:
    now = figures(world.engine, world.clock)

    assert (now.hanging, now.hanging_s, now.reversals, now.notices, now.notices_s) == ({}, 0.0, {}, 0, 0.0)


def test_a_notice_ages_until_it_is_sent(world: World) -> None:
    world.issue()
    world.clock.advance(seconds=90)
    waits = figures(world.engine, world.clock)
    world.relay.run_once(world.inbox)

    assert (waits.notices, waits.notices_s) == (1, 90.0)
    assert figures(world.engine, world.clock).notices == 0


def test_an_unknown_payment_hangs_until_its_reversal_is_acknowledged(world: World) -> None:
    card = world.link("8600490000090068", 60_000)
    world.service.pay(world.key(), CUSTOMER, world.issue().id, card, PIN)
    world.clock.advance(seconds=40)
    hangs = figures(world.engine, world.clock)
    world.workers.recover()
    after = figures(world.engine, world.clock)

    assert (sum(hangs.hanging.values()), hangs.hanging_s) == (1, 40.0)
    assert {kind for kind, _ in hangs.hanging} == {"invoice"}
    assert (after.hanging, after.hanging_s, after.reversals) == ({}, 0.0, {})


def test_paid_payments_are_not_even_read(postgres_engine: Engine) -> None:
    with postgres_engine.connect() as conn:  # never committed
        # Among a handful of rows all indexes cost the same: only those in question are left to choose from.
        for name in conn.execute(_OTHER_INDEXES).scalars().all():
            conn.execute(text(f"DROP INDEX {name}"))
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        for query in (storage._PAID, storage._REFUNDS):
            sql = str(query.compile(postgres_engine, compile_kwargs={"literal_binds": True}))
            plan = " ".join(row[0] for row in conn.execute(text(f"EXPLAIN {sql}")))
            assert "Index" in plan
            assert "uq_payment_target_live" in plan or "uq_payment_refund_live" in plan


def walked(walk: AuditWalk, limit: int) -> list[int]:
    """One round: the rows of each stretch."""
    stretches = []
    while went := walk.go_on(limit):
        stretches.append(went)
    return stretches


def test_the_chain_is_walked_in_stretches_and_begun_anew(world: World) -> None:
    world.pay(world.issue())
    rows = world.workers.seal_audit()
    walk = AuditWalk(world.engine, KEY)

    for round_ in (1, 2):
        stretches = walked(walk, 3)
        assert sum(stretches) == rows
        assert max(stretches) <= 3
        assert (walk.checked, walk.rounds, walk.broken) == (round_ * rows, round_, None)


def test_an_edited_row_is_found_in_its_stretch_and_forgotten_once_mended(world: World) -> None:
    world.pay(world.issue())
    world.workers.seal_audit()
    walk = AuditWalk(world.engine, KEY)
    was = write(
        world.engine, lambda conn: conn.exec_driver_sql("SELECT actor FROM audit WHERE id = 4").scalar_one()
    )
    edit(world, "UPDATE audit SET actor = 'somebody' WHERE id = 4")

    walked(walk, 2)
    seen = [(walk.broken, walk.rounds)]
    walked(walk, 2)
    seen.append((walk.broken, walk.rounds))
    edit(world, f"UPDATE audit SET actor = '{was}' WHERE id = 4")
    walked(walk, 2)
    assert [*seen, (walk.broken, walk.rounds)] == [(4, 0), (4, 0), (None, 1)]
