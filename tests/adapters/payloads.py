"""The golden payloads: files under `payloads/`, and playing their steps to a gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.adapters.serving import Got, Kiosk, Received

FOLDER = Path(__file__).parent / "payloads"
FILES = sorted(FOLDER.glob("*/*.yaml"))
CALL_WITHIN_S = 5.0


@dataclass(frozen=True)
class Step:
    """One request of a gateway and all that must come of it.

    Attributes:
        send: the body, or the query where there is none.
        get: the answer's body.
        calls: the request of ours that carries the reply, where a family replies later.
        headers: of the answer, beside its content type.
    """

    method: str
    send: str
    content_type: str = ""
    path: str = ""
    get: str = ""
    status: int = 200
    answers: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, str] | None = None

    async def play(
        self, kiosk: Kiosk, *, send: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Got:
        """Send it, or other content in its place."""
        content = self.send if send is None else send
        sent = dict(headers or {})
        if not self.content_type:
            return await kiosk.ask(self.method, self.path, query=content, headers=sent)
        sent = {"Content-Type": self.content_type, **sent}
        return await kiosk.ask(self.method, self.path, body=content.encode(), headers=sent)

    async def check(self, kiosk: Kiosk, *, headers: Mapping[str, str] | None = None) -> None:
        """Play it; the answer, and our own request if there is one, must be as written."""
        self.must_be(await self.play(kiosk, headers=headers))
        if self.calls is not None:
            self.must_call(await asyncio.wait_for(kiosk.received.get(), CALL_WITHIN_S))

    def must_be(self, got: Got) -> None:
        """Compare an answer."""
        assert _same(got.text, self.get), f"{got.status} {got.text!r}\nbut {self.get!r} is written"
        assert got.status == self.status
        if self.status == 200:
            assert got.headers.get("Content-Type", "") == self.answers
            assert {name: got.headers.get(name) for name in self.headers} == self.headers

    def must_call(self, received: Received) -> None:
        """Compare a request of ours."""
        assert self.calls is not None
        assert _same(received.body, self.calls["body"]), received.body
        made = {name: getattr(received, name) for name in self.calls if name != "body"}
        assert made == {name: value for name, value in self.calls.items() if name != "body"}


class Payloads:
    """One file. A case that a wire does not have holds a sentence that says why."""

    def __init__(self, path: Path) -> None:
        self.name = f"{path.parent.name}/{path.stem}"
        self._given: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.kind: str = self._given["kind"]
        self.options: dict[str, Any] = self._given.get("options", {})
        self.content_type: str = self._given.get("content_type", "")

    def has(self, case: str) -> bool:
        """Whether the wire has this case; the file must say of each."""
        return isinstance(self._given[case], dict)

    repeats = True

    def options_of(self, _case: str) -> dict[str, Any]:
        """What a gateway needs for a case beside the file's own options."""
        return {}

    def step(self, case: str) -> Step:
        """A case's step."""
        given: dict[str, Any] = self._given[case]
        shared = {
            "method": self._given["method"],
            "content_type": self.content_type,
            "answers": self._given["answers"],
        }
        return Step(**{**shared, **given})

    def kiosk(self, **more: Any) -> Kiosk:
        """The gateway of this file; `options` adds to its own."""
        options = {**self.options, **more.pop("options", {})}
        return Kiosk(self.kind, options, **more)


ALL = [Payloads(path) for path in FILES]


def _same(got: str, written: str) -> bool:
    if got == written:
        return True
    try:
        return bool(json.loads(got) == json.loads(written))
    except ValueError:
        return False
