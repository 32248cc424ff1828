"""The bank behind the switch: accounts and what was done to them, in a journal that outlives the process.

The journal is the history, too: one JSON object a line, written out before anything is answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NO_SUCH_CARD, NO_MONEY, CANCELLED, NEVER_SEEN, DUPLICATE = "14", "51", "12", "25", "94"
NOT_YOURS = "57"
Event = dict[str, Any]


@dataclass
class Account:
    pan: str | None
    balance: int
    phone: str | None = None
    """Whose card it is, where the bank cares."""
    code: str | None = None
    """What every purchase is declined with, whatever the account holds."""


@dataclass
class Operation:
    stan: str
    token: str
    amount: int
    code: str
    auth: str
    to: str | None = None
    """The account that was given what this one lost."""
    reversed: bool = False


class Bank:
    """State is what the journal's events make of it, so a bank that was killed comes back as it was."""

    def __init__(self, journal: Path) -> None:
        self.accounts: dict[str, Account] = {}
        self.operations: dict[str, Operation] = {}
        self.stans: dict[str, str] = {}
        """The RRN under which each STAN was used."""
        self.history: list[Event] = []
        if journal.exists():
            for line in journal.read_text(encoding="utf-8").splitlines():
                self._apply(json.loads(line))
        self._file = journal.open("a", encoding="utf-8")

    def note(self, **event: Any) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        self._apply(event)

    def _apply(self, event: Event) -> None:
        self.history.append(event)
        match event:
            case {"event": "opened", "token": token, "pan": pan, "balance": balance, **more}:
                self.accounts[token] = Account(pan, balance, more.get("phone"))
            case {"event": "ruled", "token": token, "code": code}:
                self.accounts[token].code = code
            case {"event": "judged", "rrn": rrn, "delta": delta, **told}:
                fields = {name: told[name] for name in ("stan", "token", "amount", "code", "auth")}
                self.operations[rrn] = Operation(**fields, to=told.get("to"))
                self.stans[told["stan"]] = rrn
                self._move(self.operations[rrn], delta)
            case {"event": "reversed", "rrn": rrn, "delta": delta}:
                self.operations[rrn].reversed = True
                self._move(self.operations[rrn], delta)

    def _move(self, operation: Operation, delta: int) -> None:
        if delta:
            self.accounts[operation.token].balance += delta
            if operation.to is not None:
                self.accounts[operation.to].balance -= delta

    def open(self, token: str, pan: str | None, balance: int, phone: str | None = None) -> None:
        self.note(event="opened", token=token, pan=pan, balance=balance, phone=phone)

    def rule(self, token: str, code: str | None) -> None:
        self.note(event="ruled", token=token, code=code)

    def card(self, pan: str) -> str | None:
        """The token of a card number."""
        return next((token for token, account in self.accounts.items() if account.pan == pan), None)

    def charge(
        self, rrn: str, stan: str, token: str, amount: int, *, refund: bool, to: str | None = None
    ) -> tuple[str, str]:
        """Response code and authorisation; asked again, the same; under a STAN that has another RRN, 94.

        `to` is the account that is given what is taken; both or neither.
        """
        known = self.operations.get(rrn)
        if known is None and stan in self.stans:
            return DUPLICATE, ""
        if known is None:
            known = self._judge(rrn, stan, token, amount, refund=refund, to=to)
        return (CANCELLED, "") if known.reversed else (known.code, known.auth)

    def _judge(
        self, rrn: str, stan: str, token: str, amount: int, *, refund: bool, to: str | None
    ) -> Operation:
        account = self.accounts.get(token)
        delta = amount if refund else -amount
        if account is None or (to is not None and to not in self.accounts):
            code = NO_SUCH_CARD
        elif account.code is not None:
            code = account.code
        else:
            code = NO_MONEY if account.balance + delta < 0 else "00"
        taken = code == "00"
        told = {"stan": stan, "token": token, "amount": amount, "code": code, "to": to}
        auth = rrn[-6:] if taken else ""
        self.note(event="judged", rrn=rrn, delta=delta if taken else 0, auth=auth, refund=refund, **told)
        return self.operations[rrn]

    def reverse(self, rrn: str, stan: str, token: str, amount: int, *, refund: bool) -> str:
        """00 where there was something to undo, 25 where not; an original that comes later is kept out."""
        known = self.operations.get(rrn)
        if known is None:
            told = {"stan": stan, "token": token, "amount": amount, "code": CANCELLED, "auth": ""}
            self.note(event="judged", rrn=rrn, delta=0, refund=refund, **told)
        operation = self.operations[rrn]
        taken = operation.code == "00"
        if not operation.reversed:
            back = -operation.amount if refund else operation.amount
            self.note(event="reversed", rrn=rrn, delta=back if taken else 0)
        return "00" if taken else NEVER_SEEN
