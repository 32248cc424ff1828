"""A merchant's people: the owner takes cashiers on by their phones, and may shut each out again.

A cashier issues invoices, sees the merchant's, and cancels his own; refunds, tokens,
webhooks and staff are the owner's. Signing in is the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing import audit, merchants
from invoicing.accounts import CHANNEL, PROOF_LIFE
from invoicing.audit import Actor
from invoicing.paying import row_id
from invoicing.ports import Clock
from invoicing.results import Refusal, Refused
from invoicing.signedin import SignedIn
from invoicing.storage import cabinet as storage
from invoicing.storage import people
from invoicing.storage.cabinet import Holder, StaffRow
from invoicing.storage.connect import reading, write
from invoicing.values import shop_name

CASHIERS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class CashierView:
    """`signed_up`: has a password by now."""

    id: str
    msisdn: str
    name: str
    active: bool
    signed_up: bool


class Staff:
    """Thread-safe. Everything is asked as a merchant's owner; changes, after the password once more."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def cashiers(self, who: SignedIn) -> tuple[CashierView, ...] | Refused:
        if not who.owns:
            return Refused(Refusal.NOT_ALLOWED)
        with reading(self._engine) as conn:
            return tuple(_view(row) for row in storage.cashiers_of(conn, _merchant(who)))

    def add_cashier(self, who: SignedIn, phone: str, name: str) -> CashierView | Refused:
        """Take somebody on by a mobile phone that no merchant has yet."""
        number, kept = merchants.phone(phone), shop_name(name)
        refused = self._may_not(who)
        if refused is not None:
            return refused
        if isinstance(number, Refused):
            return number
        if kept is None:
            return Refused(Refusal.BAD_NAME)
        now = self._clock.now()

        def work(conn: Connection) -> CashierView | Refused:
            if len(storage.cashiers_of(conn, _merchant(who))) >= CASHIERS_MAX:
                return Refused(Refusal.TOO_MANY, {"max": CASHIERS_MAX})
            if not people.add_merchant_user(conn, merchant_id=_merchant(who), msisdn=number, role="cashier"):
                return Refused(Refusal.PHONE_TAKEN)
            row = storage.name_cashier(conn, _merchant(who), number, kept)
            audit.note(conn, now, Actor(who.msisdn, CHANNEL), "cashier_added", f"phone:{number}")
            return _view(row)

        return write(self._engine, work)

    def set_active(self, who: SignedIn, cashier_id: str, *, active: bool) -> CashierView | Refused:
        """Shut a cashier out, at once and everywhere, or let him in again."""
        refused = self._may_not(who)
        if refused is not None:
            return refused
        now, known = self._clock.now(), row_id(cashier_id)

        def work(conn: Connection) -> CashierView | Refused:
            changed = known is not None and storage.set_cashier_state(
                conn, _merchant(who), known, "active" if active else "blocked"
            )
            if not changed or known is None:
                return Refused(Refusal.NOT_FOUND)
            if not active:
                storage.end_sessions(conn, Holder(known))
            what = "cashier_let_in" if active else "cashier_shut_out"
            audit.note(conn, now, Actor(who.msisdn, CHANNEL), what, f"user:{known}")
            return next(_view(row) for row in storage.cashiers_of(conn, _merchant(who)) if row.id == known)

        return write(self._engine, work)

    def _may_not(self, who: SignedIn) -> Refused | None:
        if not who.owns:
            return Refused(Refusal.NOT_ALLOWED)
        proved = who.proved_at is not None and self._clock.now() - who.proved_at < PROOF_LIFE
        return None if proved else Refused(Refusal.NOT_AUTHENTICATED)


def _merchant(who: SignedIn) -> int:
    if who.merchant_id is None:
        raise ValueError("an operator has no cashiers")
    return who.merchant_id


def _view(row: StaffRow) -> CashierView:
    return CashierView(str(row.id), row.msisdn, row.name or "", row.active, row.signed_up)
