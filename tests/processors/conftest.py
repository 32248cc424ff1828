"""A switch in a process of its own, our link to it, and the two processors behind one face."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from invoicing import Behaviour, CardProcessor, SandboxBank, pins
from invoicing.processors.iso8583 import HostOptions, Iso8583Host, StrayAnswer
from invoicing.processors.iso8583.link import LinkOptions
from invoicing.processors.sandbox import airtime
from tests.invoicing.world import CHEAP, in_memory
from tests.peers.control import SwitchProcess

WAIT_MAX_S = 15
PHONE = "998901234567"


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread or process is about to do."""
    end = time.monotonic() + WAIT_MAX_S
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


class Till:
    """Our side of the line: a host with short times, and all that it reported."""

    def __init__(
        self,
        port: int,
        *,
        answer_s: float = 0.5,
        inquiry_s: float = 0.5,
        link: dict[str, float] | None = None,
    ) -> None:
        self.strays: list[StrayAnswer] = []
        self.hear: Callable[[StrayAnswer], object] = lambda _: None
        times = {"backoff_first_s": 0.02, "backoff_max_s": 0.2, "network_s": 2.0} | (link or {})
        line = replace(LinkOptions("127.0.0.1", port), **times)  # type: ignore[arg-type]
        options = HostOptions(
            line, "CLICK001", "9901", "CLICK TERMINAL", answer_s=answer_s, inquiry_s=inquiry_s
        )
        self.host = Iso8583Host(options, on_stray=self._take)

    def _take(self, stray: StrayAnswer) -> None:
        self.strays.append(stray)
        self.hear(stray)

    def open(self) -> Iso8583Host:
        self.host.start()
        until(self.host.available)
        return self.host


MakeTill = Callable[..., Till]


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def make_till(switch: SwitchProcess) -> Iterator[MakeTill]:
    """Makes tills on the switch; they are closed at the end."""
    made: list[Till] = []

    def make(**words: object) -> Till:
        till = Till(switch.port, **words)  # type: ignore[arg-type]
        made.append(till)
        return till

    yield make
    for till in made:
        till.host.stop()


@pytest.fixture
def till(make_till: MakeTill) -> Till:
    """One that is signed on."""
    till = make_till()
    till.open()
    return till


@pytest.fixture
def patient_till(make_till: MakeTill) -> Till:
    """One that is signed on, and waits ten seconds for an answer."""
    till = make_till(answer_s=10, inquiry_s=10)
    till.open()
    return till


class Bench(Protocol):
    """A processor under test, and the bank's side of it."""

    @property
    def processor(self) -> CardProcessor: ...

    def card(self, balance_tiyin: int, *, pan: str | None = None) -> str:
        """A new card's token."""

    def balance(self, token: str) -> int:
        """What the bank's own books say."""

    def foreign_pan(self) -> str:
        """The number of a card that is another phone's than `PHONE`."""

    def silence_checks(self) -> None:
        """The next card check is not answered."""

    def airtime(self, msisdn: str) -> int:
        """What the bank has given the phone, in tiyin."""

    def decline(self, token: str, code: str) -> None: ...

    def lose_answer(self, token: str) -> None:
        """The next purchase of the card is done, and nobody hears of it."""

    def lose_request(self, token: str) -> None: ...

    def down(self) -> None: ...

    def up(self) -> None: ...


class SandboxBench:
    _BEHAVIOURS = {"05": Behaviour.DECLINE, "51": Behaviour.NO_MONEY, "54": Behaviour.EXPIRED}  # noqa: RUF012

    def __init__(self) -> None:
        self.processor = SandboxBank(in_memory(), key=b"key of the tests")
        self._cards = count(1)

    def card(self, balance_tiyin: int, *, pan: str | None = None) -> str:
        token = self.processor.tokenise(pan or f"86004900{next(self._cards):08d}", "3012")
        self.processor.set_balance(token, balance_tiyin)
        return token

    def balance(self, token: str) -> int:
        held = self.processor.balance(token)
        assert held is not None
        return held

    def foreign_pan(self) -> str:
        return "8600490000060057"

    def silence_checks(self) -> None:
        self.processor.switch_off()

    def airtime(self, msisdn: str) -> int:
        return self.processor.balance(airtime(msisdn)) or 0

    def decline(self, token: str, code: str) -> None:
        self.processor.set_behaviour(token, self._BEHAVIOURS[code])

    def lose_answer(self, token: str) -> None:
        self.processor.set_behaviour(token, Behaviour.ANSWER_LOST)

    def lose_request(self, token: str) -> None:
        self.processor.set_behaviour(token, Behaviour.REQUEST_LOST)

    def down(self) -> None:
        self.processor.switch_off()

    def up(self) -> None:
        self.processor.switch_on()


class SwitchBench:
    def __init__(self, switch: SwitchProcess, till: Till) -> None:
        self._switch = switch
        self.processor = till.host
        self._cards = count(1)

    def card(self, balance_tiyin: int, *, pan: str | None = None) -> str:
        return self._switch.card(f"tok-{next(self._cards)}", balance_tiyin, pan=pan)

    def balance(self, token: str) -> int:
        return self._switch.balance(token)

    def foreign_pan(self) -> str:
        self._switch.card("tok-foreign", 0, pan="8600490000060057", phone="998939876543")
        return "8600490000060057"

    def silence_checks(self) -> None:
        self._switch.fault("lost", on="0100")

    def airtime(self, msisdn: str) -> int:
        return self._switch.balance(f"airtime-{msisdn}")

    def decline(self, token: str, code: str) -> None:
        self._switch.rule(token, code)

    def lose_answer(self, token: str) -> None:
        self._switch.fault("never")

    def lose_request(self, token: str) -> None:
        self._switch.fault("lost")

    def down(self) -> None:
        self._switch.order("down")
        until(lambda: not self.processor.available())

    def up(self) -> None:
        self._switch.order("up")


@pytest.fixture(params=["sandbox", "iso8583"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "sandbox":
        return SandboxBench()
    return SwitchBench(request.getfixturevalue("switch"), request.getfixturevalue("till"))


@pytest.fixture(params=["sandbox", "iso8583"])
def patient_bench(request: pytest.FixtureRequest) -> Bench:
    """One that would wait ten seconds for an answer: what is refused before that, is refused at once."""
    if request.param == "sandbox":
        return SandboxBench()
    return SwitchBench(request.getfixturevalue("switch"), request.getfixturevalue("patient_till"))


@pytest.fixture(autouse=True)
def cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "_HASHER", CHEAP)
