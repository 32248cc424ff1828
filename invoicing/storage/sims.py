"""Rows about SIMs and PINs of people: which IMSI answered under a number, and what a change takes away."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from invoicing.storage.rows import change
from invoicing.storage.tables import card, customer, device, merchant_user


def see_customer(conn: Connection, msisdn: str, imsi_hash: str, at: datetime) -> bool:
    """Keep the SIM seen; `True` where it is another than before."""
    who = customer.c.msisdn == msisdn
    if change(conn, customer, [who, customer.c.imsi_hash.is_(None)], {"imsi_hash": imsi_hash}):
        return False
    values = {"imsi_hash": imsi_hash, "imsi_changed_at": at}
    return change(conn, customer, [who, customer.c.imsi_hash != imsi_hash], values)


def see_merchant_user(conn: Connection, msisdn: str, imsi_hash: str, at: datetime) -> bool:
    """As `see_customer`; a merchant's push devices are unlinked with it."""
    who = merchant_user.c.msisdn == msisdn
    if change(conn, merchant_user, [who, merchant_user.c.imsi_hash.is_(None)], {"imsi_hash": imsi_hash}):
        return False
    values = {"imsi_hash": imsi_hash, "imsi_changed_at": at}
    if not change(conn, merchant_user, [who, merchant_user.c.imsi_hash != imsi_hash], values):
        return False
    user = select(merchant_user.c.id).where(who).scalar_subquery()
    conn.execute(delete(device).where(device.c.merchant_user_id == user))
    return True


def is_known(conn: Connection, msisdn: str, imsi_hash: str) -> bool:
    """Whether everybody with this number was seen with this SIM before, so that nothing is to be written."""
    rows = [
        *conn.execute(select(customer.c.imsi_hash).where(customer.c.msisdn == msisdn)).scalars(),
        *conn.execute(select(merchant_user.c.imsi_hash).where(merchant_user.c.msisdn == msisdn)).scalars(),
    ]
    return all(seen == imsi_hash for seen in rows)


def verify(conn: Connection, msisdn: str) -> bool:
    """The SIM seen last is the owner's; whether anybody waited for that."""
    found = False
    for table in (customer, merchant_user):
        where = [table.c.msisdn == msisdn, table.c.imsi_changed_at.is_not(None)]
        found |= change(conn, table, where, {"imsi_changed_at": None})
    return found


def set_pin(conn: Connection, customer_id: int, pin_hash: str) -> None:
    """A PIN the customer has typed twice: a guest is a customer from now on."""
    values = {"pin_hash": pin_hash, "pin_failed": 0, "pin_locked": False, "state": "active"}
    change(conn, customer, [customer.c.id == customer_id], values)


def forget_pin(conn: Connection, customer_id: int) -> int:
    """Take PIN and cards away; how many cards. The phone is a guest's again."""
    values = {"pin_hash": None, "pin_failed": 0, "pin_locked": False, "state": "guest"}
    change(conn, customer, [customer.c.id == customer_id], values)
    unlinked = card.update().where(card.c.customer_id == customer_id, card.c.state == "active")
    return conn.execute(unlinked.values(state="unlinked")).rowcount
