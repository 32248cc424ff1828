"""Invoices: issue, look, decline, cancel, expire (domain.md 3.1: T1, T7, T8, T9).

Each function runs inside one transaction of its caller and does the change, its notices and its audit row
together. `move` is the only way an invoice changes its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from invoicing import audit, events, notices
from invoicing.audit import SERVICE, Actor
from invoicing.limits import Limits
from invoicing.merchants import acting_user, language_of_customer, phone, reading_user
from invoicing.notices import Template
from invoicing.results import (
    Done,
    Duplicate,
    InvoiceCancelled,
    InvoiceDeclined,
    InvoiceView,
    Issued,
    Refusal,
    Refused,
    Rows,
    Status,
)
from invoicing.states import FINAL, INVOICE_MOVES, InvoiceState
from invoicing.storage import invoices as storage
from invoicing.storage import people
from invoicing.storage.invoices import Invoice, Standing
from invoicing.storage.people import MerchantUser
from invoicing.values import short_name, tashkent_midnight

STATUS = {
    InvoiceState.ISSUED: Status.AWAITING,
    InvoiceState.PAYING: Status.IN_PROGRESS,
    InvoiceState.PAID: Status.PAID,
    InvoiceState.DECLINED: Status.DECLINED,
    InvoiceState.CANCELLED: Status.CANCELLED,
    InvoiceState.EXPIRED: Status.EXPIRED,
    InvoiceState.REFUNDED: Status.REFUNDED,
}
_STATE_FORBIDS = {
    InvoiceState.PAYING: Refusal.BEING_PAID,
    InvoiceState.PAID: Refusal.ALREADY_PAID,
    InvoiceState.DECLINED: Refusal.ALREADY_DECLINED,
    InvoiceState.CANCELLED: Refusal.ALREADY_CANCELLED,
    InvoiceState.EXPIRED: Refusal.ALREADY_EXPIRED,
    InvoiceState.REFUNDED: Refusal.ALREADY_REFUNDED,
}
_NOT_FOUND = Refused(Refusal.NOT_FOUND)


def move(
    conn: Connection,
    now: datetime,
    invoice: Invoice,
    to: InvoiceState,
    actor: Actor,
    *,
    note: str | None = None,
) -> bool:
    """Take one step of T2-T10; `False` where the invoice is no longer in the state it was read in.

    Raises:
        ValueError: the table of domain.md 3.1 has no such step; a fault of the caller.
    """
    before = InvoiceState(invoice.state)
    if (before, to) not in INVOICE_MOVES:
        raise ValueError(f"an invoice never goes from {before} to {to}")
    closed_at = now if to in FINAL or to is InvoiceState.PAID else None
    if not storage.move(conn, invoice.id, before, to, closed_at):
        return False
    after = to if note is None else f"{to} {note}"
    audit.note(conn, now, actor, "invoice_moved", f"invoice:{invoice.id}", before=before, after=after)
    events.moved(conn, now, invoice.id, invoice.merchant_id, to)
    return True


@dataclass(frozen=True, slots=True)
class _Issuable:
    number: str
    stands: Standing


def could_issue(
    conn: Connection, now: datetime, limits: Limits, actor: Actor, *, customer: str, amount_tiyin: int
) -> Done | Duplicate | Refused:
    """What `issue` would answer now, with nothing done: for a form that shows it before the last step."""
    user = reading_user(conn, actor.name)
    if isinstance(user, Refused):
        return user
    found = _issuable(conn, now, limits, user, customer, amount_tiyin, again=False)
    return Done(found.number) if isinstance(found, _Issuable) else found


def _issuable(
    conn: Connection,
    now: datetime,
    limits: Limits,
    user: MerchantUser,
    customer: str,
    amount_tiyin: int,
    *,
    again: bool,
) -> _Issuable | Duplicate | Refused:
    """Every guard of T1 but who acts."""
    number = phone(customer)
    if isinstance(number, Refused):
        return number
    stands = storage.standing(
        conn, user.merchant_id, number, now - timedelta(minutes=1), tashkent_midnight(now)
    )
    if stands.own:
        return Refused(Refusal.OWN_NUMBER)
    if not limits.amount_min_tiyin <= amount_tiyin <= limits.amount_max_tiyin:
        borders = {"min_tiyin": limits.amount_min_tiyin, "max_tiyin": limits.amount_max_tiyin}
        return Refused(Refusal.AMOUNT_RANGE, borders)
    if not again:
        since = now - limits.same_invoice_within
        earlier = storage.latest_equal(conn, user.merchant_id, number, amount_tiyin, since)
        if earlier is not None:
            return Duplicate(earlier)
    if stands.blocked:
        # S25: neither the merchant nor his SMS learn more than that; the customer is left in peace.
        return Refused(Refusal.CANNOT_SEND)
    over = _over_limit(limits, stands)
    if over is not None:
        return over
    return _Issuable(number, stands)


def issue(
    conn: Connection,
    now: datetime,
    limits: Limits,
    actor: Actor,
    *,
    customer: str,
    amount_tiyin: int,
    again: bool,
) -> Issued | Duplicate | Refused:
    """T1. `actor` is the merchant user's phone; `again` issues an equal invoice a second time (A20)."""
    user = acting_user(conn, now, actor.name, actor.channel, lock=True)
    if isinstance(user, Refused):
        return user
    found = _issuable(conn, now, limits, user, customer, amount_tiyin, again=again)
    if not isinstance(found, _Issuable):
        return found
    number, stands = found.number, found.stands
    invoice = storage.issue(
        conn,
        merchant_id=user.merchant_id,
        merchant_name=user.name,
        issued_by=user.id,
        channel=actor.channel,
        customer_msisdn=number,
        amount_tiyin=amount_tiyin,
        at=now,
        expires_at=now + limits.invoice_life,
    )
    audit.note(conn, now, actor, "invoice_issued", f"invoice:{invoice.id}", after=str(amount_tiyin))
    event_id = f"invoice:{invoice.id}:issued"
    tell_customer(conn, now, invoice, Template.ISSUED, event_id=event_id, lang=stands.lang)
    events.tell(conn, now, invoice.id, invoice.merchant_id, events.ISSUED)
    return Issued(view(invoice))


def _over_limit(limits: Limits, counts: Standing) -> Refused | None:
    checks = (
        (Refusal.MINUTE_LIMIT, counts.minute, limits.issues_per_minute),
        (Refusal.DAY_LIMIT, counts.day, limits.issues_per_day),
        (Refusal.OPEN_LIMIT, counts.pair_open, limits.open_per_pair_a_day),
        (Refusal.SMS_LIMIT, counts.pair_day, limits.sms_per_pair_a_day),
    )
    for reason, count, limit in checks:
        if count >= limit:
            return Refused(reason, {"limit": limit})
    return None


def decline(
    conn: Connection, now: datetime, actor: Actor, invoice_id: int | None
) -> InvoiceDeclined | Refused:
    """T7, by the invoiced customer only; `actor` is that phone."""
    invoice = _of_customer(conn, actor.name, invoice_id)
    if invoice is None:
        return _NOT_FOUND
    refused = not_open(now, invoice)
    if refused is not None:
        return refused
    if not move(conn, now, invoice, InvoiceState.DECLINED, actor):
        return lost_race(conn, invoice.id)
    tell_merchant(conn, now, invoice, Template.DECLINED, event_id=f"invoice:{invoice.id}:declined")
    return InvoiceDeclined(view(storage.by_id(conn, invoice.id)))


def block_pair(conn: Connection, now: datetime, actor: Actor, invoice_id: int | None) -> Done | Refused:
    """S25: after a decline, no more invoices of this merchant to this phone; `actor` is that phone."""
    invoice = _of_customer(conn, actor.name, invoice_id)
    if invoice is None:
        return _NOT_FOUND
    if invoice.state != InvoiceState.DECLINED:
        return Refused(Refusal.NOT_DECLINED, {"number": invoice.number})
    if people.block_pair(conn, invoice.merchant_id, actor.name, now):
        audit.note(conn, now, actor, "merchant_blocked_by_customer", f"merchant:{invoice.merchant_id}")
    return Done(short_name(invoice.merchant_name))


def cancel(
    conn: Connection, now: datetime, actor: Actor, invoice_id: int | None
) -> InvoiceCancelled | Refused:
    """T8, by the merchant's owner or by the cashier who issued it; `actor` is that phone."""
    user = acting_user(conn, now, actor.name, actor.channel)
    if isinstance(user, Refused):
        return user
    invoice = _of_merchant(conn, user, invoice_id)
    if invoice is None:
        audit.note(conn, now, actor, "refused_foreign", f"invoice:{invoice_id}")
        return _NOT_FOUND
    if user.role != "owner" and invoice.issued_by != user.id:
        return Refused(Refusal.NOT_ALLOWED)
    refused = not_open(now, invoice)
    if refused is not None:
        return refused
    if not move(conn, now, invoice, InvoiceState.CANCELLED, actor):
        return lost_race(conn, invoice.id)
    tell_customer(conn, now, invoice, Template.CANCELLED, event_id=f"invoice:{invoice.id}:cancelled")
    return InvoiceCancelled(view(storage.by_id(conn, invoice.id)))


def expire(conn: Connection, now: datetime, limit: int) -> int:
    """T9 for the invoices that are due, oldest first; how many. It never touches one that is being paid."""
    count = 0
    for invoice_id in storage.due(conn, now, limit):
        invoice = storage.by_id(conn, invoice_id)
        if invoice.state == InvoiceState.ISSUED and move(conn, now, invoice, InvoiceState.EXPIRED, SERVICE):
            tell_expired(conn, now, invoice)
            count += 1
    return count


def not_open(now: datetime, invoice: Invoice) -> Refused | None:
    """Why an invoice can be neither paid nor declined nor cancelled now, if so."""
    state = InvoiceState(invoice.state)
    if state is not InvoiceState.ISSUED:
        return Refused(_STATE_FORBIDS[state], {"number": invoice.number})
    if invoice.expires_at <= now:
        return Refused(Refusal.ALREADY_EXPIRED, {"number": invoice.number})
    return None


def lost_race(conn: Connection, invoice_id: int) -> Refused:
    """Another transaction was first: answer with the state that it left (domain.md F10)."""
    invoice = storage.by_id(conn, invoice_id)
    # Back in `issued` already: the other one's attempt began and ended in between; asking again is right.
    reason = _STATE_FORBIDS.get(InvoiceState(invoice.state), Refusal.BEING_PAID)
    return Refused(reason, {"number": invoice.number})


def tell_customer(
    conn: Connection,
    now: datetime,
    invoice: Invoice,
    template: Template,
    *,
    event_id: str,
    payment: int | None = None,
    reason: str | None = None,
    lang: str | None = None,
) -> None:
    notices.queue(
        conn,
        now,
        template,
        event_id=event_id,
        recipient=invoice.customer_msisdn,
        lang=lang or language_of_customer(conn, invoice.customer_msisdn),
        number=invoice.number,
        amount_tiyin=invoice.amount_tiyin,
        name=invoice.merchant_name,
        payment=payment,
        reason=reason,
    )


def tell_merchant(
    conn: Connection,
    now: datetime,
    invoice: Invoice,
    template: Template,
    *,
    event_id: str,
    user: MerchantUser | None = None,
    reason: str | None = None,
) -> None:
    """To the phone that `told_of` names; `user` is the issuer where the caller has read him already."""
    user = told_of(conn, invoice, user)
    notices.queue(
        conn,
        now,
        template,
        event_id=event_id,
        recipient=user.msisdn,
        lang=user.lang,
        number=invoice.number,
        amount_tiyin=invoice.amount_tiyin,
        phone=invoice.customer_msisdn,
        reason=reason,
    )


def told_of(conn: Connection, invoice: Invoice, issuer: MerchantUser | None = None) -> MerchantUser:
    """Who hears for the merchant what becomes of an invoice: its issuer, or the owner if he was shut out."""
    issuer = issuer or people.merchant_user_by_id(conn, invoice.issued_by)
    shut_out = issuer.role != "owner" and not issuer.active
    return people.owner_of(conn, invoice.merchant_id) if shut_out else issuer


def tell_expired(conn: Connection, now: datetime, invoice: Invoice) -> None:
    tell_merchant(conn, now, invoice, Template.EXPIRED, event_id=f"invoice:{invoice.id}:expired")


def view(invoice: Invoice) -> InvoiceView:
    return InvoiceView(
        id=str(invoice.id),
        number=invoice.number,
        merchant_name=invoice.merchant_name,
        merchant_name_sms=short_name(invoice.merchant_name),
        customer_msisdn=invoice.customer_msisdn,
        amount_tiyin=invoice.amount_tiyin,
        status=STATUS[InvoiceState(invoice.state)],
        issued_at=invoice.issued_at,
        expires_at=invoice.expires_at,
        payment_number=invoice.payment_number,
        paid_at=invoice.paid_at,
    )


def merchant_page(
    conn: Connection, number: str, customer: str | None, after: int | None, limit: int
) -> Rows[InvoiceView] | Refused:
    """The merchant's invoices, newest first; to one customer where `customer` is given (A13, A28-A32)."""
    user = reading_user(conn, number)
    if isinstance(user, Refused):
        return user
    client = None if customer is None else phone(customer)
    if isinstance(client, Refused):
        return client
    return page(storage.merchant_page(conn, user.merchant_id, client, after, limit + 1), limit)


def customer_page(
    conn: Connection, number: str, now: datetime, after: int | None, limit: int
) -> Rows[InvoiceView]:
    """What the customer has to decide about or is paying, newest first (A24)."""
    return page(storage.open_page(conn, number, now, after, limit + 1), limit)


def page(found: tuple[Invoice, ...], limit: int) -> Rows[InvoiceView]:
    """The first `limit` rows; the query asked for one more to know whether there is one."""
    shown = found[:limit]
    return Rows(tuple(view(row) for row in shown), str(shown[-1].id) if len(found) > limit else None)


def of_merchant(conn: Connection, number: str, invoice_id: int | None) -> InvoiceView | Refused:
    user = reading_user(conn, number)
    if isinstance(user, Refused):
        return user
    invoice = _of_merchant(conn, user, invoice_id)
    return _NOT_FOUND if invoice is None else view(invoice)


def of_customer(conn: Connection, number: str, invoice_id: int | None) -> InvoiceView | Refused:
    """S5: another customer's invoice is answered as a missing one."""
    invoice = _of_customer(conn, number, invoice_id)
    return _NOT_FOUND if invoice is None else view(invoice)


def _of_merchant(conn: Connection, user: MerchantUser, invoice_id: int | None) -> Invoice | None:
    return None if invoice_id is None else storage.of_merchant(conn, user.merchant_id, invoice_id)


def _of_customer(conn: Connection, number: str, invoice_id: int | None) -> Invoice | None:
    return None if invoice_id is None else storage.of_customer(conn, number, invoice_id)
