"""The test's side of the switch: starts it, kills it, tells it what to do wrong, reads what it did."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Event = dict[str, Any]


class SwitchProcess:
    """A switch at `port` for all its lives; its bank lives in `folder / "switch.jsonl"`."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self._journal = folder / "switch.jsonl"
        self._process: subprocess.Popen[str] | None = None
        self._orders: socket.socket | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.peers.switch", "--journal", str(self._journal)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said, port, control = self._process.stdout.readline().split()
        assert said == "ready"
        self.port = int(port)
        self._orders = socket.create_connection(("127.0.0.1", int(control)), timeout=10)

    def kill(self) -> None:
        """SIGKILL; also tidies up after a switch that died by itself."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    def wait(self) -> int:
        """Its status, once it has died."""
        assert self._process is not None
        assert self._process.stdout is not None
        status = self._process.wait(timeout=20)
        self._process.stdout.close()
        self._process = None
        if self._orders is not None:
            self._orders.close()
        return status

    def order(self, do: str, **words: Any) -> Any:
        assert self._orders is not None
        self._orders.sendall(json.dumps({"do": do, **words}).encode() + b"\n")
        heard = b""
        while not heard.endswith(b"\n"):
            part = self._orders.recv(65536)
            assert part, "the switch is dead"
            heard += part
        return json.loads(heard)

    def card(
        self, token: str, balance_tiyin: int, *, pan: str | None = None, phone: str | None = None
    ) -> str:
        """A card that the bank knows; with a `phone`, that phone's alone."""
        self.order("open", token=token, pan=pan, balance=balance_tiyin, phone=phone)
        return token

    def rule(self, token: str, code: str | None) -> None:
        """Decline every purchase of the card with `code`."""
        self.order("rule", token=token, code=code)

    def fault(self, do: str, *, on: str = "0200", **words: Any) -> None:
        """See `tests/peers/switch.py`: `times`, `seconds`, `code`, `fields`."""
        self.order("fault", fault={"on": on, "do": do, **words})

    def balance(self, token: str) -> int:
        held: int = self.order("balance", token=token)
        return held

    def history(self, event: str, *mtis: str) -> list[Event]:
        """What happened of one kind over all its lives, oldest first; of some message types only, if told."""
        found = [one for one in self.order("history") if one["event"] == event]
        return [one for one in found if one.get("mti") in mtis] if mtis else found

    def reversals(self) -> list[tuple[str, str]]:
        """Type and RRN of every reversal received, in order."""
        return [(one["mti"], one["rrn"]) for one in self.history("got", "0420", "0421")]
