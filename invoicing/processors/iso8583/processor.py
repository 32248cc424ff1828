"""The `CardProcessor` over a switch: the domain's requests as messages, the answers as outcomes."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from invoicing.ports import (
    Clock,
    Credit,
    CreditKind,
    Declined,
    NotReversed,
    Outcome,
    PurchaseRequest,
    ReversalRequest,
    Reversed,
    SystemClock,
    Unknown,
)
from invoicing.processors.iso8583 import verdicts, wire
from invoicing.processors.iso8583.inflight import Stray
from invoicing.processors.iso8583.link import Caller, Link, LinkOptions, Silence
from invoicing.processors.iso8583.wire import Message, Original, Station, WireError

log: Final = logging.getLogger(__name__)
_SWITCH_DOWN: Final = "91"
_FORMAT_ERROR: Final = "30"
_TOKEN: Final = re.compile(r"[!-~]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostOptions:
    """`terminal` is field 41, exactly 8 characters, and names one link: two links never share it.

    `answer_s` must not be longer than `Limits.switch_timeout`: recovery would give up attempts still waited
    for.
    """

    link: LinkOptions
    terminal: str
    acquirer: str
    acceptor: str
    answer_s: float = 30.0
    inquiry_s: float = 5.0
    """For card checks and balances, which move no money: somebody waits for them at an open dialogue."""
    drain_s: float = 5.0
    """How long `stop` waits for answers still to come."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z0-9]{8}", self.terminal, re.ASCII):
            raise ValueError("terminal: eight capital letters and digits (field 41)")
        if not re.fullmatch(r"[0-9]{1,11}", self.acquirer, re.ASCII):
            raise ValueError("acquirer: up to eleven digits (field 32)")
        if not re.fullmatch(r"[ -~]{1,15}", self.acceptor, re.ASCII):
            raise ValueError("acceptor: up to fifteen ASCII characters (field 42)")


@dataclass(frozen=True, slots=True)
class StrayAnswer:
    """What the switch sent though nobody waited for it, or against what was asked; for the audit trail.

    A late 0210 carries its `outcome`, so that the domain can see to it that a late approval is reversed (F6).
    One that contradicts its request carries none: whoever asked is told what to make of it, and nobody else.
    """

    kind: Stray
    mti: str = ""
    stan: str = ""
    rrn: str = ""
    terminal: str = ""
    code: str = ""
    outcome: Outcome | None = None


def _unheard(stray: StrayAnswer) -> None:
    """Without a listener the log line is all there is."""


class Iso8583Host:
    """Thread-safe. `start` opens the line in a thread of its own, with its own loop; `stop` signs off.

    `on_stray` may be called from several threads at once, and may take its time: no answer waits for it but
    one that contradicts its request.
    """

    options_type: ClassVar[type[HostOptions]] = HostOptions

    def __init__(
        self,
        options: HostOptions,
        *,
        clock: Clock | None = None,
        on_stray: Callable[[StrayAnswer], None] = _unheard,
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._on_stray = on_stray
        self._station = Station(options.acquirer, options.acceptor)
        self._link = Link(options.link, clock=self._clock, on_stray=self._report)
        self._thread = threading.Thread(target=self._in_thread, name="iso8583-link", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._caller: Caller | None = None
        self._stopping: asyncio.Event | None = None

    # --- the line ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect; `available` tells when it has succeeded. Once in the life of this object."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Let answers in flight come in, sign off, close. A request after it is not sent."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _in_thread(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._caller = Caller(self._link, self._loop)
        line = asyncio.create_task(self._link.run())
        self._ready.set()
        await self._stopping.wait()
        await self._link.drain(self._options.drain_s)
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)

    # --- the port ----------------------------------------------------------------------------------------

    @property
    def terminal(self) -> str:
        return self._options.terminal

    def available(self) -> bool:
        """Signed on, and able to take one more request."""
        return self._link.up

    def purchase(self, request: PurchaseRequest) -> Outcome:
        """0200. Where not one octet of it was sent, it is declined with 91: no money can have moved.

        With a credit the host takes and gives in one: processing code 40 or 50, and field 103 says to whom.
        """
        return self._pay(_code(request.credit), request)

    def refund(self, request: PurchaseRequest) -> Outcome:
        """0200 with processing code 20: money back to the card, under a STAN and RRN of its own (T10)."""
        return self._pay(wire.REFUND, request)

    def reverse(self, request: ReversalRequest) -> Reversed | NotReversed:
        """0420 or 0421, with the original's processing code, as its other fields.

        The order is the domain's: it sends one at a time, the oldest first.
        """
        original = _original(wire.REFUND if request.refund else _code(request.credit), request)
        now = self._clock.now()
        try:
            message = wire.reversal(original, request.token, self._station, at=now, repeat=request.repeat)
            answer = self._ask(message, self._options.answer_s)
        except WireError:  # its original has the same fields, so that it was never sent either
            log.exception("the reversal of %s cannot be put into a message", request.rrn)
            return Reversed(original_known=False)
        if isinstance(answer, Silence):
            return NotReversed()
        verdict = verdicts.of_reversal(message, answer)
        if isinstance(verdict, NotReversed):
            log.error("the reversal of %s was refused with code %s", request.rrn, answer.code)
        self._compare(message, answer)
        return verdict

    def tokenise(self, pan: str, exp_yymm: str, /, msisdn: str | None = None) -> str | None:
        """0100 card check: the one message that carries a card number, and only this once.

        Args:
            exp_yymm: empty for a card to send money to, whose expiry only its holder knows.
            msisdn: the phone whose card it must be; the bank refuses another's. `None`: anybody's.

        Raises:
            ConnectionError: the switch gave no verdict within `HostOptions.inquiry_s`, or could not reach the
                card's bank; the card may be linked later.
        """
        try:
            answer = self._inquire(wire.CARD_CHECK, wire.about_card(pan, exp_yymm, msisdn))
        except WireError:  # digits that no message can carry are no card's
            return None
        if answer is None or answer.code in verdicts.UNANSWERED:
            raise ConnectionError("the switch does not answer card checks now")
        token = wire.token_of(answer) if answer.code == verdicts.APPROVED else None
        return token if token and _TOKEN.fullmatch(token) and token != pan else None

    def balance(self, token: str) -> int | None:
        """0100 balance inquiry; `None` also where the switch gives no answer."""
        try:
            answer = self._inquire(wire.BALANCE, wire.about_token(token))
        except WireError:
            return None
        return wire.balance_of(answer) if answer is not None and answer.code == verdicts.APPROVED else None

    # --- messages ----------------------------------------------------------------------------------------

    def _pay(self, code: str, request: PurchaseRequest) -> Outcome:
        try:
            message = wire.financial(_original(code, request), request.token, self._station)
            answer = self._ask(message, self._options.answer_s)
        except WireError:  # raised before anything is sent
            log.exception("attempt %s cannot be put into a message", request.rrn)
            return Declined(_FORMAT_ERROR)
        if answer is Silence.NOT_SENT:
            return Declined(_SWITCH_DOWN)
        if isinstance(answer, Silence):
            return Unknown()
        self._compare(message, answer)
        return verdicts.of_purchase(message, answer)

    def _inquire(self, code: str, about: Mapping[int, str]) -> Message | None:
        """An 0100 under an RRN that no payment can have: those are digits."""
        stan = self._link.next_stan()
        numbered = {**about, 11: stan, 37: f"Q{random.randrange(10**11):011d}"}
        message = wire.inquiry(code, numbered, self._station, self.terminal, self._clock.now())
        answer = self._ask(message, self._time_left_s())
        if isinstance(answer, Silence) or verdicts.contradicts(message, answer):
            return None
        return answer

    def _time_left_s(self) -> float:
        """For an inquiry; a line that has just been started gets the time to sign on first."""
        longest_s, began = min(self._options.inquiry_s, self._options.answer_s), time.monotonic()
        if self._caller is not None:
            self._link.was_up.wait(longest_s)
        return max(0.0, longest_s - (time.monotonic() - began))

    def _ask(self, message: Message, longest_s: float) -> Message | Silence:
        return Silence.NOT_SENT if self._caller is None else self._caller.ask(message, longest_s)

    def _compare(self, request: Message, answer: Message) -> None:
        if verdicts.contradicts(request, answer):
            self._report(Stray.MISMATCH, answer)

    def _report(self, kind: Stray, message: Message | None) -> None:
        if message is None:
            self._on_stray(StrayAnswer(kind))
            return
        log.error("%s %s of STAN %s, RRN %s", kind, message.mti, message.stan, message.rrn)
        tells = message.mti == "0210" and kind is not Stray.MISMATCH
        outcome = verdicts.told(message) if tells else None
        self._on_stray(
            StrayAnswer(kind, message.mti, message.stan, message.rrn, message.terminal, message.code, outcome)
        )


def _code(credit: Credit | None) -> str:
    if credit is None:
        return wire.PURCHASE
    return wire.TRANSFER if credit.kind is CreditKind.CARD else wire.TOP_UP


def _original(code: str, request: PurchaseRequest | ReversalRequest) -> Original:
    return Original(
        code=code,
        amount_tiyin=request.amount_tiyin,
        stan=request.stan,
        rrn=request.rrn,
        terminal=request.terminal,
        at=request.sent_at,
        to=None if request.credit is None else request.credit.account,
    )
