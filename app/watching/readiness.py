"""What `/readyz` tells: each dependency by name, whether it answers, and whether a turn can do without it."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.lines import LineState

PROBE_MAX_S: Final = 2.0

log = logging.getLogger(__name__)

Probe = Callable[[], Awaitable[str]]
"""Returns what is worth telling of a dependency that answers, else raises."""


class Out(Exception):
    """A dependency is out; the message may be told to anybody."""


@dataclass(frozen=True)
class Dependency:
    """Something the service stands on. `needed`: no turn can be played without it."""

    probe: Probe
    needed: bool = True


async def look(dependencies: Mapping[str, Dependency]) -> tuple[bool, dict[str, Any]]:
    """Probe all at once, `PROBE_MAX_S` at most.

    Returns:
        Whether turns can be played, and for JSON: `ready` and `dependencies`, each with `state` (ok, out),
        `needed` and, where there is something to tell, `detail`.
    """
    found = await asyncio.gather(*(_state(name, one) for name, one in dependencies.items()))
    states = dict(zip(dependencies, found, strict=True))
    ready = all(state["state"] == "ok" or not state["needed"] for state in states.values())
    return ready, {"ready": ready, "dependencies": states}


async def _state(name: str, dependency: Dependency) -> dict[str, Any]:
    state, detail = "ok", ""
    try:
        async with asyncio.timeout(PROBE_MAX_S):
            detail = await dependency.probe()
    except Out as error:
        state, detail = "out", str(error)
    except TimeoutError:
        state, detail = "out", f"no answer within {PROBE_MAX_S:g} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, the dependency is out
        # Only the log says why: an error's text may name hosts, and anybody may read this page.
        log.warning("a dependency is out", extra={"dependency": name, "why": repr(error)})
        state, detail = "out", "out of reach"
    told = {"state": state, "needed": dependency.needed}
    return told | ({"detail": detail} if detail else {})


def lines(states: Callable[[], Mapping[str, LineState]], ours: Callable[[], bool]) -> Probe:
    """The gateways' lines, where `ours` says that this process keeps them; nothing is asked."""

    async def probe() -> str:
        now = states()
        if not now:
            return "none are configured"
        if not ours():
            return "another process keeps them"
        down = sorted(name for name, state in now.items() if not state.up)
        if down:
            raise Out(f"down: {', '.join(down)}")
        return f"up: {', '.join(sorted(now))}"

    return probe


def lease(held: Callable[[], bool], taken: Callable[[], Awaitable[bool]]) -> Probe:
    """Whether somebody does the chores: sends notices, expires invoices, recovers payments."""

    async def probe() -> str:
        somebody = held() or await taken()
        if held():  # asked last: it may have become ours while the row was read
            return "held by this process"
        if not somebody:
            raise Out("held by nobody: notices, expiry and recovery wait")
        return "held by another process"

    return probe


def journal(folder: Path | None) -> Probe:
    """Whether the journal's folder takes a file; None: no journal is kept."""

    def attempt() -> None:
        assert folder is not None
        # Its own writer makes it with the first line, which may not have been written yet.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\n")

    async def probe() -> str:
        if folder is None:
            return "off"
        try:
            await asyncio.to_thread(attempt)
        except OSError as error:
            raise Out(f"can't be written: {error.strerror}") from None
        return ""

    return probe
