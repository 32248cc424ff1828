"""Who a phone is, and the registration of merchants (done by the serving bank, domain.md P1)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from invoicing import audit
from invoicing.audit import Actor
from invoicing.results import Done, Kind, MerchantView, Refusal, Refused, Role
from invoicing.storage import people as storage
from invoicing.storage.people import MerchantUser
from invoicing.values import LANGUAGES, is_mobile, msisdn, shop_name, short_name

DEFAULT_LANGUAGE: Final = "ru"
_FEE_BP_MAX: Final = 10_000
_ACCOUNT_MAX: Final = 64


def phone(typed: str) -> str | Refused:
    """A mobile number in its normal form, or why it is none."""
    number = msisdn(typed)
    if number is None:
        return Refused(Refusal.BAD_PHONE)
    return number if is_mobile(number) else Refused(Refusal.NOT_MOBILE)


def role(conn: Connection, number: str) -> Role:
    """What the phone's dialogue begins with. A blocked merchant user is blocked as a customer too (A2)."""
    user = storage.merchant_user_of(conn, number)
    customer = storage.customer_of(conn, number)
    language = user.lang if user else customer.lang if customer else DEFAULT_LANGUAGE
    if (user and not user.active) or (customer and customer.state == "blocked"):
        return Role(Kind.BLOCKED, language)
    connected = bool(customer and customer.state == "active" and storage.cards_of(conn, customer.id))
    if user:
        return Role(Kind.MERCHANT, language, user.name, user.name_sms, connected)
    known = customer is not None and customer.state == "active"
    return Role(Kind.CUSTOMER if known else Kind.STRANGER, language, connected=connected)


def note_blocked(conn: Connection, now: datetime, number: str, channel: str) -> None:
    """A2: a blocked phone's attempt leaves a trace."""
    audit.note(conn, now, Actor(number, channel), "refused_blocked", f"phone:{number}")


def acting_user(
    conn: Connection, now: datetime, number: str, channel: str, *, lock: bool = False
) -> MerchantUser | Refused:
    """The merchant user who acts, or the refusal; an action checks by itself what a menu may have shown."""
    user = storage.merchant_user_of(conn, number, lock=lock)
    if user is None:
        return Refused(Refusal.NOT_MERCHANT)
    if not user.active:
        note_blocked(conn, now, number, channel)
        return Refused(Refusal.BLOCKED)
    return user


def reading_user(conn: Connection, number: str) -> MerchantUser | Refused:
    """As `acting_user`, for what only reads: it leaves no trace."""
    user = storage.merchant_user_of(conn, number)
    if user is None:
        return Refused(Refusal.NOT_MERCHANT)
    return user if user.active else Refused(Refusal.BLOCKED)


_SERVICE_CODES_FROM: Final = 100_000


def service_code(merchant_id: int) -> str:
    """What customers dial to pay the merchant without an invoice: seven digits, the first is 0 (1.1)."""
    return f"{_SERVICE_CODES_FROM + merchant_id:07d}"


def merchant_id_of(code: str) -> int | None:
    """The merchant a well-formed service code would name."""
    if not (code.isascii() and code.isdigit() and len(code) == 7):
        return None
    return max(int(code) - _SERVICE_CODES_FROM, 0) or None


def add(
    conn: Connection,
    now: datetime,
    by: Actor,
    *,
    name: str,
    number: str,
    lang: str,
    fee_bp: int,
    bank_account_ref: str | None,
) -> Done | Refused:
    kept, owner = shop_name(name), phone(number)
    if kept is None:
        return Refused(Refusal.BAD_NAME)
    if isinstance(owner, Refused):
        return owner
    if lang not in LANGUAGES:
        return Refused(Refusal.UNKNOWN_LANGUAGE)
    if not 0 <= fee_bp <= _FEE_BP_MAX:
        return Refused(Refusal.BAD_FEE)
    account = bank_account_ref or ""
    if len(account) > _ACCOUNT_MAX or not account.isprintable():
        return Refused(Refusal.BAD_ACCOUNT)
    if storage.merchant_user_of(conn, owner) is not None:
        return Refused(Refusal.PHONE_TAKEN)
    merchant_id = storage.add_merchant(
        conn,
        name=kept,
        name_sms=short_name(kept),
        bank_account_ref=bank_account_ref,
        lang=lang,
        fee_bp=fee_bp,
        at=now,
    )
    added = storage.add_merchant_user(conn, merchant_id=merchant_id, msisdn=owner, role="owner")
    assert added  # looked for above, in the same transaction
    audit.note(conn, now, by, "merchant_added", f"merchant:{merchant_id}", after=kept)
    return Done(kept)


def set_blocked(conn: Connection, now: datetime, by: Actor, number: str, *, blocked: bool) -> Done | Refused:
    """Block or unblock the merchant a phone belongs to, with all its users."""
    owner = phone(number)
    if isinstance(owner, Refused):
        return owner
    user = storage.merchant_user_of(conn, owner)
    if user is None:
        return Refused(Refusal.NOT_MERCHANT)
    storage.set_merchant_state(conn, user.merchant_id, "blocked" if blocked else "active")
    action = "merchant_blocked" if blocked else "merchant_unblocked"
    audit.note(conn, now, by, action, f"merchant:{user.merchant_id}")
    return Done(user.name)


def all_of_them(conn: Connection) -> tuple[MerchantView, ...]:
    users = storage.merchant_users(conn)
    return tuple(
        MerchantView(user.name, user.msisdn, user.role, user.active, service_code(user.merchant_id))
        for user in users
    )


def set_language(conn: Connection, number: str, lang: str) -> Done | Refused:
    """The language of a phone's screens and SMS, whoever has the phone; a stranger's is remembered too."""
    if lang not in LANGUAGES:
        return Refused(Refusal.UNKNOWN_LANGUAGE)
    user, customer = storage.merchant_user_of(conn, number), storage.customer_of(conn, number)
    if user is not None:
        storage.set_merchant_user_language(conn, user.id, lang)
    if customer is not None:
        storage.set_customer_language(conn, customer.id, lang)
    elif user is None:
        storage.add_customer(conn, msisdn=number, lang=lang, pin_hash=None)
    return Done()


def language_of_customer(conn: Connection, number: str) -> str:
    """The language of an SMS to this phone as somebody's customer."""
    customer = storage.customer_of(conn, number)
    if customer is not None:
        return customer.lang
    user = storage.merchant_user_of(conn, number)
    return user.lang if user is not None else DEFAULT_LANGUAGE
