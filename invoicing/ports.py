"""What the money domain needs from outside: a clock, a card processor, a way to send SMS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The moment, aware, UTC. With several machines on one database, the database's."""


class SystemClock:
    """This machine's clock: right for one process, or for all processes of one machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class CreditKind(StrEnum):
    """What the money goes to where it is not the service's."""

    CARD = "card"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Credit:
    """Whom the bank gives what it takes: a card by its token, or a phone's airtime by its 12 digits."""

    kind: CreditKind
    account: str


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """One attempt, stored under its STAN and RRN before it is sent (ISO 8583: 0200).

    With a `credit` the bank takes the sum and gives it to that account in one operation: `Approved` says that
    both are done, `Declined` that neither is. No crash of ours can come between the two, and nothing is owed
    to anybody afterwards. Without one the sum is the service's, for a merchant.
    """

    token: str
    amount_tiyin: int
    stan: str
    rrn: str
    terminal: str
    sent_at: datetime
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """The switch took the money (response code 00); it repeats what it took, so that we can compare."""

    stan: str
    rrn: str
    amount_tiyin: int
    auth_code: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definitive refusal: no money was taken. `code` is field 39 of ISO 8583, two characters."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer in time, a broken line, code 68, or an answer that cannot be read: money may be gone."""


Outcome = Approved | Declined | Unknown


@dataclass(frozen=True, slots=True)
class ReversalRequest:
    """Undo an attempt by its stored fields (0420, or 0421 where `repeat`).

    Of an attempt with a `credit` both halves are undone, or, where it never came, both kept out for ever.
    """

    token: str
    amount_tiyin: int
    stan: str
    rrn: str
    terminal: str
    sent_at: datetime
    repeat: bool
    refund: bool = False
    """The original was a refund: its processing code is 20."""
    credit: Credit | None = None
    """The original's."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """Acknowledged (0430). Where the original was never received (25, 21) this closes it just so."""

    original_known: bool


@dataclass(frozen=True, slots=True)
class NotReversed:
    """No acknowledgement yet; the same reversal is to be sent again."""


class CardProcessor(Protocol):
    """The bank's side of a card. Every call may take up to the switch timeout and runs in no transaction."""

    @property
    def terminal(self) -> str:
        """Field 41, eight characters: whose name the attempts carry."""

    def available(self) -> bool:
        """Whether an attempt could be sent now; `False` refuses at once instead of starting one (F8)."""

    def tokenise(self, pan: str, exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        """The bank's token for a card number, which is stored nowhere else.

        Args:
            exp_yymm: empty for a card to send money to, whose expiry only its holder knows.
            msisdn: the phone whose card it must be; `None`: anybody's.

        Returns:
            `None`: no such card, or another phone's.

        Raises:
            ConnectionError: the bank gave no verdict in time.
        """

    def purchase(self, request: PurchaseRequest) -> Outcome:
        """Take the sum from a card, once per RRN; with `request.credit`, to give it on."""

    def refund(self, request: PurchaseRequest) -> Outcome:
        """Money back to the card, under a STAN and RRN of its own (0200, processing code 20)."""

    def reverse(self, request: ReversalRequest) -> Reversed | NotReversed: ...

    def balance(self, token: str) -> int | None:
        """What the card holds, in tiyin, where the bank tells."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One SMS ready to go. `id` is the same when it is sent again, so that a provider can drop a repeat."""

    id: int
    event_id: str
    recipient: str
    template: str
    lang: str
    text: str


class SendLater(Exception):
    """The provider cannot take the message now; it is tried again, for up to three days."""


class SendNever(Exception):
    """The provider will never take this message: an unknown number, a forbidden text."""


class Sender(Protocol):
    """A way to send SMS. One whose provider reports deliveries has a `provider`, that provider's name."""

    def send(self, notice: Notice) -> str:
        """Hand one SMS over and return the provider's id for it.

        Raises:
            SendLater, SendNever.
        """
