"""Set-up: merchants, customers, cards, import, the demo's people."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from invoicing import Done, Imported, Kind, MerchantView, Refusal, Refused, pins
from invoicing.ports import CardProcessor
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, PIN, SHOP, STRANGER, World

PAN = "9860490000091234"


def test_the_demo_has_its_people_and_a_second_seeding_changes_nothing(world: World) -> None:
    world.pay(world.issue())
    world.service.seed_demo()

    assert world.service.list_merchants() == (
        MerchantView("MAGAZIN-24", SHOP, "owner", active=True, service_code="0100001"),
        MerchantView("CHOYXONA", OTHER_SHOP, "owner", active=True, service_code="0100002"),
    )
    assert [card.last4 for card in world.service.cards(CUSTOMER)] == ["1234"]
    assert world.balance_soum == 10_000
    assert world.service.role(STRANGER).kind is Kind.STRANGER


def test_only_the_sandbox_can_be_told_what_a_card_holds(world: World) -> None:
    assert world.service.add_card(CUSTOMER, PAN, "1230", balance_tiyin=7_000) == Done()
    assert world.bank.balance(world.bank.tokenise(PAN, "3012")) == 7_000

    class Elsewhere:
        """A bank that is asked nothing here."""

    world.play(cast(CardProcessor, Elsewhere()))
    refused = world.service.add_card(CUSTOMER, PAN, "1230", balance_tiyin=7_000)
    assert refused == Refused(Refusal.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("name", "phone", "reason"),
    [
        ("CLICK БАНК", "998901110000", Refusal.BAD_NAME),
        ("***", "998901110000", Refusal.BAD_NAME),
        ("Dokon", "123", Refusal.BAD_PHONE),
        ("Dokon", "998711234567", Refusal.NOT_MOBILE),
        ("Dokon", SHOP, Refusal.PHONE_TAKEN),
    ],
)
def test_a_merchant_that_may_not_be_is_refused(world: World, name: str, phone: str, reason: Refusal) -> None:
    assert world.service.add_merchant(name, phone) == Refused(reason)
    assert len(world.service.list_merchants()) == 2


def test_a_merchant_is_kept_by_a_clean_name(world: World) -> None:
    assert world.service.add_merchant("1.Do'kon*\n", "901110000", lang="uz") == Done("1Do'kon")
    assert world.service.role("998901110000").language == "uz"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fee_bp": -1}, Refusal.BAD_FEE),
        ({"fee_bp": 10_001}, Refusal.BAD_FEE),
        ({"lang": "de"}, Refusal.UNKNOWN_LANGUAGE),
    ],
)
def test_a_merchants_terms_are_checked(world: World, changes: dict[str, object], reason: Refusal) -> None:
    answer = world.service.add_merchant("Dokon", "998901110000", **changes)  # type: ignore[arg-type]
    assert answer == Refused(reason)


def test_blocking_shows_in_the_list_and_needs_a_merchant(world: World) -> None:
    assert world.service.block_merchant(SHOP) == Done("MAGAZIN-24")
    assert [view.active for view in world.service.list_merchants()] == [False, True]
    assert world.service.block_merchant(STRANGER) == Refused(Refusal.NOT_MERCHANT)
    assert world.service.block_merchant("1") == Refused(Refusal.BAD_PHONE)


@pytest.mark.parametrize(
    ("phone", "pin", "lang", "reason"),
    [
        (STRANGER, "1234", "ru", Refusal.PIN_FORMAT),
        (STRANGER, "12345", "ru", Refusal.WEAK_PIN),
        (STRANGER, PIN, "xx", Refusal.UNKNOWN_LANGUAGE),
        ("711234567", PIN, "ru", Refusal.NOT_MOBILE),
        (CUSTOMER, PIN, "ru", Refusal.PHONE_TAKEN),
    ],
)
def test_a_customer_that_may_not_be_is_refused(
    world: World, phone: str, pin: str, lang: str, reason: Refusal
) -> None:
    assert world.service.add_customer(phone, pin, lang) == Refused(reason)


def test_a_guest_whose_language_was_known_becomes_a_customer(world: World) -> None:
    world.service.set_language(STRANGER, "uz")

    assert world.service.add_customer(STRANGER, PIN, "en") == Done()
    assert world.service.role(STRANGER).kind is Kind.CUSTOMER
    assert world.service.role(STRANGER).language == "en"


def test_a_language_there_is_no_text_in_is_refused(world: World) -> None:
    assert world.service.set_language(CUSTOMER, "de") == Refused(Refusal.UNKNOWN_LANGUAGE)


@pytest.mark.parametrize(
    ("phone", "pan", "expiry", "reason"),
    [
        (CUSTOMER, "9860490000091235", "1230", Refusal.BAD_CARD_NUMBER),
        (CUSTOMER, "4111111111111111", "1230", Refusal.BAD_CARD_NUMBER),
        (CUSTOMER, PAN, "1026", Refusal.BAD_EXPIRY),
        (CUSTOMER, PAN, "1330", Refusal.BAD_EXPIRY),
        (STRANGER, PAN, "1230", Refusal.NOT_CONNECTED),
        (CUSTOMER, "8600490000061234", "1230", Refusal.CARD_TAKEN),
        ("1", PAN, "1230", Refusal.BAD_PHONE),
    ],
)
def test_a_card_that_may_not_be_linked_is_refused(
    world: World, phone: str, pan: str, expiry: str, reason: Refusal
) -> None:
    assert world.service.add_card(phone, pan, expiry) == Refused(reason)


def test_a_linked_card_is_not_linked_to_a_second_phone(world: World) -> None:
    world.service.add_customer(STRANGER, PIN)

    assert world.service.add_card(STRANGER, "8600490000061234", "1230") == Refused(Refusal.CARD_TAKEN)


def test_unlocking_needs_a_customer(world: World) -> None:
    assert world.service.unlock_customer(STRANGER) == Refused(Refusal.NOT_CONNECTED)
    assert world.service.unlock_customer("x") == Refused(Refusal.BAD_PHONE)


def test_an_import_takes_what_it_can_and_names_the_rest(world: World) -> None:
    rows = [
        {"kind": "merchant", "name": "Non", "msisdn": "998901110001", "fee_bp": "50", "account": "20208"},
        {"kind": "customer", "msisdn": "998901110002", "pin": PIN, "lang": "uz"},
        {"kind": "card", "msisdn": "998901110002", "pan": PAN, "expiry": "1230"},
        {"kind": "merchant", "name": "Non", "msisdn": "998901110003", "fee_bp": "1%"},
        {"kind": "shop", "msisdn": "998901110004"},
        {"kind": "customer"},
        {},
    ]

    assert world.service.import_csv(rows) == Imported(
        3,
        (
            (4, Refusal.BAD_FEE),
            (5, Refusal.UNKNOWN_KIND),
            (6, Refusal.PIN_FORMAT),
            (7, Refusal.UNKNOWN_KIND),
        ),
    )
    assert world.service.role("998901110002").connected


@pytest.mark.parametrize("account", ["2020 8000 " * 7, "2020\x008000"])
def test_an_account_that_cannot_be_kept_refuses_its_own_row_only(world: World, account: str) -> None:
    rows = [
        {"kind": "merchant", "name": "Dokon", "msisdn": "998935556601", "account": account},
        {"kind": "merchant", "name": "Bozor", "msisdn": "998935556602", "account": "2020 8000 " * 6},
    ]

    assert world.service.import_csv(rows) == Imported(1, ((1, Refusal.BAD_ACCOUNT),))


def test_no_card_number_and_no_pin_is_anywhere_in_the_database(file_world: World, tmp_path: Path) -> None:
    world = file_world
    world.service.add_card(CUSTOMER, PAN, "1230")
    world.pay(world.issue(), pin="97531")
    world.pay(world.issue())
    kept = world.everything_kept() + b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert SHOP.encode() in kept
    for secret in (PAN, "8600490000061234", "97531", PIN):
        assert secret.encode() not in kept


def test_a_database_error_prints_no_parameters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "hash_pin", lambda *_: "")
    with world.engine.begin() as conn, pytest.raises(Exception, match="INSERT") as caught:
        conn.exec_driver_sql("INSERT INTO customer (msisdn) VALUES (?)", ("998900000000",))

    assert "998900000000" not in str(caught.value)
