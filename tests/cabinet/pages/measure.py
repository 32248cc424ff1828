"""How long pages of a merchant with a million invoices take on PostgreSQL, and what an export takes.

`python -m tests.cabinet.pages.measure [INVOICES]`; it makes a cluster of its own and removes it.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event, text

from invoicing import connect, upgrade
from invoicing.storage.connect import reading
from tests.cabinet.pages.web import Browser, Here, here_over
from tests.invoicing.world import World
from tests.peers.postgres import cluster

TURNS = 30
PAGES = (
    ("list", "/invoices"),
    ("list, a deep page", "/invoices?after={middle}"),
    ("list, paid", "/invoices?status=paid"),
    ("list, declined of one day", "/invoices?status=declined&since=2026-08-01&until=2026-08-01"),
    ("list, one phone", "/invoices?q=998900000777"),
    ("list, one number", "/invoices?q=500777"),
    ("list, large sums", "/invoices?min=99000"),
    ("totals of everything (apart)", "/invoices/sums"),
    ("one invoice", "/invoices/{invoice}"),
    ("report, a day", "/reports?since=2026-08-01&until=2026-08-01"),
    ("report, 30 days", "/reports?period=30"),
    ("report, a year", "/reports?since=2025-11-25&until=2026-11-24"),
)
_FILL = r"""
INSERT INTO invoice (number, merchant_id, issued_by, channel, customer_msisdn, amount_tiyin, state,
                     expires_at, version, issued_at, closed_at)
SELECT 1001 + n, 1, 1, 'api', '9989' || lpad((n % 10000)::text, 8, '0'), (1000 + n % 99000) * 100,
       CASE WHEN n % 10 < 7 THEN 'paid' WHEN n % 10 = 7 THEN 'declined' ELSE 'expired' END,
       timestamptz '2025-11-25 00\:00+05' + n * (interval '364 days' / {count}) + interval '1 day', 3,
       timestamptz '2025-11-25 00\:00+05' + n * (interval '364 days' / {count}),
       timestamptz '2025-11-25 00\:00+05' + n * (interval '364 days' / {count}) + interval '5 minutes'
FROM generate_series(0, {count} - 1) AS n
"""
_PAY = """
INSERT INTO payment (number, kind, customer_id, invoice_id, card_id, amount_tiyin, state, stan, rrn, terminal,
                     business_day, created_at, answered_at, response_code, request_scope, request_key)
SELECT 5000001 + id, 'invoice', 1, id, 1, amount_tiyin, 'approved', lpad((id % 1000000)::text, 6, '0'),
       lpad(id::text, 12, '0'), lpad((id / 1000000)::text, 8, '0'), closed_at::date, issued_at, closed_at,
       '00', 's', id::text
FROM invoice WHERE state = 'paid'
"""


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that go to the database inside."""
    said: list[str] = []

    def note(_conn: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def pages(here: Here, browser: Browser) -> None:
    with reading(here.world.engine) as conn:
        invoice, at = conn.exec_driver_sql(
            "SELECT id, issued_at FROM invoice WHERE state = 'paid' ORDER BY id OFFSET 350000 LIMIT 1"
        ).one()
    middle = f"{int(at.timestamp() * 1_000_000)}-{invoice}"
    print(f"{'page':32}{'median ms':>10}{'worst ms':>10}{'queries':>9}{'KB':>7}")
    for name, path in PAGES:
        took = []
        for _ in range(TURNS):
            with counted(here.world.engine) as said:
                began = time.perf_counter()
                page = await browser.get(path.format(middle=middle, invoice=invoice))
                took.append((time.perf_counter() - began) * 1000)
            assert page.status == 200, page.text
        took.sort()
        size = len(page.octets) / 1024
        print(f"{name:32}{took[TURNS // 2]:>10.1f}{took[-1]:>10.1f}{len(said):>9}{size:>7.0f}")


async def exports(browser: Browser) -> None:
    print(f"\n{'export':40}{'rows':>10}{'s':>8}{'MB':>8}{'grew by MB':>12}")
    for path in ("since=2026-10-21&until=2026-11-24", ""):
        for suffix in ("csv", "xlsx", "xls"):
            before, began = _peak_mb(), time.perf_counter()
            octets = lines = 0
            async with browser.client.get(f"/cabinet/reports/payments.{suffix}?{path}") as response:
                assert response.status == 200
                async for piece in response.content.iter_chunked(65536):
                    octets += len(piece)
                    lines += piece.count(b"\r\n") if suffix == "csv" else 0
            took = time.perf_counter() - began
            rows = str(lines - 2) if suffix == "csv" else ""
            grew = _peak_mb() - before
            name = f"{path or 'everything'} .{suffix}"
            print(f"{name:40}{rows:>10}{took:>8.1f}{octets / 2**20:>8.1f}{grew:>12.1f}")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(count: int) -> None:
    with cluster(on_disk=False) as running:
        running.create("million")
        engine = connect(running.url("million"))
        upgrade(engine)
        world = World(engine)
        with engine.begin() as conn:
            conn.execute(text(_FILL.format(count=count)))
            conn.execute(text(_PAY))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")
        async with here_over(world) as here:
            browser = await here.owner()
            await pages(here, browser)
            await exports(browser)
        engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
