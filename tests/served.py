"""Servers as users start them: a process of its own, found by its ready line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

USSD = Path(sys.executable).with_name("ussd")
START_MAX_S = 60
MERCHANT, OTHER_MERCHANT = "998901112233", "998933334455"
CUSTOMER, STRANGER = "998901234567", "998977654321"
PIN = "24680"


def run_ussd(
    *arguments: str, typed: str = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`ussd …` to its end."""
    return subprocess.run(
        [USSD, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=START_MAX_S,
        env=_environment(env),
        cwd=cwd,
        check=False,
    )


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("USSD_")} | dict(
        extra or {}
    )


def children(pid: int) -> list[int]:
    """The processes that a process has started itself: a service's workers."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]


def runs(pid: int) -> bool:
    """Whether a process goes on; one that has ended and waits to be reaped doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass
class Served:
    """A started `ussd demo` or `ussd serve`."""

    process: subprocess.Popen[str]
    log: Path
    url: str = ""

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready http://"), f"{line!r}\n{self.logged()}"
        self.url = line.split()[1]

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def request(
        self,
        path: str,
        body: bytes | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and text; a body is posted as a form unless `headers` say otherwise."""
        sent = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        request = urllib.request.Request(self.url + path, body, sent | dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def inbox(self, msisdn: str) -> list[dict[str, Any]]:
        status, text = self.request(f"/demo/inbox/{msisdn}")
        assert status == 200, text
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def caller(self, msisdn: str, gateway: str = "africastalking") -> Caller:
        return Caller(self, msisdn, gateway)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; SIGKILL goes to its workers too, as if the machine were off."""
        workers = list[int]()
        if self.process.poll() is None:
            workers = children(self.process.pid) if number == signal.SIGKILL else []
            self.process.send_signal(number)
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.kill(worker, number)
        status = self.process.wait(timeout=30)
        while any(map(runs, workers)):  # one that was only told to end may still take a request in
            time.sleep(0.01)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


@dataclass
class Caller:
    """A phone at Africa's Talking: dials, answers, and remembers what was typed."""

    served: Served
    msisdn: str
    gateway: str
    dialogue: str = ""
    code: str = ""
    typed: list[str] = field(default_factory=list)

    def dial(self, code: str, *answers: str) -> str:
        """The last screen, beginning with `CON ` or `END `."""
        self.dialogue, self.code, self.typed = uuid4().hex, code, []
        screen = self.repeat()
        for answer in answers:
            screen = self.answer(answer)
        return screen

    def answer(self, text: str) -> str:
        self.typed.append(text)
        return self.repeat()

    def repeat(self) -> str:
        """The same request once more."""
        form = {
            "sessionId": self.dialogue,
            "serviceCode": self.code,
            "phoneNumber": f"+{self.msisdn}",
            "networkCode": "43404",
            "text": "*".join(self.typed),
        }
        status, text = self.served.request(f"/gateways/{self.gateway}", urlencode(form).encode())
        assert status == 200, text
        return text


def launch(arguments: Sequence[str], log: Path, env: Mapping[str, str] | None, cwd: Path) -> Served:
    """Start `ussd …` with its stderr in `log`; don't wait for it."""
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [USSD, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=_environment(env),
            cwd=cwd,
        )
    return Served(process, log)
