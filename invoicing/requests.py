"""Idempotency: at most one effect per key, and the first answer again for every repeat.

The key's row is the first INSERT of the action's transaction, before any guard: otherwise the copy of an
issued invoice would meet the question whether to issue it once more (domain.md A20, A21). Refusals are
answers too and are kept; an exception rolls the row back with everything else, so the same key may try again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeVar, cast

import msgspec
from sqlalchemy import Connection, Engine

from invoicing.results import (
    CardLinked,
    DirectPaid,
    Done,
    Duplicate,
    InvoiceCancelled,
    InvoiceDeclined,
    Issued,
    Paid,
    Pending,
    PinRight,
    Refunded,
    Refusal,
    Refused,
)
from invoicing.storage import requests as storage
from invoicing.storage.connect import write
from invoicing.storage.requests import Request

Answer = (
    Issued
    | Duplicate
    | InvoiceDeclined
    | InvoiceCancelled
    | Paid
    | DirectPaid
    | Refunded
    | Pending
    | PinRight
    | CardLinked
    | Done
    | Refused
)
A = TypeVar("A", bound=Answer)

_ANSWERS: Final[dict[str, type[Answer]]] = {
    kind.__name__: kind
    for kind in (
        *(Issued, Duplicate, InvoiceDeclined, InvoiceCancelled, Paid, DirectPaid, Refunded),
        *(Pending, PinRight, CardLinked, Done, Refused),
    )
}
_OPEN: Final = "open"
CHECKING: Final = "checking"
PAYING: Final = "paying"

ACTION_KEY_LIFE: Final = timedelta(minutes=15)
API_KEY_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Names one request of one caller.

    `scope` keeps callers apart (a gateway, a merchant's API); `key` has at most 255 characters. Vendors reuse
    dialogue ids, so a dialogue's key lives 15 minutes; an API's Idempotency-Key lives 30 days.
    """

    scope: str
    key: str
    life: timedelta = ACTION_KEY_LIFE

    def __post_init__(self) -> None:
        if not (0 < len(self.scope) <= 80 and 0 < len(self.key) <= 255):
            raise ValueError("a request's scope takes 1-80 characters and its key 1-255")

    @classmethod
    def action(cls, scope: str, key: str) -> RequestKey:
        return cls(scope, key, ACTION_KEY_LIFE)

    @classmethod
    def api(cls, scope: str, key: str) -> RequestKey:
        return cls(scope, key, API_KEY_LIFE)


def body_hash(*fields: object) -> str:
    """A digest of what was asked, secrets left out: five digits would be guessed from it in a moment."""
    return sha256(msgspec.json.encode([str(item) for item in fields])).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """The key is ours (`fresh`), or another copy of the request has it and has not answered yet."""

    row: Request
    fresh: bool


def begin(conn: Connection, key: RequestKey, body: str, now: datetime, status: str = _OPEN) -> Begun | Answer:
    """Take the key, or return what its first request was answered."""
    new = Request(key.scope, key.key, body, status, None, now, now + key.life)
    if storage.insert(conn, new):
        return Begun(new, fresh=True)
    old = storage.find(conn, key.scope, key.key)
    assert old is not None  # nothing deletes a key while its transaction could still be open
    if old.valid_until <= now:
        if storage.renew(conn, old, new):
            return Begun(new, fresh=True)
        old = storage.find(conn, key.scope, key.key)  # as another copy has just taken it over
        assert old is not None
    if old.body_hash != body:
        return Refused(Refusal.KEY_REUSED)
    return Begun(old, fresh=False) if old.answer is None else decode(old)


def answered(conn: Connection, key: RequestKey, body: str, now: datetime) -> Answer | None:
    """What the key's request was answered, if it was; for actions that do something before they take it."""
    row = storage.find(conn, key.scope, key.key)
    if row is None or row.valid_until <= now:
        return None
    if row.body_hash != body:
        return Refused(Refusal.KEY_REUSED)
    return None if row.answer is None else decode(row)


def finish(conn: Connection, row: Request, answer: A) -> A:
    """Keep the answer with the key; raises where the row moved on, so that the transaction rolls back."""
    kind, text = encode(answer)
    if not storage.advance(conn, row, kind, text):
        raise RuntimeError("a request was answered twice")
    return answer


def once(engine: Engine, key: RequestKey, body: str, now: datetime, work: Callable[[Connection], A]) -> A:
    """Do an action of one transaction once for its key; `body` names the action, so answers never mix."""

    def act(conn: Connection) -> A:
        begun = begin(conn, key, body, now)
        if isinstance(begun, Begun):
            assert begun.fresh  # an action of one transaction commits its row and its answer together
            return finish(conn, begun.row, work(conn))
        return cast(A, begun)

    return write(engine, act)


def encode(answer: Answer) -> tuple[str, str]:
    return type(answer).__name__, msgspec.json.encode(answer).decode()


def decode(row: Request) -> Answer:
    assert row.answer is not None
    return msgspec.json.decode(row.answer.encode(), type=_ANSWERS[row.status])
