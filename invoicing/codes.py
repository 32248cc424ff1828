"""One-time codes: six digits by SMS, five minutes, three tries counted before anybody compares (S9, S10).

A code is kept as a keyed hash and, until its SMS has left, sealed: nobody who reads the database can use it.
Who asks for a phone that may not have one gets the same answer, and no SMS goes out (S12).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from invoicing import audit, notices
from invoicing.audit import Actor
from invoicing.limits import Limits
from invoicing.notices import Template
from invoicing.results import CodeSent, Refusal, Refused
from invoicing.storage import codes as storage
from invoicing.storage import people
from invoicing.values import tashkent_midnight

PIN_RESET: Final = "pin"
LOGIN: Final = "login"
PASSWORD: Final = "password"  # noqa: S105 - the name of a purpose
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Fresh:
    """A code made outside the transaction that keeps it."""

    code: str = field(repr=False)
    request_ref: str

    @classmethod
    def make(cls) -> Fresh:
        return cls(f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}", secrets.token_hex(16))


def ask(
    conn: Connection,
    now: datetime,
    limits: Limits,
    pepper: bytes,
    actor: Actor,
    fresh: Fresh,
    *,
    purpose: str,
    address: str | None,
) -> CodeSent | Refused:
    """Keep a new code and queue its SMS, where the phone may have one; `actor` is the phone."""
    asked = storage.asked(conn, actor.name, address, now - timedelta(minutes=1), tashkent_midnight(now))
    if asked.minute >= limits.codes_per_minute or asked.all_minute >= limits.codes_in_all_a_minute:
        return Refused(Refusal.CODE_MINUTE_LIMIT)
    over_address = address is not None and asked.address_day >= limits.codes_per_address_a_day
    if asked.day >= limits.codes_per_day or over_address:
        audit.note(conn, now, actor, "codes_over_limit", f"phone:{actor.name}", after=purpose)
        return Refused(Refusal.CODE_DAY_LIMIT)
    lang = _may_have(conn, actor.name, purpose)
    storage.add_code(
        conn,
        msisdn=actor.name,
        purpose=purpose,
        code_hash=_hash(pepper, fresh.request_ref, fresh.code),
        request_ref=fresh.request_ref,
        address=address,
        at=now,
        expires_at=now + limits.code_life,
    )
    if lang is not None:
        event_id = f"code:{fresh.request_ref}"
        notices.queue(
            conn,
            now,
            Template.CODE,
            event_id=event_id,
            recipient=actor.name,
            lang=lang,
            sealed_code=_sealed(pepper, event_id, fresh.code),
        )
    return CodeSent(fresh.request_ref)


def _may_have(conn: Connection, number: str, purpose: str) -> str | None:
    """The language of the phone's SMS; `None` where no code may go there for this purpose (S8, A33)."""
    if purpose == PIN_RESET:
        customer = people.customer_of(conn, number)
        if customer is None or customer.pin_hash is None or customer.state != "active":
            return None
        return None if customer.imsi_changed_at else customer.lang
    user = people.merchant_user_of(conn, number)
    return user.lang if user is not None and user.active and not user.sim_changed else None


def take_try(
    conn: Connection, now: datetime, limits: Limits, actor: Actor, *, purpose: str, request_ref: str
) -> storage.Code | Refused:
    """Count a try; the code is compared after this transaction is committed."""
    code = storage.take_try(conn, request_ref, actor.name, purpose, now, limits.code_tries)
    return Refused(Refusal.CODE_OVER) if code is None else code


def is_right(pepper: bytes, code: storage.Code, request_ref: str, typed: str) -> bool:
    return hmac.compare_digest(code.code_hash, _hash(pepper, request_ref, typed))


def judge(
    conn: Connection, now: datetime, limits: Limits, actor: Actor, code: storage.Code, *, right: bool
) -> Refused | None:
    """Use the code up, once; `None`: it was right."""
    if right:
        return None if storage.use(conn, code.id, now) else Refused(Refusal.CODE_OVER)
    audit.note(conn, now, actor, "code_wrong", f"phone:{actor.name}", after=code.purpose)
    left = limits.code_tries - code.tries
    return Refused(Refusal.WRONG_CODE, {"left": left}) if left > 0 else Refused(Refusal.CODE_OVER)


def _hash(pepper: bytes, request_ref: str, code: str) -> str:
    return hmac.digest(pepper, f"code:{request_ref}:{code}".encode(), "sha256").hex()


def _stream(pepper: bytes, event_id: str) -> bytes:
    """A keystream for one event: its id is drawn at random and used once."""
    return hmac.digest(pepper, f"sealed:{event_id}".encode(), "sha256")


def _sealed(pepper: bytes, event_id: str, code: str) -> str:
    octets = code.encode()
    assert len(octets) == _DIGITS
    return bytes(a ^ b for a, b in zip(octets, _stream(pepper, event_id)[:_DIGITS], strict=True)).hex()


def unsealed(pepper: bytes, event_id: str, sealed: str) -> str:
    """The code, for the SMS that carries it.

    Raises:
        ValueError: it was sealed with another key.
    """
    octets = bytes.fromhex(sealed)
    code = bytes(
        a ^ b for a, b in zip(octets, _stream(pepper, event_id)[: len(octets)], strict=True)
    ).decode()
    if not (code.isascii() and code.isdigit() and len(code) == _DIGITS):
        raise ValueError("a code that was sealed with another key")
    return code
