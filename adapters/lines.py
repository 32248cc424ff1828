"""What a gateway that keeps a line tells of it, whatever it speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line is.

    Attributes:
        up: bound, registered: requests can be sent.
        unanswered: our requests on the way.
        waiting: those that wait for the window or the rate.
        losses: how often it was up and got lost, since the start.
    """

    up: bool = False
    unanswered: int = 0
    waiting: int = 0
    losses: int = 0
