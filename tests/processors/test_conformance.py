"""What every card processor promises, asked of the sandbox and of an ISO 8583 switch alike."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from invoicing import Approved, Credit, CreditKind, Declined, NotReversed, Reversed, Unknown
from tests.processors.conftest import PHONE, Bench, until
from tests.processors.orders import FIFTY, purchase, reversal

PAN = "8600490000061234"


def test_an_approved_purchase_takes_the_money_and_says_what_it_took(bench: Bench) -> None:
    token = bench.card(60_000_00)

    answer = bench.processor.purchase(purchase(token))

    assert answer == Approved("000001", "000000000001", FIFTY, "000001")
    assert bench.balance(token) == 10_000_00


def test_a_purchase_over_the_balance_is_declined_with_51(bench: Bench) -> None:
    token = bench.card(FIFTY - 1)

    assert bench.processor.purchase(purchase(token)) == Declined("51")
    assert bench.balance(token) == FIFTY - 1


@pytest.mark.parametrize("code", ["05", "51", "54"])
def test_a_declined_purchase_takes_nothing(bench: Bench, code: str) -> None:
    token = bench.card(60_000_00)
    bench.decline(token, code)

    assert bench.processor.purchase(purchase(token)) == Declined(code)
    assert bench.balance(token) == 60_000_00


def test_a_purchase_whose_answer_is_lost_is_unknown_and_its_reversal_gives_the_money_back(
    bench: Bench,
) -> None:
    token = bench.card(60_000_00)
    bench.lose_answer(token)

    assert bench.processor.purchase(purchase(token)) == Unknown()
    assert bench.balance(token) == 10_000_00
    assert bench.processor.reverse(reversal(token)) == Reversed(original_known=True)
    assert bench.balance(token) == 60_000_00


def test_a_purchase_that_is_lost_on_its_way_is_unknown_and_its_reversal_finds_nothing(bench: Bench) -> None:
    token = bench.card(60_000_00)
    bench.lose_request(token)

    assert bench.processor.purchase(purchase(token)) == Unknown()
    assert bench.processor.reverse(reversal(token)) == Reversed(original_known=False)
    assert bench.balance(token) == 60_000_00


def test_a_repeated_reversal_is_acknowledged_again_and_gives_back_once(bench: Bench) -> None:
    token = bench.card(60_000_00)
    bench.processor.purchase(purchase(token))

    answers = [bench.processor.reverse(reversal(token, repeat=repeat)) for repeat in (False, True, True)]

    assert answers == [Reversed(original_known=True)] * 3
    assert bench.balance(token) == 60_000_00


def test_the_reversal_of_something_that_never_came_keeps_it_out_for_ever(bench: Bench) -> None:
    token = bench.card(60_000_00)

    assert bench.processor.reverse(reversal(token)) == Reversed(original_known=False)
    assert bench.processor.purchase(purchase(token)) == Declined("12")
    assert bench.balance(token) == 60_000_00


def test_the_reversal_of_a_declined_purchase_gives_nothing(bench: Bench) -> None:
    token = bench.card(10_000_00)
    bench.processor.purchase(purchase(token))

    assert bench.processor.reverse(reversal(token)) == Reversed(original_known=False)
    assert bench.balance(token) == 10_000_00


def test_a_card_that_the_bank_does_not_know_is_declined_with_14(bench: Bench) -> None:
    assert bench.processor.purchase(purchase("no-such-token")) == Declined("14")
    assert bench.processor.balance("no-such-token") is None


def test_a_card_number_becomes_the_same_token_each_time_and_is_not_in_it(bench: Bench) -> None:
    token = bench.card(60_000_00, pan=PAN)

    assert [bench.processor.tokenise(PAN, "3012") for _ in range(2)] == [token, token]
    assert PAN not in token
    assert len(token) <= 64, "the card table's column"
    assert isinstance(bench.processor.purchase(purchase(token)), Approved)


def test_a_card_to_send_money_to_needs_no_expiry(bench: Bench) -> None:
    token = bench.card(60_000_00, pan=PAN)

    assert bench.processor.tokenise(PAN, "") == token


def test_a_card_of_another_phone_has_no_token_for_this_one(bench: Bench) -> None:
    pan = bench.foreign_pan()

    assert bench.processor.tokenise(pan, "3012", PHONE) is None
    assert bench.processor.tokenise(pan, "") is not None, "but may be sent money"


def test_a_phones_own_card_has_its_token(bench: Bench) -> None:
    token = bench.card(60_000_00, pan=PAN)

    assert bench.processor.tokenise(PAN, "3012", PHONE) == token


def test_a_card_check_that_nobody_answers_is_no_verdict_and_soon_over(bench: Bench) -> None:
    bench.card(60_000_00, pan=PAN)
    bench.silence_checks()
    began = time.monotonic()

    with pytest.raises(ConnectionError):
        bench.processor.tokenise(PAN, "3012", PHONE)
    assert time.monotonic() - began < 2.0


def test_a_refund_gives_the_money_back_once(bench: Bench) -> None:
    token = bench.card(60_000_00)
    bench.processor.purchase(purchase(token))

    answers = [bench.processor.refund(purchase(token, number=2)) for _ in range(2)]

    assert answers == [Approved("000002", "000000000002", FIFTY, "000002")] * 2
    assert bench.balance(token) == 60_000_00


def test_the_reversal_of_a_refund_takes_its_money_again_and_once(bench: Bench) -> None:
    token = bench.card(60_000_00)
    bench.processor.purchase(purchase(token))
    bench.processor.refund(purchase(token, number=2))

    answers = [
        bench.processor.reverse(reversal(token, number=2, repeat=repeat, refund=True))
        for repeat in (False, True)
    ]

    assert answers == [Reversed(original_known=True)] * 2
    assert bench.balance(token) == 10_000_00


def test_a_refund_whose_reversal_came_first_is_kept_out(bench: Bench) -> None:
    token = bench.card(60_000_00)

    assert bench.processor.reverse(reversal(token, refund=True)) == Reversed(original_known=False)
    assert bench.processor.refund(purchase(token)) == Declined("12")
    assert bench.balance(token) == 60_000_00


def to_card(token: str) -> Credit:
    return Credit(CreditKind.CARD, token)


def to_phone(msisdn: str) -> Credit:
    return Credit(CreditKind.PHONE, msisdn)


def test_a_transfer_takes_and_gives_in_one(bench: Bench) -> None:
    ours, theirs = bench.card(60_000_00), bench.card(1_00)

    answers = [bench.processor.purchase(purchase(ours, credit=to_card(theirs))) for _ in range(2)]

    assert answers == [Approved("000001", "000000000001", FIFTY, "000001")] * 2
    assert (bench.balance(ours), bench.balance(theirs)) == (10_000_00, FIFTY + 1_00)


def test_a_transfer_to_no_card_or_over_the_balance_moves_nothing(bench: Bench) -> None:
    ours, theirs = bench.card(FIFTY - 1), bench.card(0)

    assert bench.processor.purchase(purchase(ours, 1_00, credit=to_card("no-such"))) == Declined("14")
    assert bench.processor.purchase(purchase(ours, number=2, credit=to_card(theirs))) == Declined("51")
    assert (bench.balance(ours), bench.balance(theirs)) == (FIFTY - 1, 0)


def test_a_top_up_gives_the_phone_its_airtime(bench: Bench) -> None:
    token = bench.card(60_000_00)

    assert isinstance(bench.processor.purchase(purchase(token, credit=to_phone(PHONE))), Approved)
    assert (bench.balance(token), bench.airtime(PHONE)) == (10_000_00, FIFTY)


def test_the_reversal_of_a_transfer_undoes_both_halves_once(bench: Bench) -> None:
    ours, theirs = bench.card(60_000_00), bench.card(0)
    bench.lose_answer(ours)
    credit = to_card(theirs)

    assert bench.processor.purchase(purchase(ours, credit=credit)) == Unknown()
    assert (bench.balance(ours), bench.balance(theirs)) == (10_000_00, FIFTY)
    answers = [
        bench.processor.reverse(reversal(ours, credit=credit, repeat=repeat)) for repeat in (False, True)
    ]
    assert answers == [Reversed(original_known=True)] * 2
    assert (bench.balance(ours), bench.balance(theirs)) == (60_000_00, 0)


def test_a_transfer_whose_reversal_came_first_gives_nothing(bench: Bench) -> None:
    ours, theirs = bench.card(60_000_00), bench.card(0)
    credit = to_card(theirs)

    assert bench.processor.reverse(reversal(ours, credit=credit)) == Reversed(original_known=False)
    assert bench.processor.purchase(purchase(ours, credit=credit)) == Declined("12")
    assert (bench.balance(ours), bench.balance(theirs)) == (60_000_00, 0)


def test_the_balance_is_told_in_tiyin(bench: Bench) -> None:
    token = bench.card(12_345_67)

    assert bench.processor.balance(token) == 12_345_67


def test_a_bank_that_is_down_is_not_available_and_answers_at_once_without_taking_money(
    patient_bench: Bench,
) -> None:
    bench = patient_bench
    token = bench.card(60_000_00)
    bench.down()
    began = time.monotonic()

    assert not bench.processor.available()
    assert bench.processor.purchase(purchase(token)) in (Declined("91"), Unknown())
    assert bench.processor.reverse(reversal(token)) == NotReversed()
    assert time.monotonic() - began < 5, "refused fast, not by running out of time"
    assert bench.balance(token) == 60_000_00


def test_a_bank_that_comes_back_takes_purchases_again(bench: Bench) -> None:
    token = bench.card(60_000_00)
    bench.down()
    bench.up()
    until(bench.processor.available)

    assert isinstance(bench.processor.purchase(purchase(token)), Approved)


def test_parallel_purchases_each_get_their_own_answer(bench: Bench) -> None:
    token = bench.card(20 * 1000_00)
    asked = [purchase(token, 1000_00, number) for number in range(1, 31)]

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(bench.processor.purchase, asked))

    for request, answer in zip(asked, answers, strict=True):
        approved = Approved(request.stan, request.rrn, 1000_00, request.rrn[-6:])
        assert answer in (approved, Declined("51"))
    assert sum(isinstance(answer, Approved) for answer in answers) == 20
    assert bench.balance(token) == 0


def test_the_terminal_fills_its_field(bench: Bench) -> None:
    assert len(bench.processor.terminal) == 8
