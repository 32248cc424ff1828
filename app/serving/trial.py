"""The start of the service, tried: everything up to opening the port, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from typing import Final

TRIAL_MAX_S: Final = 120.0
WHY_MAX: Final = 2_000
"""Characters of what it said that are told."""


class Trial:
    """This command with `--trial`: the code, settings and menus that are on the disk now."""

    def __init__(self) -> None:
        self._end = time.monotonic() + TRIAL_MAX_S
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when the process has ended
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, *sys.orig_argv[1:], "--trial"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )
        self.why = ""
        """Once it is over: what keeps the service from starting; empty where nothing does."""

    def over(self) -> bool:
        """Whether it has come to an end."""
        status = self._process.poll()
        if status is None and time.monotonic() < self._end:
            return False
        if status is None:
            self.give_up()
            self.why = f"it took longer than {TRIAL_MAX_S:g} s"
        elif status:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()
            self.why = said[-WHY_MAX:].removeprefix("ussd: ") or f"it ended with status {status}"
        self._said.close()
        return True

    def give_up(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
