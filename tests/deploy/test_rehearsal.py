"""Backup and restore, with a real PostgreSQL and a service that works meanwhile."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.conftest import Start
from tests.peers.postgres import Cluster, cluster
from tests.served import CUSTOMER, MERCHANT, PIN, Served, run_ussd

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "rehearse_restore.py"
KEY = "a-long-random-text-for-tests"
USSD = Path(sys.executable).with_name("ussd")
SUMS = count(10_000, 1_000)  # the same sum twice would be asked about
AT = '[[gateways]]\nname = "africastalking"\nkind = "africastalking"\n'


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    with cluster(on_disk=False) as running:
        yield running


def serve(start: Start, folder: Path, url: str) -> Served:
    """A service over `url` with a merchant, a customer and a card."""
    (folder / "ussd.toml").write_text(AT, encoding="utf-8")
    env = {"USSD_SECURITY__KEY": KEY, "USSD_DATABASE__URL": url, "USSD_HTTP__PORT": "0"}
    for arguments, typed in (
        (("merchant", "add", "DOKON", MERCHANT), ""),
        (("customer", "add", CUSTOMER), f"{PIN}\n"),
        (("card", "add", CUSTOMER, "1230", "--balance", "900000"), "8600490744313347\n"),
    ):
        done = run_ussd(*arguments, typed=typed, env=env)
        assert done.returncode == 0 or "taken" in done.stderr, done.stderr
    return start("serve", "--config", str(folder / "ussd.toml"), "--data", str(folder / "data"), env=env)


def trade(served: Served, times: int = 1) -> None:
    """Invoices issued and paid; each answer means that it is on the disk."""
    for _ in range(times):
        issued = served.caller(MERCHANT).dial(f"*880**0*901234567*{next(SUMS)}#")
        assert issued.startswith("END Счет"), issued
        paid = served.caller(CUSTOMER).dial("*880#", "1", "1", PIN)
        assert paid.startswith("END Оплачено"), paid


def rehearse(
    url: str, keep: Path, program: Path = USSD, /, **changes: str
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"USSD_SECURITY__KEY": KEY, "USSD_DATABASE__URL": url} | changes
    command = [sys.executable, str(SCRIPT), "--keep", str(keep), "--ussd", str(program)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=100, check=False)


def paid_in(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM payment WHERE state = 'approved'").fetchone()
        assert row is not None
        return int(row[0])


def wait_until_sealed(url: str) -> None:
    deadline = time.monotonic() + 20
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM audit WHERE seal IS NULL LIMIT 1").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_backup_taken_while_the_service_works_restores_to_the_same_books(
    start: Start, tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.create("books")
    served = serve(start, tmp_path, url)
    trade(served, 2)
    done = rehearse(url, tmp_path / "dumps")
    trade(served)  # the service never stopped

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("the restored copy is the same and whole\n")
    assert "rows are whole" in done.stdout
    (dump,) = (tmp_path / "dumps").iterdir()
    assert dump.suffix == ".dump"
    assert dump.stat().st_mode & 0o077 == 0
    with psycopg.connect(postgres.url("postgres")) as connection:
        left = connection.execute(
            "SELECT datname FROM pg_database WHERE datname = 'ussd_rehearsal'"
        ).fetchall()
    assert left == []


def test_a_password_of_any_characters_reaches_the_audit_of_the_copy(
    tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.create("strong").replace("tests@", "tests:a%26b%2Bc%25d%3De%23@")
    made = run_ussd("db", "upgrade", env={"USSD_SECURITY__KEY": KEY, "USSD_DATABASE__URL": url}, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    seen = tmp_path / "ussd"
    seen.write_text(
        f'#!/bin/sh\necho "$USSD_DATABASE__URL" >{tmp_path}/url\nexec {USSD} "$@"\n', encoding="ascii"
    )
    seen.chmod(0o700)
    done = rehearse(url, tmp_path / "dumps", seen)

    assert done.returncode == 0, done.stdout + done.stderr
    assert make_url((tmp_path / "url").read_text().strip()).query["password"] == "a&b+c%d=e#"


def test_books_that_somebody_changed_are_not_taken_for_a_good_backup(
    start: Start, tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.create("forged")
    served = serve(start, tmp_path, url)
    trade(served)
    wait_until_sealed(url)
    served.end()
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # the table's triggers would refuse it
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE seal = 1")
    done = rehearse(url, tmp_path / "dumps")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "breaks the chain" in done.stdout
    assert [path.suffix for path in (tmp_path / "dumps").iterdir()] == [".failed"]


def test_a_copy_that_lacks_a_row_or_holds_another_value_is_told_by_its_table(postgres: Cluster) -> None:
    rehearsal = runpy.run_path(str(SCRIPT))
    fingerprints, differences = rehearsal["fingerprints"], rehearsal["differences"]
    with psycopg.connect(postgres.create("small")) as connection:
        connection.execute("CREATE TABLE money (id int, sum int); CREATE TABLE other (id int)")
        connection.execute("INSERT INTO money VALUES (1, 5), (2, 7)")
        was = fingerprints(connection)
        connection.execute(
            "DELETE FROM money; INSERT INTO money VALUES (2, 7), (1, 5)"
        )  # the order is no matter
        assert differences(was, fingerprints(connection)) == []
        connection.execute(
            "UPDATE money SET sum = 6 WHERE id = 1; DROP TABLE other; CREATE TABLE odd (id int)"
        )
        changed = differences(was, fingerprints(connection))
        connection.execute("DELETE FROM money WHERE id = 1")
        lacking = differences(was, fingerprints(connection))

    assert changed == ["table other is missing", "table odd was not there", "table money has other values"]
    assert lacking[-1] == "table money has 1 rows instead of 2"


@pytest.mark.parametrize(
    ("url", "path", "told"),
    [
        ("postgresql://tests@127.0.0.1:1/books", None, "connection"),
        (None, "/nowhere", "pg_dump is missing"),
    ],
)
def test_what_could_not_be_tried_is_told_and_leaves_no_dump(
    url: str | None, path: str | None, told: str, tmp_path: Path, postgres: Cluster
) -> None:
    done = rehearse(url or postgres.url("postgres"), tmp_path / "dumps", **({"PATH": path} if path else {}))

    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert list((tmp_path / "dumps").iterdir()) == []


def test_a_base_backup_taken_under_load_serves_after_the_first_server_is_gone(
    start: Start, tmp_path: Path
) -> None:
    with cluster("max_wal_senders=4", on_disk=False) as first:
        url = first.create("books")
        served = serve(start, tmp_path, url)
        trade(served, 2)
        copy = Path(f"{first.folder}-copy")
        copy.mkdir(mode=0o700)
        try:
            if first.user is not None:
                shutil.chown(copy, first.user)
            base = [
                str(first.programs / "pg_basebackup"), "--pgdata", str(copy / "data"), "--wal-method=stream",
                "--checkpoint=fast", "--host=127.0.0.1", f"--port={first.port}", "--username=tests",
            ]  # fmt: skip
            subprocess.run(first._as_user(base), check=True, capture_output=True, cwd=copy, timeout=60)
            served.end()
            first.stop(signal.SIGQUIT)
            second = Cluster(copy, first.programs, first.user)
            second.start()
            try:
                restored = second.url("books")
                env = {"USSD_SECURITY__KEY": KEY, "USSD_DATABASE__URL": restored}
                verified = run_ussd("audit", "verify", env=env)
                assert verified.returncode == 0, verified.stderr
                assert paid_in(restored) == 2
                trade(serve(start, tmp_path, restored))
                assert paid_in(restored) == 3
            finally:
                second.stop()
        finally:
            shutil.rmtree(copy, ignore_errors=True)
