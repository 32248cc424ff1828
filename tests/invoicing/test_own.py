"""What people do for themselves: PIN, cards, balance, a new SIM, and leaving a merchant out (S7, S8, S25)."""

from __future__ import annotations

import pytest

from invoicing import (
    Balance,
    CardLinked,
    CodeSent,
    Done,
    Issued,
    Limits,
    Paid,
    PinRight,
    Refusal,
    Refused,
    TopUp,
)
from invoicing.codes import LOGIN, PIN_RESET
from invoicing.storage.connect import write
from invoicing.storage.tables import device
from tests.invoicing.test_codes import ask, code_in_sms
from tests.invoicing.world import CUSTOMER, FIFTY, PIN, SHOP, SOUM, STRANGER, WRONG_PIN, World

NEW_PIN = "86420"
PAN = "9860490000091234"
NOT_ALLOWED = Refused(Refusal.PIN_NOT_ALLOWED)


# --- the PIN ---------------------------------------------------------------------------------------------


def choose(world: World, phone: str, first: str, second: str) -> list[Done | Refused]:
    return [
        world.service.propose_pin(world.key(), phone, first),
        world.service.confirm_pin(world.key(), phone, second),
    ]


def test_a_first_pin_is_typed_twice_and_then_holds(world: World) -> None:
    world.service.link_card(world.key(), STRANGER, PAN, "1230")
    before = world.service.role(STRANGER).connected
    answers = choose(world, STRANGER, NEW_PIN, NEW_PIN)

    assert answers == [Done(), Done()]
    assert (before, world.service.role(STRANGER).connected) == (False, True)
    assert world.service.check_pin(world.key(), STRANGER, NEW_PIN) == PinRight()


def test_two_typings_that_differ_choose_nothing_and_may_begin_anew(world: World) -> None:
    world.service.link_card(world.key(), STRANGER, PAN, "1230")

    assert choose(world, STRANGER, NEW_PIN, "86421") == [Done(), Refused(Refusal.PIN_MISMATCH)]
    assert world.service.confirm_pin(world.key(), STRANGER, NEW_PIN) == NOT_ALLOWED
    assert choose(world, STRANGER, NEW_PIN, NEW_PIN) == [Done(), Done()]


@pytest.mark.parametrize("pin", ["1234", "11111", "12345", "19871"])
def test_a_weak_pin_is_refused_at_the_first_typing(world: World, pin: str) -> None:
    world.service.link_card(world.key(), STRANGER, PAN, "1230")

    answer = world.service.propose_pin(world.key(), STRANGER, pin)
    assert isinstance(answer, Refused)
    assert answer.reason in (Refusal.WEAK_PIN, Refusal.PIN_FORMAT)


def test_without_a_card_there_is_no_first_pin(world: World) -> None:
    world.service.set_language(STRANGER, "uz")

    assert world.service.propose_pin(world.key(), STRANGER, NEW_PIN) == Refused(Refusal.NO_CARD)
    assert world.service.propose_pin(world.key(), "998900000001", NEW_PIN) == Refused(Refusal.NOT_CONNECTED)


def test_a_pin_is_changed_after_the_old_one_and_the_owner_is_told(world: World) -> None:
    without = world.service.propose_pin(world.key(), CUSTOMER, NEW_PIN)
    wrong = world.service.begin_pin_change(world.key(), CUSTOMER, WRONG_PIN)
    still = world.service.propose_pin(world.key(), CUSTOMER, NEW_PIN)
    right = world.service.begin_pin_change(world.key(), CUSTOMER, PIN)
    answers = choose(world, CUSTOMER, NEW_PIN, NEW_PIN)

    assert without == still == NOT_ALLOWED
    assert wrong == Refused(Refusal.WRONG_PIN, {"left": 2})
    assert (right, answers) == (PinRight(), [Done(), Done()])
    assert world.pay(world.issue(), pin=NEW_PIN) != world.pay(world.issue(), pin=PIN)
    assert world.texts(CUSTOMER)[0] == "CLICK: PIN изменен. Не вы? Тел. +998712310880"


def test_the_first_typing_is_good_for_five_minutes(world: World) -> None:
    world.service.begin_pin_change(world.key(), CUSTOMER, PIN)
    world.service.propose_pin(world.key(), CUSTOMER, NEW_PIN)
    world.clock.advance(minutes=5)

    assert world.service.confirm_pin(world.key(), CUSTOMER, NEW_PIN) == NOT_ALLOWED


def test_the_repeat_of_a_confirmation_gets_its_answer(world: World) -> None:
    world.service.begin_pin_change(world.key(), CUSTOMER, PIN)
    world.service.propose_pin(world.key(), CUSTOMER, NEW_PIN)
    key = world.key()

    assert [world.service.confirm_pin(key, CUSTOMER, NEW_PIN) for _ in range(2)] == [Done(), Done()]


def expiry(world: World) -> str:
    return f"12{(world.clock.now().year + 4) % 100:02d}"


def reset(world: World, mmyy: str) -> Done | Refused:
    ref = ask(world, CUSTOMER, PIN_RESET)
    return world.service.reset_pin(world.key(), CUSTOMER, ref, code_in_sms(world, CUSTOMER), mmyy)


def test_a_locked_pin_is_reset_by_a_code_and_a_cards_expiry_and_takes_all_cards_away(world: World) -> None:
    world.link(PAN, 100)
    for _ in range(3):
        world.service.check_pin(world.key(), CUSTOMER, WRONG_PIN)

    assert reset(world, expiry(world)) == Done()
    assert world.service.cards(CUSTOMER) == ()
    assert world.service.check_pin(world.key(), CUSTOMER, PIN) == Refused(Refusal.NOT_CONNECTED)
    assert not world.service.role(CUSTOMER).connected
    linked = world.service.link_card(world.key(), CUSTOMER, PAN, "1230")
    assert linked == CardLinked("1234", choose_pin=True)
    assert choose(world, CUSTOMER, NEW_PIN, NEW_PIN) == [Done(), Done()]
    assert world.service.role(CUSTOMER).connected


def test_a_reset_with_another_expiry_or_code_changes_nothing(world: World) -> None:
    assert reset(world, "0131") == Refused(Refusal.BAD_EXPIRY)
    world.clock.advance(minutes=1)
    ref = ask(world, CUSTOMER, PIN_RESET)
    wrong = f"{(int(code_in_sms(world, CUSTOMER)) + 1) % 10**6:06d}"
    refused = world.service.reset_pin(world.key(), CUSTOMER, ref, wrong, expiry(world))

    assert refused == Refused(Refusal.WRONG_CODE, {"left": 2})
    assert world.service.check_pin(world.key(), CUSTOMER, PIN) == PinRight()


# --- cards -----------------------------------------------------------------------------------------------


def test_a_card_is_unlinked_and_may_then_be_linked_by_another_phone(world: World) -> None:
    card = world.card_id
    foreign = world.service.unlink_card(world.key(), STRANGER, card)

    assert foreign == Refused(Refusal.NOT_CONNECTED)
    assert world.service.unlink_card(world.key(), CUSTOMER, card) == Done()
    assert world.service.unlink_card(world.key(), CUSTOMER, card) == Refused(Refusal.NO_CARD)
    assert world.service.cards(CUSTOMER) == ()
    linked = world.service.link_card(world.key(), STRANGER, "8600490000061234", "1230")
    assert isinstance(linked, CardLinked)


def test_a_card_that_is_linked_is_linked_to_no_other_phone(world: World) -> None:
    answer = world.service.link_card(world.key(), STRANGER, "8600490000061234", "1230")

    assert answer == Refused(Refusal.CARD_TAKEN)


def test_a_balance_is_told_against_the_pin_and_kept_nowhere(world: World) -> None:
    wrong = world.service.balance(world.key(), CUSTOMER, world.card_id, WRONG_PIN)
    key = world.key()
    told = [world.service.balance(key, CUSTOMER, world.card_id, PIN) for _ in range(2)]

    assert wrong == Refused(Refusal.WRONG_PIN, {"left": 2})
    assert told == [Balance(60_000 * SOUM)] * 2
    assert world.service.balance(world.key(), CUSTOMER, "99", PIN) == Refused(Refusal.NO_CARD)


def test_s7_a_card_number_a_pin_or_a_code_is_nowhere_in_the_database_or_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world.service.link_card(world.key(), STRANGER, PAN, "1230")
    choose(world, STRANGER, NEW_PIN, NEW_PIN)
    world.service.recipient("8600490000050005")
    world.service.check_pin(world.key(), STRANGER, "97531")
    world.pay(world.issue())
    kept = world.everything_kept() + caplog.text.encode()

    for secret in (PAN, "8600490000050005", NEW_PIN, "97531", PIN):
        assert secret.encode() not in kept


# --- another SIM -----------------------------------------------------------------------------------------

OLD_SIM, NEW_SIM = "a" * 64, "b" * 64


def test_s8_a_changed_sim_pays_nothing_and_resets_nothing_until_it_is_verified(world: World) -> None:
    first = world.service.see_sim(CUSTOMER, OLD_SIM)
    invoice = world.issue()
    changed = [world.service.see_sim(CUSTOMER, sim) for sim in (OLD_SIM, NEW_SIM, NEW_SIM)]
    refused = Refused(Refusal.SIM_CHANGED)

    assert (first, changed) == (False, [False, True, False])
    assert world.pay(invoice) == refused
    topped = world.service.pay_direct(world.key(), CUSTOMER, TopUp(CUSTOMER, FIFTY), world.card_id, PIN)
    assert topped == refused
    assert world.service.unlink_card(world.key(), CUSTOMER, world.card_id) == refused
    assert world.service.begin_pin_change(world.key(), CUSTOMER, PIN) == refused
    assert isinstance(world.service.request_code(CUSTOMER, PIN_RESET), CodeSent)
    assert not any("код" in text for text in world.texts(CUSTOMER))
    assert world.service.see_sim(CUSTOMER, OLD_SIM), "the old SIM that comes back is a change too"
    assert world.service.verify_sim(CUSTOMER) == Done()
    assert isinstance(world.pay(invoice), Paid)


def test_s8_a_merchants_changed_sim_loses_his_devices_and_gets_no_code(world: World) -> None:
    def add_device(conn: object) -> None:
        conn.execute(  # type: ignore[attr-defined]
            device.insert().values(merchant_user_id=1, push_token="t", last_seen=world.clock.now())
        )

    write(world.engine, add_device)
    world.service.see_sim(SHOP, OLD_SIM)
    kept = world.count("device")
    world.service.see_sim(SHOP, NEW_SIM)

    assert (kept, world.count("device")) == (1, 0)
    assert isinstance(world.service.request_code(SHOP, LOGIN), CodeSent)
    assert world.texts(SHOP) == []


def test_s8_a_strangers_sim_leaves_nothing(world: World) -> None:
    before = world.everything_kept()

    assert not world.service.see_sim(STRANGER, OLD_SIM)
    assert world.everything_kept() == before
    assert world.service.verify_sim(STRANGER) == Refused(Refusal.NOT_FOUND)


# --- leaving a merchant out ------------------------------------------------------------------------------


def test_s25_after_a_decline_the_merchant_is_blocked_and_further_invoices_send_no_sms(world: World) -> None:
    invoice = world.issue()
    early = world.service.block_merchant_of(world.key(), CUSTOMER, invoice.id)
    world.service.decline(world.key(), CUSTOMER, invoice.id)
    blocked = world.service.block_merchant_of(world.key(), CUSTOMER, invoice.id)
    told = len(world.texts(CUSTOMER))

    assert early == Refused(Refusal.NOT_DECLINED, {"number": 1001})
    assert blocked == Done("MAGAZIN-24")
    assert world.service.issue(world.key(), SHOP, CUSTOMER, FIFTY) == Refused(Refusal.CANNOT_SEND)
    assert len(world.texts(CUSTOMER)) == told
    assert isinstance(world.service.issue(world.key(), SHOP, STRANGER, FIFTY), Issued)
    world.issue(shop="998933334455")


def test_s25_nobody_blocks_by_another_phones_invoice(world: World) -> None:
    invoice = world.issue()
    world.service.decline(world.key(), CUSTOMER, invoice.id)

    assert world.service.block_merchant_of(world.key(), STRANGER, invoice.id) == Refused(Refusal.NOT_FOUND)


def test_s25_a_merchant_cannot_bombard_one_phone(world: World) -> None:
    world = World(world.engine, limits=Limits())
    answers = [world.service.issue(world.key(), SHOP, STRANGER, FIFTY + number * SOUM) for number in range(6)]

    assert answers[-1] == Refused(Refusal.SMS_LIMIT, {"limit": 5})
    assert len(world.texts(STRANGER)) == 5


def test_who_broke_off_where_he_was_to_choose_his_pin_links_the_card_again_and_goes_on(world: World) -> None:
    pan = "9860490000091234"
    first = world.service.link_card(world.key(), STRANGER, pan, "1230")

    again = world.service.link_card(world.key(), STRANGER, pan, "1230")
    others = world.service.link_card(world.key(), CUSTOMER, pan, "1230")
    world.service.propose_pin(world.key(), STRANGER, PIN)
    world.service.confirm_pin(world.key(), STRANGER, PIN)
    with_a_pin = world.service.link_card(world.key(), STRANGER, pan, "1230")

    assert first == again == CardLinked("1234", choose_pin=True)
    assert others == with_a_pin == Refused(Refusal.CARD_TAKEN)
    assert world.count("card") == 2
    assert world.texts(STRANGER) == ["CLICK: PIN задан. Не вы? Тел. +998712310880"]
