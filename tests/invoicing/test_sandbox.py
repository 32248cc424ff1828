"""The sandbox bank keeps a real bank's promises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from invoicing import (
    Approved,
    Behaviour,
    Declined,
    NotReversed,
    PurchaseRequest,
    ReversalRequest,
    Reversed,
    SandboxBank,
    Unknown,
)
from tests.invoicing.world import in_memory

NOON = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


@pytest.fixture
def bank() -> SandboxBank:
    return SandboxBank(in_memory(), key=b"k")


@pytest.fixture
def token(bank: SandboxBank) -> str:
    token = bank.tokenise("8600490000061234", "3012")
    bank.set_balance(token, 100)
    return token


def purchase(token: str, amount: int = 60, rrn: str = "000000000001") -> PurchaseRequest:
    return PurchaseRequest(token, amount, "000001", rrn, "TERMINAL", NOON)


def reversal(token: str, rrn: str = "000000000001", amount: int = 60) -> ReversalRequest:
    return ReversalRequest(token, amount, "000001", rrn, "TERMINAL", NOON, repeat=False)


def test_a_purchase_takes_the_money_once_however_often_it_is_asked(bank: SandboxBank, token: str) -> None:
    approved = Approved("000001", "000000000001", 60, "000001")

    assert [bank.purchase(purchase(token)) for _ in range(3)] == [approved] * 3
    assert bank.balance(token) == 40


def test_a_purchase_over_the_balance_is_declined_with_51_and_stays_declined(
    bank: SandboxBank, token: str
) -> None:
    first = bank.purchase(purchase(token, 101))
    bank.set_balance(token, 1_000)

    assert first == bank.purchase(purchase(token, 101)) == Declined("51")
    assert bank.balance(token) == 1_000


def test_a_reversal_gives_the_money_back_once(bank: SandboxBank, token: str) -> None:
    bank.purchase(purchase(token))

    assert [bank.reverse(reversal(token)) for _ in range(2)] == [Reversed(original_known=True)] * 2
    assert bank.balance(token) == 100


def test_a_reversal_of_what_never_came_keeps_it_out_for_ever(bank: SandboxBank, token: str) -> None:
    assert bank.reverse(reversal(token)) == Reversed(original_known=False)
    assert bank.purchase(purchase(token)) == Declined("12")
    assert bank.balance(token) == 100


def test_the_reversal_of_a_declined_purchase_gives_nothing(bank: SandboxBank, token: str) -> None:
    bank.purchase(purchase(token, 101))

    assert bank.reverse(reversal(token, amount=101)) == Reversed(original_known=False)
    assert bank.balance(token) == 100


@pytest.mark.parametrize(
    ("behaviour", "answer", "left"),
    [
        (Behaviour.NORMAL, Approved("000001", "000000000001", 60, "000001"), 40),
        (Behaviour.DECLINE, Declined("05"), 100),
        (Behaviour.NO_MONEY, Declined("51"), 100),
        (Behaviour.BANK_DOWN, Declined("91"), 100),
        (Behaviour.ANSWER_LOST, Unknown(), 40),
        (Behaviour.REQUEST_LOST, Unknown(), 100),
    ],
)
def test_a_card_behaves_as_it_is_told(
    bank: SandboxBank, token: str, behaviour: Behaviour, answer: object, left: int
) -> None:
    bank.set_behaviour(token, behaviour)

    assert bank.purchase(purchase(token)) == answer
    assert bank.balance(token) == left


def test_an_unknown_card_is_declined_with_14(bank: SandboxBank) -> None:
    assert bank.purchase(purchase("no-such-token")) == Declined("14")
    assert bank.balance("no-such-token") is None
    assert not bank.set_balance("no-such-token", 1)


def test_a_token_is_the_same_for_a_card_and_another_under_another_key(bank: SandboxBank, token: str) -> None:
    assert bank.tokenise("8600490000061234", "3012") == token
    assert bank.balance(token) == 100
    assert SandboxBank(in_memory(), key=b"other").tokenise("8600490000061234", "3012") != token
    assert "8600490000061234" not in token


def test_while_it_is_off_nothing_arrives(bank: SandboxBank, token: str) -> None:
    bank.switch_off()

    assert not bank.available()
    assert bank.purchase(purchase(token)) == Unknown()
    assert bank.reverse(reversal(token)) == NotReversed()
    bank.switch_on()
    assert bank.balance(token) == 100


def test_a_bank_may_put_money_on_a_card_that_it_sees_for_the_first_time() -> None:
    bank = SandboxBank(in_memory(), key=b"k", opening_tiyin=100)
    token = bank.tokenise("8600490000061234", "3012")
    bank.set_balance(token, 30)

    assert bank.tokenise("8600490000061234", "3012") == token
    assert bank.balance(token) == 30
    assert bank.balance(bank.tokenise("9860490000091234", "3012")) == 100
