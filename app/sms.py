"""The relay's way to a gateway: a call that blocks a thread, over a line that lives on the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import Final

from adapters.sms import SmsCarrier, SmsNotTaken
from invoicing import Notice, SendLater, SendNever

_MARGIN_S: Final = 2.0
"""The carrier keeps its own time; this is for a loop that is late."""


class GatewaySender:
    """Sends notices by SMS (`invoicing.Sender`); never called from the loop's own thread."""

    def __init__(self, carrier: SmsCarrier, loop: asyncio.AbstractEventLoop) -> None:
        self._carrier = carrier
        self._loop = loop

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
