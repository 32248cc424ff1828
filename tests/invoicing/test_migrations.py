"""From a database of an older model, with people and money in it, to the present one."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, select

import invoicing.storage.migrations as steps
from invoicing import connect, upgrade
from invoicing.storage.tables import outbox, payment
from tests.invoicing.world import MORNING, World
from tests.peers.postgres import Cluster

_NUMBERS = count()
_T = "2026-11-24 02:20:00.000000"
_ROWS = (
    f"INSERT INTO merchant VALUES (1, 'MAGAZIN-24', 'MAGAZIN-24', NULL, 'active', 'ru', 0, '{_T}')",
    (
        "INSERT INTO merchant_user VALUES "
        "(1, 1, '998901110000', 'owner', NULL, NULL, NULL, 'active', 0, NULL, NULL, NULL)"
    ),
    "INSERT INTO customer VALUES (1, '998901230000', 'ru', 'hash', 0, NULL, {false}, NULL, NULL, 'active')",
    "INSERT INTO card VALUES (1, 1, 'token', '860012', '1234', '3012', 'uzcard', 'active')",
    "INSERT INTO sandbox_account VALUES ('token', 0, 'normal')",
    (
        "INSERT INTO payment (id, number, kind, customer_id, target, payee, card_id, "
        "amount_tiyin, state, stan, "
        "rrn, terminal, business_day, created_at, request_scope, request_key) VALUES "
        "(1, 5000001, 'topup', 1, '998901234567', '998901234567', 1, 500000, 'sent', '000001', "
        f"'000005000001', 'CLICK001', '2026-11-24', '{_T}', 'gateway', 'remembered'), "
        "(2, 5000002, 'topup', 1, '998901234568', '998901234568', 1, 500000, 'approved', '000002', "
        f"'000005000002', 'CLICK001', '2026-11-24', '{_T}', 'gateway', 'forgotten')"
    ),
    (
        "INSERT INTO request_log VALUES ('gateway', 'remembered', 'hash', 'paying', NULL, "
        "'2026-11-24 02:19:59.500000', '2026-11-24 02:34:59.500000')"
    ),
    (
        "INSERT INTO outbox (id, event_id, kind, recipient, template, lang, params, urgent, state, tries, "
        "created_at, next_at, provider_id) VALUES (1, 'payment:2:approved', 'sms', '998901234567', "
        f"'direct_paid', 'ru', '{{}}', {{false}}, 'sent', 0, '{_T}', '{_T}', 'a1,a2')"
    ),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def first_model(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database of revision 0001 with a payment on its way in it."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        engine = connect(cluster.create(f"first_model_{next(_NUMBERS)}"), wait_s=20)
    else:
        engine = connect(f"sqlite:///{tmp_path / 'first.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(steps.__file__).parent))
    false = "false" if engine.dialect.name == "postgresql" else "0"
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        for row in _ROWS:
            conn.exec_driver_sql(row.replace("{false}", false))
        if engine.dialect.name == "postgresql":
            for table in ("merchant", "merchant_user", "customer", "card", "payment", "outbox"):
                conn.exec_driver_sql(f"SELECT setval('{table}_id_seq', 10)")
            conn.exec_driver_sql("SELECT setval('payment_number', 5000100)")
        else:
            conn.exec_driver_sql("INSERT INTO sequence VALUES ('payment', 5000100)")
    return engine


def test_a_payment_learns_when_it_was_asked_for_from_its_request_or_else_from_itself(
    first_model: Engine,
) -> None:
    upgrade(first_model)

    with first_model.connect() as conn:
        known, forgotten = conn.execute(select(payment.c.request_at).order_by(payment.c.id)).scalars()
        assert known == MORNING - timedelta(milliseconds=500)
        assert forgotten == MORNING
        sent = conn.execute(select(outbox.c.provider_id, outbox.c.delivery)).one()
        assert tuple(sent) == ("a1,a2", None)


def test_a_payment_that_was_on_its_way_is_brought_to_its_end_by_the_new_model(first_model: Engine) -> None:
    upgrade(first_model)
    world = World(first_model)

    world.clock.advance(hours=1)
    done = world.workers.recover()

    assert (done.given_up, done.reversed) == (1, 1)
    assert world.texts("998901230000")[-1].startswith("CLICK: ")
    with first_model.connect() as conn:
        states = conn.execute(select(payment.c.state).order_by(payment.c.id)).scalars()
        assert list(states)[:2] == ["reversed", "approved"]
