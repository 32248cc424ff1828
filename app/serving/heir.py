"""What a program leaves to the one that takes its process over: the sockets, the children, the lifeline."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

VARIABLE: Final = "_USSD_HEIR"
"""Not a setting: settings begin with `USSD_`."""


@dataclass(frozen=True)
class Heir:
    """What is handed on.

    Attributes:
        listeners: a socket for each worker.
        workers: pid, slot and terminal of each.
        lifeline: the pipe whose end tells workers that nobody looks after them: to read, to write.
    """

    listeners: Sequence[socket.socket]
    workers: Sequence[tuple[int, int, str]]
    lifeline: tuple[int, int]

    @classmethod
    def found(cls) -> Heir | None:
        """What was left to this process; None where it is the first program in it. To be asked once."""
        left = os.environ.pop(VARIABLE, None)
        if left is None:
            return None
        told = json.loads(left)
        reads, writes = told["lifeline"]
        made = cls(
            [socket.socket(fileno=number) for number in told["listeners"]],
            [(pid, slot, terminal) for pid, slot, terminal in told["workers"]],
            (reads, writes),
        )
        for number in made._files():
            os.set_inheritable(number, False)  # for us, not for what we start
        return made

    def take_over(self) -> NoReturn:
        """Execute the program of this process anew, as it was started; its pid and its children stay.

        Raises:
            OSError: it can't be run; nothing is left to anybody then.
        """
        told = {
            "listeners": [listener.fileno() for listener in self.listeners],
            "workers": list(self.workers),
            "lifeline": self.lifeline,
        }
        os.environ[VARIABLE] = json.dumps(told)
        for number in self._files():
            os.set_inheritable(number, True)
        try:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves
        except OSError:
            del os.environ[VARIABLE]
            for number in self._files():
                os.set_inheritable(number, False)
            raise

    def _files(self) -> list[int]:
        return [*(listener.fileno() for listener in self.listeners), *self.lifeline]
