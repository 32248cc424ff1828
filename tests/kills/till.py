"""A process that takes money until it is killed.

It prints `ready`, then two lines for each request: `ask KEY …` before it is made, `got KEY …` when it is
answered. The SMS it hands over are lines of `FOLDER/sms`, there before the relay hears that they are taken.
"""

from __future__ import annotations

import argparse
import logging
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import Engine

from invoicing import (
    CardProcessor,
    Clock,
    Invoicing,
    Issued,
    LateAnswers,
    Limits,
    Notice,
    Relay,
    RequestKey,
    StorageError,
    SystemClock,
    Workers,
    connect,
    requests,
)
from invoicing.processors.iso8583 import HostOptions, Iso8583Host
from invoicing.processors.iso8583.link import LinkOptions
from invoicing.requests import Answer
from tests.simulation import people
from tests.simulation.life import AUDIT_KEY, PEPPER

ANSWER_S: Final = 0.4
PAYERS: Final = 3
log: Final = logging.getLogger(__name__)
SCOPE: Final = "till"
LIMITS: Final = Limits(
    open_per_pair_a_day=10**6,
    sms_per_pair_a_day=10**6,
    issues_per_minute=10**6,
    issues_per_day=10**6,
    declines_before_pause=10**6,
    same_key_wait=timedelta(seconds=1),
    pin_check_max=timedelta(seconds=1),
    switch_timeout=timedelta(seconds=ANSWER_S),
    recovery_margin=timedelta(seconds=0.2),
    reversal_retry=timedelta(seconds=0.1),
    reversal_retry_max=timedelta(seconds=0.5),
    notice_retry=timedelta(seconds=0.1),
    notice_retry_max=timedelta(seconds=0.5),
    notice_claim=timedelta(seconds=1),
)


class Phones:
    """An SMS provider whose memory outlives the till."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "sms", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def send(self, notice: Notice) -> str:
        os.write(self._file, f"{notice.id} {notice.recipient}\n".encode())
        return f"sms-{notice.id}"


class Till:
    def __init__(self, engine: Engine, host: CardProcessor, folder: Path, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.service = Invoicing(engine, clock=clock, processor=host, pepper=PEPPER, limits=LIMITS)
        self.workers = Workers(engine, clock=clock, processor=host, audit_key=AUDIT_KEY, limits=LIMITS)
        self.relay = Relay(engine, clock=clock, limits=LIMITS)
        self._phones = Phones(folder)
        self._say = threading.Lock()

    def say(self, *words: str) -> None:
        line = " ".join(words) + "\n"
        with self._say:
            os.write(1, line.encode())  # at once, whole: a line that is out counts as acknowledged

    def chores(self) -> None:
        while True:
            try:
                self.chore()
            except StorageError as error:
                log.warning("a chore is put off: %s", error)
            time.sleep(0.02)

    def chore(self) -> None:
        """One round of all the owner's work."""
        self.workers.recover()
        self.workers.expire_due()
        self.workers.seal_audit()
        self.relay.run_once(self._phones)

    def payer(self, life: str, place: int) -> None:
        """Issue, pay, and ask some things twice."""
        random = Random(f"{life} {place}")
        for number in range(10**9):
            name = f"{life}-{place}-{number}"
            shop, customer = random.randrange(2), random.randrange(3)
            amount = random.randrange(1_000_00, 9_000_00, 100)
            issued = self._ask(f"i-{name}", "issue", shop, customer, amount)
            if not isinstance(issued, Issued):
                continue
            invoice = int(issued.invoice.id)
            act = random.choice(("pay", "pay", "pay", "pay", "decline", "cancel"))
            key = f"p-{name}"
            self._ask(key, act, shop, customer, invoice)
            if random.random() < 0.3:
                self._ask(key, act, shop, customer, invoice)

    def _ask(self, key: str, what: str, shop: int, customer: int, number: int) -> Answer | None:
        self.say("ask", key, what, str(shop), str(customer), str(number))
        try:
            answer = self.do(key, what, shop, customer, number)
        except StorageError as error:
            log.warning("%s: %s", key, error)
            return None
        self.say("got", key, *requests.encode(answer))
        return answer

    def do(self, key: str, what: str, shop: int, customer: int, number: int) -> Answer:
        named, seller = RequestKey.api(SCOPE, key), people.SHOPS[shop]
        buyer = people.CUSTOMERS[customer]
        match what:
            case "issue":
                return self.service.issue(named, seller, buyer, number, again=True)
            case "decline":
                return self.service.decline(named, buyer, str(number))
            case "cancel":
                return self.service.cancel(named, seller, str(number))
        card = self.service.cards(buyer)[0].id
        return self.service.pay(named, buyer, str(number), card, people.PINS[customer])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--switch", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--life", required=True)
    given = parser.parse_args()
    logging.basicConfig(filename=given.folder / "log", level=logging.WARNING)
    clock = SystemClock()
    line = LinkOptions("127.0.0.1", given.switch, backoff_first_s=0.02, backoff_max_s=0.2, network_s=2)
    engine = connect(given.url, wait_s=20)
    late = LateAnswers(engine, clock=clock)
    options = HostOptions(line, "CLICK001", "9901", "CLICK TERMINAL", answer_s=ANSWER_S)
    host = Iso8583Host(
        options, clock=clock, on_stray=lambda stray: late.take(stray.rrn, stray.kind.value, stray.outcome)
    )
    host.start()
    till = Till(engine, host, given.folder, clock)
    with people.plain_pins(lambda _: None):
        while not host.available():
            time.sleep(0.005)
        till.service.role(people.SHOPS[0])  # the database answers
        till.say("ready")
        threads = [threading.Thread(target=till.chores, daemon=True)]
        threads += [
            threading.Thread(target=till.payer, args=(given.life, place), daemon=True)
            for place in range(PAYERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
