"""Who wants to know of invoices hears of each once, however often it is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.configuring import load
from app.money import Money
from invoicing.requests import RequestKey
from invoicing.results import InvoiceView, Issued
from tests.served import CUSTOMER, MERCHANT


@pytest.fixture
def money(tmp_path: Path) -> Iterator[Money]:
    with Money.open(load(None), tmp_path, b"a-long-random-text-for-tests") as opened:
        opened.upgrade()
        opened.invoicing.seed_demo()
        yield opened


def issue(money: Money, key: str) -> Issued:
    done = money.invoicing.issue(RequestKey("api:1", key), MERCHANT, CUSTOMER, 50_000_00, again=True)
    assert isinstance(done, Issued)
    return done


def test_a_repeated_request_gets_its_invoice_and_nobody_is_told_again(money: Money) -> None:
    told: list[InvoiceView] = []
    money.invoicing.tell = told.append
    first, again, other = issue(money, "one"), issue(money, "one"), issue(money, "two")

    assert first.invoice.number == again.invoice.number
    assert [view.number for view in told] == [first.invoice.number, other.invoice.number]


def test_who_fails_to_be_told_costs_no_invoice(money: Money, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_view: InvoiceView) -> None:
        raise OSError("no line")

    money.invoicing.tell = fails

    assert issue(money, "one").invoice.number == 1001
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "an invoice was issued, and not told of"
    ]
