"""Mistakes that somebody could make about cards, PINs, codes, blocks and the owner's lease."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from invoicing import Done, Lease, Refused, customers, invoices, ownpins
from invoicing.selfservice import SelfService
from invoicing.storage import codes as code_rows
from invoicing.storage import invoices as invoice_rows
from invoicing.storage import leases as lease_rows
from invoicing.storage import people, sims, tables
from invoicing.storage.rows import change, one
from tests.simulation.planting import Patch, plant


@plant
def anybody_links_a_card(patch: Patch) -> None:
    """The bank is asked whether there is such a card, and not whose it is."""
    token = SelfService._token
    patch.setattr(SelfService, "_token", lambda self, pan, expiry, _phone=None: token(self, pan, expiry))


@plant
def second_typing_is_not_compared(patch: Patch) -> None:
    """A new PIN is taken whatever is typed the second time."""
    confirm = ownpins.confirm

    def careless(*arguments: Any, right: bool) -> Any:
        return confirm(*arguments, right=right or True)

    patch.setattr(ownpins, "confirm", careless)


@plant
def new_pin_without_the_old(patch: Patch) -> None:
    """Whoever has the phone may propose a PIN: a change does not ask for the old one first."""

    def propose(conn: Connection, now: datetime, limits: Any, actor: Any, pin_hash: str) -> Any:
        customer = ownpins._acting(conn, actor)
        if isinstance(customer, Refused):
            return customer
        code_rows.keep_candidate(conn, customer.id, pin_hash, now + limits.pin_change_life)
        return Done()

    patch.setattr(ownpins, "propose", propose)


@plant
def old_pin_stays(patch: Patch) -> None:
    """A change says that it is done, and the old PIN is still the one."""
    set_pin = sims.set_pin

    def set_first(conn: Connection, customer_id: int, pin_hash: str) -> None:
        column = tables.customer.c.pin_hash
        before = conn.execute(select(column).where(tables.customer.c.id == customer_id)).scalar()
        set_pin(conn, customer_id, before or pin_hash)

    patch.setattr(sims, "set_pin", set_first)


@plant
def code_is_good_twice(patch: Patch) -> None:
    """A code that was right once is right again until its time is over."""
    otp = tables.otp

    def take_try(conn: Connection, ref: str, msisdn: str, purpose: str, now: datetime, tries_max: int) -> Any:
        where = [otp.c.request_ref == ref, otp.c.expires_at > now, otp.c.tries < tries_max]
        if not change(conn, otp, where, {"tries": otp.c.tries + 1}):
            return None
        query = select(otp.c.id, otp.c.msisdn, otp.c.purpose, otp.c.code_hash, otp.c.tries)
        return one(conn, query.where(otp.c.request_ref == ref), code_rows.Code)

    patch.setattr(code_rows, "take_try", take_try)
    patch.setattr(code_rows, "use", lambda *_: True)


@plant
def blocked_shop_issues(patch: Patch) -> None:
    """An operator's block is looked at by the menu alone."""
    user = people.merchant_user_of

    def acting(conn: Connection, _now: datetime, number: str, _channel: str, *, lock: bool = False) -> Any:
        return user(conn, number, lock=lock)

    patch.setattr(invoices, "acting_user", acting)


@plant
def blocked_pair_is_forgotten(patch: Patch) -> None:
    """A customer's block of a shop is kept, and not looked at."""
    standing = invoice_rows.standing
    patch.setattr(invoice_rows, "standing", lambda *words: replace(standing(*words), blocked=False))


@plant
def new_sim_pays(patch: Patch) -> None:
    """Another SIM under a customer's number may pay at once."""
    right = customers.may_pay

    def may_pay(customer: Any) -> Any:
        return right(None if customer is None else replace(customer, imsi_changed_at=None))

    patch.setattr(customers, "may_pay", may_pay)


@plant
def lease_is_taken_from_its_owner(patch: Patch) -> None:
    """A lease is taken over although its time has not run out."""
    keep = Lease.keep

    def greedy(self: Lease) -> bool:
        patch.setattr(self, "_gone", lambda _owner: True)
        return keep(self)

    patch.setattr(Lease, "keep", greedy)


@plant
def lease_that_ran_out_goes_to_two(patch: Patch) -> None:
    """Whoever saw the lease free takes it, also where another was first."""

    def acquire(conn: Connection, name: str, owner: str, seen: Any, until: datetime) -> int | None:
        epoch = 1 if seen is None else int(seen.epoch) + 1
        taken = {"owner": owner, "epoch": epoch, "expires_at": until}
        if not change(conn, tables.lease, [tables.lease.c.name == name], taken):
            conn.execute(tables.lease.insert().values(name=name, **taken))
        return epoch

    patch.setattr(lease_rows, "acquire", acquire)
