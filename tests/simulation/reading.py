"""What a merchant reads in the cabinet, page by page, against the rows that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from invoicing import SessionKind, SignedIn, WebRole
from invoicing.papers import Papers
from invoicing.reports import Filter, Reports
from tests.simulation.database import PaymentRow, Snapshot
from tests.simulation.expected import TAKEN, merchant_of
from tests.simulation.life import MIDNIGHT, Life
from tests.simulation.verdict import must

_PAGE: Final = 2
"""Rows of a page: few, so that borders lie between rows of one moment too."""
_TASHKENT: Final = timedelta(hours=5)
_AROUND: Final = timedelta(days=5)


def read_all(life: Life, now: Snapshot, merchant: int) -> None:
    """Every list and every total of one merchant."""
    who, engine = _owner(merchant), life.engine.as_engine()
    reports, papers = Reports(engine, clock=life.clock), Papers(engine, clock=life.clock)
    own = sorted(
        (row for row in now.invoices.values() if row.merchant_id == merchant),
        key=lambda row: (row.issued_at, row.id),
        reverse=True,
    )
    taken = [
        row
        for row in now.payments.values()
        if row.kind in ("invoice", "service") and row.state in TAKEN and merchant_of(now, row) == merchant
    ]
    standing = sorted(
        (row for row in taken if row.state != "refunded"),
        key=lambda row: (row.answered_at or "", row.id),
        reverse=True,
    )

    def listed(after: str | None) -> tuple[Sequence[Any], str | None]:
        page: Any = reports.listed(who, Filter(), after, _PAGE)
        return page.rows, page.after

    def paid(after: str | None) -> tuple[Sequence[Any], str | None]:
        page: Any = reports.paid(who, None, None, after, _PAGE)
        return page[0], page[1]

    def reached(after: str | None) -> tuple[Sequence[Any], str | None]:
        page: Any = papers.payments(who, None, None, after, _PAGE)
        return page.rows, page.after

    _equal("invoices", _pages(listed), own)
    _equal("payments that stand", _pages(paid), standing)
    _equal("payments that came", _pages(reached), taken[::-1])
    sums: Any = reports.sums(who, Filter())
    settled = [row.amount_tiyin for row in own if row.state == "paid"]
    wanted = (len(own), sum(row.amount_tiyin for row in own), len(settled), sum(settled))
    found = (sums.count, sums.amount_tiyin, sums.paid_count, sums.paid_tiyin)
    must("totals_are_true", found == wanted, f"the list's sums are {found}, of the rows {wanted}")
    since, until = MIDNIGHT.date() - _AROUND, MIDNIGHT.date() + _AROUND
    by_day = _by_day(standing)
    for totals in (reports.totals(who, since, until), papers.totals(who, since, until)):
        told: Any = totals
        days = {one.day: one.amount_tiyin for one in told.days}
        must("totals_are_true", days == by_day, f"days {days}, of the rows {by_day}")
        must("totals_are_true", told.amount_tiyin == sum(by_day.values()), f"{told}")


def _pages(page: Callable[[str | None], tuple[Sequence[Any], str | None]]) -> Iterator[Any]:
    after: str | None = None
    while True:
        rows, after = page(after)
        yield from rows
        if after is None:
            return


def _equal(what: str, shown: Iterator[Any], rows: Sequence[Any]) -> None:
    found = [(int(row.id), row.amount_tiyin) for row in shown]
    wanted = [(row.id, row.amount_tiyin) for row in rows]
    must("lists_are_true", found == wanted, f"{what}: shown {found}, stored {wanted}")


def _by_day(payments: Sequence[PaymentRow]) -> dict[date, int]:
    days = Counter[date]()
    for row in payments:
        assert row.answered_at is not None
        days[(datetime.fromisoformat(row.answered_at) + _TASHKENT).date()] += row.amount_tiyin
    return dict(days)


def _owner(merchant: int) -> SignedIn:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return SignedIn(
        "1", SessionKind.WEB, WebRole.OWNER, "1", "998900000000", merchant, "SHOP", "ru", since, since, since
    )
