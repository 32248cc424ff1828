"""Rows of one-time codes, and of new PINs on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from invoicing.storage.rows import add, add_once, change, next_number, one
from invoicing.storage.tables import otp, pin_change


@dataclass(frozen=True, slots=True)
class Code:
    id: int
    msisdn: str
    purpose: str
    code_hash: str = field(repr=False)
    tries: int


@dataclass(frozen=True, slots=True)
class Asked:
    """How many codes were asked for: of a number in a minute and a day, of an address, and by everybody."""

    minute: int
    day: int
    address_day: int
    all_minute: int


def asked(
    conn: Connection, msisdn: str, address: str | None, minute_ago: datetime, midnight: datetime
) -> Asked:
    """Counts that stay true until the transaction ends: all who ask for codes take turns."""
    next_number(conn, "code")
    of_number = otp.c.msisdn == msisdn
    query = select(
        func.count().filter(of_number, otp.c.created_at > minute_ago).label("minute"),
        func.count().filter(of_number, otp.c.created_at >= midnight).label("day"),
        func.count()
        .filter(otp.c.address == (address or ""), otp.c.created_at >= midnight)
        .label("address_day"),
        func.count().filter(otp.c.created_at > minute_ago).label("all_minute"),
    ).where(otp.c.created_at >= min(minute_ago, midnight))
    found = one(conn, query, Asked)
    assert found is not None
    return found


def add_code(
    conn: Connection,
    *,
    msisdn: str,
    purpose: str,
    code_hash: str,
    request_ref: str,
    address: str | None,
    at: datetime,
    expires_at: datetime,
) -> None:
    """A new code; older ones of the same number and purpose are good no longer."""
    older = [otp.c.msisdn == msisdn, otp.c.purpose == purpose, otp.c.expires_at > at]
    conn.execute(otp.update().where(*older).values(expires_at=at))
    values = {
        "msisdn": msisdn,
        "purpose": purpose,
        "code_hash": code_hash,
        "request_ref": request_ref,
        "address": address,
        "created_at": at,
        "expires_at": expires_at,
        "tries": 0,
    }
    add(conn, otp, values)


def take_try(
    conn: Connection, request_ref: str, msisdn: str, purpose: str, now: datetime, tries_max: int
) -> Code | None:
    """Count one try before anybody compares; `None`: no such code, used, over, or no try is left."""
    where = [
        otp.c.request_ref == request_ref,
        otp.c.msisdn == msisdn,
        otp.c.purpose == purpose,
        otp.c.expires_at > now,
        otp.c.used_at.is_(None),
        otp.c.tries < tries_max,
    ]
    if not change(conn, otp, where, {"tries": otp.c.tries + 1}):
        return None
    query = select(otp.c.id, otp.c.msisdn, otp.c.purpose, otp.c.code_hash, otp.c.tries)
    return one(conn, query.where(otp.c.request_ref == request_ref), Code)


def use(conn: Connection, code_id: int, now: datetime) -> bool:
    """`True` for the one call that used it."""
    return change(conn, otp, [otp.c.id == code_id, otp.c.used_at.is_(None)], {"used_at": now})


def allow_pin_change(conn: Connection, customer_id: int, until: datetime) -> None:
    """The customer may choose a PIN until a moment; nothing is typed yet."""
    _keep(conn, customer_id, {"pin_hash": None, "expires_at": until})


def keep_candidate(conn: Connection, customer_id: int, pin_hash: str, until: datetime) -> None:
    """The new PIN as it was typed the first time."""
    _keep(conn, customer_id, {"pin_hash": pin_hash, "expires_at": until})


def _keep(conn: Connection, customer_id: int, values: dict[str, object]) -> None:
    if not add_once(conn, pin_change, {"customer_id": customer_id, **values}):
        change(conn, pin_change, [pin_change.c.customer_id == customer_id], values)


@dataclass(frozen=True, slots=True)
class PinChange:
    customer_id: int
    pin_hash: str | None = field(repr=False)
    expires_at: datetime


def pin_change_of(conn: Connection, customer_id: int, now: datetime) -> PinChange | None:
    """What was allowed or typed, while it is good."""
    query = select(pin_change).where(pin_change.c.customer_id == customer_id, pin_change.c.expires_at > now)
    return one(conn, query, PinChange)


def drop_pin_change(conn: Connection, customer_id: int) -> None:
    conn.execute(delete(pin_change).where(pin_change.c.customer_id == customer_id))
