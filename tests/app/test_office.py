"""Commands of an operator over a real database: closing a day, verifying a SIM, closing a reversal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.money import DATABASE
from invoicing import Invoicing, Issued, Paid, Pending, RequestKey, SandboxBank, SystemClock, Workers, connect
from invoicing.limits import Limits
from invoicing.registration import DEMO_CUSTOMER, DEMO_MERCHANT, DEMO_PAN, DEMO_PIN
from invoicing.storage import audit
from invoicing.storage.audit import AuditRow
from invoicing.storage.connect import reading
from invoicing.storage.tables import payment, transfer
from invoicing.values import TASHKENT, tashkent_day
from tests.served import run_ussd

PEPPER = b"pepper of the test"
AMOUNT = 20_000_00
LOST_PAN = "8600490000090068"


@dataclass
class Office:
    """A service's database with a payment in it; `data` is what the commands are told."""

    data: Path
    engine: Engine
    money: Invoicing
    workers: Workers

    def run(self, *words: str) -> tuple[int, str, str]:
        done = run_ussd(*words, "--data", str(self.data))
        return done.returncode, done.stdout, done.stderr

    def trail(self, what: str) -> tuple[AuditRow, ...]:
        with reading(self.engine) as conn:
            return audit.all_of(conn, what)

    def pay(self, card: int = 0) -> Paid | Pending:
        issued = self.money.issue(
            RequestKey.api("t", f"i{card}"), DEMO_MERCHANT, DEMO_CUSTOMER, AMOUNT, again=True
        )
        assert isinstance(issued, Issued)
        own = self.money.cards(DEMO_CUSTOMER)[card].id
        key = RequestKey.api("t", f"p{card}")
        paid = self.money.pay(key, DEMO_CUSTOMER, issued.invoice.id, own, DEMO_PIN)
        assert isinstance(paid, Paid | Pending)
        return paid


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    data = tmp_path / "data"
    assert run_ussd("db", "upgrade", "--data", str(data)).returncode == 0
    engine = connect(f"sqlite:///{data / DATABASE}", wait_s=20)
    bank = SandboxBank(engine, key=b"key of the test")
    clock, limits = SystemClock(), Limits(reversal_tries_max=1, reversal_retry=timedelta(0))
    money = Invoicing(engine, clock=clock, processor=bank, pepper=PEPPER, limits=limits)
    money.seed_demo()
    bank.set_balance(bank.tokenise(DEMO_PAN, ""), 10 * AMOUNT)
    workers = Workers(engine, clock=clock, processor=bank, audit_key=b"audit", limits=limits)
    yield Office(data, engine, money, workers)
    engine.dispose()


def a_day_back(engine: Engine) -> str:
    """Book everything that is booked as of yesterday noon in Tashkent; that day."""
    yesterday = tashkent_day(SystemClock().now()) - timedelta(days=1)
    noon = datetime.combine(yesterday, datetime.min.time(), TASHKENT) + timedelta(hours=12)
    with engine.begin() as conn:
        for trigger in conn.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).scalars():
            conn.exec_driver_sql(f"DROP TRIGGER {trigger}")
        conn.execute(transfer.update().values(at=noon))
        conn.execute(payment.update().values(created_at=noon))
    return yesterday.isoformat()


def test_a_day_is_closed_once_and_told_again(office: Office, tmp_path: Path) -> None:
    assert isinstance(office.pay(), Paid)
    day, file = a_day_back(office.engine), tmp_path / "totals.csv"

    first = office.run("settlement", "close", "--out", str(file), "--by", "Dilnoza")
    again = office.run("settlement", "close", "--day", day)

    assert first == (0, "", f"{day} closed: 1 merchants, 20000.00 soums paid out\n")
    assert again[0] == 0
    assert again[2] == f"{day} was closed already: 1 merchants, 20000.00 soums paid out\n"
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert rows == list(csv.DictReader(io.StringIO(again[1])))
    assert [(row["day"], row["paid"], row["paid_out"]) for row in rows] == [(day, "20000.00", "20000.00")]
    assert [(row.actor, row.channel, row.action) for row in office.trail(f"day:{day}")] == [
        ("Dilnoza", "cli", "day_closed")
    ]


def test_a_day_that_is_not_over_or_lies_before_a_closed_one_is_refused(office: Office) -> None:
    today = tashkent_day(SystemClock().now())
    assert office.run("settlement", "close", "--day", today.isoformat()) == (
        2,
        "",
        f"ussd: {today} is not over yet in Tashkent\n",
    )
    assert office.run("settlement", "close")[0] == 0
    earlier = today - timedelta(days=9)

    code, _, said = office.run("settlement", "close", "--day", earlier.isoformat())

    assert code == 2
    assert said == (
        f"ussd: {earlier} has no settlement of its own: a later day is closed, and holds its money\n"
    )


def test_a_file_that_cannot_be_written_leaves_the_day_closed_and_says_so(
    office: Office, tmp_path: Path
) -> None:
    code, _, said = office.run("settlement", "close", "--out", str(tmp_path / "no" / "totals.csv"))

    assert code == 2
    assert "is closed, but" in said
    assert "give another --out" in said
    assert "was closed already" in office.run("settlement", "close")[2]


def test_a_changed_sim_pays_again_once_it_is_verified(office: Office) -> None:
    for sim in ("first", "second"):
        office.money.see_sim(DEMO_CUSTOMER, sim)

    assert office.run("customer", "verify-sim", DEMO_CUSTOMER, "--by", "Aziz") == (0, "SIM verified\n", "")

    assert isinstance(office.pay(), Paid)
    verified = [row for row in office.trail(f"phone:{DEMO_CUSTOMER}") if row.action == "sim_verified"]
    assert [(row.actor, row.channel) for row in verified] == [("Aziz", "cli")]
    code, _, said = office.run("customer", "verify-sim", DEMO_CUSTOMER)
    assert (code, said) == (2, f"ussd: nobody waits for the SIM of {DEMO_CUSTOMER} to be verified\n")
    assert office.run("customer", "verify-sim", "12345")[0] == 2


def test_a_reversal_left_to_people_is_closed_by_hand_with_its_reason(office: Office) -> None:
    office.money.add_card(DEMO_CUSTOMER, LOST_PAN, "1235", balance_tiyin=AMOUNT)
    pending = office.pay(card=1)
    assert isinstance(pending, Pending)
    number = str(pending.payment_number)
    bank = office.workers._processor
    assert isinstance(bank, SandboxBank)
    bank.switch_off()
    for _ in range(3):
        office.workers.recover()

    early = office.run("payment", "close-reversal", "1", "--reason", "seen")
    done = office.run("payment", "close-reversal", number, "--reason", "bank's letter 17", "--by", "Aziz")
    again = office.run("payment", "close-reversal", number, "--reason", "bank's letter 17")

    assert early[0] == 2
    assert done == (0, f"the reversal of payment {number} is closed\n", "")
    assert again[0] == 2
    assert again[2].startswith(f"ussd: no reversal of payment {number} is left to people")
    closed = [row for row in office.trail("payment:1") if row.action == "reversal_closed_by_hand"]
    assert [(row.actor, row.channel, row.after) for row in closed] == [("Aziz", "cli", "bank's letter 17")]
    open_again = office.money.open_invoices(DEMO_CUSTOMER).rows
    assert [invoice.status.value for invoice in open_again] == ["awaiting"]


def test_a_reason_is_asked_for(office: Office) -> None:
    assert office.run("payment", "close-reversal", "5000001")[0] == 2
    code, _, said = office.run("payment", "close-reversal", "5000001", "--reason", " ")
    assert (code, said) == (2, "ussd: --reason: say on one line how you know that the money is back\n")


def test_the_logins_name_is_in_the_trail_where_no_other_is_given(office: Office) -> None:
    for sim in ("first", "second"):
        office.money.see_sim(DEMO_CUSTOMER, sim)
    done = run_ussd(
        *("customer", "verify-sim", DEMO_CUSTOMER, "--data", str(office.data)), env={"LOGNAME": "dilnoza"}
    )

    assert done.returncode == 0
    assert "dilnoza" in {row.actor for row in office.trail(f"phone:{DEMO_CUSTOMER}")}
