"""The server that is measured: the real adapter, engine and store, with four screens and no money behind.

    python -m app.benchmenu --port 8881 [--workers 2]

Sessions are in the Redis of `USSD_REDIS__URL`, or of `REDIS_HOST` and `REDIS_PORT`. The dialogue, at
`/gateways/bench` as Africa's Talking speaks: the root menu, `2`, a phone, an amount, and the end
`Invoice N, client PHONE, amount AMOUNT`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Annotated

from adapters.africastalking.server import AfricasTalking, Options
from adapters.credentials import Credentials
from adapters.http import Door
from app.serving import process
from app.serving.server import Front, application
from app.serving.supervisor import Supervisor
from app.watching import readiness
from app.watching.metrics import Metrics
from app.watching.readiness import Dependency
from app.wiring import House
from ussd_engine import Action, Call, Engine, Max, Msisdn, Service, action, compile_menus
from ussd_engine.stores.redis import RedisStore

GATEWAY = "bench"
NUMBERS_EACH = 100_000_000
"""Workers count apart."""

MENU = """\
menu: bench
service_code: "*500#"
languages: [en]
start: home
states:
  home:
    text: Merchant menu
    options:
      - {text: Balance, goto: balance}
      - {text: Issue invoice, goto: client}
      - {text: Help, goto: help}
  balance: {end: Balance 0}
  help: {end: Call 1234}
  client:
    ask: Enter phone
    as: client
    type: {msisdn: {region: UZ}}
    goto: amount
  amount:
    ask: Enter amount
    as: amount
    type: {integer: {min: 1000, max: 10000000}}
    goto: issue
  issue:
    do: bench.issue
    with: {client: client, amount: amount}
    on: {issued: issued}
  issued: {end: "Invoice {number}, client {client}, amount {amount}"}
"""

Number = Annotated[int, Max(9_999_999_999)]
Units = Annotated[int, Max(10_000_000)]


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice has a number."""

    number: Number


def actions(worker: int = 0) -> dict[str, Action]:
    """The menu's one action: a counter, so that what is measured is the engine and not a ledger."""
    numbers = count(1 + worker * NUMBERS_EACH)

    @action("bench.issue", changes=True)
    def issue(_call: Call, client: Msisdn, amount: Units) -> Issued:  # noqa: ARG001
        return Issued(next(numbers))

    return {issue.name: issue}


def service(table: Mapping[str, Action]) -> Service:
    """The menu, compiled against `actions`."""
    return compile_menus({"bench.yaml": MENU}, table)


def redis_url(environment: Mapping[str, str]) -> str:
    """Where sessions go: `USSD_REDIS__URL`, else `REDIS_HOST` and `REDIS_PORT`, else this machine's 6379."""
    host, port = environment.get("REDIS_HOST", "127.0.0.1"), environment.get("REDIS_PORT", "6379")
    return environment.get("USSD_REDIS__URL") or f"redis://{host}:{port}/0"


@asynccontextmanager
async def open_house(url: str, worker: int = 0) -> AsyncIterator[House]:
    """What `app.wiring.open_house` builds, with the bench menu and without a database."""
    metrics, store, table = Metrics(), RedisStore(url), actions(worker)

    async def sessions() -> str:
        await store.load("{readyz}")
        return ""

    engine = Engine(service(table), store=store, actions=table, key=b"bench", clock=time.time, watch=metrics)
    door = Door(engine, Credentials(GATEWAY, time.time), metrics.refuse)
    routes = tuple(AfricasTalking(GATEWAY, Options(), door).routes())
    stands_on = {"sessions": Dependency(sessions)}
    try:
        front = application(Front(routes, metrics, stands_on))
        yield House(front, lambda: None, partial(readiness.look, stands_on))
        await engine.drain(1.0)
    finally:
        await store.close()


def main() -> None:
    """Serve on one port of the loopback until SIGTERM."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8881)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    given = parser.parse_args()
    try:
        listeners = process.listen("127.0.0.1", given.port, given.workers)
    except process.PortTaken as error:
        parser.error(str(error))
    url = redis_url(os.environ)
    if given.workers == 1:
        process.run_house(open_house(url), listeners[0], lambda server: _say_ready(server.url))
    else:
        Supervisor(lambda seat: open_house(url, seat.slot), listeners, (), _say_ready).run()


def _say_ready(url: str) -> None:
    print(f"ready {url}", flush=True)


if __name__ == "__main__":
    main()
