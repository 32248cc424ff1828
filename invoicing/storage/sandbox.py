"""Rows of the sandbox bank: accounts and operations, apart from everything the service itself keeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from invoicing.storage.rows import add_once, change, one
from invoicing.storage.tables import sandbox_account, sandbox_operation


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    token: str
    balance_tiyin: int
    behaviour: str


@dataclass(frozen=True, slots=True)
class SandboxOperation:
    rrn: str
    token: str
    stan: str
    amount_tiyin: int
    response_code: str
    auth_code: str | None
    reversed: bool
    credit_token: str | None = None
    """The account that was given what `token` lost."""


def account(conn: Connection, token: str) -> SandboxAccount | None:
    return one(conn, select(sandbox_account).where(sandbox_account.c.token == token), SandboxAccount)


def open_account(conn: Connection, token: str, behaviour: str, balance_tiyin: int = 0) -> bool:
    values = {"token": token, "balance_tiyin": balance_tiyin, "behaviour": behaviour}
    return add_once(conn, sandbox_account, values)


def set_balance(conn: Connection, token: str, balance_tiyin: int) -> bool:
    return change(conn, sandbox_account, [sandbox_account.c.token == token], {"balance_tiyin": balance_tiyin})


def set_behaviour(conn: Connection, token: str, behaviour: str) -> bool:
    return change(conn, sandbox_account, [sandbox_account.c.token == token], {"behaviour": behaviour})


def take(conn: Connection, token: str, amount_tiyin: int) -> bool:
    """Lower the balance where it suffices."""
    enough = [sandbox_account.c.token == token, sandbox_account.c.balance_tiyin >= amount_tiyin]
    return change(
        conn, sandbox_account, enough, {"balance_tiyin": sandbox_account.c.balance_tiyin - amount_tiyin}
    )


def give_back(conn: Connection, token: str, amount_tiyin: int) -> None:
    values = {"balance_tiyin": sandbox_account.c.balance_tiyin + amount_tiyin}
    change(conn, sandbox_account, [sandbox_account.c.token == token], values)


def operation(conn: Connection, rrn: str) -> SandboxOperation | None:
    return one(conn, select(sandbox_operation).where(sandbox_operation.c.rrn == rrn), SandboxOperation)


def add_operation(conn: Connection, row: SandboxOperation) -> None:
    """Keep what was decided under the RRN; the caller has looked that there is nothing yet."""
    values = {
        "rrn": row.rrn,
        "token": row.token,
        "stan": row.stan,
        "amount_tiyin": row.amount_tiyin,
        "response_code": row.response_code,
        "auth_code": row.auth_code,
        "reversed": row.reversed,
        "credit_token": row.credit_token,
    }
    add_once(conn, sandbox_operation, values)


def mark_reversed(conn: Connection, rrn: str) -> bool:
    """`True` for the one call that reversed it."""
    where = [sandbox_operation.c.rrn == rrn, ~sandbox_operation.c.reversed]
    return change(conn, sandbox_operation, where, {"reversed": True})
