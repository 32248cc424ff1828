"""A started demo and the people of the cases: merchants, customers with cards, strangers, each their own."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from app.handset import running
from app.money import DATABASE, Money
from app.settings import Settings
from invoicing import Limits, Refused
from tests.served import PIN, Caller, Served

BALANCE = 60_000
"""Soums on a card unless the case says otherwise, as on the demo customer's."""
_numbers = count(2_000_000)
_cards = count(1)


@dataclass(frozen=True)
class Person:
    """A phone and what it sees; every test has its own, so that no test minds another."""

    town: Town
    msisdn: str

    @property
    def short(self) -> str:
        """Nine digits, as a merchant types it."""
        return self.msisdn.removeprefix("998")

    @property
    def phone(self) -> Caller:
        """A new dialogue of this phone."""
        return self.town.served.caller(self.msisdn)

    def dial(self, code: str, *answers: str) -> str:
        """The last screen of one dialogue, with its `CON ` or `END `."""
        return self.phone.dial(code, *answers)

    def issue(self, customer: Person, soums: int) -> int:
        """Issue by the shortcut; the invoice's number."""
        return number_on(self.dial(f"*880**0*{customer.short}*{soums}#"))

    def pay(self, *, pin: str = PIN) -> str:
        """Pay the only open invoice with the only card."""
        return self.dial("*880#", "1", "1", pin)

    def decline(self) -> str:
        """Decline the only open invoice."""
        return self.dial("*880#", "1", "2")

    def sms(self, count: int) -> list[str]:
        """The texts received, newest last, as soon as there are `count` of them (within 10 s, A12)."""
        deadline = time.monotonic() + 10
        while len(found := self.town.served.inbox(self.msisdn)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return [message["text"] for message in found]

    def quiet(self) -> list[str]:
        """The texts received once everything queued for anybody has been sent."""
        self.town.wait_for("SELECT count(*) = 0 FROM outbox WHERE state = 'queued'")
        return self.sms(0)


@dataclass
class Town:
    """One demo on one data folder, which may be killed and started again."""

    served: Served
    folder: Path
    limits: Limits = field(default_factory=Limits)

    def merchant(self, name: str = "MAGAZIN-24", lang: str = "ru") -> Person:
        """Registered by the bank, as `ussd merchant add` does it."""
        msisdn = _new_msisdn()
        with self.money() as money:
            _done(money.invoicing.add_merchant(name, msisdn, lang=lang))
        return Person(self, msisdn)

    def customer(self, *last4: str, balance: int = BALANCE, lang: str = "ru") -> Person:
        """Connected, with PIN 24680 and a card for each of `last4`, or one *1234."""
        person = Person(self, _new_msisdn())
        with self.money() as money:
            _done(money.invoicing.add_customer(person.msisdn, PIN, lang))
        self.give_cards(person, *(last4 or ("1234",)), balance=balance)
        return person

    def connect(self, person: Person) -> None:
        """Make a customer of a merchant, with a card *1234."""
        with self.money() as money:
            _done(money.invoicing.add_customer(person.msisdn, PIN))
        self.give_cards(person, "1234")

    def give_cards(self, person: Person, *last4: str, balance: int = BALANCE) -> None:
        """`balance` is in soums, on each card."""
        with self.money() as money:
            for digits in last4:
                _done(money.invoicing.add_card(person.msisdn, card_number(digits), "1230"))
        self.change(
            "UPDATE sandbox_account SET balance_tiyin = ? WHERE token IN (SELECT token FROM card"
            " JOIN customer ON customer.id = card.customer_id WHERE msisdn = ?)",
            balance * 100,
            person.msisdn,
        )

    def stranger(self) -> Person:
        """A phone that nobody has registered."""
        return Person(self, _new_msisdn())

    def block(self, merchant: Person) -> None:
        """As `ussd merchant block` does it."""
        with self.money() as money:
            _done(money.invoicing.block_merchant(merchant.msisdn))

    def balance(self, customer: Person) -> int:
        """Soums on the customer's cards."""
        ((tiyin,),) = self.rows(
            "SELECT sum(balance_tiyin) FROM sandbox_account JOIN card USING (token)"
            " JOIN customer ON customer.id = card.customer_id WHERE msisdn = ?",
            customer.msisdn,
        )
        return int(tiyin) // 100

    def service_code(self, merchant: Person) -> str:
        """Seven digits under which customers pay the shop, as `ussd merchant list` shows them."""
        with self.money() as money:
            shops = money.invoicing.list_merchants()
        return next(shop.service_code for shop in shops if shop.msisdn == merchant.msisdn)

    def direct(self, customer: Person) -> list[tuple[str, int, str]]:
        """(kind, tiyin, state) of the customer's payments without an invoice, oldest first."""
        return self.rows(
            "SELECT kind, amount_tiyin, payment.state FROM payment"
            " JOIN customer ON customer.id = payment.customer_id"
            " WHERE msisdn = ? AND invoice_id IS NULL ORDER BY payment.id",
            customer.msisdn,
        )

    def expire(self, *numbers: int) -> None:
        """Let the invoices' time run out, and wait until the service has closed them."""
        listed = ", ".join(map(str, numbers))
        self.change(f"UPDATE invoice SET expires_at = issued_at WHERE number IN ({listed})")
        self.wait_for(f"SELECT min(state = 'expired') FROM invoice WHERE number IN ({listed})")

    @contextmanager
    def bank_takes_no_reversals(self) -> Iterator[None]:
        """An unknown outcome stays unknown until the end of the block."""
        self.change(
            "CREATE TRIGGER no_reversals AFTER INSERT ON reversal BEGIN"
            " UPDATE reversal SET next_at = '2999-01-01 00:00:00.000000' WHERE id = NEW.id; END"
        )
        try:
            yield
        finally:
            self.change("DROP TRIGGER no_reversals")
            self.change("UPDATE reversal SET next_at = '2000-01-01 00:00:00.000000' WHERE state = 'queued'")

    def invoices(self, merchant: Person) -> list[tuple[Any, ...]]:
        """(number, customer's phone, tiyin, state) as stored, oldest first."""
        return self.rows(
            "SELECT number, customer_msisdn, amount_tiyin, invoice.state FROM invoice"
            " JOIN merchant_user ON merchant_user.id = issued_by WHERE msisdn = ? ORDER BY number",
            merchant.msisdn,
        )

    def entries(self, number: int) -> list[tuple[str, str, int]]:
        """(account, side, tiyin) booked for an invoice."""
        return self.rows(
            "SELECT account.kind, side, entry.amount_tiyin FROM entry"
            " JOIN account ON account.id = account_id JOIN transfer ON transfer.id = transfer_id"
            " JOIN payment ON payment.id = ref_payment JOIN invoice ON invoice.id = invoice_id"
            " WHERE invoice.number = ? ORDER BY side DESC",
            number,
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What is stored, read beside the running service."""
        with closing(self._connect()) as connection:
            return connection.execute(query, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        """Change what is stored, where no dialogue can."""
        with closing(self._connect()) as connection, connection:
            connection.execute(statement, values)

    def wait_for(self, question: str) -> None:
        """Until `question` is answered with 1; ten seconds at most."""
        deadline = time.monotonic() + 10
        while self.rows(question) != [(1,)]:
            assert time.monotonic() < deadline, question
            time.sleep(0.05)

    @contextmanager
    def money(self) -> Iterator[Money]:
        """The domain over the same database, as the operations' commands open it."""
        with Money.open(Settings(), self.folder, running.security_key(self.folder).encode()) as money:
            yield money

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / DATABASE, timeout=10)


def number_on(screen: str) -> int:
    """The invoice number that the screen after issuing shows."""
    found = re.match(r"END \D*?(\d+)\n", screen)
    assert found, screen
    return int(found[1])


def _new_msisdn() -> str:
    return f"99890{next(_numbers)}"


def card_number(last4: str) -> str:
    """A card number with a right check digit (Luhn) that ends with `last4`."""
    free = f"8600{next(_cards):07d}"
    return next(pan for digit in range(10) if _luhn(pan := f"{free}{digit}{last4}") % 10 == 0)


def _luhn(pan: str) -> int:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(pan))]
    return sum(value - 9 if value > 9 else value for value in doubled)


def _done(result: object) -> None:
    assert not isinstance(result, Refused), result
