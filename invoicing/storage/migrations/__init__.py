"""The steps from an empty database to the present data model, run by Alembic from inside the program."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from invoicing.storage.connect import connect

_LOCK: Final = 880_001


def upgrade(target: str | Engine) -> None:
    """Bring a database, by URL or by engine, to the newest revision in one transaction.

    Processes that start together take turns: the transaction holds the write lock before it looks at the
    version, so the second one finds nothing left to do.
    """
    engine = connect(target) if isinstance(target, str) else target
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE is a lock already
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    if isinstance(target, str):
        engine.dispose()
