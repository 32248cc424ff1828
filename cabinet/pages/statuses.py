"""How statuses and channels are named and coloured: a colour never stands alone, its word is beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from invoicing import Status


@dataclass(frozen=True, slots=True)
class Shown:
    """`text` is a gettext id; `tone` names a colour of the style sheet."""

    text: str
    tone: str


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a text that is translated later
    return text


STATUSES: Final[Mapping[Status, Shown]] = {
    Status.AWAITING: Shown(N_("Awaiting payment"), "wait"),
    Status.IN_PROGRESS: Shown(N_("In progress"), "work"),
    Status.PAID: Shown(N_("Paid"), "good"),
    Status.DECLINED: Shown(N_("Declined"), "bad"),
    Status.CANCELLED: Shown(N_("Cancelled"), "off"),
    Status.EXPIRED: Shown(N_("Expired"), "off"),
    Status.REFUNDED: Shown(N_("Refunded"), "back"),
}
CHANNELS: Final[Mapping[str, str]] = {
    "ussd": N_("by USSD"),
    "web": N_("in the cabinet"),
    "app": N_("in the app"),
    "api": N_("by API"),
}
