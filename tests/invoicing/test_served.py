"""The service on PostgreSQL as operators run it, and the audit trail from the command line."""

from __future__ import annotations

from pathlib import Path

from invoicing import connect
from tests.conftest import Start
from tests.peers.postgres import Cluster
from tests.served import CUSTOMER, MERCHANT, run_ussd

KEY = "a long random text for the tests of this service"


def test_serve_keeps_its_money_in_postgresql_and_audit_verify_names_what_was_edited(
    start: Start, tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.create("served")
    env = {
        "USSD_SECURITY__KEY": KEY,
        "USSD_DATABASE__URL": url,
        "USSD_HTTP__PORT": "0",
        "USSD_GATEWAYS__AT__SECRET": "s3cret",
    }
    file = tmp_path / "ussd.toml"
    file.write_text('[[gateways]]\nname = "at"\nkind = "africastalking"\n', encoding="utf-8")
    config = ("--config", str(file))
    done = run_ussd("merchant", "add", "DOKON", MERCHANT, *config, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    served = start("serve", *config, env=env)
    where = served.url.replace("http://", "http://at:s3cret@")
    dial = ("dial", "*880**0*901234567*50000#", "--as", MERCHANT, "--gateway", "at", "--url", where)
    assert "№1001" in run_ussd(*dial).stdout
    assert served.end() == 0

    engine = connect(url)
    with engine.begin() as conn:
        found = conn.exec_driver_sql("SELECT customer_msisdn, state FROM invoice").one()
        owner = conn.exec_driver_sql("SELECT expires_at <= now() FROM lease").scalar_one()
    whole = run_ussd("audit", "verify", *config, env=env, cwd=tmp_path)
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE audit SET actor = 'me', seal = coalesce(seal, 1) WHERE id = 1")
    broken = run_ussd("audit", "verify", *config, env=env, cwd=tmp_path)
    engine.dispose()

    assert tuple(found) == (CUSTOMER, "issued")
    assert owner is True, "a service that ends in order lets go of its lease"
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "rows are whole" in whole.stdout
    assert (broken.returncode, broken.stderr) == (2, "ussd: audit row 1 breaks the chain\n")
