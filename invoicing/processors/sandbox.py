"""A bank to play with: balances in tables of its own, every operation a transaction of its own.

It behaves as a real bank behind a switch does: a purchase is judged once per RRN and the same answer is given
again; a reversal of something it never received is acknowledged and keeps that purchase out for ever.

Cards behave by their last four digits, or as `set_behaviour` says:

    0005  declines with code 05
    0051  declines with code 51, whatever it holds
    0054  declines with code 54 (expired card)
    0057  is somebody else's: whoever links it by his phone is refused
    0068  takes the money, and the answer is lost
    0069  the request itself is lost: no money is taken, no answer comes
    0091  declines with code 91 (issuer down)
    else  approves while the balance suffices, else 51
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Final, overload

from sqlalchemy import Connection, Engine

from invoicing.ports import (
    Approved,
    Credit,
    CreditKind,
    Declined,
    NotReversed,
    Outcome,
    PurchaseRequest,
    ReversalRequest,
    Reversed,
    Unknown,
)
from invoicing.storage import sandbox as storage
from invoicing.storage.connect import reading, write
from invoicing.storage.sandbox import SandboxOperation


class Behaviour(StrEnum):
    NORMAL = "normal"
    DECLINE = "decline_05"
    NO_MONEY = "no_money_51"
    EXPIRED = "expired_54"
    BANK_DOWN = "bank_down_91"
    ANSWER_LOST = "answer_lost"
    REQUEST_LOST = "request_lost"


_BY_LAST4: Final = {
    "0005": Behaviour.DECLINE,
    "0051": Behaviour.NO_MONEY,
    "0054": Behaviour.EXPIRED,
    "0068": Behaviour.ANSWER_LOST,
    "0069": Behaviour.REQUEST_LOST,
    "0091": Behaviour.BANK_DOWN,
}
_CODES: Final = {
    Behaviour.DECLINE: "05",
    Behaviour.NO_MONEY: "51",
    Behaviour.EXPIRED: "54",
    Behaviour.BANK_DOWN: "91",
}
_DONE: Final = "00"
_NO_SUCH_CARD: Final = "14"
_TOO_LITTLE: Final = "51"
_SOMEBODY_ELSES: Final = "0057"
_CANCELLED_BEFORE: Final = "12"


def airtime(msisdn: str) -> str:
    """The account that top-ups of a phone go to; `SandboxBank.balance` tells what it holds."""
    return f"airtime-{msisdn}"


class SandboxBank:
    """Thread-safe. `key` makes tokens out of card numbers; another key, other tokens.

    `opening_tiyin` is on a card when it is first seen.
    """

    terminal: str = "CLICK001"

    def __init__(self, engine: Engine, *, key: bytes, opening_tiyin: int = 0) -> None:
        self._engine = engine
        self._key = key
        self._opening_tiyin = opening_tiyin
        self._up = True

    def available(self) -> bool:
        return self._up

    def switch_off(self) -> None:
        """From now on nothing arrives at the bank and nothing comes back (F8)."""
        self._up = False

    def switch_on(self) -> None:
        self._up = True

    @overload
    def tokenise(self, pan: str, exp_yymm: str, /) -> str: ...
    @overload
    def tokenise(self, pan: str, exp_yymm: str, /, msisdn: str | None = None) -> str | None: ...
    def tokenise(self, pan: str, _exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        """A keyed digest of the number; the account is opened when its card is first seen.

        Raises:
            ConnectionError: the bank is switched off.
        """
        if not self._up:
            raise ConnectionError("the bank answers no card checks now")
        if msisdn is not None and pan.endswith(_SOMEBODY_ELSES):
            return None
        token = "sbx-" + hmac.digest(self._key, f"card:{pan}".encode(), "sha256").hex()[:40]
        behaviour = _BY_LAST4.get(pan[-4:], Behaviour.NORMAL)
        write(self._engine, lambda conn: storage.open_account(conn, token, behaviour, self._opening_tiyin))
        return token

    def set_balance(self, token: str, balance_tiyin: int) -> bool:
        """Whether there is such a card."""
        return write(self._engine, lambda conn: storage.set_balance(conn, token, balance_tiyin))

    def set_behaviour(self, token: str, behaviour: Behaviour) -> bool:
        return write(self._engine, lambda conn: storage.set_behaviour(conn, token, behaviour))

    def balance(self, token: str) -> int | None:
        with reading(self._engine) as conn:
            account = storage.account(conn, token)
        return None if account is None else account.balance_tiyin

    def purchase(self, request: PurchaseRequest) -> Outcome:
        if not self._up:
            return Unknown()
        return write(self._engine, lambda conn: _purchase(conn, request))

    def refund(self, request: PurchaseRequest) -> Outcome:
        """Money back to the card, judged once per RRN as a purchase is."""
        if not self._up:
            return Unknown()
        return write(self._engine, lambda conn: _refund(conn, request))

    def reverse(self, request: ReversalRequest) -> Reversed | NotReversed:
        if not self._up:
            return NotReversed()
        return write(self._engine, lambda conn: _reverse(conn, request))


def _purchase(conn: Connection, request: PurchaseRequest) -> Outcome:
    """Take the sum, and give it on where the request says so: both in this transaction, or neither."""

    def move() -> str:
        to = _credited(request.credit)
        if request.credit is not None and request.credit.kind is CreditKind.PHONE:
            assert to is not None
            storage.open_account(conn, to, Behaviour.NORMAL)
        if to is not None and storage.account(conn, to) is None:
            return _NO_SUCH_CARD
        if not storage.take(conn, request.token, request.amount_tiyin):
            return _TOO_LITTLE
        if to is not None:
            storage.give_back(conn, to, request.amount_tiyin)
        return _DONE

    return _judge(conn, request, move)


def _credited(credit: Credit | None) -> str | None:
    """The account's name in the bank's books; airtime is kept beside the cards."""
    if credit is None:
        return None
    return credit.account if credit.kind is CreditKind.CARD else airtime(credit.account)


def _refund(conn: Connection, request: PurchaseRequest) -> Outcome:
    def give() -> str:
        storage.give_back(conn, request.token, request.amount_tiyin)
        return _DONE

    return _judge(conn, request, give)


def _judge(conn: Connection, request: PurchaseRequest, move: Callable[[], str]) -> Outcome:
    account = storage.account(conn, request.token)
    if account is None:
        return Declined(_NO_SUCH_CARD)
    if account.behaviour == Behaviour.REQUEST_LOST:
        return Unknown()
    operation = storage.operation(conn, request.rrn)
    if operation is None:
        operation = _decide(conn, request, Behaviour(account.behaviour), move)
    if operation.reversed:
        return Declined(_CANCELLED_BEFORE)
    if account.behaviour == Behaviour.ANSWER_LOST:
        return Unknown()
    if operation.auth_code is None:
        return Declined(operation.response_code)
    return Approved(operation.stan, operation.rrn, operation.amount_tiyin, operation.auth_code)


def _decide(
    conn: Connection, request: PurchaseRequest, behaviour: Behaviour, move: Callable[[], str]
) -> SandboxOperation:
    code = _CODES.get(behaviour) or move()
    operation = SandboxOperation(
        rrn=request.rrn,
        token=request.token,
        stan=request.stan,
        amount_tiyin=request.amount_tiyin,
        response_code=code,
        auth_code=request.rrn[-6:] if code == _DONE else None,
        reversed=False,
        credit_token=_credited(request.credit),
    )
    storage.add_operation(conn, operation)
    return operation


def _reverse(conn: Connection, request: ReversalRequest) -> Reversed:
    operation = storage.operation(conn, request.rrn)
    if operation is None:
        storage.add_operation(
            conn,
            SandboxOperation(
                rrn=request.rrn,
                token=request.token,
                stan=request.stan,
                amount_tiyin=request.amount_tiyin,
                response_code=_CANCELLED_BEFORE,
                auth_code=None,
                reversed=True,
            ),
        )
        return Reversed(original_known=False)
    if storage.mark_reversed(conn, request.rrn) and operation.auth_code is not None:
        # Undoing a refund takes its money again, even where the card lacks it by now.
        back = -operation.amount_tiyin if request.refund else operation.amount_tiyin
        storage.give_back(conn, operation.token, back)
        if operation.credit_token is not None:
            storage.give_back(conn, operation.credit_token, -operation.amount_tiyin)
    return Reversed(original_known=operation.auth_code is not None)
