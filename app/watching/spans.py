"""Where tracing takes hold of the service. These hooks hand everything back as it is: they cost nothing."""

from __future__ import annotations

from sqlalchemy import Engine as Database

from app.actions.invoices import InThread
from invoicing import Sender
from ussd_engine import Engine


class Spans:
    """What wiring passes its parts through; `app.watching.tracing.Tracing` wraps them."""

    engine_type: type[Engine] = Engine
    """The class of the engine."""

    def in_thread(self, in_thread: InThread) -> InThread:
        """How synchronous calls get to a thread."""
        return in_thread

    def sender(self, sender: Sender) -> Sender:
        """Who sends notices."""
        return sender

    def database(self, database: Database) -> None:
        """The database of the books."""

    def close(self) -> None:
        """Send what has not been sent."""
