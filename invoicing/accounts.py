"""Who is signed in on the web: codes, passwords, sessions, tokens (domain.md 2.5, A33-A42, S10-S12, S18).

A phone that the bank registered gets a one-time code, the code opens the choice of a password, and phone and
password then sign in. What is said, and how long it takes, is the same for phones nobody registered. A token
has 256 bits and is kept as a hash; every sign-in makes a new one, and a changed password ends all others.
Hashing takes about 30 ms and 19 MiB: callers run these in a small pool of threads of its own.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from invoicing import audit, codes, merchants, passwords, pins, throttle
from invoicing.audit import Actor
from invoicing.codes import Fresh
from invoicing.entering import CHANNEL, hashed, new_token, owner_of, signed_in
from invoicing.operators import Operators
from invoicing.results import CodeSent, Done, Refusal, Refused
from invoicing.signedin import LIVES, Grant, NewSession, Origin, SessionKind, SessionView, SignedIn, WebRole
from invoicing.storage import cabinet as storage
from invoicing.storage.cabinet import Holder, SessionRow
from invoicing.storage.connect import reading, write

__all__ = ["CHANNEL", "PROOF_LIFE", "Accounts"]

PROOF_LIFE: Final = timedelta(minutes=10)
"""How long a password given once is enough for what asks for it anew (ASVS 7.5.1): refunds, tokens, staff."""
_TOUCH_EVERY: Final = timedelta(seconds=30)
_TOKENS_MAX: Final = 20


class Accounts(Operators):
    """Thread-safe; each call is its own transactions. `pepper` is the service's, as for PINs."""

    # --- the code, and the password it opens ---------------------------------------------------------------

    def ask_code(self, phone: str, origin: Origin) -> CodeSent | Refused:
        """Send a code for setting a password, where the phone may have one; the answer is the same."""
        number = merchants.phone(phone)
        if isinstance(number, Refused):
            return number
        now, fresh = self._clock.now(), Fresh.make()
        ask = partial(
            codes.ask,
            now=now,
            limits=self._limits,
            pepper=self._pepper,
            actor=Actor(number, CHANNEL),
            fresh=fresh,
            purpose=codes.PASSWORD,
            address=origin.address,
        )
        return write(self._engine, ask)

    def check_code(self, phone: str, request_ref: str, code: str, origin: Origin) -> Grant | Refused:
        """Use the code up, and give leave to choose a password; three tries in all (A41)."""
        number = merchants.phone(phone)
        if isinstance(number, Refused):
            return number
        now, actor, token = self._clock.now(), Actor(number, CHANNEL), new_token(SessionKind.GRANT)
        take = partial(
            codes.take_try,
            now=now,
            limits=self._limits,
            actor=actor,
            purpose=codes.PASSWORD,
            request_ref=request_ref,
        )
        taken = write(self._engine, take)
        if isinstance(taken, Refused):
            return taken
        right = codes.is_right(self._pepper, taken, request_ref, code)

        def judge(conn: Connection) -> Grant | Refused:
            refused = codes.judge(conn, now, self._limits, actor, taken, right=right)
            account = None if refused else storage.account_of(conn, number)
            if refused is not None or account is None or not account.active:
                return refused or Refused(Refusal.CODE_OVER)
            row = self._open(conn, now, SessionKind.GRANT, account, origin, token, proved=False)
            return Grant(token, row.absolute_until)

        return write(self._engine, judge)

    def choose_password(
        self, grant: str, password: str, origin: Origin, kind: SessionKind = SessionKind.WEB
    ) -> NewSession | Refused:
        """Set the password and sign in; all other sessions end (ASVS 7.4.3).

        A refused password leaves the grant as it is.

        `GRANT_OVER`: ask for a new code.
        """
        now = self._clock.now()
        with reading(self._engine) as conn:
            found = self._granted(conn, grant, now)
        if found is None:
            return Refused(Refusal.GRANT_OVER)
        refused = passwords.check(password, found[1].msisdn)
        if refused is not None:
            return refused
        password_hash, token = pins.hash_pin(self._pepper, password), new_token(kind)

        def work(conn: Connection) -> NewSession | Refused:
            again = self._granted(conn, grant, now)
            if again is None or not storage.end_session(conn, again[0].id):
                return Refused(Refusal.GRANT_OVER)
            return self._renew(conn, now, again[1], password_hash, origin, kind, token)

        return write(self._engine, work)

    def change_password(self, who: SignedIn, old: str, new: str, origin: Origin) -> NewSession | Refused:
        """The old password, then a new one: a new token for this session, and the end of all others."""
        if who.kind not in (SessionKind.WEB, SessionKind.APP):
            return Refused(Refusal.NOT_ALLOWED)  # operators are set up by the command line
        refused = passwords.check(new, who.msisdn)
        if refused is not None:
            return refused
        checked = self._checked(who.msisdn, old, origin, operator=False)
        if isinstance(checked, Refused):
            return checked
        now, new_hash, token = self._clock.now(), pins.hash_pin(self._pepper, new), new_token(who.kind)
        return write(
            self._engine,
            lambda conn: self._renew(conn, now, checked[0], new_hash, origin, who.kind, token),
        )

    # --- in and out ----------------------------------------------------------------------------------------

    def sign_in(
        self, phone: str, password: str, origin: Origin, kind: SessionKind = SessionKind.WEB
    ) -> NewSession | Refused:
        """A new session. `WRONG_SIGN_IN` tells neither whether the phone nor the password is wrong (S12)."""
        number = merchants.phone(phone)
        if isinstance(number, Refused):
            return number
        return self._enter(number, password, origin, kind)

    def sign_in_operator(self, name: str, password: str, origin: Origin) -> NewSession | Refused:
        """As `sign_in`, for the bank's and the service's own people."""
        return self._enter(name[:40], password, origin, SessionKind.ADMIN)

    def session(self, token: str, *, used: bool = True) -> SignedIn | None:
        """Who holds this token, as things stand now; `None` where it is over, or never was.

        A blocked user is signed out by it; being used keeps a session from idling out.
        """
        if not 0 < len(token) <= 128:
            return None
        now = self._clock.now()
        with reading(self._engine) as conn:
            row = storage.session_of(conn, hashed(token), now)
            account = None if row is None else owner_of(conn, row)
        if row is None or account is None or not account.active or row.kind == SessionKind.GRANT:
            return None
        if used and now - row.seen_at >= _TOUCH_EVERY:
            until = now + LIVES[SessionKind(row.kind)].idle
            write(self._engine, lambda conn: storage.touch(conn, row.id, now, until))
        return signed_in(row, account)

    def again(self, who: SignedIn) -> SignedIn | None:
        """The same session read afresh, after something about its user changed."""
        with reading(self._engine) as conn:
            rows = storage.sessions_of(conn, _holder(who), self._clock.now())
            row = next((row for row in rows if str(row.id) == who.session_id), None)
            account = None if row is None else owner_of(conn, row)
        return None if row is None or account is None else signed_in(row, account)

    def prove(self, who: SignedIn, password: str, origin: Origin) -> Done | Refused:
        """The password once more: for `PROOF_LIFE` the session may do what asks for it (ASVS 7.5.1)."""
        if who.kind is SessionKind.API:
            return Refused(Refusal.NOT_ALLOWED)
        checked = self._checked(who.msisdn, password, origin, operator=who.role is WebRole.OPERATOR)
        if isinstance(checked, Refused):
            return checked
        now = self._clock.now()
        write(self._engine, lambda conn: storage.prove(conn, int(who.session_id), now))
        return Done()

    def is_proved(self, who: SignedIn) -> bool:
        """Whether this session gave its password within `PROOF_LIFE`."""
        return who.proved_at is not None and self._clock.now() - who.proved_at < PROOF_LIFE

    def sign_out(self, who: SignedIn) -> None:
        """The token is worth nothing from now on (ASVS 7.4.1)."""
        now, actor = self._clock.now(), Actor(who.msisdn, CHANNEL)

        def work(conn: Connection) -> None:
            if storage.end_session(conn, int(who.session_id)):
                audit.note(conn, now, actor, "signed_out", f"session:{who.session_id}")

        write(self._engine, work)

    def sign_out_everywhere(self, who: SignedIn, *, but_here: bool = False) -> int:
        """End every session and token of this user; how many. `but_here` keeps the one that asks."""
        now, actor = self._clock.now(), Actor(who.msisdn, CHANNEL)
        but = int(who.session_id) if but_here else None

        def work(conn: Connection) -> int:
            count = storage.end_sessions(conn, _holder(who), but=but)
            if who.kind is not SessionKind.ADMIN:
                storage.forget_browsers(conn, int(who.user_id))
            audit.note(conn, now, actor, "signed_out_everywhere", f"phone:{who.msisdn}", after=str(count))
            return count

        return write(self._engine, work)

    def sessions(self, who: SignedIn) -> tuple[SessionView, ...]:
        """This user's devices and tokens that are signed in, newest first."""
        now = self._clock.now()
        with reading(self._engine) as conn:
            rows = storage.sessions_of(conn, _holder(who), now)
        return tuple(_view(row, who) for row in rows)

    def end_session(self, who: SignedIn, session_id: str) -> Done | Refused:
        """Sign one device of the same user out; another's is `NOT_FOUND`."""
        if not (session_id.isascii() and session_id.isdigit() and len(session_id) <= 18):
            return Refused(Refusal.NOT_FOUND)
        now, actor = self._clock.now(), Actor(who.msisdn, CHANNEL)

        def work(conn: Connection) -> Done | Refused:
            if not storage.end_session(conn, int(session_id), _holder(who)):
                return Refused(Refusal.NOT_FOUND)
            audit.note(conn, now, actor, "signed_out", f"session:{session_id}")
            return Done()

        return write(self._engine, work)

    def make_token(self, who: SignedIn, label: str, origin: Origin) -> NewSession | Refused:
        """A token for the merchant's own system, by the owner after his password; it is shown once."""
        if who.role is not WebRole.OWNER or who.kind is SessionKind.API:
            return Refused(Refusal.NOT_ALLOWED)
        if not self.is_proved(who):
            return Refused(Refusal.NOT_AUTHENTICATED)
        now, token = self._clock.now(), new_token(SessionKind.API)

        def work(conn: Connection) -> NewSession | Refused:
            rows = storage.sessions_of(conn, _holder(who), now)
            if sum(row.kind == SessionKind.API for row in rows) >= _TOKENS_MAX:
                return Refused(Refusal.TOO_MANY, {"max": _TOKENS_MAX})
            account = storage.account_by_id(conn, int(who.user_id))
            if account is None or not account.active:
                return Refused(Refusal.BLOCKED)
            labelled = Origin(origin.address, label)
            row = self._open(conn, now, SessionKind.API, account, labelled, token, proved=False)
            audit.note(conn, now, Actor(who.msisdn, CHANNEL), "token_made", f"session:{row.id}", after=label)
            return NewSession(token, signed_in(row, account))

        return write(self._engine, work)

    # --- upkeep --------------------------------------------------------------------------------------------

    def forget(self) -> int:
        """Drop sessions that are over and tries that no longer count; how many."""
        now = self._clock.now()
        return write(
            self._engine,
            lambda conn: (
                storage.forget_sessions(conn, now) + storage.forget_tries(conn, now - throttle.WINDOW)
            ),
        )


def _holder(who: SignedIn) -> Holder:
    return Holder(int(who.user_id), operator=who.role is WebRole.OPERATOR)


def _view(row: SessionRow, who: SignedIn) -> SessionView:
    return SessionView(
        id=str(row.id),
        kind=SessionKind(row.kind),
        label=row.label,
        address=row.address,
        since=row.created_at,
        seen_at=row.seen_at,
        until=row.absolute_until,
        here=str(row.id) == who.session_id,
    )
