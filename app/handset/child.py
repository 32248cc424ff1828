"""A demo in a process of its own, for a handset that finds none: it ends when its handset does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

_MAIN: Final = "from app.cli import main; main()"
STOP_MAX_S: Final = 25.0
"""Turns that are open may take most of it."""


class NotStarted(Exception):
    """The demo ended before it answered; the message is what it said."""


class DemoProcess:
    """`ussd demo --headless` and some options; it leaves at the end of its stdin, however that comes."""

    def __init__(self, options: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves, and the options of our own command line
            [sys.executable, "-P", "-c", _MAIN, "demo", "--headless", "--until-eof", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # the terminal's Ctrl-C is the handset's
        )

    def url(self) -> str:
        """Where it answers, once it does.

        Raises:
            NotStarted: it won't.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.startswith("ready "):
            return line.split()[1]
        assert self._process.stderr is not None
        said = self._process.stderr.read().strip().rpartition("\n")[2].removeprefix("ussd: ")
        raise NotStarted(said or "the demo ended at once")

    async def url_soon(self) -> str:
        """As `url`, without holding up the loop."""
        return await asyncio.to_thread(self.url)

    def stop(self) -> None:
        """Let it end in order."""
        process = self._process
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
