"""What the cabinet shows of many invoices: filtered lists with totals, reports, exports (A43-A50).

Everything is asked as somebody who is signed in, so no call can name another merchant. Days are Tashkent's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Engine

from invoicing.invoices import STATUS
from invoicing.papers import PERIOD_DAYS_MAX, DayTotal, InvoicePaper, Papers, PaymentPaper, Totals
from invoicing.paying import row_id
from invoicing.ports import Clock
from invoicing.results import Refusal, Refused, Status
from invoicing.signedin import SignedIn
from invoicing.states import InvoiceState, PaymentState
from invoicing.storage import papers
from invoicing.storage import reports as storage
from invoicing.storage.connect import reading
from invoicing.storage.papers import PaymentRow, Period
from invoicing.storage.reports import AttemptRow, IssuerRow, ListedRow, NoticeRow, Place, Sought, Sums
from invoicing.values import TASHKENT, tashkent_day

__all__ = [
    "AttemptRow", "Change", "Checked", "Filter", "IssuerRow", "ListedInvoice", "Listing", "NoticeRow",
    "Reports", "Story", "Sums",
]  # fmt: skip

PAGE_ROWS: Final = 50
COUNTED_MAX: Final = 5_000
"""Rows that a page sums up by itself; of more, `Reports.sums` is asked apart, after the page is there."""
BATCH_ROWS: Final = 1_000
"""Rows of an export that are held at a time."""
_CHANGES_MAX: Final = 200

_STATES: Final = {status: state for state, status in STATUS.items()}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which invoices; what is absent filters nothing.

    Attributes:
        since, until: days of issue, both taken in.
        customer, number: where both are given, either will do.
        min_tiyin, max_tiyin: bounds of the sum, both taken in.
    """

    status: Status | None = None
    since: date | None = None
    until: date | None = None
    customer: str | None = None
    number: int | None = None
    min_tiyin: int | None = None
    max_tiyin: int | None = None


@dataclass(frozen=True, slots=True)
class ListedInvoice:
    id: str
    number: int
    customer_msisdn: str
    amount_tiyin: int
    status: Status
    channel: str
    issued_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page. `sums` is missing where rows are too many to count in passing; `after` leads to the next."""

    rows: tuple[ListedInvoice, ...]
    sums: Sums | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """What became of one invoice: who issued it, who tried to pay, what SMS were sent."""

    issuer: IssuerRow
    attempts: tuple[AttemptRow, ...]
    notices: tuple[NoticeRow, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A payment as its receipt tells it; `status` is paid, or refunded since."""

    merchant_name: str
    invoice_number: int
    payment_number: int
    amount_tiyin: int
    paid_at: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Change:
    """An invoice that has just changed; `version` grows with each change of its."""

    merchant_id: int
    id: str
    number: int
    status: Status
    amount_tiyin: int
    version: int


class Reports:
    """Thread-safe; each call reads by itself and holds nothing in between."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._papers = Papers(engine, clock=clock)

    def now(self) -> datetime:
        return self._clock.now()

    def today(self) -> date:
        """The day it is in Tashkent."""
        return tashkent_day(self._clock.now())

    def listed(
        self, who: SignedIn, what: Filter, after: str | None = None, limit: int = PAGE_ROWS
    ) -> Listing | Refused:
        """The merchant's invoices that pass the filter, newest first; `BAD_PERIOD` where days are swapped."""
        sought = _sought(what)
        if isinstance(sought, Refused):
            return sought
        place, counted_max = _place(after), _countable(sought)
        with reading(self._engine) as conn:
            sums, rows = storage.listed(conn, _merchant(who), sought, place, limit + 1, counted_max)
        shown = rows[:limit]
        more = len(rows) > limit
        return Listing(
            tuple(_listed(row) for row in shown),
            sums if sums.count <= counted_max else None,
            _cursor(shown[-1].issued_at, shown[-1].id) if more else None,
        )

    def sums(self, who: SignedIn, what: Filter) -> Sums | Refused:
        """How many invoices pass the filter and how much they are, however many."""
        sought = _sought(what)
        if isinstance(sought, Refused):
            return sought
        with reading(self._engine) as conn:
            return storage.sums(conn, _merchant(who), sought)

    def row(self, who: SignedIn, invoice_id: str) -> ListedInvoice | Refused:
        """One line of the list, as it is now."""
        known = row_id(invoice_id)
        with reading(self._engine) as conn:
            found = () if known is None else storage.rows_of(conn, _merchant(who), [known])
        return _listed(found[0]) if found else Refused(Refusal.NOT_FOUND)

    def invoice(self, who: SignedIn, invoice_id: str) -> tuple[InvoicePaper, Story] | Refused:
        """One of the merchant's invoices with its story; another's is `NOT_FOUND`, as a missing one (S4)."""
        paper = self._papers.invoice(who, invoice_id)
        if isinstance(paper, Refused):
            return paper
        known = int(paper.id)
        with reading(self._engine) as conn:
            attempts, issuer = storage.attempts(conn, known), storage.issuer(conn, known)
            payments = [*(one.id for one in attempts), *storage.refunds(conn, known)]
            notices = storage.notices(conn, _events(known, payments))
        assert issuer is not None  # every invoice has one
        return paper, Story(issuer, attempts, notices)

    def checked(self, merchant_id: int, invoice_id: int) -> Checked | None:
        """What a receipt's own QR leads to: for whoever holds a receipt that this service signed."""
        with reading(self._engine) as conn:
            found = papers.invoice_of(conn, merchant_id, invoice_id)
        if found is None or found.payment_number is None or found.paid_at is None:
            return None
        status = STATUS[InvoiceState(found.state)]
        return Checked(
            found.merchant_name,
            found.number,
            found.payment_number,
            found.amount_tiyin,
            found.paid_at,
            status,
        )

    def totals(self, who: SignedIn, since: date, until: date) -> Totals | Refused:
        """Successful payments of a period, day by day (A46); at most 366 days (A47)."""
        period = _period(since, until)
        if isinstance(period, Refused):
            return period
        with reading(self._engine) as conn:
            found = storage.paid_by_day(conn, _merchant(who), period)
        days = tuple(DayTotal(*one) for one in found)
        count, amount = sum(one.count for one in days), sum(one.amount_tiyin for one in days)
        return Totals(since, until, count, amount, days)

    def paid(
        self,
        who: SignedIn,
        since: date | None,
        until: date | None,
        after: str | None = None,
        limit: int = PAGE_ROWS,
    ) -> tuple[tuple[PaymentPaper, ...], str | None] | Refused:
        """Successful payments of a period, newest first, and where the next page begins."""
        period = _period(since, until, bounded=since is not None and until is not None)
        if isinstance(period, Refused):
            return period
        with reading(self._engine) as conn:
            rows = storage.paid_page(conn, _merchant(who), period, _place(after), limit + 1)
        shown = rows[:limit]
        more = _cursor(shown[-1].paid_at, shown[-1].id) if len(rows) > limit else None
        return tuple(_payment(row) for row in shown), more

    def all_paid(self, who: SignedIn, since: date | None, until: date | None) -> Iterator[PaymentPaper]:
        """Every successful payment of a period, or of all time, newest first; a batch is held at a time.

        Raises:
            ValueError: the days are in the wrong order; ask `totals` or `paid` first.
        """
        after: str | None = None
        while True:
            found = self.paid(who, since, until, after, BATCH_ROWS)
            if isinstance(found, Refused):
                raise ValueError("the days are in the wrong order")
            rows, after = found
            yield from rows
            if after is None:
                return

    def changes(self, merchant_ids: Collection[int], since: datetime) -> tuple[Change, ...]:
        """What was issued or closed after a moment, of merchants whose pages are open."""
        with reading(self._engine) as conn:
            rows = storage.changed_since(conn, tuple(merchant_ids), since, _CHANGES_MAX)
        return tuple(
            Change(
                row.merchant_id,
                str(row.id),
                row.number,
                STATUS[InvoiceState(row.state)],
                row.amount_tiyin,
                row.version,
            )
            for row in rows
        )


def _merchant(who: SignedIn) -> int:
    if who.merchant_id is None:
        raise ValueError("an operator has no merchant's reports")
    return who.merchant_id


def _sought(what: Filter) -> Sought | Refused:
    period = _period(what.since, what.until, bounded=False)
    if isinstance(period, Refused):
        return period
    state = None if what.status is None else _STATES[what.status]
    return Sought(state, period, what.customer, what.number, what.min_tiyin, what.max_tiyin)


def _countable(sought: Sought) -> int:
    """No index leads to sums between bounds: those alone are counted apart, however few they are."""
    led = sought.period.since or sought.customer or sought.number
    bounded = sought.min_tiyin is not None or sought.max_tiyin is not None
    return 0 if bounded and not led else COUNTED_MAX


def _period(since: date | None, until: date | None, *, bounded: bool = True) -> Period | Refused:
    """From the first day's begin to the last one's end; `bounded`: no more than a leap year."""
    if since is not None and until is not None:
        days = (until - since).days
        if days < 0 or (bounded and days >= PERIOD_DAYS_MAX):
            return Refused(Refusal.BAD_PERIOD, {"max": PERIOD_DAYS_MAX})
    return Period(
        None if since is None else _midnight(since),
        None if until is None or until == date.max else _midnight(until + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    if day == date.min:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.combine(day, time.min, TASHKENT).astimezone(UTC)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _cursor(at: datetime, id_: int) -> str:
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{id_}"


def _place(after: str | None) -> Place | None:
    """The place a cursor names; one that nobody of ours made is none: the first page is shown."""
    moment, _, id_ = (after or "").partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (moment, id_)):
        return None
    try:
        return Place(_EPOCH + timedelta(microseconds=int(moment)), int(id_))
    except OverflowError:
        return None


def _listed(row: ListedRow) -> ListedInvoice:
    return ListedInvoice(
        str(row.id),
        row.number,
        row.customer_msisdn,
        row.amount_tiyin,
        STATUS[InvoiceState(row.state)],
        row.channel,
        row.issued_at,
        row.closed_at,
    )


def _payment(row: PaymentRow) -> PaymentPaper:
    status = Status.REFUNDED if row.state == PaymentState.REFUNDED else Status.PAID
    return PaymentPaper(
        str(row.id),
        row.number,
        row.invoice_number,
        row.customer_msisdn,
        row.amount_tiyin,
        status,
        row.paid_at,
        row.card_last4,
    )


def _events(invoice_id: int, payments: Collection[int]) -> list[str]:
    """The names under which notices about an invoice, its payments and its refunds are queued."""
    of_invoice = ("issued", "declined", "cancelled", "expired")
    of_payment = ("approved", "declined", "unknown", "reversed", "refunded")
    return [
        *(f"invoice:{invoice_id}:{what}" for what in of_invoice),
        *(f"payment:{one}:{what}" for one in payments for what in of_payment),
    ]
