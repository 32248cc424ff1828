"""Settlement: a business day of Tashkent is closed once, and what is owed to the merchants moves to the bank.

The bank pays the merchants out of what it owes us; the file of totals is its order. What a late transfer adds
to a day that is closed already is in the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TextIO

from sqlalchemy import Connection

from invoicing import audit, ledger
from invoicing.audit import Actor
from invoicing.results import Refusal, Refused
from invoicing.storage import settlement as storage
from invoicing.storage.settlement import Total
from invoicing.values import TASHKENT, TIYIN_PER_SOUM, tashkent_day


@dataclass(frozen=True, slots=True)
class Settled:
    """A closed day. `fresh`: this call closed it."""

    day: date
    totals: tuple[Total, ...]
    fresh: bool


def settle(conn: Connection, now: datetime, by: Actor, day: date) -> Settled | Refused:
    """Close a day that is over; one that is closed already is told again and nothing is moved."""
    storage.begin(conn)
    closed = storage.lines_of(conn, day)
    if closed is not None:
        return Settled(day, closed, fresh=False)
    if day >= tashkent_day(now):
        return Refused(Refusal.DAY_NOT_OVER)
    last = storage.last_closed(conn)
    if last is not None and day < last:
        return Refused(Refusal.DAY_CLOSED)  # its money is in the later day's settlement
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), TASHKENT)
    totals = tuple(
        total
        for total in storage.unsettled(conn, end)
        if total.paid_tiyin or total.refunded_tiyin or total.paid_out_tiyin
    )
    settlement_id = storage.close(conn, day, now)
    storage.add_lines(conn, settlement_id, totals)
    paid_out = [(total.merchant_id, total.paid_out_tiyin) for total in totals if total.paid_out_tiyin]
    if paid_out:
        ledger.book_settlement(conn, now, settlement_id=settlement_id, paid_out=paid_out)
    audit.note(conn, now, by, "day_closed", f"day:{day}", after=str(sum(amount for _, amount in paid_out)))
    return Settled(day, totals, fresh=True)


COLUMNS = ("day", "merchant", "name", "account", "paid", "fee", "refunded", "paid_out")


def write_totals(settled: Settled, file: TextIO) -> None:
    """The file for the bank: a header and a line per merchant, sums in soums with two decimals.

    Open the file with `newline=""`. A name that a spreadsheet would take for a formula gets an apostrophe.
    """
    lines = csv.writer(file)
    lines.writerow(COLUMNS)
    for total in settled.totals:
        sums = (total.paid_tiyin, total.fee_tiyin, total.refunded_tiyin, total.paid_out_tiyin)
        words = (_text(total.name), _text(total.account or ""))
        lines.writerow([settled.day.isoformat(), total.merchant_id, *words, *_soums(sums)])


def _soums(sums: Iterable[int]) -> list[str]:
    return [_soum(tiyin) for tiyin in sums]


def _soum(tiyin: int) -> str:
    """A fee is below nought where more of earlier days' payments was refunded than was paid."""
    whole, rest = divmod(abs(tiyin), TIYIN_PER_SOUM)
    return f"{'-' if tiyin < 0 else ''}{whole}.{rest:02d}"


def _text(words: str) -> str:
    return f"'{words}" if words[:1] in tuple("=+-@\t\r") else words
