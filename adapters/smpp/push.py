"""Texts shown on phones that have not dialled: USSR, which asks, and USSN, which tells.

A question is a dialogue like any other from its first answer on, but that its last screen is no response to
anything dialled. Source: 3GPP TS 22.090 §5.2 (network-initiated USSD); operations as in
`adapters.smpp.profiles`.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Protocol

from adapters.smpp import ussd
from adapters.smpp.link import Link, Silence
from adapters.smpp.profiles import ASK, NOTIFY
from adapters.smpp.sms import address_type
from adapters.smpp.status import OK
from adapters.smpp.ussd import Ends, Heard, UssdOptions
from adapters.smpp.wire import Pdu
from ussd_engine import PushOutcome

Fate = asyncio.Future[PushOutcome]


class Opened(Protocol):
    """The open dialogues, as far as a push needs them."""

    def opened(self, dialogue: str, heard: Heard) -> Fate | None:
        """Have a dialogue begin with its first answer; None: the phone is in another one."""

    def dropped(self, dialogue: str, msisdn: str) -> None:
        """Forget it: no answer will come, or none that counts."""


class Pushes:
    """The pushed texts of a link whose fate isn't known yet."""

    def __init__(self, link: Link, options: UssdOptions, dialogues: Opened) -> None:
        self._link = link
        self._options = options
        self._dialogues = dialogues
        self._notices: dict[str, Fate] = {}
        self._count = secrets.randbelow(1 << 15)

    def confirmed(self, msisdn: str, outcome: PushOutcome) -> None:
        """The phone has shown the last USSN, or turned it away."""
        fate = self._notices.get(msisdn)
        if fate is not None and not fate.done():
            fate.set_result(outcome)

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`."""
        heard = self._unit(msisdn)
        if not ask:
            return await self._notify(heard, text)
        fate = self._dialogues.opened(dialogue, heard)  # first: an answer may overtake the centre's response
        if fate is None:
            return PushOutcome.BUSY
        outcome = PushOutcome.TROUBLE
        try:
            outcome = await self._send(
                heard, text, ASK, fate, self._options.push_answer_s, PushOutcome.TIMEOUT
            )
        finally:
            if outcome not in (PushOutcome.ANSWERED, PushOutcome.UNKNOWN):
                self._dialogues.dropped(dialogue, msisdn)
        return outcome

    async def _notify(self, heard: Heard, text: str) -> PushOutcome:
        if heard.msisdn in self._notices:
            return PushOutcome.BUSY
        fate = self._notices[heard.msisdn] = asyncio.get_running_loop().create_future()
        op = self._options.family.notify_once or NOTIFY
        try:
            return await self._send(heard, text, op, fate, self._options.push_confirm_s, PushOutcome.ACCEPTED)
        finally:
            del self._notices[heard.msisdn]

    async def _send(
        self, heard: Heard, text: str, op: int, fate: Fate, within_s: float, at_last: PushOutcome
    ) -> PushOutcome:
        """Send a text and wait for what becomes of it; `at_last` where nothing more is heard."""
        pdu = ussd.write(text, op=op, ends=heard.ends, named=heard.tlvs, options=self._options)
        sent = await self._link.ask(pdu, self._options.deadline_s, urgent=True)
        if sent is Silence.NOT_SENT:
            return PushOutcome.TROUBLE
        if isinstance(sent, Pdu) and sent.status != OK:
            return self._refusal(sent.status)
        if not isinstance(sent, Pdu):
            at_last = PushOutcome.UNKNOWN
        await asyncio.wait([fate], timeout=within_s)
        return fate.result() if fate.done() else at_last

    def _unit(self, msisdn: str) -> Heard:
        """What a screen of this dialogue answers, as if the phone had sent it; of any name till it does."""
        self._count += 1
        tlvs = self._options.family.begin(self._count)
        return Heard(ussd.Kind.UNSAID, msisdn, None, "", _ends(self._options.source, msisdn), tlvs)

    def _refusal(self, status: int) -> PushOutcome:
        if status in self._options.busy:
            return PushOutcome.BUSY
        return PushOutcome.ABSENT if status in self._options.absent else PushOutcome.REFUSED


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
