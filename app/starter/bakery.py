"""What the menus may do. A result is a dataclass: its name goes under `on:`, its fields are variables."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from ussd_engine import Amount, Call, Max, action

DATABASE = os.environ.get("BAKERY_DATABASE", "bakery.db")
PRICE = 5_00
"""Of a loaf, in hundredths: sums are whole numbers, never fractions."""
BAKED_A_DAY = 500

# How large a value can get is said here, so that `ussd check` can prove that each screen fits a phone.
Loaves = Annotated[int, Max(BAKED_A_DAY)]
Number = Annotated[int, Max(9_999_999)]


@dataclass(frozen=True)
class Ordered:
    """The order was taken."""

    number: Number
    price: Amount


@dataclass(frozen=True)
class SoldOut:
    """There are not so many loaves left."""

    left: Loaves


@action("bakery.order", changes=True)
async def order(call: Call, loaves: Loaves) -> Ordered | SoldOut:
    """Take an order, once: `call.key` is the same when a network repeats the request."""
    return await asyncio.to_thread(_take, call.key, call.msisdn, loaves)


def _take(key: str, msisdn: str, loaves: int) -> Ordered | SoldOut:
    with closing(sqlite3.connect(DATABASE, timeout=5, isolation_level=None)) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS orders"
            " (number INTEGER PRIMARY KEY, key TEXT UNIQUE, msisdn TEXT, loaves INTEGER, day TEXT)"
        )
        database.execute("BEGIN IMMEDIATE")
        day = datetime.now(UTC).date().isoformat()
        taken = database.execute("SELECT number FROM orders WHERE key = ?", (key,)).fetchone()
        if taken is None:
            (sold,) = database.execute(
                "SELECT coalesce(sum(loaves), 0) FROM orders WHERE day = ?", (day,)
            ).fetchone()
            if sold + loaves > BAKED_A_DAY:
                database.execute("ROLLBACK")
                return SoldOut(left=max(BAKED_A_DAY - sold, 0))
            taken = database.execute(
                "INSERT INTO orders (key, msisdn, loaves, day) VALUES (?, ?, ?, ?) RETURNING number",
                (key, msisdn, loaves, day),
            ).fetchone()
        database.execute("COMMIT")
    return Ordered(number=taken[0], price=loaves * PRICE)
