"""Cards: linked by the bank's token, shown as `*1234`; a card number is never stored (domain.md 4, S7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from invoicing import audit
from invoicing.audit import Actor
from invoicing.results import CardView, Done, Refusal, Refused
from invoicing.storage import people as storage
from invoicing.storage.people import Card
from invoicing.values import card_expiry, card_scheme


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that passed the checks of its digits. `pan` lives until the bank has made it a token."""

    pan: str = field(repr=False)
    exp_yymm: str
    scheme: str


def check(pan: str, mmyy: str, today: date) -> NewCard | Refused:
    scheme = card_scheme(pan)
    if scheme is None:
        return Refused(Refusal.BAD_CARD_NUMBER)
    exp_yymm = card_expiry(mmyy, today)
    return Refused(Refusal.BAD_EXPIRY) if exp_yymm is None else NewCard(pan, exp_yymm, scheme)


def link(
    conn: Connection, now: datetime, by: Actor, *, number: str, card: NewCard, token: str
) -> Done | Refused:
    customer = storage.customer_of(conn, number)
    if customer is None or customer.pin_hash is None:
        return Refused(Refusal.NOT_CONNECTED)
    return add(conn, now, by, customer_id=customer.id, card=card, token=token)


def add(
    conn: Connection, now: datetime, by: Actor, *, customer_id: int, card: NewCard, token: str
) -> Done | Refused:
    last4 = card.pan[-4:]
    added = storage.add_card(
        conn,
        customer_id=customer_id,
        token=token,
        bin6=card.pan[:6],
        last4=last4,
        exp_yymm=card.exp_yymm,
        scheme=card.scheme,
    )
    if not added:
        return Refused(Refusal.CARD_TAKEN)
    audit.note(conn, now, by, "card_linked", f"customer:{customer_id}", after=f"*{last4}")
    return Done()


def shown(conn: Connection, number: str) -> tuple[CardView, ...]:
    """The customer's cards, oldest first; empty for a phone that is no customer's."""
    customer = storage.customer_of(conn, number)
    if customer is None:
        return ()
    return tuple(
        CardView(str(card.id), card.last4, card.scheme) for card in storage.cards_of(conn, customer.id)
    )


def own(conn: Connection, customer_id: int, card_id: int | None) -> Card | None:
    """The customer's own active card with this id."""
    return next((card for card in storage.cards_of(conn, customer_id) if card.id == card_id), None)
