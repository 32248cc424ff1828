"""What a gateway that can send SMS offers, whatever it speaks."""

from __future__ import annotations

from typing import Protocol


class SmsNotTaken(Exception):
    """A message was not accepted. `again`: nothing is wrong with it, so try later; it may have arrived."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class SmsCarrier(Protocol):
    """A gateway that carries SMS."""

    sms_within_s: float
    """`send_sms` has answered by then."""

    async def send_sms(self, msisdn: str, text: str, reference: int) -> str:
        """Hand a message over and return the provider's id for it, or those of its parts, joined by commas.

        Args:
            reference: the same when the same message is sent again.

        Raises:
            SmsNotTaken: it was not accepted, or nobody knows.
        """
