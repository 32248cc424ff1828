"""The menu action `push`: begins a dialogue on another phone, and goes on at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from app.actions.invoices import declared_all
from app.issued import Tell
from app.lines.pushing import Pushes
from app.settings import Push
from invoicing.results import InvoiceView
from ussd_engine import Action, Call, Max, Msisdn
from ussd_engine.actions import PushState

Given = Annotated[str, Max(160, "text")]


@dataclass(frozen=True, slots=True)
class Begun:
    """It is on its way; nobody waits for what becomes of it."""


@dataclass(frozen=True, slots=True)
class Unable:
    """No gateway of this service can push."""


class PushActions:
    """Over what can push in this process; None only declares them."""

    def __init__(self, pushes: Pushes | None) -> None:
        self._pushes = pushes

    def table(self) -> dict[str, Action]:
        """Return the action by its name."""
        return declared_all(reading={}, changing={"push": self.push})

    async def push(
        self,
        _call: Call,
        msisdn: Msisdn,
        state: PushState,
        name: Given | None = None,
        value: Given | None = None,
    ) -> Begun | Unable:
        """Begin at `state` on another phone, where `name` is given as `value`."""
        assert self._pushes is not None, "it was only declared"
        given = {} if name is None else {name: "" if value is None else str(value)}
        return Begun() if self._pushes.begin(msisdn, state, given) else Unable()


def invoices_shown(pushes: Pushes, settings: Push, loop: asyncio.AbstractEventLoop) -> Tell | None:
    """What shows each invoice to its customer as soon as it is issued; None where the settings don't want it.

    It may be called from any thread.
    """
    if not settings.invoices:
        return None

    def show(invoice: InvoiceView) -> None:
        given = {"invoice": invoice.id}
        loop.call_soon_threadsafe(pushes.begin, invoice.customer_msisdn, settings.state, given)

    return show
