"""What the domain asks of a processor, with values that don't matter filled in."""

from __future__ import annotations

from datetime import UTC, datetime

from invoicing import Credit, PurchaseRequest, ReversalRequest

SENT_AT = datetime(2026, 11, 24, 2, 20, 5, tzinfo=UTC)  # 07:20:05 in Tashkent
FIFTY = 50_000_00


def purchase(
    token: str, amount_tiyin: int = FIFTY, number: int = 1, *, credit: Credit | None = None
) -> PurchaseRequest:
    """The attempt with this number; its STAN and RRN are made of it."""
    stan, rrn = f"{number:06d}", f"{number:012d}"
    return PurchaseRequest(token, amount_tiyin, stan, rrn, "CLICK001", SENT_AT, credit)


def reversal(
    token: str,
    amount_tiyin: int = FIFTY,
    number: int = 1,
    *,
    repeat: bool = False,
    refund: bool = False,
    credit: Credit | None = None,
) -> ReversalRequest:
    stan, rrn = f"{number:06d}", f"{number:012d}"
    return ReversalRequest(token, amount_tiyin, stan, rrn, "CLICK001", SENT_AT, repeat, refund, credit)
