"""What a merchant reads on the web: invoices by any filter, payments, totals of a period, receipts (A43-A50).

Days are Tashkent's, from the first moment of the first to the last of the last. A total counts payments that
stand: a refunded one, an unknown one or a refused one is none (A46).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Engine

from invoicing import audit
from invoicing.accounts import CHANNEL
from invoicing.audit import Actor
from invoicing.invoices import STATUS
from invoicing.paying import cursor, row_id
from invoicing.ports import Clock
from invoicing.results import Refusal, Refused, Rows, Status
from invoicing.signedin import SignedIn
from invoicing.states import InvoiceState, PaymentState
from invoicing.storage import papers as storage
from invoicing.storage.connect import reading, write
from invoicing.storage.papers import InvoiceRow, PaymentRow, Period
from invoicing.values import TASHKENT

PAGE_MAX: Final = 100
PERIOD_DAYS_MAX: Final = 366

_STATES: Final = {status: state for state, status in STATUS.items()}
_PAYMENT_STATUS: Final = {
    PaymentState.APPROVED: Status.PAID,
    PaymentState.REFUNDING: Status.PAID,
    PaymentState.REFUNDED: Status.REFUNDED,
}


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What to list; what is absent filters nothing. `since` and `until` are days, both taken in."""

    status: Status | None = None
    customer_msisdn: str | None = None
    number: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """An invoice with everything its merchant may know; moments are UTC."""

    id: str
    number: int
    merchant_name: str
    customer_msisdn: str
    amount_tiyin: int
    status: Status
    channel: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    payment_number: int | None
    paid_at: datetime | None
    card_last4: str | None


@dataclass(frozen=True, slots=True)
class PaymentPaper:
    """A payment that reached the merchant; without an invoice where it was paid by the service code."""

    id: str
    number: int
    invoice_number: int | None
    customer_msisdn: str
    amount_tiyin: int
    status: Status
    paid_at: datetime
    card_last4: str


@dataclass(frozen=True, slots=True)
class DayTotal:
    day: date
    count: int
    amount_tiyin: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The payments of a period that stand: how many, how much, and day by day, where there were any."""

    since: date
    until: date
    count: int
    amount_tiyin: int
    days: tuple[DayTotal, ...]


class Papers:
    """Thread-safe. Everything is asked as somebody: no call can name another merchant."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def invoices(
        self, who: SignedIn, what: InvoiceFilter, after: str | None = None, limit: int = 50
    ) -> Rows[InvoicePaper] | Refused:
        """The merchant's invoices, newest first; `BAD_PERIOD` where the days are in the wrong order."""
        period = _period(what.since, what.until)
        if isinstance(period, Refused):
            return period
        limit = max(1, min(limit, PAGE_MAX))
        state = None if what.status is None else _STATES[what.status]
        with reading(self._engine) as conn:
            found = storage.invoices(
                conn,
                _merchant(who),
                state=state,
                customer=what.customer_msisdn,
                number=what.number,
                period=period,
                after=cursor(after),
                limit=limit + 1,
            )
        shown = found[:limit]
        return Rows(tuple(_invoice(row) for row in shown), _after(found, shown))

    def invoice(self, who: SignedIn, invoice_id: str) -> InvoicePaper | Refused:
        """One of the merchant's invoices; another's is `NOT_FOUND`, as one that is not there (S4)."""
        known = row_id(invoice_id)
        with reading(self._engine) as conn:
            found = None if known is None else storage.invoice_of(conn, _merchant(who), known)
        return self._foreign(who, f"invoice:{known}") if found is None else _invoice(found)

    def payments(
        self, who: SignedIn, since: date | None, until: date | None, after: str | None = None, limit: int = 50
    ) -> Rows[PaymentPaper] | Refused:
        """The payments that reached the merchant, refunded ones too, newest first."""
        period = _period(since, until)
        if isinstance(period, Refused):
            return period
        limit = max(1, min(limit, PAGE_MAX))
        with reading(self._engine) as conn:
            found = storage.payments(conn, _merchant(who), period, cursor(after), limit + 1)
        shown = found[:limit]
        return Rows(tuple(_payment(row) for row in shown), _after(found, shown))

    def payment(self, who: SignedIn, payment_id: str) -> PaymentPaper | Refused:
        known = row_id(payment_id)
        with reading(self._engine) as conn:
            found = None if known is None else storage.payment_of(conn, _merchant(who), known)
        return self._foreign(who, f"payment:{known}") if found is None else _payment(found)

    def _foreign(self, who: SignedIn, what: str) -> Refused:
        """Another merchant's or nobody's: the answer is the same, and so is the trace (S4)."""
        now, actor = self._clock.now(), Actor(who.msisdn, CHANNEL)
        write(self._engine, lambda conn: audit.note(conn, now, actor, "refused_foreign", what))
        return Refused(Refusal.NOT_FOUND)

    def totals(self, who: SignedIn, since: date, until: date) -> Totals | Refused:
        """What came in from day to day (A46); at most 366 days (A47)."""
        period = _period(since, until)
        if isinstance(period, Refused):
            return period
        with reading(self._engine) as conn:
            sums = storage.sums(conn, _merchant(who), period)
        by_day: dict[date, DayTotal] = {}
        for at, amount in sums:
            day = at.astimezone(TASHKENT).date()
            old = by_day.get(day, DayTotal(day, 0, 0))
            by_day[day] = DayTotal(day, old.count + 1, old.amount_tiyin + amount)
        days = tuple(by_day[day] for day in sorted(by_day))
        return Totals(
            since, until, sum(one.count for one in days), sum(one.amount_tiyin for one in days), days
        )


def _merchant(who: SignedIn) -> int:
    if who.merchant_id is None:
        raise ValueError("an operator has no merchant's papers")
    return who.merchant_id


def _period(since: date | None, until: date | None) -> Period | Refused:
    """From the first day's begin to the last one's end, as moments."""
    if since is not None and until is not None:
        if since > until:
            return Refused(Refusal.BAD_PERIOD, {"max": PERIOD_DAYS_MAX})
        if (until - since).days >= PERIOD_DAYS_MAX:
            return Refused(Refusal.BAD_PERIOD, {"max": PERIOD_DAYS_MAX})
    return Period(
        None if since is None else _midnight(since),
        None if until is None or until == date.max else _midnight(until + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    if day == date.min:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.combine(day, time.min, TASHKENT).astimezone(UTC)


def _after(found: tuple[InvoiceRow, ...] | tuple[PaymentRow, ...], shown: tuple[object, ...]) -> str | None:
    return str(found[len(shown) - 1].id) if len(found) > len(shown) else None


def _invoice(row: InvoiceRow) -> InvoicePaper:
    return InvoicePaper(
        id=str(row.id),
        number=row.number,
        merchant_name=row.merchant_name,
        customer_msisdn=row.customer_msisdn,
        amount_tiyin=row.amount_tiyin,
        status=STATUS[InvoiceState(row.state)],
        channel=row.channel,
        issued_by=row.issued_by,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        payment_number=row.payment_number,
        paid_at=row.paid_at,
        card_last4=row.card_last4,
    )


def _payment(row: PaymentRow) -> PaymentPaper:
    return PaymentPaper(
        id=str(row.id),
        number=row.number,
        invoice_number=row.invoice_number,
        customer_msisdn=row.customer_msisdn,
        amount_tiyin=row.amount_tiyin,
        status=_PAYMENT_STATUS[PaymentState(row.state)],
        paid_at=row.paid_at,
        card_last4=row.card_last4,
    )
