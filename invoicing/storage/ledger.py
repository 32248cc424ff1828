"""Rows of the double-entry ledger: insert and read, never update or delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from invoicing.storage.audit import BOOKED
from invoicing.storage.rows import add, add_all, add_once
from invoicing.storage.tables import account, audit, entry, transfer

DEBIT, CREDIT = "D", "C"


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a transfer. `owner_id` is 0 for the service's own accounts."""

    kind: str
    owner_id: int
    side: str
    amount_tiyin: int

    def turned(self) -> Line:
        """The same sum the other way."""
        return replace(self, side=CREDIT if self.side == DEBIT else DEBIT)


def add_transfer(
    conn: Connection,
    *,
    kind: str,
    payment_id: int | None,
    settlement_id: int | None,
    at: datetime,
    lines: Sequence[Line],
) -> int:
    cause = {"ref_payment": payment_id, "ref_settlement": settlement_id}
    transfer_id = add(conn, transfer, {"kind": kind, "at": at, **cause})
    accounts = _accounts(conn, lines)
    rows = [
        {
            "transfer_id": transfer_id,
            "account_id": accounts[line.kind, line.owner_id],
            "side": line.side,
            "amount_tiyin": line.amount_tiyin,
        }
        for line in lines
    ]
    add_all(conn, entry, rows)
    return transfer_id


def _accounts(conn: Connection, lines: Sequence[Line]) -> dict[tuple[str, int], int]:
    """The accounts' ids; one that was never used is opened. Always in one order, so that none deadlock."""
    wanted = sorted({(line.kind, line.owner_id) for line in lines})
    found = _known(conn, wanted)
    for kind, owner_id in wanted:
        if (kind, owner_id) not in found:
            add_once(conn, account, {"kind": kind, "owner_id": owner_id})
    return found if len(found) == len(wanted) else _known(conn, wanted)


def _known(conn: Connection, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    kinds = sorted({kind for kind, _ in wanted})
    owners = sorted({owner for _, owner in wanted})
    found = conn.execute(_ACCOUNTS, {"kinds": kinds, "owners": owners})
    return {(kind, owner): id_ for kind, owner, id_ in found}


_ACCOUNTS = select(account.c.kind, account.c.owner_id, account.c.id).where(
    account.c.kind.in_(bindparam("kinds", expanding=True)),
    account.c.owner_id.in_(bindparam("owners", expanding=True)),
)


_lines = (
    select(
        transfer.c.id,
        transfer.c.kind.label("transfer_kind"),
        account.c.kind,
        account.c.owner_id,
        entry.c.side,
        entry.c.amount_tiyin,
    )
    .join(entry, entry.c.transfer_id == transfer.c.id)
    .join(account, account.c.id == entry.c.account_id)
)


def lines_of(conn: Connection, kind: str, payment_id: int) -> tuple[Line, ...]:
    """What a payment's transfer moved."""
    query = _lines.where(transfer.c.kind == kind, transfer.c.ref_payment == payment_id).order_by(entry.c.id)
    return tuple(Line(row.kind, row.owner_id, row.side, row.amount_tiyin) for row in conn.execute(query))


def all_lines(conn: Connection) -> dict[int, tuple[str, list[Line]]]:
    """Every transfer's kind and lines, by its id."""
    found: dict[int, tuple[str, list[Line]]] = {
        id_: (kind, []) for id_, kind in conn.execute(select(transfer.c.id, transfer.c.kind))
    }
    for row in conn.execute(_lines):
        found[row.id][1].append(Line(row.kind, row.owner_id, row.side, row.amount_tiyin))
    return found


def booked_in_words(conn: Connection) -> dict[int, str]:
    """What the audit trail says each transfer moved, by its id."""
    query = select(audit.c.object, audit.c.after).where(audit.c.action == BOOKED)
    return {int(object_.partition(":")[2]): after for object_, after in conn.execute(query)}


signed = case((entry.c.side == DEBIT, entry.c.amount_tiyin), else_=-entry.c.amount_tiyin)


def debits(conn: Connection, kind: str, owner_id: int) -> int:
    """All that was ever debited to one account, in tiyin."""
    query = (
        select(func.coalesce(func.sum(entry.c.amount_tiyin), 0))
        .join(account, account.c.id == entry.c.account_id)
        .where(account.c.kind == kind, account.c.owner_id == owner_id, entry.c.side == DEBIT)
    )
    return int(conn.execute(query).scalar_one())


def balance(conn: Connection, kind: str, owner_id: int) -> int:
    """Debits less credits of one account, in tiyin; 0 for one that was never used."""
    query = (
        select(func.coalesce(func.sum(signed), 0))
        .join(account, account.c.id == entry.c.account_id)
        .where(account.c.kind == kind, account.c.owner_id == owner_id)
    )
    return int(conn.execute(query).scalar_one())
