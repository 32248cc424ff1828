"""People of the bank and of the service who work in the back office; made by the command line only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from invoicing import audit, passwords, pins
from invoicing.audit import Actor
from invoicing.entering import Entering
from invoicing.results import Done, Refusal, Refused
from invoicing.storage import cabinet as storage
from invoicing.storage.cabinet import Holder
from invoicing.storage.connect import reading, write

_CLI: Final = "cli"
_NAME_MIN, _NAME_MAX = 3, 40


class Operators(Entering):
    """Thread-safe. `by` is who does it, for the audit trail."""

    def set_operator(self, name: str, password: str, by: str = "operator") -> Done | Refused:
        """A new operator, or a new password for one, which ends his sessions and lets a blocked one in again.

        Args:
            name: 3 to 40 ASCII letters and digits.
        """
        refused = passwords.check(password, "")
        if refused is not None:
            return refused
        if not (name.isascii() and name.isalnum() and _NAME_MIN <= len(name) <= _NAME_MAX):
            return Refused(Refusal.BAD_NAME)
        now, password_hash = self._clock.now(), pins.hash_pin(self._pepper, password)

        def work(conn: Connection) -> Done:
            storage.set_operator(conn, name, password_hash, now)
            found = storage.operator_of(conn, name)
            assert found is not None
            storage.end_sessions(conn, Holder(found.id, operator=True))
            audit.note(conn, now, Actor(by, _CLI), "operator_set", f"operator:{name}")
            return Done(name)

        return write(self._engine, work)

    def block_operator(self, name: str, by: str = "operator") -> Done | Refused:
        """Shut an operator out, at once and everywhere."""
        now = self._clock.now()

        def work(conn: Connection) -> Done | Refused:
            found = storage.operator_of(conn, name)
            if found is None:
                return Refused(Refusal.NOT_FOUND)
            storage.block_operator(conn, found.id)
            storage.end_sessions(conn, Holder(found.id, operator=True))
            audit.note(conn, now, Actor(by, _CLI), "operator_blocked", f"operator:{name}")
            return Done(name)

        return write(self._engine, work)

    def operators(self) -> tuple[tuple[str, bool], ...]:
        """Names, and whether each may sign in."""
        with reading(self._engine) as conn:
            return tuple((one.msisdn, one.active) for one in storage.all_operators(conn))
