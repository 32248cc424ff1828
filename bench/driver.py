"""The load: phones that each play one checked dialogue after another, over raw sockets.

    python -m bench.driver --url http://127.0.0.1:8881/gateways/bench -c 32 -d 3 --pid SERVER

The loop is closed: a phone sends when its answer has come, so p50 and p99 are those of a saturated server. An
answer that is not the dialogue's own, a wrong place of the end, or an invoice number given twice is an error.
Standard library only, so that it costs less than any server; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

SILENCE_MAX_S = 5.0
INVOICE = re.compile(r"Invoice (\d+), client (\d+), amount (\d+)")
XML = re.compile(r"<type>(\d)</type><msg>(.*?)</msg>", re.DOTALL)
HEADERS_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Wrong(Exception):
    """An answer that this dialogue must not get."""


@dataclass
class Dialogue:
    """One subscriber's way through the menu: what is typed, and what each screen must say."""

    number: int
    run: str
    spoiled: bool = False
    typed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.caller = f"99890{self.number % 10**7:07}"
        self.client = f"99893{self.number * 11 % 10**7:07}"
        self.amount = str(1000 + self.number * 17 % 9_999_000)

    def script(self) -> Iterator[tuple[str | None, str]]:
        """What is typed (nothing at first), and a part of the screen that must follow."""
        yield None, "Issue invoice"
        yield "2", "Enter phone"
        if self.spoiled:
            yield "12345", "phone"
        yield self.client, "Enter amount"
        if self.spoiled:
            yield "7", "amount"
        yield self.amount, f"client {self.client}, amount {self.amount}"


def form(dialogue: Dialogue) -> tuple[str, str]:
    """Africa's Talking: all that was typed, joined by stars."""
    return "application/x-www-form-urlencoded", (
        f"sessionId={dialogue.run}-{dialogue.number}&serviceCode=%2A500%23&phoneNumber=%2B{dialogue.caller}"
        f"&networkCode=43405&text={'*'.join(dialogue.typed)}"
    )


def read_form(body: str) -> tuple[bool, str]:
    if body[:4] not in ("CON ", "END "):
        raise Wrong(f"neither CON nor END: {body[:60]!r}")
    return body[0] == "E", body[4:]


def xml(dialogue: Dialogue) -> tuple[str, str]:
    """TruRoute, cardisk's wire: what was typed last."""
    kind, text = (2, dialogue.typed[-1]) if dialogue.typed else (1, "")
    return "application/xml", (
        f"<ussd><type>{kind}</type><msisdn>{dialogue.caller}</msisdn>"
        f"<sessionid>{dialogue.run}-{dialogue.number}</sessionid><msg>{text}</msg></ussd>"
    )


def read_xml(body: str) -> tuple[bool, str]:
    found = XML.search(body)
    if found is None:
        raise Wrong(f"no USSD answer: {body[:60]!r}")
    return found[1] == "3", found[2].replace("&amp;#10;", "\n")


Write = Callable[[Dialogue], tuple[str, str]]
Read = Callable[[str], tuple[bool, str]]
DIALECTS: dict[str, tuple[Write, Read]] = {
    "form": (form, read_form),
    "xml": (xml, read_xml),
    "constant": (form, read_form),
}


class Phone:
    """One keep-alive connection and the dialogue on it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.socket = socket.create_connection(load.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def begin(self, dialogue: Dialogue) -> None:
        self.dialogue, self.script = dialogue, list(dialogue.script())
        self.at = 0
        self.send()

    def send(self) -> None:
        typed = self.script[self.at][0]
        if typed is not None:
            self.dialogue.typed.append(typed)
        kind, body = self.load.write(self.dialogue)
        self.sent_at = time.perf_counter()
        self.socket.sendall(
            f"POST {self.load.path} HTTP/1.1\r\nHost: {self.load.host}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def receive(self) -> bool:
        """Take what came: True when the dialogue is over, False when the phone waits."""
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise Wrong("the server closed the connection")
        self.received += chunk
        head, found, body = self.received.partition(HEADERS_END)
        length = LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]):
            return False
        self.received = b""
        self.load.latencies.append(time.perf_counter() - self.sent_at)
        if head[9:12] != b"200":
            raise Wrong(f"status {head[9:12].decode()}")
        self.check(body.decode())
        self.at += 1
        if self.at == len(self.script):
            return True
        self.send()
        return False

    def check(self, body: str) -> None:
        is_end, text = self.load.read(body)
        if self.load.is_constant:
            return
        expected = self.script[self.at][1]
        if is_end != (self.at == len(self.script) - 1) or expected.lower() not in text.lower():
            raise Wrong(f"screen {self.at + 1}: wanted {expected!r}, got end={is_end} {text[:60]!r}")
        invoice = INVOICE.search(text)
        if invoice is not None:
            if invoice[1] in self.load.invoices:
                raise Wrong(f"invoice number {invoice[1]} given twice")
            self.load.invoices.add(invoice[1])


class Load:
    """A number of phones at one server."""

    def __init__(self, url: str, dialect: str) -> None:
        parts = urlsplit(url)
        self.address, self.host, self.path = (parts.hostname, parts.port), parts.netloc, parts.path
        self.write, self.read = DIALECTS[dialect]
        self.is_constant = dialect == "constant"
        self.run = f"B{time.time_ns() // 1000}"
        self.number = 0
        self.dialogues = 0
        self.latencies: list[float] = []
        self.errors: list[str] = []
        self.invoices: set[str] = set()

    def next(self) -> Dialogue:
        self.number += 1
        return Dialogue(self.number, self.run)

    def spoiled(self) -> None:
        """One dialogue with a bad phone and a bad amount, each of which must be asked for again."""
        phone = Phone(self)
        phone.begin(Dialogue(9_999_999, self.run, spoiled=True))
        try:
            while not phone.receive():
                pass
        except Wrong as wrong:
            self.errors.append(f"with wrong answers: {wrong}")
        phone.socket.close()

    def play(self, phones: int, seconds: float) -> float:
        """Load the server; returns the seconds it took until the last dialogue's end."""
        begun = time.perf_counter()
        with selectors.DefaultSelector() as selector:

            def ring() -> None:
                phone = Phone(self)
                selector.register(phone.socket, selectors.EVENT_READ, phone)
                phone.begin(self.next())

            def hang_up(phone: Phone) -> None:
                selector.unregister(phone.socket)
                phone.socket.close()

            for _ in range(phones):
                ring()
            while selector.get_map():
                ready = selector.select(SILENCE_MAX_S)
                if not ready:
                    self.errors.append(f"no answer for {SILENCE_MAX_S} s")
                    break
                for key, _ in ready:
                    going = time.perf_counter() - begun < seconds
                    try:
                        over = key.data.receive()
                    except (Wrong, OSError) as wrong:
                        self.errors.append(str(wrong))
                        hang_up(key.data)
                        if going:
                            ring()
                        continue
                    if over:
                        self.dialogues += 1
                        if going:
                            key.data.begin(self.next())
                        else:
                            hang_up(key.data)
        return time.perf_counter() - begun


def cpu_s(pid: int) -> float:
    """User and system time so far of a process and those it started (proc(5), fields 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended: its time is its parent's now
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_s(int(child)) for child in children)


def main() -> None:
    """Warm up, load, print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--dialect", choices=DIALECTS, default="form")
    parser.add_argument("-c", "--phones", type=int, default=32)
    parser.add_argument("-d", "--seconds", type=float, default=3.0)
    parser.add_argument("--pid", type=int, required=True, help="whose CPU time counts")
    given = parser.parse_args()
    load = Load(given.url, given.dialect)
    if not load.is_constant:
        load.spoiled()
    load.play(given.phones, given.seconds / 5)
    load.latencies, load.dialogues, before, mine = [], 0, cpu_s(given.pid), time.process_time()
    took = load.play(given.phones, given.seconds)
    mine, used, ordered = (
        time.process_time() - mine,
        cpu_s(given.pid) - before,
        sorted(load.latencies) or [0.0],
    )
    result = {
        "requests_s": len(load.latencies) / took,
        "cpu_us": 1e6 * used / max(len(load.latencies), 1),
        "driver_us": 1e6 * mine / max(len(load.latencies), 1),
        "p50_ms": 1e3 * ordered[len(ordered) // 2],
        "p99_ms": 1e3 * ordered[len(ordered) * 99 // 100],
        "errors": len(load.errors),
        "first_error": load.errors[0] if load.errors else "",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
