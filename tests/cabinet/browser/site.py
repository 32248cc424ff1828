"""A served cabinet over a small world whose clock stands still until it is moved, for a real browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from cabinet.mount import mount
from invoicing import InvoiceView
from invoicing.registration import DEMO_PAN
from tests.cabinet.admin.telling import Written, back_over
from tests.cabinet.web import PASSWORD, People, office_over
from tests.invoicing.world import FIFTY, SOUM, World, on_file

PHONES = ("998901234567", "998935550101", "998977654321", "998880010203")


class Site:
    """`url` is where it is served; everything else is the world behind it."""

    def __init__(self, folder: Path) -> None:
        self.world = World(on_file(folder))
        self.people = People(self.world)
        self.written = Written(folder / "journal")
        self.back, self.running = back_over(self.world, self.written.folder)
        self.url = ""

    def sign_up(self, phone: str) -> None:
        """A merchant's user who has a password already."""
        self.people.sign_up(phone, password=PASSWORD)

    def busy_week(self) -> list[InvoiceView]:
        """Invoices of some days, in every state there is."""
        made = []
        world = self.world
        world.bank.set_balance(world.bank.tokenise(DEMO_PAN, "3012"), 100_000_000 * SOUM)
        world.clock.advance(days=-6)
        for day in range(7):
            for place in range(4 + day % 3):
                invoice = world.issue(
                    FIFTY * (place + 1) + day * 1_250 * SOUM, customer=PHONES[0 if place < 3 else place % 4]
                )
                made.append(invoice)
                if invoice.customer_msisdn == PHONES[0] and place < 2:
                    world.clock.advance(minutes=3)
                    world.pay(invoice)
                elif place == 2 and day % 2:
                    world.service.decline(world.key(), PHONES[0], invoice.id)
                world.clock.advance(minutes=41)
            world.clock.advance(days=1, minutes=-41 * (4 + day % 3) - 6)
            if day < 5:
                world.workers.expire_due()
        world.clock.advance(days=-1, hours=3)
        world.deliver()
        return made

    def answer_now(self, invoice: InvoiceView) -> None:
        """The customer pays."""
        self.world.clock.advance(seconds=5)
        self.world.pay(invoice)


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site on a port of its own, in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    with ThreadPoolExecutor(6) as pool:
        app = web.Application()
        mount(app, office_over(site.people, pool), site.back)
        runner = web.AppRunner(app, shutdown_timeout=0.2)

        async def start() -> None:
            await runner.setup()
            place = web.TCPSite(runner, "127.0.0.1", 0)
            await place.start()
            site.url = f"http://localhost:{runner.addresses[0][1]}"
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(start())
            loop.run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(20)
        try:
            yield site
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()
