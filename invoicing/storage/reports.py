"""What the cabinet asks of many rows: a filtered page with its totals, sums by day, an invoice's story.

Each query names the merchant it may show rows of. Pages go by keyset over the columns they are ordered by, so
that the last page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    Select,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from invoicing.states import InvoiceState, PaymentState
from invoicing.storage.papers import PaymentRow, Period
from invoicing.storage.rows import many
from invoicing.storage.tables import card, customer, invoice, merchant_user, outbox, payment

STANDING = (PaymentState.APPROVED, PaymentState.REFUNDING)
"""Payments that the merchant keeps: a refunded one is no success any more (domain.md A46)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the moment of its last row, and its id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Sought:
    """What invoices to list; empty filters nothing. `customer` and `number` given together mean either."""

    state: InvoiceState | None
    period: Period
    customer: str | None
    number: int | None
    min_tiyin: int | None
    max_tiyin: int | None


@dataclass(frozen=True, slots=True)
class ListedRow:
    id: int
    number: int
    customer_msisdn: str
    amount_tiyin: int
    state: str
    channel: str
    issued_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sums:
    """How many and how much, of everything and of what is paid."""

    count: int
    amount_tiyin: int
    paid_count: int
    paid_tiyin: int


_LISTED = tuple(invoice.c[name] for name in ListedRow.__match_args__)


def listed(
    conn: Connection, merchant_id: int, sought: Sought, after: Place | None, limit: int, counted_max: int
) -> tuple[Sums, tuple[ListedRow, ...]]:
    """A page of invoices, newest first, and the sums of all that are sought: by one query.

    Args:
        counted_max: the sums take no more rows than this and one; then they are of that part only.
    """
    sums = _sums(_matching(merchant_id, sought), counted_max + 1).subquery("sums")
    page = _page(merchant_id, sought, after, limit).subquery("page")
    query = (
        select(sums, page)
        .select_from(sums.outerjoin(page, true()))
        .order_by(page.c.issued_at.desc(), page.c.id.desc())
    )
    found = conn.execute(query).all()
    wide = len(Sums.__match_args__)
    rows = tuple(ListedRow(*row[wide:]) for row in found if row[wide] is not None)
    return Sums(*(int(value) for value in found[0][:wide])), rows


def sums(conn: Connection, merchant_id: int, sought: Sought) -> Sums:
    """The sums of all invoices that are sought, however many."""
    row = conn.execute(_sums(_matching(merchant_id, sought), None)).one()
    return Sums(*(int(value) for value in row))


def _matching(merchant_id: int, sought: Sought) -> tuple[ColumnElement[bool], ...]:
    return (invoice.c.merchant_id == merchant_id, *_sought(sought))


def _sought(sought: Sought) -> Iterable[ColumnElement[bool]]:
    yield from sought.period.of(invoice.c.issued_at)
    if sought.state is not None:
        yield invoice.c.state == sought.state
    if sought.min_tiyin is not None:
        yield invoice.c.amount_tiyin >= sought.min_tiyin
    if sought.max_tiyin is not None:
        yield invoice.c.amount_tiyin <= sought.max_tiyin
    either = []
    if sought.customer is not None:
        either.append(invoice.c.customer_msisdn == sought.customer)
    if sought.number is not None:
        either.append(invoice.c.number == sought.number)
    if either:
        yield or_(*either)


def _sums(matching: tuple[ColumnElement[bool], ...], rows_max: int | None) -> Select[int, int, int, int]:
    taken = select(invoice.c.amount_tiyin, invoice.c.state).where(*matching)
    some = (taken if rows_max is None else taken.limit(rows_max)).subquery("taken")
    paid = some.c.state == InvoiceState.PAID

    def total(column: ColumnElement[Any]) -> ColumnElement[int]:
        return cast(func.coalesce(column, 0), BigInteger)

    return select(
        func.count().label("count"),
        total(func.sum(some.c.amount_tiyin)).label("amount"),
        func.count().filter(paid).label("paid_count"),
        total(func.sum(some.c.amount_tiyin).filter(paid)).label("paid_amount"),
    ).select_from(some)


def _page(merchant_id: int, sought: Sought, after: Place | None, limit: int) -> Select[Any]:
    query = select(*_LISTED).where(*_matching(merchant_id, sought))
    if after is not None:
        query = query.where(_below(invoice.c.issued_at, invoice.c.id, after))
    return query.order_by(invoice.c.issued_at.desc(), invoice.c.id.desc()).limit(limit)


def _below(at: ColumnElement[Any], id_: ColumnElement[Any], place: Place) -> ColumnElement[bool]:
    # The first half alone bounds the walk over the index; the second settles rows of one moment.
    return and_(at <= place.at, or_(at < place.at, id_ < place.id))


def rows_of(conn: Connection, merchant_id: int, ids: Sequence[int]) -> tuple[ListedRow, ...]:
    """These of the merchant's invoices, as the list shows them."""
    query = select(*_LISTED).where(invoice.c.merchant_id == merchant_id, invoice.c.id.in_(ids))
    return many(conn, query, ListedRow)


# --- payments ---------------------------------------------------------------------------------------------

# An invoice is paid, and its payment answered, at one moment: `closed_at`. Refunded, it is `refunded`.
_paid_invoices = (invoice.c.state == InvoiceState.PAID,)
_service_payments = (payment.c.kind == "service", payment.c.state.in_(STANDING))


def paid_page(
    conn: Connection, merchant_id: int, period: Period, after: Place | None, limit: int
) -> tuple[PaymentRow, ...]:
    """Successful payments of a period, newest first, those without an invoice too."""
    by_invoice = (
        select(
            payment.c.id,
            payment.c.number,
            invoice.c.number.label("invoice_number"),
            invoice.c.customer_msisdn,
            payment.c.amount_tiyin,
            payment.c.state,
            invoice.c.closed_at.label("paid_at"),
            card.c.last4.label("card_last4"),
        )
        .join(payment, and_(payment.c.invoice_id == invoice.c.id, payment.c.state.in_(STANDING)))
        .join(card, card.c.id == payment.c.card_id)
        .where(invoice.c.merchant_id == merchant_id, *_paid_invoices, *period.of(invoice.c.closed_at))
    )
    by_service = (
        select(
            payment.c.id,
            payment.c.number,
            literal(None, BigInteger).label("invoice_number"),
            customer.c.msisdn.label("customer_msisdn"),
            payment.c.amount_tiyin,
            payment.c.state,
            payment.c.answered_at.label("paid_at"),
            card.c.last4.label("card_last4"),
        )
        .join(customer, customer.c.id == payment.c.customer_id)
        .join(card, card.c.id == payment.c.card_id)
        .where(payment.c.merchant_id == merchant_id, *_service_payments)
        .where(*period.of(payment.c.answered_at))
    )
    halves = []
    for half, at in ((by_invoice, invoice.c.closed_at), (by_service, payment.c.answered_at)):
        below = half if after is None else half.where(_below(at, payment.c.id, after))
        halves.append(below.order_by(at.desc(), payment.c.id.desc()).limit(limit).subquery())
    both = union_all(*(select(half) for half in halves)).subquery()
    query = select(both).order_by(both.c.paid_at.desc(), both.c.id.desc()).limit(limit)
    return many(conn, query, PaymentRow)


def paid_by_day(conn: Connection, merchant_id: int, period: Period) -> tuple[tuple[date, int, int], ...]:
    """Day of Tashkent, count and sum of its successful payments; days without any are left out."""
    halves = (
        select(_day(conn, invoice.c.closed_at), invoice.c.amount_tiyin.label("amount")).where(
            invoice.c.merchant_id == merchant_id, *_paid_invoices, *period.of(invoice.c.closed_at)
        ),
        select(_day(conn, payment.c.answered_at), payment.c.amount_tiyin.label("amount")).where(
            payment.c.merchant_id == merchant_id, *_service_payments, *period.of(payment.c.answered_at)
        ),
    )
    both = union_all(*halves).subquery()
    query = (
        select(both.c.day, func.count(), cast(func.sum(both.c.amount), BigInteger))
        .group_by(both.c.day)
        .order_by(both.c.day)
    )
    return tuple((_as_date(day), int(count), int(amount)) for day, count, amount in conn.execute(query))


def _day(conn: Connection, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """UTC+5 the whole year: Tashkent has had no summer time since 1992 (domain.md 1.4)."""
    if conn.dialect.name == "sqlite":
        return func.date(at, literal_column("'+5 hours'")).label("day")
    return cast(func.timezone("Asia/Tashkent", at), Date).label("day")


def _as_date(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


# --- one invoice ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptRow:
    id: int
    number: int
    state: str
    created_at: datetime
    answered_at: datetime | None
    response_code: str | None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    event_id: str
    template: str
    recipient: str
    state: str
    created_at: datetime
    sent_at: datetime | None
    delivery: str | None


@dataclass(frozen=True, slots=True)
class IssuerRow:
    msisdn: str
    name: str | None
    role: str


def issuer(conn: Connection, invoice_id: int) -> IssuerRow | None:
    query = (
        select(merchant_user.c.msisdn, merchant_user.c.name, merchant_user.c.role)
        .join(invoice, invoice.c.issued_by == merchant_user.c.id)
        .where(invoice.c.id == invoice_id)
    )
    found = many(conn, query, IssuerRow)
    return found[0] if found else None


def attempts(conn: Connection, invoice_id: int) -> tuple[AttemptRow, ...]:
    """Everybody's tries to pay an invoice, oldest first."""
    columns = tuple(payment.c[name] for name in AttemptRow.__match_args__)
    query = select(*columns).where(payment.c.invoice_id == invoice_id).order_by(payment.c.id)
    return many(conn, query, AttemptRow)


def refunds(conn: Connection, invoice_id: int) -> Sequence[int]:
    """Ids of the tries to give an invoice's payment back."""
    paid = payment.alias("paid")
    # No index leads from a payment to all of its refunds; one leads to its customer's later attempts.
    later = and_(payment.c.customer_id == paid.c.customer_id, payment.c.id > paid.c.id)
    query = select(payment.c.id).join(paid, and_(later, payment.c.refund_of == paid.c.id))
    return conn.execute(query.where(paid.c.invoice_id == invoice_id)).scalars().all()


def notices(conn: Connection, event_ids: Sequence[str]) -> tuple[NoticeRow, ...]:
    """The SMS about these events, oldest first."""
    columns = tuple(outbox.c[name] for name in NoticeRow.__match_args__)
    query = select(*columns).where(outbox.c.event_id.in_(event_ids), outbox.c.kind == "sms")
    return many(conn, query.order_by(outbox.c.id), NoticeRow)


# --- what has just changed --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangedRow:
    merchant_id: int
    id: int
    number: int
    state: str
    amount_tiyin: int
    version: int


def changed_since(
    conn: Connection, merchant_ids: Sequence[int], since: datetime, limit: int
) -> tuple[ChangedRow, ...]:
    """Invoices of these merchants that were issued or closed after a moment."""
    columns = tuple(invoice.c[name] for name in ChangedRow.__match_args__)
    own = invoice.c.merchant_id.in_(merchant_ids)
    closed = select(*columns).where(own, invoice.c.closed_at > since).limit(limit)
    issued = select(*columns).where(own, invoice.c.issued_at > since).limit(limit)
    both = union_all(*(select(half.subquery()) for half in (closed, issued))).subquery()
    return many(conn, select(both).distinct(), ChangedRow)
