"""The relay's way to a gateway: a call that blocks a thread, over a line that lives on the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Final

from adapters.smpp.receipts import Report, State
from adapters.smpp.receipts import forms as receipt_ids
from adapters.sms import SmsCarrier, SmsNotTaken
from invoicing import Delivery, Notice, Receipts, SendLater, SendNever, StorageError

log: Final = logging.getLogger(__name__)
_STATES: Final = {state: Delivery[state.name] for state in State}
_MARGIN_S: Final = 2.0
"""The carrier keeps its own time; this is for a loop that is late."""


class _Keeper:
    """Keeps reports, one after the other, in a thread beside the loop they come on."""

    def __init__(self, provider: str, receipts: Receipts) -> None:
        self._provider = provider
        self._receipts = receipts
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="receipts")

    def __call__(self, report: Report) -> None:
        self._thread.submit(self._keep, report)

    def _keep(self, report: Report) -> None:
        receipt = report.receipt
        ids = (report.provider_id,) if report.provider_id else receipt_ids(receipt.message_id)
        try:
            self._receipts.take(
                self._provider,
                ids,
                _STATES[receipt.state],
                recipient=receipt.msisdn,
                notice_id=report.reference,
            )
        except StorageError:
            log.exception("a delivery report could not be kept", extra={"gateway": self._provider})


class GatewaySender:
    """Sends notices by SMS (`invoicing.Sender`); never called from the loop's own thread."""

    def __init__(self, carrier: SmsCarrier, loop: asyncio.AbstractEventLoop) -> None:
        self._carrier = carrier
        self._loop = loop
        self.provider = str(getattr(carrier, "name", ""))
        """Whose ids the messages get: the gateway's name."""

    def report_to(self, receipts: Receipts) -> None:
        """Have the carrier's delivery receipts kept with their messages, if it gets any."""
        hear = getattr(self._carrier, "hear_reports", None)
        if hear is not None:
            hear(_Keeper(self.provider, receipts))

    def send(self, notice: Notice) -> str:
        """The provider's id; the notice's own number names the message when it is sent again.

        Raises:
            SendLater: not accepted now, or nobody knows.
            SendNever: refused for good.
        """
        sending = self._carrier.send_sms(notice.recipient, notice.text, notice.id)
        try:
            future = asyncio.run_coroutine_threadsafe(sending, self._loop)
        except RuntimeError:  # the loop is closed
            sending.close()
            raise SendLater("the service is stopping") from None
        try:
            return future.result(self._carrier.sms_within_s + _MARGIN_S)
        except SmsNotTaken as refused:
            raise (SendLater if refused.again else SendNever)(str(refused)) from None
        except (TimeoutError, CancelledError):
            future.cancel()
            raise SendLater("no answer in time") from None
