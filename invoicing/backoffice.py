"""What the service's own people see of the money: any invoice, and all that became of it.

Lists show no whole phone. Whoever opens one invoice, or one dialogue, leaves a row in the audit trail in the
transaction that reads it: what can't be written down isn't shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing import audit
from invoicing.audit import Actor
from invoicing.invoices import STATUS
from invoicing.paying import row_id
from invoicing.ports import Clock
from invoicing.results import Refusal, Refused, Status
from invoicing.signedin import Origin, SignedIn, WebRole
from invoicing.states import InvoiceState
from invoicing.storage import backoffice as storage
from invoicing.storage import papers, reports
from invoicing.storage.audit import AuditRow
from invoicing.storage.backoffice import FoundRow, ReversalRow, ToldRow, TriedRow
from invoicing.storage.connect import reading, write
from invoicing.storage.papers import InvoiceRow
from invoicing.storage.reports import IssuerRow
from invoicing.values import masked

__all__ = [
    "AuditRow", "BackOffice", "Dossier", "FoundInvoice", "InvoiceRow", "IssuerRow", "ReversalRow", "Sought",
    "ToldRow", "TriedRow",
]  # fmt: skip

FOUND_MAX: Final = 50
MERCHANTS_MAX: Final = 20
TRAIL_MAX: Final = 200
CHANNEL: Final = "admin"
_OF_INVOICE: Final = ("issued", "declined", "cancelled", "expired", "refunded")
_OF_PAYMENT: Final = ("approved", "declined", "unknown", "reversed", "refunded")
_HOOKED: Final = ("issued", "paid", "declined", "cancelled", "expired", "refunded")


@dataclass(frozen=True, slots=True)
class Sought:
    """What an operator typed, as far as it can be read; each that is given is looked for.

    Attributes:
        number: of an invoice, or of the payment that paid it.
        phone: the customer's, or that of anybody who works at a merchant.
        name: part of a merchant's name.
    """

    number: int | None = None
    phone: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class FoundInvoice:
    """`customer`: the phone with its middle hidden."""

    id: str
    number: int
    merchant_name: str
    customer: str
    amount_tiyin: int
    status: Status
    channel: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Dossier:
    """One invoice and everything about it, each oldest first; `trail` has the newest `TRAIL_MAX` rows."""

    paper: InvoiceRow
    status: Status
    issuer: IssuerRow
    tries: tuple[TriedRow, ...]
    reversals: tuple[ReversalRow, ...]
    notices: tuple[ToldRow, ...]
    trail: tuple[AuditRow, ...]


class BackOffice:
    """Thread-safe. Everything is asked as an operator who is signed in.

    Raises, from every call:
        ValueError: somebody else asks; pages let nobody else come so far.
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def find(self, who: SignedIn, sought: Sought) -> tuple[FoundInvoice, ...]:
        """Invoices, newest first, `FOUND_MAX` at most."""
        _operator(who)
        with reading(self._engine) as conn:
            rows = {row.id: row for row in self._found(conn, sought)}
        newest = sorted(rows.values(), key=lambda row: row.id, reverse=True)
        return tuple(_view(row) for row in newest[:FOUND_MAX])

    def _found(self, conn: Connection, sought: Sought) -> list[FoundRow]:
        found: list[FoundRow] = []
        merchants: set[int] = set()
        if sought.number is not None:
            found += storage.by_number(conn, sought.number)
        if sought.phone is not None:
            found += storage.of_customer(conn, sought.phone, FOUND_MAX)
            employer = storage.merchant_of(conn, sought.phone)
            merchants |= set() if employer is None else {employer}
        if sought.name:
            merchants |= set(storage.merchants_named(conn, sought.name, MERCHANTS_MAX))
        if merchants:
            found += storage.of_merchants(conn, sorted(merchants), FOUND_MAX)
        return found

    def open_invoice(self, who: SignedIn, invoice_id: str, origin: Origin) -> Dossier | Refused:
        """One invoice whole; that it was looked at becomes part of its trail."""
        _operator(who)
        now, known = self._clock.now(), row_id(invoice_id)

        def work(conn: Connection) -> Dossier | Refused:
            paper = None if known is None else papers.anybodys(conn, known)
            if paper is None:
                return Refused(Refusal.NOT_FOUND)
            _note(conn, now, who, f"invoice:{paper.id}", origin)
            return _dossier(conn, paper)

        return write(self._engine, work)

    def opened_dialogue(self, who: SignedIn, dialogue: str, origin: Origin) -> None:
        """Write down that somebody looks at a dialogue; to be called before it is shown."""
        _operator(who)
        now = self._clock.now()
        write(self._engine, lambda conn: _note(conn, now, who, f"dialogue:{dialogue}", origin))


def _note(conn: Connection, now: datetime, who: SignedIn, what: str, origin: Origin) -> None:
    audit.note(conn, now, Actor(who.msisdn, CHANNEL), "operator_viewed", what, after=origin.address)


def _dossier(conn: Connection, paper: InvoiceRow) -> Dossier:
    tries, issuer = storage.tried(conn, paper.id), reports.issuer(conn, paper.id)
    assert issuer is not None  # every invoice has one
    ids = [one.id for one in tries]
    events = [
        *(f"invoice:{paper.id}:{what}" for what in _OF_INVOICE),
        *(f"payment:{one}:{what}" for one in ids for what in _OF_PAYMENT),
        *(f"invoice.{what}:{paper.id}" for what in _HOOKED),
    ]
    objects = [f"invoice:{paper.id}", *(f"payment:{one}" for one in ids)]
    return Dossier(
        paper=paper,
        status=STATUS[InvoiceState(paper.state)],
        issuer=issuer,
        tries=tries,
        reversals=storage.reversals_of(conn, ids),
        notices=storage.told(conn, events),
        trail=storage.trail(conn, objects, TRAIL_MAX),
    )


def _operator(who: SignedIn) -> None:
    if who.role is not WebRole.OPERATOR:
        raise ValueError("the back office is the operators'")


def _view(row: FoundRow) -> FoundInvoice:
    return FoundInvoice(
        str(row.id),
        row.number,
        row.merchant_name,
        masked(row.customer_msisdn),
        row.amount_tiyin,
        STATUS[InvoiceState(row.state)],
        row.channel,
        row.issued_at,
    )
