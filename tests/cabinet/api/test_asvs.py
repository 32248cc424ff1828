"""The items of OWASP ASVS 5.0 that the web holds; tests of those that no other file names."""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path

import pytest

from cabinet.api import GROUPS
from cabinet.api.openapi import document
from invoicing import InvoiceView, Refused, RequestKey, StorageFailed
from invoicing import invoices as domain
from invoicing.codes import Fresh
from tests.cabinet.web import HERE, PASSWORD, Api
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, SHOP, STRANGER

ITEMS = (
    *("2.3.1", "2.3.2", "2.3.3", "2.3.4", "2.4.1", "3.3.1", "3.5.1", "3.5.3", "4.1.5", "6.1.1", "6.2.1"),
    *("6.2.4", "6.2.5", "6.2.9", "6.3.8", "6.4.1", "6.5.1", "6.5.2", "6.5.3", "6.5.4", "6.5.5", "6.6.1"),
    *("6.6.2", "6.6.3", "7.2.3", "7.2.4", "7.3.1", "7.3.2", "7.4.1", "7.4.3", "7.5.1", "8.2.2", "8.4.1"),
    *("11.4.2", "13.3.1", "14.2.1", "14.2.6", "14.3.2", "15.4.2", "16.2.5", "16.4.1", "16.5.3"),
)
"""Of domain.md 2.5, what the web answers for; 1.2.10 is the exports' own."""
FOLDER = Path(__file__).resolve().parent


def test_every_item_has_a_test_that_names_it() -> None:
    names = {
        name
        for path in FOLDER.parent.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }

    unnamed = [
        item
        for item in ITEMS
        if not any(re.search(rf"(asvs|_)_?{item.replace('.', '_')}(_|$)", name) for name in names)
    ]
    assert unnamed == []


async def test_asvs_2_3_1_no_step_of_the_first_visit_can_be_left_out(api: Api) -> None:
    ref = (await api.post("/signin/code", {"phone": SHOP})).body["ref"]
    for grant in (ref, "click_grant_" + "A" * 43, "x"):
        answer = await api.post("/signin/password", {"grant": grant, "password": PASSWORD})
        assert (answer.status, answer.code) == (422, "grant_over")
    assert (await api.post("/signin", {"phone": SHOP, "password": PASSWORD})).code == "wrong_sign_in"


async def test_asvs_2_3_2_an_invoice_is_held_to_the_limits_of_business(owner: Api) -> None:
    answer = await owner.post("/invoices", {"phone": CUSTOMER, "amount_tiyin": 100}, key="k")

    assert (answer.code, answer.body["values"]) == (
        "amount_range",
        {"min_tiyin": 100_000, "max_tiyin": 1_000_000_000},
    )


async def test_asvs_2_3_3_what_fails_half_way_leaves_nothing_and_may_be_repeated(
    owner: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, body = owner.people.world, {"phone": CUSTOMER, "amount_tiyin": FIFTY}

    def fail(*_given: object, **_named: object) -> None:
        raise StorageFailed("the database failed")

    with monkeypatch.context() as patched:
        patched.setattr(domain, "tell_customer", fail)
        assert (await owner.post("/invoices", body, key="k")).status == 503
    assert [world.count(table) for table in ("invoice", "request_log")] == [0, 0]

    assert (await owner.post("/invoices", body, key="k")).status == 201


async def test_asvs_2_3_4_an_invoice_is_paid_once_and_refunded_once(owner: Api) -> None:
    world = owner.people.world
    invoice = world.issue(10_000_00)
    world.pay(invoice)
    world.pay(invoice)
    answers = [await owner.post(f"/invoices/{invoice.id}/refund", key=f"r{n}") for n in range(3)]

    assert [answer.status for answer in answers] == [200, 409, 409]
    assert world.balance_soum == 60_000


def test_asvs_6_5_3_codes_come_from_the_systems_own_source_and_follow_no_seed() -> None:
    drawn = []
    for _ in range(2):
        random.seed(880)
        drawn.append([Fresh.make().code for _ in range(20)])

    assert drawn[0] != drawn[1]
    assert len({code for codes in drawn for code in codes}) > 35


async def test_asvs_6_6_1_a_code_goes_to_a_phone_the_bank_has_registered_and_to_no_other(api: Api) -> None:
    for phone in (SHOP, STRANGER, CUSTOMER):
        assert (await api.post("/signin/code", {"phone": phone})).status == 202

    sent = {phone: len(api.people.world.texts(phone)) for phone in (SHOP, STRANGER, CUSTOMER)}
    assert sent == {SHOP: 1, STRANGER: 0, CUSTOMER: 0}


def test_asvs_8_4_1_a_key_of_one_merchant_reaches_no_answer_of_another(owner: Api, other: Api) -> None:
    service = owner.people.world.service
    mine = service.issue(RequestKey.api("api:merchant:1", "same"), SHOP, CUSTOMER, FIFTY)
    theirs = service.issue(RequestKey.api("api:merchant:2", "same"), OTHER_SHOP, CUSTOMER, FIFTY)

    assert mine != theirs
    for shop, answer in ((OTHER_SHOP, mine), (SHOP, theirs)):
        invoice = answer.invoice  # type: ignore[union-attr]
        assert isinstance(invoice, InvoiceView)
        assert isinstance(service.merchant_invoice(shop, invoice.id), Refused)


def test_asvs_13_3_1_no_key_or_password_shows_in_what_is_printed(owner: Api) -> None:
    printed = repr(owner.office) + repr(owner.people.accounts.sign_in(SHOP, PASSWORD, HERE))

    assert "web-key-of-the-tests" not in printed
    assert "click_web_" not in printed


def test_asvs_14_2_1_no_path_or_query_carries_a_secret() -> None:
    named = {
        parameter["name"]
        for path in document(GROUPS)["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] in ("path", "query")
    }

    assert named == {"id", "sub", "status", "phone", "number", "since", "until", "cursor", "limit"}


async def test_asvs_14_2_6_a_card_is_four_digits_wherever_it_is_shown(owner: Api) -> None:
    world = owner.people.world
    world.pay(world.issue())
    for path in ("/invoices", "/payments", "/invoices/1/receipt"):
        octets = (await owner.get(path)).octets
        assert b"86004900" not in octets
        assert b"token" not in octets


async def test_asvs_16_4_1_what_a_client_sends_breaks_no_line_of_the_log(
    owner: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    def broken(*_given: object, **_named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(owner.people.papers, "invoices", broken)
    await owner.get("/invoices?phone=901234567", User_Agent="a browser\tof mine")
    await owner.get("/nowhere%0d%0aforged%20line")

    assert all(
        "\n" not in record.getMessage() for record in caplog.records if record.name.startswith("cabinet")
    )
    assert any(record.name.startswith("cabinet") for record in caplog.records)
