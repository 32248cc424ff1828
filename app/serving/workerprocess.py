"""A worker as its parent knows it: a process, and a pipe on which it says that it plays turns, or why not."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

READY: Final = b"ready"
TOLD_MAX: Final = 2_000
"""Octets of what it says."""


@dataclass
class Worker:
    """A child. `told` is the pipe it says `ready` on, or why not; None: it was said, or nobody listens."""

    pid: int
    slot: int
    terminal: str
    told: int | None = None
    said: bytes = b""
    leaving: bool = False
    gone: bool = False
    begun: float = field(default_factory=time.monotonic)

    @property
    def ready(self) -> bool:
        """Whether it plays turns, as far as it says."""
        return self.said == READY

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def listen(self) -> None:
        """Take what it has said since."""
        if self.told is None:
            return
        with suppress(BlockingIOError):
            said = os.read(self.told, TOLD_MAX)
            self.said += said
            if not said or self.ready:
                os.close(self.told)
                self.told = None


def say(tells: int, what: bytes) -> None:
    """In the worker: tell the parent, once; `READY`, or why not."""
    with suppress(OSError):
        os.write(tells, what[:TOLD_MAX])
        os.close(tells)
