"""SMPP: our codec beside smpplib's, and USSD turns a second over one bind, sessions in memory.

python -m bench.smpp                     prints both tables
python -m bench.smpp --serve PORT        the server that is measured, bound to a centre on PORT
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from smpplib import smpp
from smpplib.command import DeliverSM, Param

from adapters.smpp import wire
from adapters.smpp.wire import Pdu

SECONDS = 5.0
PHONES = (1, 32, 128)
CALLS, REPEATS = 2_000, 5
TYPED = (b"*500#", b"2", b"998930000007", b"50000")
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))

Work = Callable[[], object]


class _Numbers:
    sequence = 1

    def next_sequence(self) -> int:
        return self.sequence


class _DeliverSM(DeliverSM):  # type: ignore[misc]
    """smpplib's class with the parameter that it lacks, as anybody who does USSD with it has to write it."""

    params = DeliverSM.params | {"ussd_service_op": Param(type=int, size=1)}
    params_order = (*DeliverSM.params_order, "ussd_service_op")


def codec() -> None:
    """Print microseconds for each unit of one exchange: a deliver_sm in, a submit_sm out, their answers."""
    fields: dict[str, wire.Field] = {
        "service_type": "USSD",
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": "500",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": "998901112233",
        "short_message": b"Merchant menu\n1.Balance\n2.Issue invoice\n3.Help",
    }
    tlvs = {wire.SESSION_INFO: b"\1\0", wire.SERVICE_OP: b"\2"}
    delivered = wire.encode(Pdu(wire.DELIVER_SM, 1, 0, fields, tlvs))
    answered = wire.encode(Pdu(wire.SUBMIT_SM | wire.RESPONSE, 1, 0, {"message_id": "1a2b3c"}))

    def their_deliver() -> object:
        read = _DeliverSM("deliver_sm", sequence=0)
        read.parse(delivered)
        return read

    def their_submit() -> object:
        return smpp.make_pdu(
            "submit_sm", client=_Numbers(), its_session_info=256, ussd_service_op=2, **fields
        ).generate()

    pairs: dict[str, tuple[Work, Work]] = {
        "read deliver_sm": (their_deliver, lambda: wire.decode(delivered)),
        "write deliver_sm_resp": (
            lambda: smpp.make_pdu("deliver_sm_resp", client=_Numbers(), sequence=1).generate(),
            lambda: wire.answer(Pdu(wire.DELIVER_SM, 1)),
        ),
        "write submit_sm": (
            their_submit,
            lambda: wire.encode(Pdu(wire.SUBMIT_SM, 1, 0, fields, tlvs)),
        ),
        "read submit_sm_resp": (
            lambda: smpp.parse_pdu(answered, sequence=0),
            lambda: wire.decode(answered),
        ),
    }  # fmt: skip
    print("\nSMPP codec, us a unit (best of runs in turn)")
    print(f"{'':24} {'smpplib':>8} {'ours':>8} {'ratio':>6}")
    sums = [0.0, 0.0]
    for name, (theirs, ours) in pairs.items():
        took = _best(theirs), _best(ours)
        sums = [sum(pair) for pair in zip(sums, took, strict=True)]
        print(f"{name:24} {took[0]:8.1f} {took[1]:8.1f} {took[0] / took[1]:6.1f}", flush=True)
    print(f"{'one exchange':24} {sums[0]:8.1f} {sums[1]:8.1f} {sums[0] / sums[1]:6.1f}", flush=True)


def _best(work: Work) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter()
        for _ in range(CALLS):
            work()
        best = min(best, (time.perf_counter() - begun) / CALLS * 1e6)
    return best


# --- the centre that drives ---------------------------------------------------------------------------------


@dataclass
class _Phone:
    """Dials, answers, dials again; one unit under way at a time."""

    number: int
    at: int = 0
    sent_at: float = 0.0
    session: int = 0

    @property
    def msisdn(self) -> str:
        return f"99890{self.number:07}"


@dataclass
class _Driver:
    """An operator's centre with so many phones in dialogues."""

    phones: int
    bound: asyncio.Event = field(default_factory=asyncio.Event)
    took_s: list[float] = field(default_factory=list)
    wrong: int = 0
    _by_number: dict[str, _Phone] = field(default_factory=dict)
    _sequence: int = 0

    async def line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = wire.Frames()
        with contextlib.suppress(ConnectionError):
            while octets := await reader.read(1 << 16):
                writer.write(b"".join(self._take(wire.decode(unit)) for unit in frames.feed(octets)))
        writer.close()

    def _take(self, pdu: Pdu) -> bytes:
        if pdu.is_response:
            return b""
        if pdu.command != wire.SUBMIT_SM:
            if pdu.command == wire.BINDS["transceiver"]:
                self.bound.set()
                begins = [_Phone(number) for number in range(self.phones)]
                self._by_number = {phone.msisdn: phone for phone in begins}
                return self._answer(pdu) + b"".join(map(self._type, begins))
            return self._answer(pdu)
        phone = self._by_number[pdu.text("destination_addr")]
        self.took_s.append(time.perf_counter() - phone.sent_at)
        last = pdu.tlvs[wire.SERVICE_OP] == b"\x11"
        if last != (phone.at == len(TYPED)):
            self.wrong += 1
        if last:
            phone.at = 0
        return self._answer(pdu) + self._type(phone)

    def _answer(self, pdu: Pdu) -> bytes:
        if pdu.command == wire.SUBMIT_SM:
            return wire.encode(
                Pdu(pdu.command | wire.RESPONSE, pdu.sequence, 0, {"message_id": f"{pdu.sequence:x}"})
            )
        return wire.answer(pdu)

    def _type(self, phone: _Phone) -> bytes:
        if phone.at == 0:
            phone.session = (phone.session + 1) % 256
        self._sequence += 1
        fields: dict[str, wire.Field] = {
            "service_type": "USSD",
            "source_addr": phone.msisdn,
            "destination_addr": "500",
            "short_message": TYPED[phone.at],
        }
        info = bytes((phone.session, phone.at << 1))
        tlvs = {wire.SERVICE_OP: b"\x12" if phone.at else b"\x01", wire.SESSION_INFO: info}
        phone.at += 1
        phone.sent_at = time.perf_counter()
        return wire.encode(Pdu(wire.DELIVER_SM, self._sequence, 0, fields, tlvs))


async def _drive(phones: int, seconds: float) -> tuple[_Driver, float, float]:
    """The driver, the seconds that were counted, the CPU seconds of the server in them."""
    driver = _Driver(phones)
    server = await asyncio.start_server(driver.line, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    measured = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.smpp", "--serve", port, "--core", str(CORES[0])
    )
    try:
        async with asyncio.timeout(60):
            await driver.bound.wait()
        await asyncio.sleep(1.0)  # warm
        driver.took_s.clear()
        begun, cpu = time.perf_counter(), _cpu_s(measured.pid)
        await asyncio.sleep(seconds)
        return driver, time.perf_counter() - begun, _cpu_s(measured.pid) - cpu
    finally:
        measured.terminate()
        await measured.wait()
        server.close()


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - no file, a figure
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def turns(seconds: float) -> None:
    """Print turns a second over one bind."""
    print("\nUSSD turns over one SMPP bind, sessions in memory; the centre on the other core")
    print(f"{'phones':>8} {'turns/s':>8} {'a CPU s':>8} {'p50 ms':>8} {'p99 ms':>8} {'wrong':>6}")
    with _on_core(CORES[-1]):
        for phones in PHONES:
            driver, took_s, cpu_s = _run(_drive(phones, seconds))
            count = len(driver.took_s)
            cuts = statistics.quantiles(driver.took_s, n=100)
            print(
                f"{phones:8} {count / took_s:8.0f} {count / cpu_s:8.0f} {cuts[49] * 1e3:8.1f}"
                f" {cuts[98] * 1e3:8.1f} {driver.wrong:6}",
                flush=True,
            )


async def _serve(port: int) -> None:
    from adapters.smpp.gateway import Options, Smpp
    from app import benchmenu
    from ussd_engine import Engine
    from ussd_engine.stores.memory import MemoryStore

    table = benchmenu.actions()
    engine = Engine(
        benchmenu.service(table), store=MemoryStore(), actions=table, key=b"bench", clock=time.time
    )
    options = Options(host="127.0.0.1", port=port, system_id="ussd", window=1_000)
    await Smpp("bench", options, lambda *_: None).run(engine)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@contextlib.contextmanager
def _on_core(number: int) -> Iterator[None]:
    os.sched_setaffinity(0, {number})
    yield
    os.sched_setaffinity(0, CORES)


def report(seconds: float = SECONDS) -> None:
    """Print both tables."""
    codec()
    turns(seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.smpp")
    parser.add_argument("--serve", type=int)
    parser.add_argument("--core", type=int, default=CORES[0])
    parser.add_argument("-d", "--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    if given.serve is None:
        report(given.seconds)
    else:
        with _on_core(given.core), contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
            _run(_serve(given.serve))
