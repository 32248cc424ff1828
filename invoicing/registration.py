"""Set-up work of the bank and of operators: merchants, customers, cards, CSV import, the demo's people.

Merchants and customers are registered by the serving bank (domain.md P1), so nothing here is reachable from a
dialogue. Hashing a PIN and asking the bank for a card's token happen before the transaction they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from sqlalchemy import Engine

from invoicing import cards, customers, merchants, ownpins, reversals, settlement
from invoicing.audit import Actor
from invoicing.limits import Limits
from invoicing.pins import hash_pin
from invoicing.ports import CardProcessor, Clock
from invoicing.processors.sandbox import SandboxBank
from invoicing.results import Done, MerchantView, Refusal, Refused
from invoicing.settlement import Settled
from invoicing.storage.connect import reading, write
from invoicing.values import tashkent_day

_CLI: Final = "cli"
_NAME_MAX: Final = 60
_OPERATOR: Final = Actor("operator", _CLI)

DEMO_MERCHANT: Final = "998901112233"
DEMO_OTHER_MERCHANT: Final = "998933334455"
DEMO_CUSTOMER: Final = "998901234567"
DEMO_PIN: Final = "24680"
DEMO_PAN: Final = "8600490000061234"
DEMO_BALANCE_TIYIN: Final = 60_000_00


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows taken over, and each refused row's number (from 1) with the reason."""

    done: int
    refused: tuple[tuple[int, Refusal], ...]


def _operator(name: str) -> Actor:
    return Actor(name[:_NAME_MAX], _CLI)


class Registration:
    """Thread-safe; each call is its own transaction."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        processor: CardProcessor,
        pepper: bytes,
        limits: Limits | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._processor = processor
        self._pepper = pepper
        self._limits = limits or Limits()

    def add_merchant(
        self,
        name: str,
        msisdn: str,
        *,
        lang: str = merchants.DEFAULT_LANGUAGE,
        fee_bp: int = 0,
        bank_account_ref: str | None = None,
    ) -> Done | Refused:
        """A merchant and its owner's phone; `fee_bp` is in hundredths of a percent."""
        add = partial(
            merchants.add,
            now=self._clock.now(),
            by=_OPERATOR,
            name=name,
            number=msisdn,
            lang=lang,
            fee_bp=fee_bp,
            bank_account_ref=bank_account_ref,
        )
        return write(self._engine, add)

    def block_merchant(self, msisdn: str) -> Done | Refused:
        """Block the merchant this phone belongs to."""
        return self._set_blocked(msisdn, blocked=True)

    def unblock_merchant(self, msisdn: str) -> Done | Refused:
        return self._set_blocked(msisdn, blocked=False)

    def _set_blocked(self, msisdn: str, *, blocked: bool) -> Done | Refused:
        now = self._clock.now()
        return write(
            self._engine, lambda conn: merchants.set_blocked(conn, now, _OPERATOR, msisdn, blocked=blocked)
        )

    def list_merchants(self) -> tuple[MerchantView, ...]:
        with reading(self._engine) as conn:
            return merchants.all_of_them(conn)

    def add_customer(self, msisdn: str, pin: str, lang: str = merchants.DEFAULT_LANGUAGE) -> Done | Refused:
        """Connect a phone with its first CLICK-PIN."""
        refused = customers.check_new_pin(pin)
        if refused is not None:
            return refused
        now, pin_hash = self._clock.now(), hash_pin(self._pepper, pin)
        return write(
            self._engine,
            lambda conn: customers.add(conn, now, _OPERATOR, number=msisdn, lang=lang, pin_hash=pin_hash),
        )

    def unlock_customer(self, msisdn: str) -> Done | Refused:
        """Open a PIN that three wrong tries locked."""
        now = self._clock.now()
        return write(self._engine, lambda conn: customers.unlock(conn, now, _OPERATOR, msisdn))

    def verify_sim(self, msisdn: str, *, by: str = _OPERATOR.name) -> Done | Refused:
        """Let a phone pay again whose SIM changed, after the bank has made sure who holds it (S8).

        Args:
            by: who has made sure, for the audit trail.
        """
        owner = merchants.phone(msisdn)
        if isinstance(owner, Refused):
            return owner
        now, actor = self._clock.now(), _operator(by)
        return write(self._engine, lambda conn: ownpins.verify_sim(conn, now, actor, owner))

    def settle(self, day: date, *, by: str = _OPERATOR.name) -> Settled | Refused:
        """Close a business day of Tashkent that is over; a second call tells what the first one did."""
        now, actor = self._clock.now(), _operator(by)
        return write(self._engine, lambda conn: settlement.settle(conn, now, actor, day))

    def close_reversal(
        self, payment_number: int, *, by: str = _OPERATOR.name, reason: str = ""
    ) -> Done | Refused:
        """Close a reversal that was left to people, after they saw at the bank that the money is back.

        Args:
            reason: how they know, for the audit trail.
        """
        now, actor = self._clock.now(), _operator(by)
        return write(
            self._engine, lambda conn: reversals.close_by_hand(conn, now, actor, payment_number, reason)
        )

    def add_card(
        self, msisdn: str, pan: str, expiry: str, *, balance_tiyin: int | None = None
    ) -> Done | Refused:
        """Link a card, `expiry` as MMYY. The number becomes a token here and is kept nowhere.

        `balance_tiyin` is what the card holds from now on; only the sandbox can be told.
        """
        bank = self._processor
        if balance_tiyin is not None and not isinstance(bank, SandboxBank):
            return Refused(Refusal.NOT_ALLOWED)
        now = self._clock.now()
        owner = merchants.phone(msisdn)
        if isinstance(owner, Refused):
            return owner
        card = cards.check(pan, expiry, tashkent_day(now))
        if isinstance(card, Refused):
            return card
        try:
            token = self._processor.tokenise(card.pan, card.exp_yymm, owner)
        except ConnectionError:
            return Refused(Refusal.UNAVAILABLE)
        if token is None:
            return Refused(Refusal.BAD_CARD_NUMBER)
        linked = write(
            self._engine,
            lambda conn: cards.link(conn, now, _OPERATOR, number=owner, card=card, token=token),
        )
        if balance_tiyin is not None and isinstance(bank, SandboxBank) and isinstance(linked, Done):
            bank.set_balance(token, balance_tiyin)
        return linked

    def import_csv(self, rows: Iterable[Mapping[str, str]]) -> Imported:
        """Register many at once, as `csv.DictReader` reads them.

        A row's `kind` is `merchant` (name, msisdn, optional lang, fee_bp, account), `customer` (msisdn, pin,
        optional lang) or `card` (msisdn, pan, expiry). Rows stand alone: a refused one stops no other.
        """
        done, refused = 0, []
        for number, row in enumerate(rows, start=1):
            result = self._import_row(row)
            if isinstance(result, Refused):
                refused.append((number, result.reason))
            else:
                done += 1
        return Imported(done, tuple(refused))

    def _import_row(self, row: Mapping[str, str]) -> Done | Refused:
        msisdn, lang = row.get("msisdn") or "", row.get("lang") or merchants.DEFAULT_LANGUAGE
        match row.get("kind"):
            case "merchant":
                fee_bp = row.get("fee_bp") or "0"
                if not fee_bp.isascii() or not fee_bp.isdigit() or len(fee_bp) > 5:
                    return Refused(Refusal.BAD_FEE)
                return self.add_merchant(
                    row.get("name") or "",
                    msisdn,
                    lang=lang,
                    fee_bp=int(fee_bp),
                    bank_account_ref=row.get("account") or None,
                )
            case "customer":
                return self.add_customer(msisdn, row.get("pin") or "", lang)
            case "card":
                return self.add_card(msisdn, row.get("pan") or "", row.get("expiry") or "")
            case _:
                return Refused(Refusal.UNKNOWN_KIND)

    def seed_demo(self) -> None:
        """The demo's people; a second call changes nothing, not even a spent balance."""
        self.add_merchant("MAGAZIN-24", DEMO_MERCHANT)
        self.add_merchant("CHOYXONA", DEMO_OTHER_MERCHANT)
        self.add_customer(DEMO_CUSTOMER, DEMO_PIN)
        expiry = f"12{(self._clock.now().year + 4) % 100:02d}"
        money = DEMO_BALANCE_TIYIN if isinstance(self._processor, SandboxBank) else None
        self.add_card(DEMO_CUSTOMER, DEMO_PAN, expiry, balance_tiyin=money)
