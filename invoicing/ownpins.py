"""A customer's own PIN and cards: choose a PIN twice, change it, lose it; link and unlink cards; SIM changes.

The PIN typed first waits for the second typing as a hash in a row with an expiry, never in a dialogue's
session. Resetting a PIN takes all cards away and asks for a new registration (domain.md 1.1).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from invoicing import audit, cards, notices
from invoicing.audit import Actor
from invoicing.cards import NewCard
from invoicing.limits import Limits
from invoicing.merchants import language_of_customer
from invoicing.notices import Template
from invoicing.results import CardLinked, Done, Refusal, Refused
from invoicing.storage import codes as storage
from invoicing.storage import people, sims
from invoicing.storage.codes import PinChange
from invoicing.storage.people import Customer


def allow_change(conn: Connection, now: datetime, limits: Limits, actor: Actor) -> None:
    """After the old PIN was right: for some minutes a new one may be chosen."""
    customer = people.customer_of(conn, actor.name, lock=True)
    assert customer is not None  # it had a PIN to compare with
    storage.allow_pin_change(conn, customer.id, now + limits.pin_change_life)


def propose(conn: Connection, now: datetime, limits: Limits, actor: Actor, pin_hash: str) -> Done | Refused:
    """Keep the first typing; the first PIN needs a linked card, a change the old PIN."""
    customer = _acting(conn, actor)
    if isinstance(customer, Refused):
        return customer
    if customer.pin_hash is None:
        if not people.cards_of(conn, customer.id):
            return Refused(Refusal.NO_CARD)
    elif storage.pin_change_of(conn, customer.id, now) is None:
        return Refused(Refusal.PIN_NOT_ALLOWED)
    storage.keep_candidate(conn, customer.id, pin_hash, now + limits.pin_change_life)
    return Done()


def candidate(conn: Connection, now: datetime, number: str) -> PinChange | None:
    """What the second typing is compared with, outside any transaction."""
    customer = people.customer_of(conn, number)
    found = None if customer is None else storage.pin_change_of(conn, customer.id, now)
    return found if found is not None and found.pin_hash is not None else None


def confirm(
    conn: Connection, now: datetime, limits: Limits, actor: Actor, seen: PinChange | None, *, right: bool
) -> Done | Refused:
    """Take the PIN over where both typings agree and nothing changed in between."""
    customer = _acting(conn, actor)
    if isinstance(customer, Refused):
        return customer
    present = storage.pin_change_of(conn, customer.id, now)
    if seen is None or present != seen or present.pin_hash is None:
        return Refused(Refusal.PIN_NOT_ALLOWED)
    if not right:
        storage.allow_pin_change(conn, customer.id, now + limits.pin_change_life)
        return Refused(Refusal.PIN_MISMATCH)
    sims.set_pin(conn, customer.id, present.pin_hash)
    storage.drop_pin_change(conn, customer.id)
    audit.note(conn, now, actor, "pin_chosen", f"customer:{customer.id}")
    _tell(conn, now, customer, Template.PIN_SET if customer.pin_hash is None else Template.PIN_CHANGED)
    return Done()


def reset(conn: Connection, now: datetime, actor: Actor, exp_yymm: str | None) -> Done | Refused:
    """After a right code: a card's expiry too, then PIN and cards are gone and the phone registers anew."""
    customer = _acting(conn, actor)
    if isinstance(customer, Refused):
        return customer
    if exp_yymm is None or exp_yymm not in {card.exp_yymm for card in people.cards_of(conn, customer.id)}:
        audit.note(conn, now, actor, "pin_reset_refused", f"customer:{customer.id}")
        return Refused(Refusal.BAD_EXPIRY)
    unlinked = sims.forget_pin(conn, customer.id)
    storage.drop_pin_change(conn, customer.id)
    audit.note(conn, now, actor, "pin_reset", f"customer:{customer.id}", after=f"{unlinked} cards unlinked")
    _tell(conn, now, customer, Template.PIN_CHANGED)
    return Done()


def link_own(
    conn: Connection, now: datetime, actor: Actor, card: NewCard, token: str
) -> CardLinked | Refused:
    """Link a card by the phone itself; a stranger becomes a guest who is to choose a PIN."""
    if people.customer_of(conn, actor.name) is None:
        lang = language_of_customer(conn, actor.name)
        people.add_customer(conn, msisdn=actor.name, lang=lang, pin_hash=None)
    customer = _acting(conn, actor)
    if isinstance(customer, Refused):
        return customer
    linked = cards.add(conn, now, actor, customer_id=customer.id, card=card, token=token)
    choose_pin = customer.pin_hash is None
    if isinstance(linked, Refused):
        # Linked before by this phone, which broke off where it was to choose its PIN: it goes on from there.
        mine = choose_pin and any(one.token == token for one in people.cards_of(conn, customer.id))
        return CardLinked(card.pan[-4:], choose_pin=True) if mine else linked
    return CardLinked(card.pan[-4:], choose_pin=choose_pin)


def unlink(conn: Connection, now: datetime, actor: Actor, card_id: int | None) -> Done | Refused:
    customer = _acting(conn, actor)
    if isinstance(customer, Refused):
        return customer
    if card_id is None or not people.unlink_card(conn, customer.id, card_id):
        return Refused(Refusal.NO_CARD)
    audit.note(conn, now, actor, "card_unlinked", f"customer:{customer.id}", before=f"card:{card_id}")
    return Done()


def see_sim(conn: Connection, now: datetime, actor: Actor, imsi_hash: str) -> bool:
    """Note the SIM that answers under a number; `True` where it changed (S8)."""
    changed = sims.see_customer(conn, actor.name, imsi_hash, now)
    changed |= sims.see_merchant_user(conn, actor.name, imsi_hash, now)
    if changed:
        audit.note(conn, now, actor, "sim_changed", f"phone:{actor.name}")
    return changed


def verify_sim(conn: Connection, now: datetime, by: Actor, number: str) -> Done | Refused:
    """The bank has made sure who holds the new SIM."""
    if not sims.verify(conn, number):
        return Refused(Refusal.NOT_FOUND)
    audit.note(conn, now, by, "sim_verified", f"phone:{number}")
    return Done()


def _acting(conn: Connection, actor: Actor) -> Customer | Refused:
    """The customer or guest who acts, the row held."""
    customer = people.customer_of(conn, actor.name, lock=True)
    if customer is None:
        return Refused(Refusal.NOT_CONNECTED)
    if customer.state == "blocked":
        return Refused(Refusal.BLOCKED)
    return Refused(Refusal.SIM_CHANGED) if customer.imsi_changed_at is not None else customer


def _tell(conn: Connection, now: datetime, customer: Customer, template: Template) -> None:
    notices.queue(
        conn,
        now,
        template,
        event_id=f"customer:{customer.id}:pin:{now:%Y%m%d%H%M%S%f}",
        recipient=customer.msisdn,
        lang=customer.lang,
    )
