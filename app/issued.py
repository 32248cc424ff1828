"""The money domain as the service runs it: it tells of every invoice, whoever issued it and by which way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from invoicing import Invoicing
from invoicing.results import Duplicate, InvoiceView, Issued, Refused

Tell = Callable[[InvoiceView], None]

log = logging.getLogger(__name__)


def _ignored(_invoice: InvoiceView) -> None:
    """Nobody wants to know."""


class TellingInvoicing(Invoicing):
    """As its base. `tell` is called once an invoice is in the database, in whichever thread issued it."""

    tell: Tell = staticmethod(_ignored)

    def issue(self, *args: Any, **given: Any) -> Issued | Duplicate | Refused:
        """As `Invoicing.issue`; what fails in `tell` changes nothing.

        The kept answer to a repeated request is older than the call, and is told of to nobody.
        """
        began = self._clock.now()
        done = super().issue(*args, **given)
        if isinstance(done, Issued) and done.invoice.issued_at >= began:
            try:
                self.tell(done.invoice)
            except Exception:
                log.exception("an invoice was issued, and not told of")
        return done
