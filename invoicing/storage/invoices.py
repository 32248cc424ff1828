"""Rows of invoices. Every list query takes the merchant or the customer it may show rows of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, String, bindparam, exists, func, or_, select, update

from invoicing.states import TAKEN, InvoiceState
from invoicing.storage.people import OF_USER, Card, MerchantUser
from invoicing.storage.rows import add_numbered, changed, many, one
from invoicing.storage.tables import card, customer, invoice, merchant, merchant_user, pair_block, payment


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice with its merchant's name and, once paid, its payment."""

    id: int
    number: int
    merchant_id: int
    issued_by: int
    merchant_name: str
    customer_msisdn: str
    amount_tiyin: int
    state: str
    version: int
    issued_at: datetime
    expires_at: datetime
    payment_number: int | None
    paid_at: datetime | None


_invoices = (
    select(
        invoice.c.id,
        invoice.c.number,
        invoice.c.merchant_id,
        invoice.c.issued_by,
        merchant.c.name.label("merchant_name"),
        invoice.c.customer_msisdn,
        invoice.c.amount_tiyin,
        invoice.c.state,
        invoice.c.version,
        invoice.c.issued_at,
        invoice.c.expires_at,
        payment.c.number.label("payment_number"),
        payment.c.answered_at.label("paid_at"),
    )
    .join(merchant, merchant.c.id == invoice.c.merchant_id)
    .outerjoin(payment, (payment.c.invoice_id == invoice.c.id) & payment.c.state.in_(TAKEN))
)


def issue(
    conn: Connection,
    *,
    merchant_id: int,
    merchant_name: str,
    issued_by: int,
    channel: str,
    customer_msisdn: str,
    amount_tiyin: int,
    at: datetime,
    expires_at: datetime,
) -> Invoice:
    """T1's row, numbered by the sequence."""
    values = {
        "merchant_id": merchant_id,
        "issued_by": issued_by,
        "channel": channel,
        "customer_msisdn": customer_msisdn,
        "amount_tiyin": amount_tiyin,
        "state": InvoiceState.ISSUED,
        "version": 1,
        "issued_at": at,
        "expires_at": expires_at,
    }
    id_, number = add_numbered(conn, invoice, "invoice", values)
    return Invoice(
        id=id_,
        number=number,
        merchant_id=merchant_id,
        issued_by=issued_by,
        merchant_name=merchant_name,
        customer_msisdn=customer_msisdn,
        amount_tiyin=amount_tiyin,
        state=InvoiceState.ISSUED,
        version=1,
        issued_at=at,
        expires_at=expires_at,
        payment_number=None,
        paid_at=None,
    )


def move(
    conn: Connection, invoice_id: int, before: InvoiceState, after: InvoiceState, closed_at: datetime | None
) -> bool:
    """Change the state only from `before`; `False`: another transaction was first."""
    return changed(conn, _MOVE, invoice_id=invoice_id, before=before, after=after, at=closed_at)


_MOVE = (
    update(invoice)
    .where(invoice.c.id == bindparam("invoice_id"), invoice.c.state == bindparam("before"))
    .values(state=bindparam("after"), closed_at=bindparam("at"), version=invoice.c.version + 1)
)
_BY_ID = _invoices.where(invoice.c.id == bindparam("invoice_id"))
_WITH_ISSUER = _BY_ID.join(merchant_user, merchant_user.c.id == invoice.c.issued_by).add_columns(*OF_USER)
_OF_CUSTOMER = _BY_ID.where(invoice.c.customer_msisdn == bindparam("msisdn"))
_WITH_CARD = _OF_CUSTOMER.outerjoin(
    card,
    (card.c.id == bindparam("card_id", type_=BigInteger))
    & (card.c.customer_id == bindparam("customer_id"))
    & (card.c.state == "active"),
).add_columns(card)


def by_id(conn: Connection, invoice_id: int) -> Invoice:
    found = one(conn, _BY_ID, Invoice, invoice_id=invoice_id)
    assert found is not None
    return found


def with_issuer(conn: Connection, invoice_id: int) -> tuple[Invoice, MerchantUser]:
    """The invoice and who issued it, by one query."""
    row = conn.execute(_WITH_ISSUER, {"invoice_id": invoice_id}).one()
    fields = len(Invoice.__match_args__)
    return Invoice(*row[:fields]), MerchantUser(*row[fields:])


def with_card(
    conn: Connection, msisdn: str, invoice_id: int, customer_id: int, card_id: int | None
) -> tuple[Invoice, Card | None] | None:
    """An invoice to this phone and that card of the customer's, where it is one, by one query."""
    values = {"invoice_id": invoice_id, "msisdn": msisdn, "customer_id": customer_id, "card_id": card_id}
    row = conn.execute(_WITH_CARD, values).one_or_none()
    if row is None:
        return None
    fields = len(Invoice.__match_args__)
    own = row[fields:]
    return Invoice(*row[:fields]), None if own[0] is None else Card(*own)


def of_merchant(conn: Connection, merchant_id: int, invoice_id: int) -> Invoice | None:
    return one(
        conn, _invoices.where(invoice.c.id == invoice_id, invoice.c.merchant_id == merchant_id), Invoice
    )


def of_customer(conn: Connection, msisdn: str, invoice_id: int) -> Invoice | None:
    return one(conn, _OF_CUSTOMER, Invoice, invoice_id=invoice_id, msisdn=msisdn)


def merchant_page(
    conn: Connection, merchant_id: int, customer_msisdn: str | None, after: int | None, limit: int
) -> tuple[Invoice, ...]:
    """A merchant's invoices, newest first, from below the id `after`; to one customer where given."""
    query = _invoices.where(invoice.c.merchant_id == merchant_id)
    if customer_msisdn is not None:
        query = query.where(invoice.c.customer_msisdn == customer_msisdn)
    return many(conn, _page(query, after, limit), Invoice)


def open_page(
    conn: Connection, msisdn: str, now: datetime, after: int | None, limit: int
) -> tuple[Invoice, ...]:
    """What a customer still has to decide about, or is paying: newest first; overdue ones are left out."""
    to_decide = (invoice.c.state == InvoiceState.ISSUED) & (invoice.c.expires_at > now)
    query = _invoices.where(
        invoice.c.customer_msisdn == msisdn, or_(to_decide, invoice.c.state == InvoiceState.PAYING)
    )
    return many(conn, _page(query, after, limit), Invoice)


def _page(query: Select[Any], after: int | None, limit: int) -> Select[Any]:
    if after is not None:
        query = query.where(invoice.c.id < after)
    return query.order_by(invoice.c.id.desc()).limit(limit)


def due(conn: Connection, now: datetime, limit: int) -> Sequence[int]:
    """Ids of issued invoices whose time is over, oldest due first."""
    query = (
        select(invoice.c.id)
        .where(invoice.c.state == InvoiceState.ISSUED, invoice.c.expires_at <= now)
        .order_by(invoice.c.expires_at, invoice.c.id)
        .limit(limit)
    )
    return conn.execute(query).scalars().all()


def any_due(conn: Connection, now: datetime) -> bool:
    return bool(due(conn, now, 1))


def latest_equal(
    conn: Connection, merchant_id: int, customer_msisdn: str, amount_tiyin: int, since: datetime
) -> int | None:
    """The number of the newest equal invoice since a moment that is neither refused nor over (A20)."""
    values = {
        "merchant_id": merchant_id,
        "msisdn": customer_msisdn,
        "amount_tiyin": amount_tiyin,
        "since": since,
    }
    return conn.execute(_LATEST_EQUAL, values).scalar_one_or_none()


_LATEST_EQUAL = (
    select(invoice.c.number)
    .where(
        invoice.c.merchant_id == bindparam("merchant_id"),
        invoice.c.customer_msisdn == bindparam("msisdn"),
        invoice.c.amount_tiyin == bindparam("amount_tiyin"),
        invoice.c.issued_at > bindparam("since"),
        invoice.c.state.in_((InvoiceState.ISSUED, InvoiceState.PAYING, InvoiceState.PAID)),
    )
    .order_by(invoice.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a merchant stands to a phone, and how much was issued: all that issuing asks, in one query.

    Counts are of the last minute, of today, and of today to this phone. `lang` is the phone's as a customer.
    """

    own: bool
    blocked: bool
    lang: str | None
    minute: int
    day: int
    pair_day: int
    pair_open: int


def standing(
    conn: Connection, merchant_id: int, msisdn: str, minute_ago: datetime, midnight: datetime
) -> Standing:
    found = one(
        conn,
        _STANDING,
        Standing,
        merchant_id=merchant_id,
        msisdn=msisdn,
        minute_ago=minute_ago,
        midnight=midnight,
        since=min(minute_ago, midnight),
    )
    assert found is not None
    return found


_shop, _phone = bindparam("merchant_id", type_=BigInteger), bindparam("msisdn", type_=String)
_to_pair = invoice.c.customer_msisdn == _phone
_in_minute = invoice.c.issued_at > bindparam("minute_ago")
_today = invoice.c.issued_at >= bindparam("midnight")
_STANDING = select(
    exists().where(merchant_user.c.merchant_id == _shop, merchant_user.c.msisdn == _phone).label("own"),
    exists()
    .where(pair_block.c.merchant_id == _shop, pair_block.c.customer_msisdn == _phone)
    .label("blocked"),
    select(customer.c.lang).where(customer.c.msisdn == _phone).scalar_subquery().label("lang"),
    func.count().filter(_in_minute).label("minute"),
    func.count().filter(_today).label("day"),
    func.count().filter(_today, _to_pair).label("pair_day"),
    func.count().filter(_today, _to_pair, invoice.c.state == InvoiceState.ISSUED).label("pair_open"),
).where(invoice.c.merchant_id == _shop, invoice.c.issued_at >= bindparam("since"))
