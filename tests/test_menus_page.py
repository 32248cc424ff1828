"""docs/menus.md: a newcomer who types what the page says sees what the page says."""

from __future__ import annotations

import re
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import Start
from tests.served import Served, run_ussd

PAGE = (Path(__file__).parents[1] / "docs/menus.md").read_text()
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TAKEN_WITHIN_S = 10
"""A running demo takes a changed menu within this time."""


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with what it is said to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def test_every_file_and_command_of_the_page_does_what_it_says(tmp_path: Path, start: Start) -> None:
    running: list[Served] = []
    done = 0
    for language, attributes, text in BLOCK.findall(PAGE):
        if named := re.search(r"file=(\S+)", attributes):
            file = tmp_path / named.group(1)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        for command, printed in commands(text) if language == "console" else ():
            program, *arguments = shlex.split(command)
            assert program == "ussd"
            if arguments[-1] == "&":
                if running:
                    running.pop().end(signal.SIGTERM)
                running.append(start(*arguments[:-1]))
            else:
                run_as_said(arguments, printed, tmp_path)
            done += 1
    assert done >= 10


def run_as_said(arguments: list[str], printed: str, cwd: Path) -> None:
    """Run a command; one whose output the page shows may see a changed menu only in a moment."""
    until = time.monotonic() + (TAKEN_WITHIN_S if printed else 0)
    while True:
        ended = run_ussd(*arguments, cwd=cwd)
        as_said = ended.returncode == 0 and (not printed or ended.stdout == printed)
        if as_said or time.monotonic() > until:
            break
    assert as_said, f"{arguments}\n{ended.stdout}{ended.stderr}"
