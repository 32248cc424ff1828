"""Nothing acknowledged is lost: the demo is killed between any two steps and started on the same data."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.town import Person, Town, number_on
from tests.served import PIN, Served, launch

RESTART_MAX_S = 4.0
"""Of a processor; `make proof` holds the promised two, on a machine that does nothing else."""


@dataclass
class Mortal:
    """A demo that is killed and started again on its data."""

    town: Town
    log: Path
    starts: list[float] = field(default_factory=list)

    def kill(self) -> None:
        self.town.served.end(signal.SIGKILL)
        self.start()

    def start(self) -> None:
        self.town.served = served_on(self.town.folder, self.log)
        self.starts.append(cpu_seconds(self.town.served.process.pid))


def cpu_seconds(pid: int) -> float:
    """What a process has used so far: its start on an idle machine, however busy this one is."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def served_on(data: Path, log: Path) -> Served:
    served = launch(("demo", "--headless", "--port", "0", "--data", str(data)), log, None, data.parent)
    served.wait_until_ready()
    return served


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    folder = tmp_path_factory.mktemp("mortal")
    data, log = folder / "data", folder / "log"
    mortal = Mortal(Town(served_on(data, log), data), log)
    yield mortal
    assert mortal.town.served.end() == 0
    assert "Traceback" not in mortal.town.served.logged()


STEPS = ("issue", "customer's inbox", "pay", "merchant's inbox", "check")


@pytest.mark.parametrize("gap", range(1, len(STEPS)), ids=lambda gap: f"before {STEPS[gap]}")
def test_killed_between_two_steps_of_the_way_nothing_is_lost(mortal: Mortal, gap: int) -> None:
    merchant, customer = mortal.town.merchant(), mortal.town.customer()
    number = 0
    for place, step in enumerate(STEPS):
        if place == gap:
            mortal.kill()
        match step:
            case "issue":
                number = number_on(merchant.dial(f"*880**0*{customer.short}*50000#"))
            case "customer's inbox":
                assert customer.sms(1) == [
                    f"CLICK: счет №{number} от MAGAZIN-24, 50 000 сум. Оплата/отказ: *880#"
                ]
            case "pay":
                assert customer.pay().startswith(f"END Оплачено: 50 000 сум\nСчет №{number}\n")
            case "merchant's inbox":
                assert merchant.sms(1) == [
                    f"Оплата по счету №{number} на сумму 50 000 сум успешно произведена"
                ]
            case "check":
                screen = merchant.dial(f"*880**3*{customer.short}#")
                assert re.fullmatch(r"END Платеж №\d+\n50 000 сум\n[\d.]{10} \d\d:\d\d\nОплачен", screen), (
                    screen
                )
    assert (len(customer.quiet()), len(merchant.quiet())) == (2, 1)
    assert mortal.town.balance(customer) == 10_000


def test_a_request_repeated_after_the_kill_gets_the_same_answer_and_has_no_second_effect(
    mortal: Mortal,
) -> None:
    """F1: the answer was on its way when the process died; the gateway sends the request again."""
    merchant, customer = mortal.town.merchant(), mortal.town.customer()
    phone = merchant.phone
    issued = phone.dial(f"*880**0*{customer.short}*50000#")
    mortal.kill()
    phone.served = mortal.town.served

    assert phone.repeat() == issued
    assert len(mortal.town.invoices(merchant)) == 1
    assert len(customer.quiet()) == 1


def test_killed_at_the_pin_question_the_customer_starts_again_and_pays_once(mortal: Mortal) -> None:
    merchant, customer = mortal.town.merchant(), mortal.town.customer()
    merchant.issue(customer, 50_000)
    phone = customer.phone
    phone.dial("*880#", "1", "1")
    mortal.kill()
    phone.served = mortal.town.served

    screen = phone.answer(PIN)
    assert not screen.startswith("END Оплачено")
    assert PIN not in screen
    assert mortal.town.balance(customer) == 60_000
    assert customer.pay().startswith("END Оплачено")
    assert mortal.town.balance(customer) == 10_000


def test_a_restart_after_a_kill_is_a_matter_of_seconds(mortal: Mortal) -> None:
    if not mortal.starts:
        mortal.kill()

    assert min(mortal.starts) < RESTART_MAX_S


def test_sigterm_lets_a_turn_end_and_leaves_cleanly(tmp_path: Path) -> None:
    town = Town(served_on(tmp_path / "data", tmp_path / "log"), tmp_path / "data")
    merchant: Person = town.merchant()
    merchant.dial("*880#", "2")

    assert town.served.end(signal.SIGTERM) == 0
    assert "Traceback" not in town.served.logged()
