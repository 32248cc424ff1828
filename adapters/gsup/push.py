"""Screens on phones that have not dialled: USSR, which asks, and USSN, which tells, over a line to an HLR.

The dialogue is ours to begin and to release: there is nothing dialled whose result would end it, so the last
text is a USSN, and the release follows its confirmation. osmo-hlr 1.5.0 routes all of it, and dies when the
phone answers (docs/decisions/push.md).

Source: 3GPP TS 24.080 §4.4 (operations 60 and 61), TS 24.090 §6.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from adapters.gsup import component
from adapters.gsup.component import Refusal
from adapters.gsup.numbers import Numbers, Unreachable
from ussd_engine import PushOutcome

Fate = asyncio.Future[PushOutcome]
CONFIRM_S: Final = 10.0
"""How long a phone may take to say that it has shown a text."""
_BUSY: Final = frozenset({72})
_ABSENT: Final = frozenset({1, 27})
"""TS 24.080 §4.5: ussd-Busy; unknownSubscriber, absentSubscriber."""


class Opened(Protocol):
    """The open dialogues, as far as a push needs them."""

    def opened(self, dialogue: str, imsi: str, msisdn: str, text: str, operation: int) -> Fate | PushOutcome:
        """Begin a dialogue with that text; what will be known of it, or why it was not begun."""

    def dropped(self, dialogue: str, imsi: str) -> None:
        """Release it at the other end and forget it."""


def refused(why: Refusal) -> PushOutcome:
    """What a phone's, or its switch's, refusal means."""
    if why.rejected:
        return PushOutcome.REFUSED
    if why.code in _BUSY:
        return PushOutcome.BUSY
    return PushOutcome.ABSENT if why.code in _ABSENT else PushOutcome.REFUSED


async def push(
    dialogues: Opened,
    numbers: Numbers | None,
    dialogue: str,
    msisdn: str,
    text: str,
    *,
    ask: bool,
    answer_s: float,
) -> PushOutcome:
    """As `ussd_engine.Pusher`. Without `numbers` nobody's IMSI is known."""
    try:
        imsi = await numbers.imsi(msisdn) if numbers is not None else ""
    except Unreachable:
        return PushOutcome.TROUBLE
    if not imsi:
        return PushOutcome.ABSENT if numbers is not None else PushOutcome.TROUBLE
    operation = component.ASK if ask else component.NOTIFY
    fate = dialogues.opened(dialogue, imsi, msisdn, text, operation)
    if isinstance(fate, PushOutcome):
        return fate
    outcome = PushOutcome.TROUBLE
    try:
        await asyncio.wait([fate], timeout=answer_s if ask else CONFIRM_S)
        silent = PushOutcome.TIMEOUT if ask else PushOutcome.ACCEPTED
        outcome = fate.result() if fate.done() else silent
    finally:
        if outcome is not PushOutcome.ANSWERED:
            dialogues.dropped(dialogue, imsi)
    return outcome
