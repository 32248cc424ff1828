"""What a gateway that can send SMS offers, whatever it speaks."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol


class SmsNotTaken(Exception):
    """A message was not accepted. `again`: nothing is wrong with it, so try later; it may have arrived."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class SmsCarrier(Protocol):
    """A gateway that carries SMS."""

    carries_sms: bool
    """Whether it is set up to."""
    sms_within_s: float
    """`send_sms` has answered by then."""

    def send_sms(self, msisdn: str, text: str, reference: int) -> Coroutine[Any, Any, str]:
        """Hand a message over and return the provider's id for it, or those of its parts, joined by commas.

        Args:
            reference: the same when the same message is sent again.

        Raises:
            SmsNotTaken: it was not accepted, or nobody knows.
        """
