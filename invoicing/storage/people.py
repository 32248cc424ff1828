"""Rows of merchants, their users, customers and cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from invoicing.storage.rows import add, add_once, change, changed, many, one
from invoicing.storage.tables import card, customer, merchant, merchant_user, pair_block, recipient_card


@dataclass(frozen=True, slots=True)
class MerchantUser:
    """A phone that may issue invoices, with its merchant."""

    id: int
    merchant_id: int
    msisdn: str
    role: str
    lang: str
    name: str
    name_sms: str
    fee_bp: int
    active: bool
    sim_changed: bool


@dataclass(frozen=True, slots=True)
class Shop:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class RecipientCard:
    id: int
    token: str
    last4: str


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    msisdn: str
    lang: str
    pin_hash: str | None
    pin_failed: int
    pin_tried_at: datetime | None
    pin_locked: bool
    imsi_hash: str | None
    imsi_changed_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Card:
    id: int
    customer_id: int
    token: str
    bin6: str
    last4: str
    exp_yymm: str
    scheme: str
    state: str


OF_USER: Final = (
    merchant_user.c.id,
    merchant_user.c.merchant_id,
    merchant_user.c.msisdn,
    merchant_user.c.role,
    func.coalesce(merchant_user.c.lang, merchant.c.lang).label("lang"),
    merchant.c.name,
    merchant.c.name_sms,
    merchant.c.fee_bp,
    ((merchant_user.c.state == "active") & (merchant.c.state == "active")).label("active"),
    merchant_user.c.imsi_changed_at.is_not(None).label("sim_changed"),
)
"""The columns of a `MerchantUser`, from both tables."""
_users = select(*OF_USER).join(merchant, merchant.c.id == merchant_user.c.merchant_id)

_customers = select(
    customer.c.id,
    customer.c.msisdn,
    customer.c.lang,
    customer.c.pin_hash,
    customer.c.pin_failed,
    customer.c.pin_tried_at,
    customer.c.pin_locked,
    customer.c.imsi_hash,
    customer.c.imsi_changed_at,
    customer.c.state,
)


_USER = _users.where(merchant_user.c.msisdn == bindparam("msisdn"))
_USER_HELD = _USER.with_for_update(of=merchant, key_share=True)
_USER_BY_ID = _users.where(merchant_user.c.id == bindparam("user_id"))
_CUSTOMER = _customers.where(customer.c.msisdn == bindparam("msisdn"))
_CUSTOMER_HELD = _CUSTOMER.with_for_update(key_share=True)
_CARDS = (
    select(card)
    .where(card.c.customer_id == bindparam("customer_id"), card.c.state == "active")
    .order_by(card.c.id)
)
_unlocked = (customer.c.id == bindparam("customer_id"), ~customer.c.pin_locked)
_CLEAR_TRIES = update(customer).where(*_unlocked).values(pin_failed=0)
_CLEAR_TRIES_OF = (
    update(customer)
    .where(customer.c.msisdn == bindparam("of_msisdn"), ~customer.c.pin_locked)
    .values(pin_failed=0)
    .returning(*_customers.selected_columns)
)
_COUNT_TRY = (
    update(customer)
    .where(*_unlocked, customer.c.pin_failed < bindparam("tries_max"))
    .values(pin_failed=customer.c.pin_failed + 1, pin_tried_at=bindparam("at"))
)


def merchant_user_of(conn: Connection, msisdn: str, *, lock: bool = False) -> MerchantUser | None:
    """The merchant user with this phone; `lock` holds its merchant's row until the transaction ends.

    The lock makes counting limits exact on PostgreSQL too; on SQLite every writing transaction is alone.
    """
    return one(conn, _USER_HELD if lock else _USER, MerchantUser, msisdn=msisdn)


def merchant_user_by_id(conn: Connection, user_id: int) -> MerchantUser:
    found = one(conn, _USER_BY_ID, MerchantUser, user_id=user_id)
    assert found is not None
    return found


def merchant_by_id(conn: Connection, merchant_id: int) -> Shop | None:
    """An active merchant."""
    query = select(merchant.c.id, merchant.c.name).where(
        merchant.c.id == merchant_id, merchant.c.state == "active"
    )
    return one(conn, query, Shop)


def owner_of(conn: Connection, merchant_id: int) -> MerchantUser:
    """The merchant's owner, the oldest where there are several."""
    owned = _users.where(merchant_user.c.merchant_id == merchant_id, merchant_user.c.role == "owner")
    found = one(conn, owned.order_by(merchant_user.c.id).limit(1), MerchantUser)
    assert found is not None  # a merchant is registered together with its owner
    return found


def block_pair(conn: Connection, merchant_id: int, msisdn: str, at: datetime) -> bool:
    """Whether it is new."""
    values = {"merchant_id": merchant_id, "customer_msisdn": msisdn, "created_at": at}
    return add_once(conn, pair_block, values)


def unblock_pairs(conn: Connection, msisdn: str) -> int:
    """Forget whom a customer blocked; how many."""
    return conn.execute(delete(pair_block).where(pair_block.c.customer_msisdn == msisdn)).rowcount


def merchant_users(conn: Connection) -> tuple[MerchantUser, ...]:
    return many(conn, _users.order_by(merchant_user.c.id), MerchantUser)


def is_phone_of_merchant(conn: Connection, merchant_id: int, msisdn: str) -> bool:
    query = select(merchant_user.c.id).where(
        merchant_user.c.merchant_id == merchant_id, merchant_user.c.msisdn == msisdn
    )
    return conn.execute(query).first() is not None


def add_merchant(
    conn: Connection,
    *,
    name: str,
    name_sms: str,
    bank_account_ref: str | None,
    lang: str,
    fee_bp: int,
    at: datetime,
) -> int:
    values = {
        "name": name,
        "name_sms": name_sms,
        "bank_account_ref": bank_account_ref,
        "state": "active",
        "lang": lang,
        "fee_bp": fee_bp,
        "created_at": at,
    }
    return add(conn, merchant, values)


def add_merchant_user(conn: Connection, *, merchant_id: int, msisdn: str, role: str) -> bool:
    """Whether the phone was free; a phone belongs to one merchant only."""
    values = {"merchant_id": merchant_id, "msisdn": msisdn, "role": role, "state": "active", "failed": 0}
    return add_once(conn, merchant_user, values)


def set_merchant_state(conn: Connection, merchant_id: int, state: str) -> None:
    change(conn, merchant, [merchant.c.id == merchant_id], {"state": state})


def set_merchant_user_language(conn: Connection, user_id: int, lang: str) -> None:
    change(conn, merchant_user, [merchant_user.c.id == user_id], {"lang": lang})


def customer_of(conn: Connection, msisdn: str, *, lock: bool = False) -> Customer | None:
    """The customer with this phone; `lock` holds the row, so that what was read of its PIN stays true."""
    return one(conn, _CUSTOMER_HELD if lock else _CUSTOMER, Customer, msisdn=msisdn)


def customer_by_id(conn: Connection, customer_id: int) -> Customer:
    found = one(conn, _customers.where(customer.c.id == customer_id), Customer)
    assert found is not None
    return found


def add_customer(conn: Connection, *, msisdn: str, lang: str, pin_hash: str | None) -> bool:
    """A new customer, or a guest (no PIN: only a language is known); whether the phone was free."""
    values = {
        "msisdn": msisdn,
        "lang": lang,
        "pin_hash": pin_hash,
        "pin_failed": 0,
        "pin_locked": False,
        "state": "guest" if pin_hash is None else "active",
    }
    return add_once(conn, customer, values)


def promote_guest(conn: Connection, msisdn: str, *, lang: str, pin_hash: str) -> bool:
    """Turn a guest into a customer; whether the phone was a guest's."""
    where = [customer.c.msisdn == msisdn, customer.c.state == "guest"]
    return change(conn, customer, where, {"lang": lang, "pin_hash": pin_hash, "state": "active"})


def set_customer_language(conn: Connection, customer_id: int, lang: str) -> None:
    change(conn, customer, [customer.c.id == customer_id], {"lang": lang})


def count_pin_try(conn: Connection, customer_id: int, tries_max: int, at: datetime) -> bool:
    """Take one of the tries that are left, before the PIN is looked at; `False` where none is."""
    return changed(conn, _COUNT_TRY, customer_id=customer_id, tries_max=tries_max, at=at)


def clear_pin_tries(conn: Connection, customer_id: int) -> bool:
    """After a right PIN; `False` where the customer was locked meanwhile."""
    return changed(conn, _CLEAR_TRIES, customer_id=customer_id)


def clear_pin_tries_of(conn: Connection, msisdn: str) -> Customer | None:
    """As `clear_pin_tries`, by the phone; the row is held and told as it is now, `None` where locked."""
    return one(conn, _CLEAR_TRIES_OF, Customer, of_msisdn=msisdn)


def lock_pin(conn: Connection, customer_id: int) -> bool:
    """Lock the PIN; `True` for the one call that did it."""
    return change(
        conn, customer, [customer.c.id == customer_id, ~customer.c.pin_locked], {"pin_locked": True}
    )


def unlock_pin(conn: Connection, customer_id: int) -> None:
    change(conn, customer, [customer.c.id == customer_id], {"pin_locked": False, "pin_failed": 0})


def cards_of(conn: Connection, customer_id: int) -> tuple[Card, ...]:
    """The customer's active cards, oldest first."""
    return many(conn, _CARDS, Card, customer_id=customer_id)


def card_by_id(conn: Connection, card_id: int) -> Card:
    found = one(conn, select(card).where(card.c.id == card_id), Card)
    assert found is not None
    return found


def add_card(
    conn: Connection, *, customer_id: int, token: str, bin6: str, last4: str, exp_yymm: str, scheme: str
) -> bool:
    """Whether the card was free: a card is linked to one customer at a time (domain.md 1.1)."""
    values = {
        "customer_id": customer_id,
        "token": token,
        "bin6": bin6,
        "last4": last4,
        "exp_yymm": exp_yymm,
        "scheme": scheme,
        "state": "active",
    }
    if add_once(conn, card, values):
        return True
    return change(conn, card, [card.c.token == token, card.c.state == "unlinked"], values)


def unlink_card(conn: Connection, customer_id: int, card_id: int) -> bool:
    where = [card.c.id == card_id, card.c.customer_id == customer_id, card.c.state == "active"]
    return change(conn, card, where, {"state": "unlinked"})


def recipient(conn: Connection, recipient_id: int) -> RecipientCard | None:
    return one(conn, select(recipient_card).where(recipient_card.c.id == recipient_id), RecipientCard)


def add_recipient(conn: Connection, token: str, last4: str) -> RecipientCard:
    """The card under its id; one seen before keeps its own."""
    add_once(conn, recipient_card, {"token": token, "last4": last4})
    found = one(conn, select(recipient_card).where(recipient_card.c.token == token), RecipientCard)
    assert found is not None
    return found
