"""Who holds which connection on this machine, by what the kernel says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

ESTABLISHED = "01"
LOOK_S = 0.02


def connections(pids: Iterable[int], ports: Iterable[int]) -> dict[int, list[int]]:
    """For each port the processes among `pids` that are connected to it, once for each connection."""
    held: dict[int, list[int]] = {port: [] for port in ports}
    leads = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        port = int(fields[2].rpartition(":")[2], 16)
        if fields[3] == ESTABLISHED and port in held:
            leads[f"socket:[{fields[9]}]"] = port
    for pid in pids:
        with suppress(OSError):
            for name in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    port_ = leads.get(str(name.readlink()))
                    if port_ is not None:
                        held[port_].append(pid)
    return held


class Watch:
    """Looks again and again, and remembers the most that it saw at once for each port.

    `most` counts the connections of all processes to a port, `most_each` those of one.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], ports: Mapping[str, int]) -> None:
        self.most = dict.fromkeys(ports, 0)
        self.most_each = dict.fromkeys(ports, 0)
        self._pids, self._ports = pids, ports
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            held = connections(self._pids(), self._ports.values())
            for name, port in self._ports.items():
                here = held[port]
                self.most[name] = max(self.most[name], len(here))
                each = max((here.count(pid) for pid in here), default=0)
                self.most_each[name] = max(self.most_each[name], each)
