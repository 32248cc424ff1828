"""The service's limits in one value; every one is a setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults of domain.md 3.5 and decisions 6; the demo and the tests run raised ones.

    Sums are in tiyin. Days are Tashkent's. Each count is the most that is still allowed.
    """

    amount_min_tiyin: int = 1_000_00
    amount_max_tiyin: int = 10_000_000_00
    invoice_life: timedelta = timedelta(hours=24)
    open_per_pair_a_day: int = 30
    issues_per_minute: int = 20
    issues_per_day: int = 500
    sms_per_pair_a_day: int = 5
    """Invoice SMS of one merchant to one customer; over it an invoice is refused, never issued silently."""
    same_invoice_within: timedelta = timedelta(seconds=60)
    """A20: an equal invoice inside this time asks before it is issued again."""

    transfer_min_tiyin: int = 5_000_00
    transfer_max_tiyin: int = 5_000_000_00
    topup_min_tiyin: int = 1_000_00
    topup_max_tiyin: int = 1_000_000_00

    pin_tries: int = 3
    pin_change_life: timedelta = timedelta(minutes=5)
    """How long the first typing of a new PIN, or the leave to choose one, is good."""

    code_life: timedelta = timedelta(minutes=5)
    """`code_minutes` is what people are told of it."""
    code_tries: int = 3
    codes_per_minute: int = 1
    codes_per_day: int = 5
    codes_per_address_a_day: int = 20
    codes_in_all_a_minute: int = 300
    """Codes for all numbers together: above it somebody pumps SMS (S9)."""

    declines_before_pause: int = 5
    pause_after_declines: timedelta = timedelta(minutes=15)

    switch_timeout: timedelta = timedelta(seconds=30)
    recovery_margin: timedelta = timedelta(seconds=5)
    reversal_retry: timedelta = timedelta(seconds=10)
    reversal_retry_max: timedelta = timedelta(minutes=15)
    reversal_tries_max: int = 300
    """About three days; then a reversal is left to people."""

    same_key_wait: timedelta = timedelta(seconds=4)
    """How long a repeated request waits for the first copy's answer; below a gateway's deadline."""
    pin_check_max: timedelta = timedelta(seconds=10)
    """A PIN check that took longer died with its process; a repeat of its request then closes it."""

    notice_retry: timedelta = timedelta(seconds=5)
    notice_retry_max: timedelta = timedelta(hours=1)
    notice_life: timedelta = timedelta(days=3)
    notice_claim: timedelta = timedelta(seconds=15)
    """How long a relay holds what it took; after its crash the next one sends it then."""

    page_rows_max: int = 50

    @property
    def attempt_life(self) -> timedelta:
        """An attempt older than this is taken by recovery: the switch has had its time and a margin."""
        return self.switch_timeout + self.recovery_margin

    @property
    def code_minutes(self) -> int:
        """Whole minutes that a one-time code is good for; never more than it is."""
        return self.code_life // timedelta(minutes=1)
