"""Issue and pay through the domain on PostgreSQL, beside pgbench's simple update on the same server.

    python -m bench money                                      both cores, five seconds each
    python -m bench.money [--seconds 5] [--processes 2] [--threads 8]

The server is made for the run: on the disk, with fsync and synchronous commits. Payments are measured after
the PIN's verdict, against a switch that answers at once: the domain's own work is left, three commits.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

from argon2 import PasswordHasher

from invoicing import (
    Approved,
    Done,
    Invoicing,
    Issued,
    Limits,
    Paid,
    PurchaseRequest,
    RequestKey,
    ReversalRequest,
    Reversed,
    Workers,
    clock_of,
    connect,
    pins,
    upgrade,
)
from invoicing.audit import Actor
from invoicing.customers import Checking
from invoicing.payments import PayOrder
from invoicing.storage.payments import Payment
from tests.peers.postgres import Cluster, cluster

SHOPS = 100
CUSTOMERS = 600
AMOUNT_TIYIN = 50_000_00
PIN = "24680"
ISSUES_WANTED, PAYMENTS_WANTED = 300, 150
_LIMITS = Limits(
    issues_per_minute=10**9,
    issues_per_day=10**9,
    open_per_pair_a_day=10**9,
    sms_per_pair_a_day=10**9,
    pin_check_max=timedelta(hours=1),
    pin_tries=10**6,
)


class InstantBank:
    """A switch that approves at once."""

    terminal = "BENCH001"

    def available(self) -> bool:
        return True

    def tokenise(self, pan: str, _exp_yymm: str, /, _msisdn: str | None = None) -> str:
        return f"token-{pan[-8:]}"

    def purchase(self, request: PurchaseRequest) -> Approved:
        return Approved(request.stan, request.rrn, request.amount_tiyin, request.rrn[-6:])

    def refund(self, request: PurchaseRequest) -> Approved:
        return self.purchase(request)

    def reverse(self, _request: ReversalRequest) -> Reversed:
        return Reversed(original_known=True)

    def balance(self, _token: str) -> int | None:
        return None


@dataclass(frozen=True)
class Job:
    """One process's part: its place among them, when all begin, and for how long."""

    url: str
    place: int
    threads: int
    begin_at: float
    seconds: float


def shop(number: int) -> str:
    return f"99890{1_000_000 + number:07d}"


def customer(number: int) -> str:
    return f"99891{1_000_000 + number:07d}"


def service(url: str) -> Invoicing:
    # Argon2 is not what is measured; with its own cost one PIN check takes 30 ms of a core.
    pins._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]  # noqa: SLF001
    engine = connect(url, wait_s=20)
    return Invoicing(
        engine, clock=clock_of(engine), processor=InstantBank(), pepper=b"pepper-of-the-bench", limits=_LIMITS
    )


def populate(url: str) -> None:
    upgrade(url)
    made = service(url)

    def add(number: int) -> None:
        if number < SHOPS:
            assert isinstance(made.add_merchant(f"Shop {number}", shop(number)), Done)
        assert isinstance(made.add_customer(customer(number), PIN), Done)
        pan = _with_check_digit(f"8600{number:011d}")
        assert isinstance(made.add_card(customer(number), pan, "1239"), Done)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(CUSTOMERS)))


def _with_check_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{digits}{-total % 10}"


def issue_some(job: Job) -> int:
    """How many invoices this process issued in its time."""
    made, numbers = service(job.url), count(job.place * 10**6)

    def one() -> None:
        number = next(numbers)
        key = RequestKey("bench", f"issue-{number}")
        answer = made.issue(key, shop(number % SHOPS), customer(number % CUSTOMERS), AMOUNT_TIYIN, again=True)
        assert isinstance(answer, Issued), answer

    return _repeat(one, job)


def pay_some(job: Job) -> int:
    """How many payments this process made after their PINs were found right."""
    made, numbers = service(job.url), count(job.place * 10**6)
    ready = _begun(made, job)

    def one() -> None:
        checking, order = ready[next(numbers) - job.place * 10**6]
        payment = made.start_payment(checking, order, pin_right=True)
        assert isinstance(payment, Payment), payment
        assert isinstance(made.run_payment(payment), Paid)

    return _repeat(one, job, most=len(ready))


def _begun(made: Invoicing, job: Job) -> list[tuple[Checking, PayOrder]]:
    """Payments up to the PIN's verdict, each of an invoice of its own."""

    def begin(number: int) -> tuple[Checking, PayOrder]:
        name = customer((number * 2 + job.place) % CUSTOMERS)
        key = f"{job.place}-{number}"
        issued = made.issue(
            RequestKey("bench", f"to-pay-{key}"), shop(number % SHOPS), name, AMOUNT_TIYIN, again=True
        )
        assert isinstance(issued, Issued)
        card = made.cards(name)[0]
        order = PayOrder(Actor(name, "ussd"), int(issued.invoice.id), int(card.id))
        checking = made.begin_payment(RequestKey("bench", f"pay-{key}"), "body", order)
        assert isinstance(checking, Checking), checking
        return checking, order

    with ThreadPoolExecutor(job.threads) as threads:
        return list(threads.map(begin, range(int(400 * job.seconds))))


def _repeat(call: Callable[[], None], job: Job, most: int = 10**9) -> int:
    begin_at = max(job.begin_at, time.time())
    time.sleep(max(0.0, begin_at - time.time()))
    end, done = begin_at + job.seconds, [0] * job.threads

    def run(thread: int) -> None:
        while time.time() < end and sum(done) < most - job.threads:
            call()
            done[thread] += 1

    with ThreadPoolExecutor(job.threads) as threads:
        list(threads.map(run, range(job.threads)))
    return round(sum(done) * job.seconds / max(time.time() - begin_at, job.seconds))


def measure(work: Callable[[Job], int], url: str, options: argparse.Namespace, lead_s: float) -> float:
    """A second's count, over all processes."""
    begin_at = time.time() + lead_s
    jobs = [Job(url, place, options.threads, begin_at, options.seconds) for place in range(options.processes)]
    with ProcessPoolExecutor(options.processes) as processes:
        return sum(processes.map(work, jobs)) / float(options.seconds)


def pgbench(server: Cluster, options: argparse.Namespace) -> float:
    """The simple-update transactions a second: one commit each, three updates and an insert, written in C."""
    server.create("pgbench")
    program, clients = _program(server.programs), options.processes * options.threads
    where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "tests"]
    _run([program, *where, "-i", "-q", "-s", "10", "pgbench"])
    run = [program, *where, "-N", "-n", "-c", str(clients), "-j", "2", "-T", str(int(options.seconds))]
    told = _run([*run, "-M", "prepared", "pgbench"])
    found = re.search(r"tps = ([0-9.]+)", told)
    assert found is not None, told
    return float(found[1])


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own


def _program(programs: Path) -> str:
    beside = programs / "pgbench"
    return str(beside) if beside.exists() else "pgbench"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.money")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args(arguments)
    with cluster() as server:
        url = server.create("money")
        populate(url)
        rows = [
            ("pgbench simple update", pgbench(server, options), None),
            ("invoices issued", measure(issue_some, url, options, 2), ISSUES_WANTED),
            ("payments after the PIN", measure(pay_some, url, options, 2), PAYMENTS_WANTED),
        ]
        engine = connect(url)
        workers = Workers(engine, clock=clock_of(engine), processor=InstantBank(), audit_key=b"bench")
        while workers.seal_audit():
            pass
        problems = workers.problems()
        engine.dispose()
    for name, rate, wanted in rows:
        print(f"{name:24}{rate:10.0f}/s" + (f"   (wanted {wanted})" if wanted else ""))
    print("the books are right" if not problems else "\n".join(problems))


if __name__ == "__main__":
    main()
