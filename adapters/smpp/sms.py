"""SMS over a link: coded, cut, submitted at least once, and what its receipts say.

Source: SMPP 3.4 §4.4 (submit_sm), §5.2.5-9 (addresses), §5.2.17 (`registered_delivery`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.smpp import coding, receipts, wire
from adapters.smpp.link import Link, Silence
from adapters.smpp.receipts import Report, Submitted
from adapters.smpp.status import NEVER, OK, RETRYABLE, name_of
from adapters.smpp.wire import Pdu
from adapters.sms import SmsNotTaken

log: Final = logging.getLogger(__name__)
UNFINISHED_MAX: Final = 1_000
SHORT_CODE_MAX: Final = 6
"""Digits; longer addresses are whole numbers."""

OnReport = Callable[[Report], None]


@dataclass(frozen=True, slots=True)
class SmsOptions:
    """How a centre wants its messages.

    Attributes:
        source: the sender's address: a name, a short code, or a number.
        ucs2: `data_coding` of UCS-2.
        joining: how the parts of a long message are told to belong together.
        receipts: ask for delivery receipts.
        retry: more `command_status` values that mean "later", beside those of the standard.
        within_s: patience for all parts of a message.
    """

    source: str = ""
    alphabet: coding.Alphabet = "gsm"
    ucs2: int = coding.UCS2
    joining: coding.Joining = "udh"
    receipts: bool = True
    retry: frozenset[int] = frozenset()
    within_s: float = 15.0


def address_type(address: str) -> tuple[int, int]:
    """Type of number and numbering plan (§5.2.5, §5.2.6): a name, a short code, an international number."""
    if not address:
        return 0, 0
    if not address.isdigit():
        return 5, 0
    return (3, 0) if len(address) <= SHORT_CODE_MAX else (1, 1)


class SmsSender:
    """Submits messages on one link. A part that was accepted is not sent again with its message."""

    def __init__(self, link: Link, options: SmsOptions, on_report: OnReport) -> None:
        self._link = link
        self._options = options
        self._on_report = on_report
        self._submitted = Submitted()
        self._unfinished: OrderedDict[int, dict[int, str]] = OrderedDict()
        ton, npi = address_type(options.source)
        self._common: dict[str, wire.Field] = {
            "source_addr_ton": ton,
            "source_addr_npi": npi,
            "source_addr": options.source,
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "registered_delivery": int(options.receipts),
        }

    def hear(self, on_report: OnReport) -> None:
        """Tell somebody else of the receipts from now on."""
        self._on_report = on_report

    async def send(self, msisdn: str, text: str, reference: int) -> str:
        """As `adapters.sms.SmsCarrier.send_sms`."""
        options = self._options
        coded = coding.encode(text, alphabet=options.alphabet, ucs2=options.ucs2)
        try:
            parts = coding.parts(coded, options.joining, reference)
        except ValueError as error:
            raise SmsNotTaken(str(error), again=False) from None
        message = hash((msisdn, reference, text))
        ids = self._unfinished.setdefault(message, {})
        left = [number for number in range(len(parts)) if number not in ids]
        answers = await asyncio.gather(
            *(self._submit(msisdn, coded.data_coding, parts[number]) for number in left)
        )
        for number, answer in zip(left, answers, strict=True):
            if isinstance(answer, Pdu) and answer.status == OK:
                ids[number] = answer.text("message_id")
                self._remember(ids[number], msisdn, reference)
        if len(ids) == len(parts):
            del self._unfinished[message]
            return ",".join(ids[number] for number in sorted(ids))
        if not ids or len(self._unfinished) > UNFINISHED_MAX:
            self._unfinished.pop(message if not ids else next(iter(self._unfinished)), None)
        raise self._refusal(answers)

    def take(self, pdu: Pdu) -> int:
        """A receipt of the centre; the `command_status` it is answered with."""
        receipt = receipts.read(pdu)
        if receipt is None:
            return NEVER
        report = self._submitted.match(receipt)
        if report is not None or receipt.state is not receipts.State.ENROUTE:
            self._report(report or Report(receipt))
        return OK

    async def _submit(self, msisdn: str, data_coding: int, part: coding.Part) -> Pdu | Silence:
        fields = self._common | {
            "destination_addr": msisdn,
            "esm_class": part.esm_class,
            "data_coding": data_coding,
            "short_message": part.octets,
        }
        try:
            return await self._link.ask(
                Pdu(wire.SUBMIT_SM, fields=fields, tlvs=part.tlvs), self._options.within_s
            )
        except ValueError as error:
            raise SmsNotTaken(str(error), again=False) from None

    def _refusal(self, answers: list[Pdu | Silence]) -> SmsNotTaken:
        """The reason to give: one that is final counts more than one that passes."""
        statuses = [answer.status for answer in answers if isinstance(answer, Pdu) and answer.status != OK]
        for status in statuses:
            if status not in RETRYABLE | self._options.retry:
                return SmsNotTaken(f"the centre refused it: {name_of(status)}", again=False)
        if statuses:
            return SmsNotTaken(f"the centre can't take it now: {name_of(statuses[0])}", again=True)
        silent = next(answer for answer in answers if isinstance(answer, Silence))
        return SmsNotTaken(silent.value, again=True)

    def _remember(self, message_id: str, msisdn: str, reference: int) -> None:
        expected = self._options.receipts and message_id
        early = self._submitted.add(message_id, msisdn, reference) if expected else None
        if early is not None:
            self._report(early)

    def _report(self, report: Report) -> None:
        try:
            self._on_report(report)
        except Exception:
            log.exception("a delivery report could not be handed on")
