"""What an answer of the switch means (domain.md 2.2, rules a, d, e). Pure.

An answer counts only where it repeats what was asked. Whatever does not decide is `Unknown`, which the domain
reverses.
"""

from __future__ import annotations

from typing import Final

from invoicing.ports import Approved, Declined, NotReversed, Outcome, Reversed, Unknown
from invoicing.processors.iso8583.wire import Message

APPROVED: Final = "00"
UNDECIDED: Final = frozenset(("08", "09", "10", "11", "16", "68", "94"))
"""Codes that refuse nothing: 68 came too late; 94 says that the switch has a message under this STAN already;
09 is still at work; 08, 10, 11 and 16 approve with conditions, or a part, that nobody asked for."""
UNANSWERED: Final = UNDECIDED | {"91", "92", "96"}
"""On a card check: the card's bank was out of reach, so that nothing is known of the card."""
NEVER_SEEN: Final = frozenset(("21", "25"))
"""On a reversal: no action taken, original not found. There is nothing to give back."""
SEEN_BEFORE: Final = "94"
_REPEATED: Final = (3, 4, 11, 37, 41, 49, 90, 103)
_COMPARED_AGAIN: Final = frozenset((4, 11, 37))
"""What an `Approved` carries, so that the domain sees by itself that it is about something else."""


def contradicts(request: Message, answer: Message) -> bool:
    """Whether the answer repeats a field of the request with another value (F7, S22)."""
    return bool(_differing(request, answer))


def _differing(request: Message, answer: Message) -> set[int]:
    asked, told = request.fields, answer.fields
    both = (number for number in _REPEATED if number in told and number in asked)
    return {number for number in both if told[number] != asked[number]}


def told(answer: Message) -> Outcome:
    """What a 0210 says by itself; an approval must tell which attempt and what sum it is about."""
    if answer.code == APPROVED and {4, 11, 37, 41} <= answer.fields.keys():
        auth_code = answer.fields.get(38, "").strip()
        return Approved(answer.stan, answer.rrn, int(answer.fields[4]), auth_code)
    if answer.code in UNDECIDED or answer.code in ("", APPROVED):
        return Unknown()
    return Declined(answer.code)


def of_purchase(request: Message, answer: Message) -> Outcome:
    """A 0210 to our 0200. An approval of another sum or attempt is passed on: the domain refuses it."""
    outcome, differing = told(answer), _differing(request, answer)
    if not differing or (isinstance(outcome, Approved) and differing <= _COMPARED_AGAIN):
        return outcome
    return Unknown()


def of_reversal(request: Message, answer: Message) -> Reversed | NotReversed:
    """A 0430 to our 0420 or 0421; only one that is surely about it lets the queue go on."""
    about_it = {11, 37} <= answer.fields.keys() and not contradicts(request, answer)
    if about_it and answer.code in (APPROVED, SEEN_BEFORE):
        return Reversed(original_known=True)
    if about_it and answer.code in NEVER_SEEN:
        return Reversed(original_known=False)
    return NotReversed()
