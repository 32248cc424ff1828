"""The steps from an empty database to the present data model, run by Alembic from inside the program."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from invoicing.storage.connect import connect, reading

_LOCK: Final = 880_001
_HERE: Final = Path(__file__).parent


def upgrade(target: str | Engine) -> None:
    """Bring a database, by URL or by engine, to the newest revision in one transaction.

    Processes that start together take turns: the transaction holds the write lock before it looks at the
    version, so the second one finds nothing left to do.
    """
    engine = connect(target) if isinstance(target, str) else target
    with reading(engine) as connection:
        newest = _is_newest(connection)
    if not newest:
        _run(engine)
    if isinstance(target, str):
        engine.dispose()


def _is_newest(connection: Connection) -> bool:
    """Tell whether nothing is left to do; revisions are named by numbers that go up."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    newest = max(path.stem for path in (_HERE / "versions").glob("[0-9]*.py")).partition("_")[0]
    return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest]


def _run(engine: Engine) -> None:
    # Alembic takes a third of a second to import, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE is a lock already
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
