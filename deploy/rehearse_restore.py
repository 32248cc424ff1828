"""Take a backup of the books, restore it beside them, and prove that the copy is the same and whole.

    USSD_SECURITY__KEY=… USSD_DATABASE__URL=postgresql://… python rehearse_restore.py --keep /var/backups/ussd

The dump is taken while the service works, at one snapshot, and so are the fingerprints of all tables. The
copy goes into a database of its own on the same server (--beside names another); `ussd audit verify` walks
its chain and holds its books against it. The dump stays in the folder; the copy is dropped.

Exit code 0: it is the same and whole. 1: it isn't; the dump is then kept under a name ending in .failed.
2: it could not be tried.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

KEPT = 14
COPY = "ussd_rehearsal"

# A sum of hashes: the order of rows does not matter, and the server holds no more than one of them.
FINGERPRINT = SQL("SELECT count(*), coalesce(sum(hashtextextended(one::text, 0)::numeric), 0) FROM {} AS one")
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename
"""

Fingerprints = dict[str, tuple[int, int]]


class CannotTry(Exception):
    """The rehearsal could not be carried out; the message says why."""


def fingerprints(connection: psycopg.Connection) -> Fingerprints:
    """Rows and a sum of their hashes, of every table."""
    # Rows are compared as texts, which must not depend on a server's settings.
    connection.execute("SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false)")
    names = [str(name) for (name,) in connection.execute(TABLES).fetchall()]
    found: Fingerprints = {}
    for name in names:
        row = connection.execute(FINGERPRINT.format(Identifier(name))).fetchone()
        assert row is not None
        found[name] = (int(row[0]), int(row[1]))
    return found


def sequences(connection: psycopg.Connection) -> dict[str, int]:
    """How far each sequence has counted; they belong to no snapshot, so a copy may only be ahead."""
    return {str(name): int(value or 0) for name, value in connection.execute(SEQUENCES).fetchall()}


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a program to its end.

    Raises:
        CannotTry: it is missing, or it failed.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - the operator's own programs
            command, capture_output=True, text=True, check=False, env=os.environ | (environment or {})
        )
    except FileNotFoundError:
        raise CannotTry(f"{command[0]} is missing: apt-get install postgresql-client") from None
    if ended.returncode:
        raise CannotTry(
            f"{command[0]}: {ended.stderr.strip().splitlines()[-1] if ended.stderr else ended.returncode}"
        )
    return ended.stdout


@contextmanager
def empty_database(server: str, name: str) -> Iterator[str]:
    """A database for as long as the block lasts; its address."""
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def dump(source: str, to: Path) -> tuple[Fingerprints, dict[str, int]]:
    """Dump `source`; the fingerprints of what was dumped."""
    with psycopg.connect(source) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        counted = sequences(connection)
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        target, password = client(source)
        run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={row[0]}",
            f"--file={to}", f"--dbname={target}", environment=password)  # fmt: skip
        return fingerprints(connection), counted


def client(address: str) -> tuple[str, dict[str, str]]:
    """An address for PostgreSQL's programs; the password goes by the environment, which `ps` doesn't show."""
    parts = conninfo_to_dict(address)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {"PGPASSWORD": str(password)} if password else {}


def differences(was: Fingerprints, now: Fingerprints) -> list[str]:
    """What is not the same, in words."""
    found = [f"table {name} is missing" for name in sorted(was.keys() - now.keys())]
    found += [f"table {name} was not there" for name in sorted(now.keys() - was.keys())]
    for name in sorted(was.keys() & now.keys()):
        if was[name][0] != now[name][0]:
            found.append(f"table {name} has {now[name][0]} rows instead of {was[name][0]}")
        elif was[name] != now[name]:
            found.append(f"table {name} has other values")
    return found


def verify(ussd: str, copy: str) -> list[str]:
    """What `ussd audit verify` finds in the copy."""
    parts = conninfo_to_dict(copy)
    hosts = {key: str(value) for key, value in parts.items()}
    # By the query, since a host may be the folder of a socket.
    url = f"postgresql:///{hosts.pop('dbname')}?" + urlencode(hosts, quote_via=quote)
    try:
        print("  " + run(ussd, "audit", "verify", environment={"USSD_DATABASE__URL": url}).strip())
    except CannotTry as error:
        return [str(error)]
    return []


def rehearse(source: str, server: str, keep: Path, ussd: str) -> list[str]:
    """Dump, restore, compare; what is wrong with the copy, in words. The dump stays in `keep`."""
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = keep / f"ussd-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    part = kept.with_suffix(".part")
    part.touch(mode=0o600)
    try:
        began = time.monotonic()
        was, counted = dump(source, part)
        print(f"dumped {sum(rows for rows, _ in was.values())} rows in {time.monotonic() - began:.1f} s, "
              f"{part.stat().st_size} octets")  # fmt: skip
        with empty_database(server, COPY) as copy:
            began = time.monotonic()
            target, password = client(copy)
            run("pg_restore", "--exit-on-error", "--no-owner", "--jobs=2", f"--dbname={target}", str(part),
                environment=password)  # fmt: skip
            print(f"restored in {time.monotonic() - began:.1f} s")
            with psycopg.connect(copy) as connection:
                wrong = differences(was, fingerprints(connection))
                behind = [
                    name for name, value in sequences(connection).items() if value < counted.get(name, 0)
                ]
                wrong += [f"sequence {name} would give a number twice" for name in behind]
            wrong += verify(ussd, copy)
        part.replace(kept.with_suffix(".failed") if wrong else kept)
    finally:
        part.unlink(missing_ok=True)
    for old in sorted(keep.glob("ussd-*.dump"))[:-KEPT]:
        old.unlink()
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--source", default=os.environ.get("USSD_DATABASE__URL"), help="else USSD_DATABASE__URL"
    )
    parser.add_argument("--beside", help="a server for the copy; else the source's own")
    parser.add_argument("--keep", type=Path, required=True, help="the folder of dumps")
    parser.add_argument("--ussd", default="ussd", help="the program")
    given = parser.parse_args()
    if not given.source:
        parser.error("give --source or USSD_DATABASE__URL")
    source = given.source.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        wrong = rehearse(source, given.beside or source, given.keep, given.ussd)
    except (CannotTry, psycopg.Error, OSError) as error:
        print(f"not rehearsed: {error}", file=sys.stderr)
        return 2
    for one in wrong:
        print(f"WRONG: {one}")
    print("the restored copy is not the books" if wrong else "the restored copy is the same and whole")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
