"""Pushes as people meet them: `ussd push`, invoices shown at once, and the demo's handsets that show them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.handset.running import security_key
from app.lines.control import PATH, signed
from tests.conftest import Start
from tests.served import CUSTOMER, MERCHANT, STRANGER, Served, launch, run_ussd


class Handset:
    """A phone that is switched on: asks for pushes one after another, until told to stop."""

    def __init__(self, served: Served, msisdn: str) -> None:
        self.served, self.msisdn = served, msisdn
        self.screens: list[dict[str, Any]] = []
        self.on = True
        served.request(f"/demo/pushes/{msisdn}?wait=0")  # known to be on from here
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        with contextlib.suppress(OSError):  # the demo has ended
            while self.on:
                status, text = self.served.request(f"/demo/pushes/{self.msisdn}?wait=1")
                if status == 200:
                    self.screens.append(json.loads(text))

    def screen(self, place: int = 0) -> dict[str, Any]:
        until = time.monotonic() + 20
        while len(self.screens) <= place and time.monotonic() < until:
            time.sleep(0.02)
        return self.screens[place]

    def send(self, **fields: Any) -> tuple[int, Any]:
        status, text = self.served.request(f"/demo/pushes/{self.msisdn}", json.dumps(fields).encode())
        return status, json.loads(text) if status == 200 else text

    def answer(self, text: str, **more: Any) -> Any:
        status, screen = self.send(id=self.screens[-1]["id"], answer=text, **more)
        assert status == 200, screen
        return screen

    def off(self) -> None:
        self.on = False
        self._thread.join(5)


_sums = itertools.count(50_000)


def issued(served: Served, client: str = CUSTOMER) -> str:
    """Let the merchant issue an invoice; its number. Sums differ: an equal one would be asked about."""
    amount = next(_sums)
    reply = served.caller(MERCHANT).dial(f"*880**0*{client[3:]}*{amount}#")
    found = re.search(r"№(\d+)", reply)
    assert found, reply
    return found[1]


def figures(served: Served) -> dict[str, float]:
    """Pushes by outcome."""
    _, text = served.request("/metrics")
    found = re.findall(
        r'^ussd_pushes_total\{gateway="africastalking",outcome="(\w+)"\} (\S+)$', text, re.MULTILINE
    )
    return {outcome: float(count) for outcome, count in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's data."""
    return tmp_path_factory.mktemp("pushes") / "data"


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Served]:
    """A demo that shows invoices at once."""
    arguments = ("demo", "--headless", "--port", "0", "--data", str(folder))
    env = {"USSD_PUSH__INVOICES": "true"}
    served = launch(arguments, folder.with_name("log"), env, folder.parent)
    served.wait_until_ready()
    yield served
    served.end()


def became(served: Served, before: dict[str, float]) -> dict[str, float]:
    """Pushes since then, once there is one."""
    until = time.monotonic() + 10
    while (now := figures(served)) == before and time.monotonic() < until:
        time.sleep(0.05)
    return {
        outcome: now[outcome] - before.get(outcome, 0)
        for outcome in now
        if now[outcome] != before.get(outcome)
    }


def test_an_invoice_is_shown_at_once_and_can_be_declined_there(shop: Served) -> None:
    before, phone = figures(shop), Handset(shop, CUSTOMER)
    number = issued(shop)
    shown = phone.screen()

    assert re.fullmatch(f"№{number}\nMAGAZIN-24\n50 0.. сум\nОплата: \\*880#\n1.Отклонить", shown["text"])
    assert shown["open"] is True
    assert shown["gateway"] == "africastalking"
    assert phone.answer("1") == {"text": f"Счет №{number} отклонен", "open": False}
    assert f"отклонил счет №{number}" in shop.inbox(MERCHANT)[-1]["text"]
    assert any(f"счет №{number}" in sms["text"] for sms in shop.inbox(CUSTOMER))  # sent all the same
    assert became(shop, before) == {"answered": 1.0}
    phone.off()


def test_nothing_typed_on_a_pushed_screen_leads_to_a_pin(shop: Served) -> None:
    phone = Handset(shop, CUSTOMER)
    issued(shop)
    first = phone.screen()
    shown = [phone.answer(typed, n=count) for count, typed in enumerate(("00", "0"), 1)]

    assert all("PIN" not in screen["text"] for screen in (first, *shown))
    assert all("CLICK\n" not in screen["text"] for screen in shown)
    assert phone.answer("2", n=3)["open"] is False  # the third wrong answer
    phone.off()


def test_the_same_answer_twice_declines_once_and_one_after_the_end_is_over(shop: Served) -> None:
    phone = Handset(shop, CUSTOMER)
    number = issued(shop)
    phone.screen()

    first, again = phone.answer("1", n=1), phone.answer("1", n=1)
    late = phone.answer("1", n=2)

    assert first == again == {"text": f"Счет №{number} отклонен", "open": False}
    assert late["open"] is False
    assert late["text"] != first["text"]
    assert sum(f"отклонил счет №{number}" in sms["text"] for sms in shop.inbox(MERCHANT)) == 1
    phone.off()


def test_a_phone_that_is_away_gets_the_sms_and_nobody_waits(shop: Served) -> None:
    before = figures(shop)
    number = issued(shop, client=STRANGER)

    assert f"счет №{number}" in shop.inbox(STRANGER)[-1]["text"]
    assert became(shop, before) == {"absent": 1.0}


def test_a_push_while_a_dialogue_is_open_is_refused_as_busy_and_the_open_dialogue_goes_on(
    shop: Served, folder: Path
) -> None:
    phone, caller = Handset(shop, CUSTOMER), shop.caller(CUSTOMER)
    said = caller.dial("*880#")
    pushed = run_ussd("push", CUSTOMER, "pushed", "--set", "invoice=1", "--data", str(folder))

    assert said.startswith("CON CLICK")
    assert (pushed.stdout.strip(), pushed.returncode) == ("busy", 1)
    assert phone.screens == []
    assert caller.answer("6").startswith("CON ")
    assert caller.answer("7").startswith("CON ")  # wrong there: the same screen
    caller.dial("*880*7#")
    phone.off()


def test_who_puts_the_phone_away_has_refused_and_may_dial(shop: Served) -> None:
    before, phone = figures(shop), Handset(shop, CUSTOMER)
    issued(shop)
    shown = phone.screen()

    assert phone.send(id=shown["id"], leaves=True) == (204, "")
    assert became(shop, before) == {"refused": 1.0}
    assert shop.caller(CUSTOMER).dial("*880*7#").startswith("END ")
    phone.off()


def test_without_the_setting_no_invoice_is_shown(demo: Served) -> None:
    before, phone = figures(demo), Handset(demo, CUSTOMER)
    issued(demo)
    demo.inbox(CUSTOMER)

    assert phone.screens == []
    assert figures(demo) == before
    phone.off()


def test_ussd_push_shows_a_screen_and_tells_what_became_of_it(shop: Served, folder: Path) -> None:
    before = figures(shop)
    number = issued(shop)
    assert became(shop, before) == {"absent": 1.0}
    phone = Handset(shop, CUSTOMER)
    told: list[Any] = []

    def push() -> None:
        given = f"invoice={int(number) - 1000}"
        told.append(run_ussd("push", CUSTOMER, "customer.pushed", "--set", given, "--data", str(folder)))

    asking = threading.Thread(target=push)
    asking.start()
    phone.screen()
    assert phone.answer("1")["text"] == f"Счет №{number} отклонен"
    asking.join(30)

    assert (told[0].stdout.strip(), told[0].returncode) == ("answered", 0)
    phone.off()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("home",), "no state that a push may begin at; known are: customer.pushed"),
        (("pushed",), "has to be given 'invoice' (text)"),
        (("pushed", "--set", "invoice=1", "--set", "pin=24680"), "is given no 'pin'"),
        (("pushed", "--set", "invoice=1", "--gateway", "smsc1"), "gateway 'smsc1' can't push"),
    ],
)
def test_a_push_that_can_not_be_is_refused_with_what_would_do(
    shop: Served, folder: Path, arguments: tuple[str, ...], why: str
) -> None:
    pushed = run_ussd("push", CUSTOMER, *arguments, "--data", str(folder), "--url", shop.url)

    assert pushed.returncode == 2
    assert why in pushed.stderr


def test_only_who_has_the_key_may_push(shop: Served, folder: Path) -> None:
    served = shop
    body = json.dumps({"msisdn": MERCHANT, "state": "customer.pushed", "given": {"invoice": "1"}}).encode()
    good = signed(security_key(folder).encode(), body)

    assert served.request(PATH, body)[0] == 401
    assert served.request(PATH, body, headers=signed(b"another key of some length", body))[0] == 401
    assert served.request(PATH, body + b" ", headers=good)[0] == 401
    assert served.request(PATH, body, headers=good) == (200, '{"outcome": "absent"}')
    assert served.request(PATH, body, headers=good)[0] == 401  # played again
    assert served.request(PATH, method="GET")[0] == 405


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"id": 5}, 400),
        ({"id": "x" * 41}, 400),
        ({"id": "push-1", "answer": "1" * 183}, 400),
        ({"id": "push-1", "answer": "1"}, 200),  # of no push: it is over
    ],
)
def test_what_a_handset_can_not_mean_is_refused(demo: Served, fields: dict[str, Any], status: int) -> None:
    assert demo.request(f"/demo/pushes/{STRANGER}", json.dumps(fields).encode())[0] == status
    assert demo.request(f"/demo/pushes/{STRANGER}", b"[")[0] == 400
    assert demo.request(f"/demo/pushes/{STRANGER}?wait=x")[0] == 400


def test_another_phone_can_not_answer_a_push(shop: Served) -> None:
    phone = Handset(shop, CUSTOMER)
    number = issued(shop)
    shown = phone.screen()
    status, _ = shop.request(
        f"/demo/pushes/{STRANGER}", json.dumps({"id": shown["id"], "answer": "1"}).encode()
    )

    assert status == 400
    assert phone.answer("1")["text"] == f"Счет №{number} отклонен"
    phone.off()


def test_a_service_has_no_handsets_to_push_to(start: Start, tmp_path: Path) -> None:
    env = {"USSD_SECURITY__KEY": "a key for tests only", "USSD_HTTP__PORT": "0"}
    served = start("serve", "--data", str(tmp_path / "d"), env=env)

    assert served.request(f"/demo/pushes/{CUSTOMER}")[0] == 404
    pushed = run_ussd("push", CUSTOMER, "pushed", "--set", "invoice=1", "--url", served.url, env=env)
    assert pushed.returncode == 2
    assert "able are: none" in pushed.stderr


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"USSD_PUSH__GATEWAY": "smsc1"}, "[push] gateway: no gateway is named 'smsc1'"),
        (
            {"USSD_PUSH__INVOICES": "true", "USSD_PUSH__STATE": "customer.home"},
            "[push] state: 'customer.home'",
        ),
    ],
)
def test_settings_that_can_not_be_stop_the_start(env: dict[str, str], why: str, tmp_path: Path) -> None:
    failed = run_ussd("demo", "--headless", "--port", "0", "--data", str(tmp_path / "data"), env=env)

    assert failed.returncode == 2
    assert why in failed.stderr
