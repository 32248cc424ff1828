"""Texts shown on phones that have not dialled: USSR, which asks, and USSN, which tells.

Source: 3GPP TS 22.090 §5.2 (network-initiated USSD); operations as in `adapters.smpp.profiles`.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from adapters.smpp import ussd
from adapters.smpp.link import Link, Silence
from adapters.smpp.profiles import ASK, NOTIFY
from adapters.smpp.sms import address_type
from adapters.smpp.status import OK
from adapters.smpp.ussd import Ends, Heard, UssdOptions
from adapters.smpp.wire import Pdu

PUSH_WITHIN_S: Final = 60.0
"""How long a subscriber may take to answer."""


class Outcome(Enum):
    """What became of a pushed text."""

    SHOWN = "shown"
    ANSWERED = "answered"
    BUSY = "busy"
    ABSENT = "absent"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # no answer in time: it may be on the screen


@dataclass(frozen=True, slots=True)
class Pushed:
    """`text` is what was typed, where something was."""

    outcome: Outcome
    text: str = field(default="", repr=False)


class Show(Protocol):
    """Sends a screen that answers a unit."""

    async def __call__(self, heard: Heard, text: str, *, last: bool, until: float) -> Pdu | Silence:
        """`until`: by the loop's clock."""


class Pushes:
    """The pushed texts of a link that wait for an answer; one for each phone."""

    def __init__(self, link: Link, options: UssdOptions, show: Show) -> None:
        self._link = link
        self._options = options
        self._show = show
        self._waiting: dict[str, asyncio.Future[Heard]] = {}
        self._count = secrets.randbelow(1 << 15)

    def take(self, heard: Heard) -> bool:
        """Whether a unit answers a pushed text. One who dials meanwhile has not seen it."""
        waiting = self._waiting.get(heard.msisdn)
        if waiting is None or heard.kind is ussd.Kind.BEGIN:
            return False
        if not waiting.done():
            waiting.set_result(heard)
        return True

    async def push(self, msisdn: str, text: str, *, ask: bool, within_s: float, closing: str) -> Pushed:
        """Show a text: USSR where `ask`, else USSN.

        Args:
            within_s: how long the centre, and then the subscriber, may take.
            closing: shown after an answer, where the centre keeps the dialogue open.
        """
        if msisdn in self._waiting:
            return Pushed(Outcome.BUSY)
        waiting = self._waiting[msisdn] = asyncio.get_running_loop().create_future()
        try:
            refused = await self._send(msisdn, text, ask, within_s)
            if refused is not None:
                return refused
            async with asyncio.timeout(within_s):
                heard = await waiting
        except TimeoutError:
            return Pushed(Outcome.UNKNOWN)
        finally:
            del self._waiting[msisdn]
        return await self._answered(heard, ask, closing)

    async def _send(self, msisdn: str, text: str, ask: bool, within_s: float) -> Pushed | None:
        options, profile = self._options, self._options.family
        self._count += 1
        pdu = ussd.write(
            text,
            op=self._once(ask) or (ASK if ask else NOTIFY),
            ends=_ends(options.source, msisdn),
            named=profile.begin(self._count),
            options=options,
        )
        sent = await self._link.ask(pdu, within_s, urgent=True)
        if sent is Silence.NOT_SENT:
            return Pushed(Outcome.REFUSED)
        if isinstance(sent, Pdu) and sent.status != OK:
            return Pushed(self._refusal(sent.status))
        return None

    async def _answered(self, heard: Heard, ask: bool, closing: str) -> Pushed:
        if heard.kind is ussd.Kind.LEAVE:
            return Pushed(Outcome.REFUSED)
        if heard.kind is ussd.Kind.CONFIRM:
            return Pushed(Outcome.SHOWN)
        if self._once(ask) is None:
            until = asyncio.get_running_loop().time() + self._options.deadline_s
            await self._show(heard, closing, last=True, until=until)
        return Pushed(Outcome.ANSWERED, heard.text)

    def _once(self, ask: bool) -> int | None:
        """The operation that needs no end, where the centre has one."""
        profile = self._options.family
        return profile.ask_once if ask else profile.notify_once

    def _refusal(self, status: int) -> Outcome:
        if status in self._options.busy:
            return Outcome.BUSY
        return Outcome.ABSENT if status in self._options.absent else Outcome.REFUSED


def _ends(source: str, msisdn: str) -> Ends:
    ton, npi = address_type(source)
    return Ends(
        {
            "service_type": ussd.SERVICE_TYPE,
            "source_addr_ton": ton,
            "source_addr_npi": npi,
            "source_addr": source,
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "destination_addr": msisdn,
        }
    )
