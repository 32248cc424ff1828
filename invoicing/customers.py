"""Customers and the tries of their CLICK-PIN.

A try is counted and committed before the PIN is looked at, and only the request that counted it may look: so
parallel dialogues, other gateways and crashes get three guesses together, not three each (domain.md S6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from invoicing import audit, notices, requests
from invoicing.audit import Actor
from invoicing.limits import Limits
from invoicing.merchants import phone
from invoicing.notices import Template
from invoicing.requests import CHECKING, Begun, RequestKey
from invoicing.results import Done, PinRight, Refusal, Refused
from invoicing.storage import people as storage
from invoicing.storage import requests as request_rows
from invoicing.storage.people import Customer
from invoicing.storage.requests import Request
from invoicing.values import LANGUAGES, pin_is_weak, pin_is_well_formed


class PinBusy(Exception):
    """All tries that are left are being compared at this moment: roll back and ask again in a moment."""


@dataclass(frozen=True, slots=True)
class PinTry:
    """A counted try: the hash to compare with, outside any transaction."""

    customer_id: int
    pin_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Checking:
    """The key is ours and a PIN try is counted; the PIN is to be compared now, outside the transaction."""

    row: Request
    pin_try: PinTry


@dataclass(frozen=True, slots=True)
class InHand:
    """Another copy of the request is at work, or died at it."""

    row: Request


def check_new_pin(pin: str) -> Refused | None:
    if not pin_is_well_formed(pin):
        return Refused(Refusal.PIN_FORMAT)
    return Refused(Refusal.WEAK_PIN) if pin_is_weak(pin) else None


def add(
    conn: Connection, now: datetime, by: Actor, *, number: str, lang: str, pin_hash: str
) -> Done | Refused:
    """Connect a phone; one that was a guest so far (only its language was known) is promoted."""
    owner = phone(number)
    if isinstance(owner, Refused):
        return owner
    if lang not in LANGUAGES:
        return Refused(Refusal.UNKNOWN_LANGUAGE)
    added = storage.add_customer(conn, msisdn=owner, lang=lang, pin_hash=pin_hash)
    if not added and not storage.promote_guest(conn, owner, lang=lang, pin_hash=pin_hash):
        return Refused(Refusal.PHONE_TAKEN)
    audit.note(conn, now, by, "customer_added", f"phone:{owner}")
    return Done()


def unlock(conn: Connection, now: datetime, by: Actor, number: str) -> Done | Refused:
    """Open a locked PIN again, after the bank has made sure who asks."""
    owner = phone(number)
    if isinstance(owner, Refused):
        return owner
    customer = storage.customer_of(conn, owner)
    if customer is None or customer.pin_hash is None:
        return Refused(Refusal.NOT_CONNECTED)
    storage.unlock_pin(conn, customer.id)
    audit.note(conn, now, by, "pin_unlocked", f"customer:{customer.id}")
    return Done()


def paying_customer(conn: Connection, number: str) -> Customer | Refused:
    """A customer who may use a PIN; the row is held until the transaction ends."""
    return may_pay(storage.customer_of(conn, number, lock=True))


def may_pay(customer: Customer | None) -> Customer | Refused:
    """Whether this is a customer who may use a PIN."""
    if customer is not None and customer.state == "blocked":
        return Refused(Refusal.BLOCKED)
    if customer is None or customer.pin_hash is None:
        return Refused(Refusal.NOT_CONNECTED)
    # S8: another SIM answers under this number; until its owner is verified anew nothing is paid.
    return customer if customer.imsi_changed_at is None else Refused(Refusal.SIM_CHANGED)


def begin_check(
    conn: Connection, now: datetime, limits: Limits, key: RequestKey, body: str, actor: Actor
) -> Checking | InHand | PinRight | Refused:
    """Take the key and one of the tries that are left."""
    begun = requests.begin(conn, key, body, now, CHECKING)
    if not isinstance(begun, Begun):
        return cast(PinRight | Refused, begun)  # the body's hash names the action
    if not begun.fresh:
        return InHand(begun.row)
    customer = paying_customer(conn, actor.name)
    if isinstance(customer, Refused):
        return requests.finish(conn, begun.row, customer)
    pin_try = count_try(conn, now, limits, customer, actor)
    if isinstance(pin_try, Refused):
        return requests.finish(conn, begun.row, pin_try)
    return Checking(begun.row, pin_try)


def finish_check(
    conn: Connection, now: datetime, limits: Limits, checking: Checking, actor: Actor, *, right: bool
) -> PinRight | Refused:
    if request_rows.find(conn, checking.row.scope, checking.row.key) != checking.row:
        return Refused(Refusal.INTERRUPTED)
    customer = storage.customer_of(conn, actor.name, lock=True)
    assert customer is not None  # it had a PIN to compare with
    return requests.finish(conn, checking.row, judge_try(conn, now, limits, customer, actor, right=right))


def count_try(
    conn: Connection, now: datetime, limits: Limits, customer: Customer, actor: Actor
) -> PinTry | Refused:
    """Take one of the tries that are left.

    Raises:
        PinBusy: other requests have taken the last tries and compare at this moment.
    """
    assert customer.pin_hash is not None
    if storage.count_pin_try(conn, customer.id, limits.pin_tries, now):
        return PinTry(customer.id, customer.pin_hash)
    if not customer.pin_locked:
        last = customer.pin_tried_at
        if last is not None and now - last < limits.pin_check_max:
            raise PinBusy
        # They died while comparing. Their tries are spent: else a guesser who kills connections never ends.
        _lock(conn, now, customer, actor)
    return Refused(Refusal.PIN_LOCKED)


def judge_and_hold(
    conn: Connection, now: datetime, limits: Limits, actor: Actor, *, right: bool
) -> Customer | Refused:
    """As `judge_try`, with the customer's row held; of a right PIN in one statement."""
    if right:
        return storage.clear_pin_tries_of(conn, actor.name) or Refused(Refusal.PIN_LOCKED)
    customer = storage.customer_of(conn, actor.name, lock=True)
    assert customer is not None  # it had a PIN to compare with
    judged = judge_try(conn, now, limits, customer, actor, right=False)
    assert isinstance(judged, Refused)
    return judged


def judge_try(
    conn: Connection, now: datetime, limits: Limits, customer: Customer, actor: Actor, *, right: bool
) -> PinRight | Refused:
    """What the comparison of a counted try leads to."""
    if right:
        if storage.clear_pin_tries(conn, customer.id):
            return PinRight()
        return Refused(Refusal.PIN_LOCKED)  # others guessed wrong while this one was compared
    audit.note(conn, now, actor, "pin_wrong", f"customer:{customer.id}")
    failed = customer.pin_failed
    if failed == 0 and storage.count_pin_try(conn, customer.id, limits.pin_tries, now):
        failed = 1  # a right PIN cleared the count while this one was compared; this wrong one came after it
    left = limits.pin_tries - failed
    if left <= 0 or customer.pin_locked:
        _lock(conn, now, customer, actor)
        return Refused(Refusal.PIN_LOCKED)
    return Refused(Refusal.WRONG_PIN, {"left": left})


def _lock(conn: Connection, now: datetime, customer: Customer, actor: Actor) -> None:
    """Lock once, and tell the owner once (S6)."""
    if not storage.lock_pin(conn, customer.id):
        return
    audit.note(conn, now, actor, "pin_locked", f"customer:{customer.id}")
    notices.queue(
        conn,
        now,
        Template.PIN_LOCKED,
        event_id=f"customer:{customer.id}:locked:{now:%Y%m%d%H%M%S%f}",
        recipient=customer.msisdn,
        lang=customer.lang,
    )
