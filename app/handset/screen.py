"""The handset's screen in a process that holds nothing else.

The command line brings typer along, and that a schema library, which would be a quarter of all memory here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Any, Final, NoReturn

_MAIN: Final = "from app.handset.screen import main; main()"
USAGE: Final = 2


def become(asked: dict[str, Any]) -> NoReturn:
    """Go on as the screen; `asked`: what `app.handset.phoneline.asked_for` takes."""
    reader = _handed(asked)
    os.execv(sys.executable, _command(reader))  # noqa: S606 - ourselves


def run(asked: dict[str, Any]) -> int:
    """The same in a process beside this one; its exit code."""
    reader = _handed(asked)
    try:
        return subprocess.run(_command(reader), pass_fds=(reader,), check=False).returncode  # noqa: S603
    finally:
        os.close(reader)


def main() -> None:
    """What the new process does."""
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as handed:
        asked: dict[str, Any] = json.load(handed)
    # What is imported from here on is all that there will be.
    from app.handset import phoneline
    from simulator.ui.app import HandsetApp
    from simulator.wires.wire import NoService
    from ussd_engine import WireError

    with ExitStack() as held:
        try:
            network = phoneline.asked_for(asked, held)
        except (NoService, WireError) as error:
            print(f"ussd: {error}", file=sys.stderr)
            sys.exit(USAGE)
        HandsetApp(network, secrets=asked["secrets"]).run()


def _handed(asked: dict[str, Any]) -> int:
    """The end of a pipe that holds it; a settings' table is far smaller than what a pipe takes at once."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(asked).encode())
    os.close(writer)
    os.set_inheritable(reader, True)
    return reader


def _command(reader: int) -> list[str]:
    # -P: a folder `app` where the command is given must not be taken for ours.
    return [sys.executable, "-P", "-c", _MAIN, str(reader)]
