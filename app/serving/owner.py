"""Which process this is, in words that another one on this machine can tell dead from alive."""

from __future__ import annotations

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def identity() -> str:
    """This process: the machine's boot, the process namespace, the pid, its begin; at most 64 characters."""
    return f"{_place()}:{os.getpid()}:{_began(os.getpid())}"


def gone(owner: str) -> bool:
    """Whether a process by that name has surely ended: it was one of this machine and is no more.

    So a service that was killed and begins anew need not wait for its own lease to run out.
    """
    place, _, process = owner.partition(":")
    pid, _, began = process.partition(":")
    if place != _place() or not pid.isdigit():
        return False
    return _began(int(pid)) != began


def _place() -> str:
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()[:13]
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:  # no Linux: nobody is surely gone
        return f"process-{id(_BOOT)}"
    return f"{boot}.{space}"


def _began(pid: int) -> str:
    """Its start in clock ticks since the boot, which no later process of the same pid has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
