"""Opening the money domain: its database, bank, keys and SMS sender, from the settings."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from app import bank as banks
from app.issued import TellingInvoicing
from app.serving import owner
from app.settings import Settings
from invoicing import (
    Accounts,
    CardProcessor,
    Clock,
    InboxSender,
    LateAnswers,
    Lease,
    Limits,
    Receipts,
    Relay,
    SandboxBank,
    Workers,
    clock_of,
    connect,
    upgrade,
)
from invoicing.figures import AuditWalk

DATABASE = "ussd.sqlite3"
_NOBODY = "998000000000"


class CannotOpen(Exception):
    """The database can't be used; the message says why."""


@dataclass(frozen=True)
class Money:
    """The domain's parts over one database. `inbox` is the SMS sender until a gateway can send.

    `lease` says whether this process is the one that does the chores.
    """

    engine: Engine
    clock: Clock
    lease: Lease
    invoicing: TellingInvoicing
    relay: Relay
    receipts: Receipts
    inbox: InboxSender
    workers: Workers
    audit_walk: AuditWalk
    accounts: Accounts

    @classmethod
    @contextmanager
    def open(
        cls, settings: Settings, folder: Path, key: bytes, *, line: int | None = None
    ) -> Iterator[Money]:
        """Over the configured database, or the SQLite one in `folder`.

        Args:
            line: the worker's number, or `bank.COMMANDS`: where the processor has lines, the one to open.
                None opens none, for who asks the bank nothing.
            key: the security key; the PIN pepper, card tokens and the audit chain get keys made from it.

        Raises:
            CannotOpen: no such database, driver or folder.
        """
        configured = settings.database.url
        url = configured.get_secret_value() if configured else f"sqlite:///{folder / DATABASE}"
        try:
            if not configured:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            engine = connect(url)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like; a URL may hold a password
            raise CannotOpen(f"the database can't be opened: {_why(error)}") from None
        try:
            with cls._bank(settings, engine, key, line) as processor:
                money = cls._over(engine, processor, settings.limits, key)
                yield money
                money.lease.release()
        finally:
            engine.dispose()

    @classmethod
    @contextmanager
    def nowhere(cls) -> Iterator[Money]:
        """Over a database that is never opened: for declarations only."""
        engine = connect("sqlite://")
        yield cls._over(engine, SandboxBank(engine, key=bytes(32)), Limits(), bytes(32))
        engine.dispose()

    @classmethod
    @contextmanager
    def _bank(
        cls, settings: Settings, engine: Engine, key: bytes, line: int | None
    ) -> Iterator[CardProcessor]:
        """The settings' processor. Who opens no line asks the bank nothing: any processor will do."""
        key = _derived(key, "bank")
        if line is None:
            yield SandboxBank(engine, key=key)
            return
        clock = clock_of(engine)
        late = LateAnswers(engine, clock=clock)
        try:
            with banks.opened(settings, engine, key, late, clock, line) as processor:
                yield processor
        except banks.NoLine as error:
            raise CannotOpen(str(error)) from None

    @classmethod
    def _over(cls, engine: Engine, processor: CardProcessor, limits: Limits, key: bytes) -> Money:
        clock = clock_of(engine)
        pepper = _derived(key, "pins")
        audit_key = _derived(key, "audit")
        return cls(
            engine,
            clock,
            Lease(engine, clock=clock, owner=owner.identity(), gone=owner.gone),
            TellingInvoicing(engine, clock=clock, processor=processor, pepper=pepper, limits=limits),
            Relay(engine, clock=clock, limits=limits, pepper=pepper),
            Receipts(engine, clock=clock),
            InboxSender(engine, clock=clock),
            Workers(engine, clock=clock, processor=processor, audit_key=audit_key, limits=limits),
            AuditWalk(engine, audit_key),
            Accounts(engine, clock=clock, pepper=pepper, limits=limits),
        )

    def upgrade(self) -> None:
        """Bring the tables up to date.

        Raises:
            CannotOpen: the database refuses.
        """
        try:
            upgrade(self.engine)
        except Exception as error:  # noqa: BLE001 - as above
            raise CannotOpen(f"the database can't be used: {_why(error)}") from None

    def probe(self) -> None:
        """Raise where the database does not answer."""
        self.invoicing.cards(_NOBODY)


def _why(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"its driver is not installed (pip install '{error.name}')"
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0] or type(error).__name__


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), "sha256")
