"""The simulated SMS provider: sometimes away, sometimes taking a message whose answer is lost."""

from __future__ import annotations

from collections.abc import Callable

from invoicing import Notice, SendLater, SendNever
from tests.simulation.scheduler import current

ANSWER_MS = 20


class Provider:
    """Keeps no ids, as the worst of them: a message handed over twice reaches the phone twice."""

    def __init__(self, taken: Callable[[Notice], None], answer_lost: Callable[[], None]) -> None:
        self.up = True
        self.hiccups: list[bool] = []
        """For the next messages: taken although no answer comes back, or refused for ever."""
        self._taken = taken
        self._answer_lost = answer_lost

    def send(self, notice: Notice) -> str:
        if not self.up:
            raise SendLater
        taken = self.hiccups.pop(0) if self.hiccups else None
        if taken is False:
            raise SendNever("unknown subscriber")
        self._taken(notice)
        current().pause(ANSWER_MS)
        if taken:
            self._answer_lost()
            raise SendLater
        return f"sms-{notice.id}"
