"""Rows of web sessions, of tries at passwords, of browsers known to an account, and of operators."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal, or_, select, update

from invoicing.storage.rows import add, add_once, change, changed, many, one
from invoicing.storage.tables import merchant, merchant_user
from invoicing.storage.tables_cabinet import known_browser, operator, signin_try, web_session


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with a password; `merchant_id` is missing for an operator."""

    id: int
    msisdn: str
    role: str
    merchant_id: int | None
    merchant_name: str | None
    lang: str
    active: bool
    password_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: int
    kind: str
    user_id: int | None
    operator_id: int | None
    label: str
    address: str | None
    created_at: datetime
    seen_at: datetime
    idle_until: datetime
    absolute_until: datetime
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a session is: a merchant user's, or an operator's, who are numbered apart."""

    id: int
    operator: bool = False

    @property
    def holds(self) -> ColumnElement[bool]:
        return (web_session.c.operator_id if self.operator else web_session.c.user_id) == self.id


_accounts = select(
    merchant_user.c.id,
    merchant_user.c.msisdn,
    merchant_user.c.role,
    merchant_user.c.merchant_id,
    merchant.c.name.label("merchant_name"),
    func.coalesce(merchant_user.c.lang, merchant.c.lang).label("lang"),
    ((merchant_user.c.state == "active") & (merchant.c.state == "active")).label("active"),
    merchant_user.c.password_hash,
).join(merchant, merchant.c.id == merchant_user.c.merchant_id)
_ACCOUNT = _accounts.where(merchant_user.c.msisdn == bindparam("msisdn"))
_ACCOUNT_BY_ID = _accounts.where(merchant_user.c.id == bindparam("user_id"))

_operators = select(
    operator.c.id,
    operator.c.name.label("msisdn"),
    literal("operator").label("role"),
    literal(None).label("merchant_id"),
    literal(None).label("merchant_name"),
    literal("ru").label("lang"),
    (operator.c.state == "active").label("active"),
    operator.c.password_hash,
)

_sessions = select(
    web_session.c.id,
    web_session.c.kind,
    web_session.c.user_id,
    web_session.c.operator_id,
    web_session.c.label,
    web_session.c.address,
    web_session.c.created_at,
    web_session.c.seen_at,
    web_session.c.idle_until,
    web_session.c.absolute_until,
    web_session.c.proved_at,
)
_alive = (web_session.c.idle_until > bindparam("now"), web_session.c.absolute_until > bindparam("now"))
_BY_TOKEN = _sessions.where(web_session.c.token_hash == bindparam("token_hash"), *_alive)
_TOUCH = (
    update(web_session)
    .where(web_session.c.id == bindparam("session_id"))
    .values(seen_at=bindparam("at"), idle_until=bindparam("until"))
)


# --- accounts ---------------------------------------------------------------------------------------------


def account_of(conn: Connection, msisdn: str) -> Account | None:
    return one(conn, _ACCOUNT, Account, msisdn=msisdn)


def account_by_id(conn: Connection, user_id: int) -> Account | None:
    return one(conn, _ACCOUNT_BY_ID, Account, user_id=user_id)


def operator_of(conn: Connection, name: str) -> Account | None:
    return one(conn, _operators.where(operator.c.name == name), Account)


def operator_by_id(conn: Connection, operator_id: int) -> Account | None:
    return one(conn, _operators.where(operator.c.id == operator_id), Account)


def set_operator(conn: Connection, name: str, password_hash: str, at: datetime) -> None:
    """A new operator, or a new password of one there is."""
    values = {"name": name, "password_hash": password_hash, "state": "active", "created_at": at}
    if not add_once(conn, operator, values):
        change(conn, operator, [operator.c.name == name], {"password_hash": password_hash, "state": "active"})


def block_operator(conn: Connection, operator_id: int) -> None:
    change(conn, operator, [operator.c.id == operator_id], {"state": "blocked"})


def all_operators(conn: Connection) -> tuple[Account, ...]:
    return many(conn, _operators.order_by(operator.c.name), Account)


def set_password(conn: Connection, user_id: int, password_hash: str, at: datetime) -> None:
    values = {"password_hash": password_hash, "pwd_set_at": at}
    change(conn, merchant_user, [merchant_user.c.id == user_id], values)


# --- sessions ---------------------------------------------------------------------------------------------


def add_session(conn: Connection, token_hash: str, row: SessionRow) -> SessionRow:
    """Keep a new session; the row with its id."""
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__match_args__ if name != "id"}
    return replace(row, id=add(conn, web_session, {"token_hash": token_hash, **values}))


def session_of(conn: Connection, token_hash: str, now: datetime) -> SessionRow | None:
    """The session with this token, while neither of its times is over."""
    return one(conn, _BY_TOKEN, SessionRow, token_hash=token_hash, now=now)


def sessions_of(conn: Connection, who: Holder, now: datetime) -> tuple[SessionRow, ...]:
    """The sessions of one person that are alive, newest first."""
    query = _sessions.where(who.holds, web_session.c.kind != "grant", *_alive)
    return many(conn, query.order_by(web_session.c.id.desc()), SessionRow, now=now)


def touch(conn: Connection, session_id: int, at: datetime, until: datetime) -> bool:
    return changed(conn, _TOUCH, session_id=session_id, at=at, until=until)


def prove(conn: Connection, session_id: int, at: datetime) -> bool:
    return change(conn, web_session, [web_session.c.id == session_id], {"proved_at": at})


def end_session(conn: Connection, session_id: int, who: Holder | None = None) -> bool:
    """End one; where `who` is given, only if it is theirs."""
    where = [web_session.c.id == session_id, *(() if who is None else (who.holds,))]
    return conn.execute(delete(web_session).where(*where)).rowcount == 1


def end_sessions(conn: Connection, who: Holder, *, but: int | None = None) -> int:
    """End all sessions, tokens and grants of a person, one excepted; how many."""
    where = [who.holds, *(() if but is None else (web_session.c.id != but,))]
    return conn.execute(delete(web_session).where(*where)).rowcount


def forget_sessions(conn: Connection, before: datetime) -> int:
    over = or_(web_session.c.absolute_until < before, web_session.c.idle_until < before)
    return conn.execute(delete(web_session).where(over)).rowcount


# --- browsers and tries -----------------------------------------------------------------------------------


def know_browser(conn: Connection, user_id: int, token_hash: str, at: datetime) -> None:
    values = {"user_id": user_id, "token_hash": token_hash, "seen_at": at}
    if not add_once(conn, known_browser, values):
        change(conn, known_browser, [known_browser.c.token_hash == token_hash], {"seen_at": at})


def knows_browser(conn: Connection, msisdn: str, token_hash: str) -> bool:
    query = (
        select(known_browser.c.id)
        .join(merchant_user, merchant_user.c.id == known_browser.c.user_id)
        .where(merchant_user.c.msisdn == msisdn, known_browser.c.token_hash == token_hash)
    )
    return conn.execute(query).first() is not None


def forget_browsers(conn: Connection, user_id: int) -> None:
    conn.execute(delete(known_browser).where(known_browser.c.user_id == user_id))


@dataclass(frozen=True, slots=True)
class Tries:
    """Failed tries and the last: at this account from here, at it from anywhere, at any account from here."""

    here: int
    last_here: datetime | None
    account: int
    last_account: datetime | None
    address: int
    last_address: datetime | None


def take_turn(conn: Connection, subject: str) -> None:
    """Wait until nobody else tries this account: counting and comparing never overlap (ASVS 15.4.2).

    On SQLite every writing transaction is alone.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(subject, 880_002))))


def tries(conn: Connection, subject: str, address: str, browser: str | None, since: datetime) -> Tries:
    """Tries since a moment. From a browser the account knows, "here" is that browser."""
    of_subject, of_address = signin_try.c.subject == subject, signin_try.c.address == address
    if browser is None:
        here = of_subject & of_address & signin_try.c.browser.is_(None)
        strangers = of_subject & signin_try.c.browser.is_(None)
        addressed = of_address & signin_try.c.browser.is_(None)
    else:
        here = of_subject & (signin_try.c.browser == browser)
        strangers = addressed = here
    query = select(
        func.count().filter(here).label("here"),
        func.max(signin_try.c.at).filter(here).label("last_here"),
        func.count().filter(strangers).label("account"),
        func.max(signin_try.c.at).filter(strangers).label("last_account"),
        func.count().filter(addressed).label("address"),
        func.max(signin_try.c.at).filter(addressed).label("last_address"),
    ).where(signin_try.c.at > since, or_(of_subject, of_address))
    found = one(conn, query, Tries)
    assert found is not None
    return found


def add_try(conn: Connection, subject: str, address: str, browser: str | None, at: datetime) -> int:
    return add(conn, signin_try, {"subject": subject, "address": address, "browser": browser, "at": at})


def clear_tries(conn: Connection, subject: str, address: str, browser: str | None, try_id: int) -> None:
    """After a right password: its own try, and the earlier ones at this account from here."""
    here = (signin_try.c.address == address) & signin_try.c.browser.is_(None)
    if browser is not None:
        here = here | (signin_try.c.browser == browser)
    conn.execute(
        delete(signin_try).where(or_(signin_try.c.id == try_id, (signin_try.c.subject == subject) & here))
    )


def forget_tries(conn: Connection, before: datetime) -> int:
    return conn.execute(delete(signin_try).where(signin_try.c.at < before)).rowcount


# --- a merchant's people ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffRow:
    id: int
    msisdn: str
    name: str | None
    active: bool
    signed_up: bool


_cashiers = select(
    merchant_user.c.id,
    merchant_user.c.msisdn,
    merchant_user.c.name,
    (merchant_user.c.state == "active").label("active"),
    merchant_user.c.password_hash.is_not(None).label("signed_up"),
).where(merchant_user.c.role == "cashier")


def cashiers_of(conn: Connection, merchant_id: int) -> tuple[StaffRow, ...]:
    query = _cashiers.where(merchant_user.c.merchant_id == merchant_id)
    return many(conn, query.order_by(merchant_user.c.id), StaffRow)


def name_cashier(conn: Connection, merchant_id: int, msisdn: str, name: str) -> StaffRow:
    where = [merchant_user.c.merchant_id == merchant_id, merchant_user.c.msisdn == msisdn]
    change(conn, merchant_user, where, {"name": name})
    found = one(conn, _cashiers.where(*where), StaffRow)
    assert found is not None
    return found


def set_cashier_state(conn: Connection, merchant_id: int, user_id: int, state: str) -> bool:
    where = [
        merchant_user.c.id == user_id,
        merchant_user.c.merchant_id == merchant_id,
        merchant_user.c.role == "cashier",
    ]
    return change(conn, merchant_user, where, {"state": state})
