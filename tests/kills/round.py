"""Kills tills, one life after another, over one database and one switch; then judges what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Final

from sqlalchemy import Engine

from invoicing import SystemClock, requests
from invoicing.processors.iso8583 import HostOptions, Iso8583Host
from invoicing.processors.iso8583.link import LinkOptions
from tests.kills.till import ANSWER_S, SCOPE, Till
from tests.peers.control import SwitchProcess
from tests.simulation import people
from tests.simulation.database import Snapshot, snapshot
from tests.simulation.life import registered
from tests.simulation.oracle import Oracle
from tests.simulation.switch import Bank, Operation
from tests.simulation.verdict import must

ROOT: Final = Path(__file__).resolve().parents[2]
LIFE_MAX_S: Final = 0.8
RESTART_MAX_S: Final = 2.0
"""From the start of a process to being ready to take money, where the machine does nothing else."""
DRAIN_MAX_S: Final = 60
FAULTS: Final = ("never", "lost", "twice", "drop", "late")
_BALANCE: Final = 10**12
Asked = tuple[str, int, int, int]


@dataclass
class Life:
    """One till from its start to its end. Times in seconds."""

    name: str
    wall_s: float
    cpu_s: float
    lines: list[tuple[str, str, str]] = field(default_factory=list)


class Killing:
    """`folder` keeps the switch's books, the SMS that were handed over, and the till's log."""

    def __init__(self, url: str, engine: Engine, folder: Path, seed: int) -> None:
        self._url, self._engine, self._folder = url, engine, folder
        self._random = Random(seed)
        self._seed = seed
        self.lives: list[Life] = []
        self._switch = SwitchProcess(folder)

    def open(self) -> None:
        """Registers the people and opens their cards at the bank."""
        registered(self._engine)
        self._switch.start()
        for customer in range(len(people.CUSTOMERS)):
            for card in (0, 1):
                self._switch.card(people.token(customer, card), _BALANCE)

    def close(self) -> None:
        self._switch.kill()

    def kill_one(self) -> None:
        """A life: started, ready, at work for a moment, dead by SIGKILL."""
        life = f"{self._seed}.{len(self.lives)}"
        if self._random.random() < 0.5:
            fault = self._random.choice(FAULTS)
            on = self._random.choice(("0200", "0200", "0420"))
            self._switch.fault(fault, on=on, seconds=ANSWER_S * 2)
        command = [
            sys.executable, "-m", "tests.kills.till", "--url", self._url, "--switch", str(self._switch.port),
            "--folder", str(self._folder), "--life", life,
        ]  # fmt: skip
        began = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", (self._folder / "log").read_text(encoding="utf-8")
            born = Life(life, time.monotonic() - began, _cpu_seconds(process.pid))
            reader = threading.Thread(target=_read, args=(process.stdout, born.lines))
            reader.start()
            time.sleep(self._random.uniform(0.02, LIFE_MAX_S))
            process.send_signal(signal.SIGKILL)
            process.wait()
            reader.join()
        self.lives.append(born)

    # --- the end -------------------------------------------------------------------------------------------

    def judge(self) -> Counter[str]:
        """Drain in this process, ask everything again, compare all books; how often each thing happened."""
        self._switch.order("heal")
        line = LinkOptions("127.0.0.1", self._switch.port, backoff_first_s=0.02, backoff_max_s=0.2)
        options = HostOptions(line, "CLICK001", "9901", "CLICK TERMINAL", answer_s=5)
        host = Iso8583Host(options)
        host.start()
        try:
            with people.plain_pins(lambda _: None):
                till = Till(self._engine, host, self._folder, SystemClock())
                fees, phones = people.by_merchant(people.FEES_BP), people.by_merchant(people.SHOPS)
                oracle = Oracle(self._bank(), fees, phones)
                self._drain(till, oracle)
                oracle.bank = self._bank()
                self._ask_again(till, oracle)
                self._judge_sms(oracle)
                oracle.judge_rest(till.workers.problems(), {})
        finally:
            host.stop()
        return self._counts(oracle.now)

    def _drain(self, till: Till, oracle: Oracle) -> None:
        until = time.monotonic() + DRAIN_MAX_S
        oracle.now = snapshot(self._engine)
        while not oracle.at_rest():
            must("drained", time.monotonic() < until, "it never came to rest")
            till.chore()
            oracle.now = snapshot(self._engine)

    def _ask_again(self, till: Till, oracle: Oracle) -> None:
        """Every request that was answered gets the same answer, and nothing comes of it."""
        before = snapshot(self._engine)
        asked, answered = self._heard()
        for key, told in answered.items():
            row = before.requests.get((SCOPE, key))
            must("acknowledged", row is not None, f"{key} was answered {told} and is gone")
            assert row is not None
            if not _is_provisional(told):
                must("same_answer", f"{row.status} {row.answer}" == told, f"{key}: {told}, kept {row}")
                again = " ".join(requests.encode(till.do(key, *asked[key])))
                must("same_answer", again == told, f"{key}: {told}, again {again}")
        oracle.now = snapshot(self._engine)
        must("repeats_do_nothing", oracle.now == before, "requests that were sent again had an effect")
        oracle.judge_rows(oracle.now)

    def _heard(self) -> tuple[dict[str, Asked], dict[str, str]]:
        """What all lives have asked, and what they were answered: for one key always the same."""
        asked: dict[str, Asked] = {}
        answered: dict[str, str] = {}
        for verb, key, rest in (line for life in self.lives for line in life.lines):
            if verb == "ask":
                what, shop, customer, number = rest.split()
                asked[key] = what, int(shop), int(customer), int(number)
                continue
            before = answered.get(key, rest)
            must("same_answer", before == rest or _is_provisional(before), f"{key}: {before}, {rest}")
            answered[key] = rest
        return asked, answered

    def _judge_sms(self, oracle: Oracle) -> None:
        """In order for each phone, none lost, one doubled at most for each kill."""
        taken = [line.split() for line in (self._folder / "sms").read_text(encoding="utf-8").splitlines()]
        ids = [int(id_) for id_, _ in taken]
        for phone in {phone for _, phone in taken}:
            mine = [int(id_) for id_, to in taken if to == phone]
            must("sms_order", mine == sorted(mine), f"{phone} got {mine}")
        doubled = len(ids) - len(set(ids))
        must("sms_doubled", doubled <= len(self.lives), f"{doubled} doubled after {len(self.lives)} kills")
        sent = {notice.id for notice in oracle.now.notices if notice.state == "sent"}
        must("sms_lost", sent == set(ids), f"{sent ^ set(ids)}")
        oracle.handed_over |= sent

    def _bank(self) -> Bank:
        bank = Bank()
        for event in self._switch.order("history"):
            rrn = event.get("rrn", "")
            if event["event"] == "judged":
                words = (event[name] for name in ("stan", "token", "amount", "code", "refund"))
                bank.operations[rrn] = Operation(rrn, *words)
            elif event["event"] == "reversed":
                bank.operations[rrn].reversed = True
        for token in {people.token(customer, 0) for customer in range(len(people.CUSTOMERS))}:
            taken = sum(one.taken_tiyin for one in bank.operations.values() if one.token == token)
            must("bank_adds_up", self._switch.balance(token) == _BALANCE - taken, f"{token}: {taken}")
        return bank

    def _counts(self, now: Snapshot) -> Counter[str]:
        counts: Counter[str] = Counter(f"payment {row.state}" for row in now.payments.values())
        counts += Counter(f"invoice {row.state}" for row in now.invoices.values())
        counts["acknowledged"] = sum(line[0] == "got" for life in self.lives for line in life.lines)
        counts["kills"] = len(self.lives)
        return counts


def _is_provisional(told: str) -> bool:
    return told.startswith("Pending ") or '"interrupted"' in told or '"unavailable"' in told


def _read(stream: IO[str], lines: list[tuple[str, str, str]]) -> None:
    for line in stream:
        verb, key, rest = line.rstrip("\n").split(" ", 2)
        lines.append((verb, key, rest))


def _cpu_seconds(pid: int) -> float:
    """What a process has used so far: its start on an idle machine, however busy this one is."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
