"""One configured SMPP gateway: its settings, its link, and what the link carries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from adapters.lines import LineState
from adapters.rate import check_rate
from adapters.smpp import coding, receipts, ussd
from adapters.smpp.dialogues import Dialogues, Observe, TurnHandler
from adapters.smpp.link import Bind, Link, LinkOptions
from adapters.smpp.profiles import END, ProfileName
from adapters.smpp.sms import OnReport, SmsOptions, SmsSender
from adapters.smpp.status import NEVER, OK
from adapters.smpp.ussd import UssdOptions
from adapters.smpp.wire import Pdu
from adapters.sms import SmsNotTaken
from ussd_engine import PushOutcome

log: Final = logging.getLogger(__name__)
LAST_ANSWERS_S: Final = 5.0
"""How long the end waits for answers to what is under way."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `[[gateways]]` may say of this kind; times in seconds.

    Attributes:
        tls_ca, tls_certificate, tls_key: PEM files, where the system's authorities don't do or the centre
            asks for a certificate.
        profile, end_op, code_in, submit, idle_s, rate, push_…: see `adapters.smpp.ussd.UssdOptions`.
        ussd_coding, ussd_ucs2: `data_coding` of USSD texts in the default alphabet, and in UCS-2 (8 or 72).
        source: the sender of SMS.
        ussd_source: the sender of screens, where it is not what the subscriber dialled.
        retry, busy, absent: the centre's own `command_status` values: try an SMS again; a pushed text found
            the phone in a dialogue; found no phone.
    """

    host: str
    port: int = 2775
    system_id: str = ""
    password: str = field(default="", repr=False)
    system_type: str = ""
    address_range: str = ""
    bind: Bind = "transceiver"
    carries: tuple[Literal["sms", "ussd"], ...] = ("sms", "ussd")
    tls: bool = False
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    window: int = 50
    rate_per_s: float | None = None
    connect_s: float = 10.0
    response_s: float = 10.0
    enquire_every_s: float = 30.0
    alphabet: coding.Alphabet = "gsm"
    source: str = ""
    sms_ucs2: int = coding.UCS2
    joining: coding.Joining = "udh"
    receipts: bool = True
    retry: tuple[int, ...] = ()
    profile: ProfileName = "its"
    end_op: int = END
    ussd_coding: int = coding.DEFAULT
    ussd_ucs2: int = coding.UCS2
    code_in: Literal["text", "destination"] = "text"
    submit: Literal["submit_sm", "data_sm"] = "submit_sm"
    ussd_source: str = ""
    screen_octets: int = 160
    deadline_s: float = 10.0
    idle_s: float = 180.0
    in_flight_max: int = 2000
    rate: str = ""
    push_end_op: int = 0
    push_answer_s: float = 60.0
    push_confirm_s: float = 10.0
    busy: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if "ussd" in self.carries and self.bind != "transceiver":
            raise ValueError('a dialogue goes both ways: carries = ["ussd"] needs bind = "transceiver"')
        if "sms" in self.carries and self.bind == "receiver":
            raise ValueError('carries = ["sms"] needs bind = "transmitter" or "transceiver"')
        if len(self.system_id) > 15 or len(self.password) > 8:  # §4.1.1: with their NUL 16 and 9 octets
            raise ValueError("system_id holds 15 characters, password 8")
        if self.window < 1 or not 0 < self.port < 65536 or (self.rate_per_s or 1) <= 0:
            raise ValueError("window, port and rate_per_s are above 0")
        check_rate(self.rate)
        if not 0 <= self.end_op <= 255:
            raise ValueError("end_op is one octet")


class Smpp:
    """A gateway of this kind; `run` is its life, in the one process that keeps links."""

    options_type: ClassVar[type[Options]] = Options
    carries_sms: bool
    sms_within_s: float

    def __init__(
        self,
        name: str,
        options: Options,
        observe: Observe,
        trouble: str = "",
        on_report: OnReport | None = None,
    ) -> None:
        """Make it; nothing is connected yet.

        Args:
            observe: told of units that become no turn.
            trouble: what a subscriber reads whose turn failed.
            on_report: told of every delivery receipt; by default it is logged.

        Raises:
            OSError: the files of `tls_*` can't be read (ssl.SSLError: or are none).
        """
        self.name = name
        self._options = options
        self._observe = observe
        self._trouble = trouble
        self._link = Link(name, _link(options), self._take)
        sms = _sms(options)
        self.carries_sms = "sms" in options.carries
        self.sms_within_s = sms.within_s
        self._sender = SmsSender(self._link, sms, on_report or self._log_report)
        self._dialogues: Dialogues | None = None

    def hear_reports(self, on_report: OnReport) -> None:
        """Tell of every delivery receipt from now on, on the event loop; until then they are logged."""
        self._sender.hear(on_report)

    @property
    def state(self) -> LineState:
        """How the line is."""
        return self._link.state

    async def run(self, engine: TurnHandler) -> None:
        """Keep the line, and play dialogues with `engine`, until cancelled; then end in order."""
        dialogues = self._dialogues = Dialogues(
            self.name, self._link, engine, _ussd(self._options), self._observe, self._trouble
        )
        tasks = [asyncio.create_task(self._link.run()), asyncio.create_task(dialogues.watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._link.close_doors()
            for task in tasks[1:]:
                task.cancel()
            await asyncio.shield(self._finish(dialogues, tasks))

    async def send_sms(self, msisdn: str, text: str, reference: int) -> str:
        """As `adapters.sms.SmsCarrier`."""
        if not self.carries_sms:
            raise SmsNotTaken("this gateway carries no SMS", again=False)
        return await self._sender.send(msisdn, text, reference)

    @property
    def carries_push(self) -> bool:
        """Whether the bind carries USSD."""
        return "ussd" in self._options.carries

    @property
    def screen_octets(self) -> int:
        """What one screen holds."""
        return self._options.screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`; where the line is down nothing is shown."""
        if self._dialogues is None or not self.state.up:
            return PushOutcome.TROUBLE
        return await self._dialogues.push(dialogue, msisdn, text, ask=ask)

    async def _finish(self, dialogues: Dialogues, tasks: list[asyncio.Task[None]]) -> None:
        await dialogues.drain(LAST_ANSWERS_S)
        await self._link.drain(LAST_ANSWERS_S)
        tasks[0].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, pdu: Pdu) -> int:
        if receipts.is_receipt(pdu):
            return self._sender.take(pdu)
        if "ussd" in self._options.carries and self._dialogues is not None and ussd.is_ussd(pdu):
            return self._dialogues.take(pdu)
        self._observe(self.name, "ignored")  # a subscriber's SMS: nobody here reads it
        return OK if self.carries_sms else NEVER

    def _log_report(self, report: receipts.Report) -> None:
        log.info(
            "a delivery report",
            extra={
                "gateway": self.name,
                "reference": report.reference,
                "state": report.receipt.state.name.lower(),
                "error": report.receipt.error,
            },
        )


def _link(options: Options) -> LinkOptions:
    return LinkOptions(
        host=options.host,
        port=options.port,
        system_id=options.system_id,
        password=options.password,
        bind=options.bind,
        system_type=options.system_type,
        address_range=options.address_range,
        tls=_tls(options) if options.tls else None,
        connect_s=options.connect_s,
        response_s=options.response_s,
        enquire_every_s=options.enquire_every_s,
        window=options.window,
        rate_per_s=options.rate_per_s,
    )


def _tls(options: Options) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.tls_ca or None)
    if options.tls_certificate:
        context.load_cert_chain(options.tls_certificate, options.tls_key or None)
    return context


def _sms(options: Options) -> SmsOptions:
    return SmsOptions(
        source=options.source,
        alphabet=options.alphabet,
        ucs2=options.sms_ucs2,
        joining=options.joining,
        receipts=options.receipts,
        retry=frozenset(options.retry),
    )


def _ussd(options: Options) -> UssdOptions:
    return UssdOptions(
        profile=options.profile,
        end_op=options.end_op,
        alphabet=options.alphabet,
        plain=options.ussd_coding,
        ucs2=options.ussd_ucs2,
        code_in=options.code_in,
        submit=options.submit,
        source=options.ussd_source,
        screen_octets=options.screen_octets,
        deadline_s=options.deadline_s,
        idle_s=options.idle_s,
        in_flight_max=options.in_flight_max,
        rate=options.rate,
        push_end_op=options.push_end_op,
        push_answer_s=options.push_answer_s,
        push_confirm_s=options.push_confirm_s,
        busy=frozenset(options.busy),
        absent=frozenset(options.absent),
    )
