"""Centres of other people's code for the tests: processes that take orders and tell events as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

NODE = Path(__file__).parent / "smpp_node"
ROOT = NODE.parent.parent.parent
EVENT_MAX_S = 15.0
LINE_MAX = 1 << 24


class Centre:
    """A started centre; `port` is where it listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._told: list[dict[str, Any]] = []
        self.port = 0

    def order(self, do: str, **more: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def event(self, name: str, within_s: float = EVENT_MAX_S, **like: object) -> dict[str, Any]:
        """The next event of that name, with those values; others are kept for later."""
        for kept in self._told:
            if _is(kept, name, like):
                self._told.remove(kept)
                return kept
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            while line := await self._process.stdout.readline():
                told: dict[str, Any] = json.loads(line)
                if _is(told, name, like):
                    return told
                self._told.append(told)
        raise AssertionError(f"the centre has died; no {name}")

    async def has_no(self, name: str, for_s: float) -> bool:
        """Whether no such event comes, for so long."""
        try:
            await self.event(name, for_s)
        except TimeoutError:
            return True
        return False


def _is(told: dict[str, Any], name: str, like: dict[str, object]) -> bool:
    return told["event"] == name and all(told.get(key) == value for key, value in like.items())


@asynccontextmanager
async def node_centre(port: int = 0, *tls_files: str) -> AsyncIterator[Centre]:
    """Of node-smpp, which `make test` installs."""
    node = shutil.which("node") or shutil.which("nodejs")
    assert node, "node is missing: apt-get install nodejs npm"
    assert (NODE / "node_modules" / "smpp").is_dir(), f"npm ci --prefix {NODE.relative_to(ROOT)}"
    async with _running(node, "centre.js", str(port), *tls_files, cwd=NODE) as centre:
        yield centre


@asynccontextmanager
async def rust_centre() -> AsyncIterator[Centre]:
    """Of smpp34, a wheel."""
    port = str(spare_port())
    async with _running(sys.executable, "-m", "tests.peers.smpp_rust", port, cwd=ROOT) as centre:
        yield centre


def spare_port() -> int:
    """Free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@asynccontextmanager
async def _running(*command: str, cwd: Path) -> AsyncIterator[Centre]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdin=pipe, stdout=pipe, limit=LINE_MAX)
    centre = Centre(process)
    try:
        centre.port = (await centre.event("ready"))["port"]
        yield centre
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
