"""A PostgreSQL cluster for one run of the tests: made, started, stopped and deleted by it.

It listens on a spare port of this machine, keeps its files in a folder of its own, and runs with fsync on:
what commits has reached the disk, where the folder is on one. PostgreSQL refuses to run as root; then the
user `postgres` of Debian's package, or else `nobody`, runs it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

_START_MAX_S = 60
_STANDBY = "standby"
_MISSING = "PostgreSQL is missing; as root: apt-get install -y postgresql (then run the tests again)"

_EMPTY = """
DO $$
DECLARE one record;
BEGIN
  SET LOCAL session_replication_role = replica;  -- the ledger's triggers refuse a DELETE otherwise
  FOR one IN SELECT relname, relkind FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
                   AND relname <> 'alembic_version' LOOP
    IF one.relkind = 'r' THEN
      EXECUTE format('DELETE FROM %I', one.relname);
    ELSE
      PERFORM setval(one.relname::regclass, seqstart, false) FROM pg_sequence
      WHERE seqrelid = one.relname::regclass;
    END IF;
  END LOOP;
END $$
"""


class Cluster:
    """A running server. `url` is SQLAlchemy's address of a database in it."""

    def __init__(self, folder: Path, programs: Path, user: str | None, *options: str) -> None:
        self.folder, self.programs, self.user = folder, programs, user
        self.port = _spare_port()
        self._options = [word for option in options for word in ("-c", option)]
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        command = [
            str(self.programs / "initdb"), "--pgdata", str(self.folder / "data"), "--auth", "trust",
            "--username", "tests", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        ]  # fmt: skip
        subprocess.run(self._as_user(command), check=True, capture_output=True, cwd=self.folder)

    def start(self) -> None:
        command = [
            str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=on",
            "-c", "max_connections=200", "-c", "logging_collector=off", *self._options,
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user(command), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_it_answers()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it in order, SIGQUIT at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_START_MAX_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the server and all its processes, as if its machine were gone."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for one in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._process.wait(_START_MAX_S)
        self._process = None

    def follow(self, primary: Cluster, name: str) -> None:
        """In place of `make`: a standby that streams from `primary` under a name."""
        source = f"host=127.0.0.1 port={primary.port} user=tests application_name={name}"
        command = [
            str(self.programs / "pg_basebackup"), "--pgdata", str(self.folder / "data"), "--dbname", source,
            "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast", "--no-sync",
        ]  # fmt: skip
        subprocess.run(self._as_user(command), check=True, capture_output=True, cwd=self.folder)

    def ask(self, statement: str) -> str:
        """The first value that a statement gives, as text."""
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
        return "" if row is None else str(row[0])

    def create(self, name: str) -> str:
        """A new, empty database; its URL."""
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def empty(self, name: str) -> None:
        """Take every row out of a database and let its numbers begin anew."""
        with psycopg.connect(self._dsn(name)) as connection:
            connection.execute(_EMPTY.encode())

    def _dsn(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=tests dbname={name}"

    def _as_user(self, command: list[str]) -> list[str]:
        if self.user is None:
            return command
        become = ["setpriv", f"--reuid={self.user}", f"--regid={pwd.getpwnam(self.user).pw_gid}"]
        # Should the tests be killed, the server is told to end too.
        return [*become, "--clear-groups", "--pdeathsig=INT", *command]

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + _START_MAX_S
        while True:
            try:
                psycopg.connect(self._dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text(encoding="utf-8")) from None
                time.sleep(0.05)


@contextmanager
def cluster(*options: str, on_disk: bool = True) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts.

    Args:
        options: settings as `name=value`.
        on_disk: `False` puts the files into the machine's memory where it has such a folder: what hundreds of
            small tests check does not depend on a disk's speed, and no test cuts the power.
    """
    user = _user()
    memory = "/dev/shm" if not on_disk and os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="ussd-postgres-", dir=memory))
    if user is not None:
        shutil.chown(folder, user)
    made = Cluster(folder, _programs(), user, *options)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replicated() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary and its standby: no commit returns before both have it on their disks."""
    with cluster() as primary:
        folder = Path(tempfile.mkdtemp(prefix="ussd-postgres-"))
        if primary.user is not None:
            shutil.chown(folder, primary.user)
        standby = Cluster(folder, primary.programs, primary.user)
        try:
            standby.follow(primary, _STANDBY)
            standby.start()
            primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{_STANDBY}'")
            primary.ask("SELECT pg_reload_conf()")
            end = time.monotonic() + _START_MAX_S
            while primary.ask("SELECT sync_state FROM pg_stat_replication") != "sync":
                if time.monotonic() > end:
                    raise RuntimeError((folder / "log").read_text(encoding="utf-8"))
                time.sleep(0.05)
            yield primary, standby
        finally:
            standby.stop(signal.SIGQUIT)
            shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Who runs the server where we are root; `None`: we do."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _programs() -> Path:
    """The folder of `initdb` and `postgres`: Debian keeps them off the path, by version."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is not None:
        places.append(Path(on_path).resolve().parent)
    found = [place for place in places if (place / "postgres").exists() and (place / "initdb").exists()]
    if not found:
        raise RuntimeError(_MISSING)
    return found[-1]


def _spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
