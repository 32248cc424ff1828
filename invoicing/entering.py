"""What every way in shares: a password checked and counted, a session opened, a browser known again."""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing import audit, merchants, passwords, pins, throttle
from invoicing.audit import Actor
from invoicing.limits import Limits
from invoicing.ports import Clock
from invoicing.results import Refusal, Refused
from invoicing.signedin import LIVES, NewSession, Origin, SessionKind, SignedIn, WebRole
from invoicing.storage import cabinet as storage
from invoicing.storage.cabinet import Account, Holder, SessionRow
from invoicing.storage.connect import write

CHANNEL: Final = "web"
_TOKEN_OCTETS: Final = 32
_WRONG: Final = Refused(Refusal.WRONG_SIGN_IN)


class Entering:
    """The stages of signing in, over one database; `Accounts` puts them together."""

    def __init__(self, engine: Engine, *, clock: Clock, pepper: bytes, limits: Limits | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._pepper = pepper
        self._limits = limits or Limits()
        self._nobodys_hash = ""

    @property
    def limits(self) -> Limits:
        """As they are set; pages tell them."""
        return self._limits

    def _enter(self, subject: str, password: str, origin: Origin, kind: SessionKind) -> NewSession | Refused:
        operator = kind is SessionKind.ADMIN
        checked = self._checked(subject, password, origin, operator=operator)
        if isinstance(checked, Refused):
            return checked
        account, _ = checked
        if not account.active:
            now = self._clock.now()
            write(self._engine, lambda conn: merchants.note_blocked(conn, now, subject, CHANNEL))
            return Refused(Refusal.BLOCKED)
        now, token = self._clock.now(), new_token(kind)

        def work(conn: Connection) -> NewSession:
            row = self._open(conn, now, kind, account, origin, token, proved=True)
            audit.note(
                conn, now, Actor(subject, CHANNEL), "signed_in", f"session:{row.id}", after=origin.address
            )
            browser = None if operator else self._know(conn, now, account, origin)
            return NewSession(token, signed_in(row, account), browser)

        return write(self._engine, work)

    def _checked(
        self, subject: str, password: str, origin: Origin, *, operator: bool
    ) -> tuple[Account, int] | Refused:
        """The account whose password this is; the try is counted, and committed, before it is compared."""
        now = self._clock.now()
        if not self._nobodys_hash:
            self._nobodys_hash = pins.hash_pin(self._pepper, secrets.token_hex(16))

        def count(conn: Connection) -> tuple[Account | None, int, str | None] | Refused:
            storage.take_turn(conn, subject)
            browser = None if origin.browser is None else hashed(origin.browser)
            if browser is not None and (operator or not storage.knows_browser(conn, subject, browser)):
                browser = None
            tried = storage.tries(conn, subject, origin.address, browser, now - throttle.WINDOW)
            wait = throttle.wait(tried, now)
            if wait is not None:
                return Refused(Refusal.TOO_MANY_TRIES, {"seconds": int(wait.total_seconds()) + 1})
            account = (storage.operator_of if operator else storage.account_of)(conn, subject)
            return account, storage.add_try(conn, subject, origin.address, browser, now), browser

        counted = write(self._engine, count)
        if isinstance(counted, Refused):
            return counted
        account, try_id, browser = counted
        kept = self._nobodys_hash if account is None or not account.password_hash else account.password_hash
        # The same work for a phone that has no account or no password yet (ASVS 6.3.8).
        right = pins.is_right(self._pepper, kept, password[: passwords.MAX + 1])
        if account is None or not account.password_hash or not right:
            note = partial(audit.note, now=now, actor=Actor(subject, CHANNEL), action="sign_in_failed")
            write(self._engine, lambda conn: note(conn, object_=f"phone:{subject}", after=origin.address))
            return _WRONG
        write(self._engine, lambda conn: storage.clear_tries(conn, subject, origin.address, browser, try_id))
        return account, try_id

    def _granted(self, conn: Connection, grant: str, now: datetime) -> tuple[SessionRow, Account] | None:
        row = storage.session_of(conn, hashed(grant), now)
        if row is None or row.kind != SessionKind.GRANT:
            return None
        account = owner_of(conn, row)
        return None if account is None or not account.active else (row, account)

    def _renew(
        self,
        conn: Connection,
        now: datetime,
        account: Account,
        password_hash: str,
        origin: Origin,
        kind: SessionKind,
        token: str,
    ) -> NewSession:
        storage.set_password(conn, account.id, password_hash, now)
        ended = storage.end_sessions(conn, Holder(account.id))
        storage.forget_browsers(conn, account.id)
        actor = Actor(account.msisdn, CHANNEL)
        audit.note(conn, now, actor, "password_set", f"phone:{account.msisdn}", after=f"{ended} ended")
        row = self._open(conn, now, kind, account, origin, token, proved=True)
        return NewSession(token, signed_in(row, account), self._know(conn, now, account, origin))

    def _know(self, conn: Connection, now: datetime, account: Account, origin: Origin) -> str:
        """The mark by which this browser is known from now on: its own, where the account knew it."""
        known = origin.browser is not None and storage.knows_browser(
            conn, account.msisdn, hashed(origin.browser)
        )
        mark = (
            origin.browser if known and origin.browser is not None else secrets.token_urlsafe(_TOKEN_OCTETS)
        )
        storage.know_browser(conn, account.id, hashed(mark), now)
        return mark

    def _open(
        self,
        conn: Connection,
        now: datetime,
        kind: SessionKind,
        account: Account,
        origin: Origin,
        token: str,
        *,
        proved: bool,
    ) -> SessionRow:
        life, operator = LIVES[kind], kind is SessionKind.ADMIN
        values = SessionRow(
            id=0,
            kind=kind,
            user_id=None if operator else account.id,
            operator_id=account.id if operator else None,
            label=origin.label[:120],
            address=origin.address,
            created_at=now,
            seen_at=now,
            idle_until=now + life.idle,
            absolute_until=now + life.absolute,
            proved_at=now if proved else None,
        )
        return storage.add_session(conn, hashed(token), values)


def new_token(kind: SessionKind) -> str:
    """256 random bits (ASVS 7.2.3), with a prefix that tells people and leak scanners what they look at."""
    return f"click_{kind}_{secrets.token_urlsafe(_TOKEN_OCTETS)}"


def hashed(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def owner_of(conn: Connection, row: SessionRow) -> Account | None:
    if row.operator_id is not None:
        return storage.operator_by_id(conn, row.operator_id)
    assert row.user_id is not None  # the table holds it to one of both
    return storage.account_by_id(conn, row.user_id)


def signed_in(row: SessionRow, account: Account) -> SignedIn:
    return SignedIn(
        session_id=str(row.id),
        kind=SessionKind(row.kind),
        role=WebRole(account.role),
        user_id=str(account.id),
        msisdn=account.msisdn,
        merchant_id=account.merchant_id,
        merchant_name=account.merchant_name,
        language=account.lang,
        since=row.created_at,
        idle_until=row.idle_until,
        absolute_until=row.absolute_until,
        proved_at=row.proved_at,
    )
